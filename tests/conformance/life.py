"""A server life: its scenarios in the order in which they were made, and all that answers them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from pytest_comfy.golden import GoldenRun
from pytest_comfy.golden.exchanges import Exchanges

from .before import files_before, refused_before, settings_before
from .captures import Capture, Event
from .goldens import exchanges_of, golden_of_history, golden_run

DATA = Path(__file__).parent.parent / "data"

REFUSED: dict[str, Any] = {"prompt": {}}
"""A body that takes a number and nothing else."""

_COUNTER = re.compile(r"_(\d{5})_")


@dataclass
class Life:
    """One server life: its scenarios in the order in which they were made, and what it takes to answer them.

    earlier   bodies of prompts that the server had run before the first scenario, or refused
    settings  those of the user before the first scenario; None where there was no user's folder
    files     (folder, name) of the files that were there before the first scenario, oldest first
    """

    version: str
    captures: list[Capture]
    earlier: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] | None = None
    files: list[tuple[str, str]] = field(default_factory=list)
    runs: list[GoldenRun] = field(default_factory=list)
    exchanges: Exchanges = field(default_factory=Exchanges)

    @classmethod
    def load(cls, folder: Path) -> Life:
        """Read all captures of a folder; they must come from one server life."""
        captures = [Capture.load(path) for path in sorted([*folder.glob("*.json"), *folder.glob("*.json.gz")])]
        life = cls(captures[0].version, in_order(captures))
        environment, definitions = life._environment(), life._definitions()
        before = list(life._before())
        known = {entry["prompt"][0] for one in life.captures for entry in one.history.values()}
        refused = refused_before(life.captures, len(before), known)
        for number, (prompt, body, entry) in enumerate(before):
            if number in refused:
                life.earlier.append(REFUSED)
                continue
            life.earlier.append(body)
            life.runs.append(golden_of_history(prompt, entry, environment, definitions))
        for capture in life.captures:
            life.runs += [golden_run(capture, post, environment, definitions) for post in capture.posts]
        life._define_refused(definitions)
        life.settings = settings_before(life.captures)
        life.files = files_before(life.captures, life.runs)
        life.exchanges = Exchanges(exchange for capture in captures for exchange in exchanges_of(capture))
        return life

    def uncounted(self, capture: Capture) -> int:
        """Return how many numbers before a scenario nothing accounts for: in a folder that lacks scenarios."""
        counted = len(self.earlier)
        for one in self.captures:
            if one.numbers is not None:
                missing = max(0, int(one.numbers[0]) - counted) if not one.refused else 0
                if one is capture:
                    return missing
                counted += missing + one.numbers[1]
            elif one is capture:
                return 0
            else:
                counted += one.refused
        return 0

    def _environment(self) -> dict[str, Any]:
        for event in self._answers("/system_stats"):
            system = event["response"]["json"]["system"]
            return {
                "comfyui": system["comfyui_version"],
                "python": system["python_version"],
                "torch": system["pytorch_version"],
                "os": system["os"],
                "argv": system["argv"],
                "devices": event["response"]["json"]["devices"],
                "models": {},
                "node_packs": {},
            }
        return {"comfyui": self.version}

    def _definitions(self) -> dict[str, Any]:
        """Return the node definitions of this version; those of the captures count for more."""
        path = DATA / f"definitions-{self.version}.json"
        found: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
        for event in self._answers("/object_info/"):
            found.update(event["response"]["json"])
        for event in self._answers("/models/checkpoints"):
            if "CheckpointLoaderSimple" in found:
                found["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = event["response"]["json"]
        return found

    def _define_refused(self, definitions: Mapping[str, Any]) -> None:
        """Let a golden run tell of the classes that only refused prompts have: the server knew them."""
        classes = {name for one in self.captures for name in one.classes}
        for run in self.runs[:1]:
            known = run.document["node_definitions"]
            known.update({name: definitions[name] for name in sorted(classes & definitions.keys() - known.keys())})

    def _answers(self, path: str) -> Iterator[Event]:
        for capture in self.captures:
            for event in capture.events:
                asked = event["request"] if event["kind"] == "http" else {"path": ""}
                if asked["path"].startswith(path) and event["response"]["status"] == 200 and "headers" not in asked:
                    yield event

    def _before(self) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
        """Yield prompt, body and history entry of what had run before: numbers below the first that was given.

        Later answers name some of them (`GET /history?max_items=1&offset=1`). Of the others only their number
        is known: they become variants of a known one, with the file counter moved likewise.
        """
        numbers = [post.number for one in self.captures for post in one.posts if "number" not in post.body]
        posted = {post.prompt_id for one in self.captures for post in one.posts}
        known = {
            entry["prompt"][0]: entry
            for one in self.captures
            for prompt_id, entry in one.history.items()
            if prompt_id not in posted
        }
        for number in range(int(min((abs(one) for one in numbers), default=0)) if known else 0):
            entry = known.get(number) or _moved(next(iter(known.values())), number)
            _, _, prompt, extra_data, _ = entry["prompt"]
            owner = {key: extra_data[key] for key in ("client_id",) if key in extra_data}
            more = {key: value for key, value in extra_data.items() if key not in ("client_id", "create_time")}
            yield prompt, {"prompt": prompt, **owner, "extra_data": more}, entry


def _moved(entry: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a variant of a history entry: another seed, its files counted on by as much as the numbers differ."""
    found: dict[str, Any] = copy.deepcopy(dict(entry))
    by = number - found["prompt"][0]
    found["prompt"][0] = number
    for node in found["prompt"][2].values():
        if isinstance(node["inputs"].get("seed"), int):
            node["inputs"]["seed"] += by
    outputs = json.dumps(found["outputs"])
    found["outputs"] = json.loads(_COUNTER.sub(lambda match: f"_{int(match[1]) + by:05}_", outputs))
    return found


def in_order(captures: Sequence[Capture]) -> list[Capture]:
    """Return the scenarios in the order in which they were made.

    Those with runs by the time at which the first of them began; one whose runs tell no time before the first that
    was given a higher number; one that tells of runs of other scenarios after the latest of these; one of refused
    prompts where as many numbers are missing as these took.
    """
    begins = {capture.scenario: min(capture.starts.values()) for capture in captures if capture.starts}
    owner = {post.prompt_id: capture.scenario for capture in captures for post in capture.posts}
    timed = sorted((one for one in captures if one.scenario in begins), key=lambda one: begins[one.scenario])
    for capture in captures:
        if capture.numbers is not None and capture.scenario not in begins:
            begins[capture.scenario] = _before_higher(timed, capture.numbers[0], begins)
    timed = sorted((one for one in captures if one.scenario in begins), key=lambda one: begins[one.scenario])
    keys: dict[str, tuple[float, int]] = {one.scenario: (begins[one.scenario], 0) for one in timed}
    for capture in captures:
        if capture.scenario in keys:
            continue
        told = [begins[owner[prompt_id]] for prompt_id in capture.history if prompt_id in owner]
        if told:
            keys[capture.scenario] = (max(told), 1)
        else:
            keys[capture.scenario] = (_gap(timed, capture.refused, begins), -1)
    return sorted(captures, key=lambda one: keys[one.scenario])


def _before_higher(timed: Sequence[Capture], number: float, begins: Mapping[str, float]) -> float:
    """Return a moment just before the scenario that was given the next higher number."""
    higher = [begins[one.scenario] for one in timed if one.numbers is not None and one.numbers[0] > number]
    return min(higher, default=float("inf")) - 0.5


def _gap(timed: Sequence[Capture], missing: int, begins: Mapping[str, float]) -> float:
    """Return the beginning of the scenario before which `missing` numbers were given to refused prompts."""
    counted = [(one, abs(post.number)) for one in timed for post in one.posts if "number" not in post.body]
    for (one, number), (following, next_number) in pairwise(counted):
        own = following.refused if following is not one else 0
        if missing and next_number - number - 1 - own == missing:
            return begins[following.scenario]
    return float("inf")
