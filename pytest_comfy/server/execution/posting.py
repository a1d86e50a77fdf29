"""`POST /prompt`: the order of work, numbers and errors of ComfyUI's server.py."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ...golden import GoldenRun
from ...workflow.digest import class_of
from ...workflow.secrets import Known, known_in
from ..recordings.facts import facts_of, node_definitions
from ..recordings.library import Library
from ..recordings.matching import NO_RECORDING, no_recording, unknown_class
from ..recordings.refusing import missing_files, refusal_told
from ..recordings.script import Script, make_script
from ..versions import Trait, Version
from .analysis import Analysis, Analyst
from .engine import SECRETS, Engine
from .job import Arriving, Job
from .selection import only

Reply = tuple[int, dict[str, Any]]
"""HTTP status and body."""

_log = logging.getLogger(__name__)

_INVALID_ID = {
    "type": "invalid_prompt_id",
    "message": "prompt_id must be a valid UUID",
    "details": "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
    "omit it to let the server generate one",
    "extra_info": {},
}

_REMEMBERED = 10_000
_ANALYSES = 64


class World(Protocol):
    """What a prompt is posted to."""

    engine: Engine
    library: Library
    posted: PostedPrompts

    @property
    def asks_further(self) -> bool:
        """Whether a real server is asked for what is not recorded."""

    @property
    def version(self) -> Version:
        """The version that is spoken."""

    @property
    def synthesize(self) -> Callable[..., Script] | None:
        """Makes a script for a valid prompt that has no recording, where that is wanted."""


class PostedPrompts:
    """What was posted in this server life."""

    def __init__(self) -> None:
        self.accepted: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self.unmatched: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self.problems: deque[str] = deque(maxlen=_REMEMBERED)
        """What is to be said of the unmatched ones, in one sentence each."""
        self.refused: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._analyses: OrderedDict[str, Analysis] = OrderedDict()

    def miss(self, body: dict[str, Any], problem: str) -> None:
        """Note a prompt that no golden run answers, and why."""
        self.unmatched.append(body)
        self.problems.append(problem)
        _log.warning("%s", problem)

    def refuse(self, body: dict[str, Any], problem: str) -> None:
        """Note a prompt that is refused as ComfyUI refuses it, and why."""
        self.refused.append(body)
        _log.warning("%s", problem)

    def analysis(self, world: World, body: Mapping[str, Any], secrets: Known) -> Analysis:
        """Look at a prompt: validate it and digest it; what was looked at lately is known.

        secrets  finds those that were posted beside the prompt: golden runs hold them nowhere
        """
        prompt, targets = body["prompt"], body.get("partial_execution_targets")
        files = world.engine.files
        stamp = [world.library.generation, files.revision]
        key = json.dumps([stamp, targets, prompt, secrets and secrets.pattern])
        known = self._analyses.pop(key, None)
        if known is None:
            # What was refused before its files were uploaded is refused again.
            named = not isinstance(prompt, Mapping) or _recorded_refusal(world, body) is None
            known, lasting = Analyst(world, files, named).analysed(prompt, targets, key, secrets)
            if not lasting:
                return known
        self._analyses[key] = known
        if len(self._analyses) > _ANALYSES:
            self._analyses.popitem(last=False)
        return known


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A prompt that no recording answers, and the answer to give where nobody else has one."""

    reply: Reply
    number: float
    prompt_id: str
    extra_data: Any
    is_recorded: bool


def post_prompt(body: Any, world: World, headers: Mapping[str, Any], source: str | None = None) -> Reply | Unanswered:
    """Queue a prompt. Raises TypeError, ValueError and the like where ComfyUI answers 500.

    headers  of the request, those that hold secrets
    source   the header Comfy-Usage-Source
    """
    engine = world.engine
    if "number" in body:
        number = float(body["number"])
    else:
        number = -engine.counter if body.get("front") else engine.counter
        # The counter moves even where the prompt is refused.
        engine.counter += 1
    if "prompt" not in body:
        text = "No prompt provided"
        error = {"type": "no_prompt", "message": text, "details": text, "extra_info": {}}
        return 400, {"error": error, "node_errors": {}}
    prompt_id = _prompt_id(body, world.version)
    if prompt_id is None:
        return 400, {"error": _INVALID_ID, "node_errors": {}}
    analysis = world.posted.analysis(world, body, known_in(body.get("extra_data"), headers))
    checked = analysis.validation
    extra_data = body.get("extra_data", {})
    extra_data = dict(extra_data) if isinstance(extra_data, Mapping) else extra_data
    if "client_id" in body:
        extra_data["client_id"] = body["client_id"]
    if source and world.version.has(Trait.USAGE_SOURCE):
        extra_data.setdefault("comfy_usage_source", source)
    if checked.error is not None:
        recorded = _recorded_refusal(world, body)
        told = recorded or {"error": checked.error, "node_errors": checked.node_errors}
        return _unanswered(world, body, Unanswered((400, told), number, prompt_id, extra_data, recorded is not None))
    found = _script(world, analysis, body)
    if isinstance(found, dict):
        is_recorded = found["error"].get("type") != NO_RECORDING
        return _unanswered(world, body, Unanswered((400, found), number, prompt_id, extra_data, is_recorded))
    script, fresh = found
    outputs = list(checked.outputs)
    job = Job(0, number, prompt_id, checked.prompt, _kept(world, extra_data), outputs, script, not fresh)
    return _queue(world, body, job, checked.node_errors)


def accept(
    world: World, body: Any, unanswered: Unanswered, arriving: Arriving, node_errors: Mapping[str, Any]
) -> Reply:
    """Queue a prompt whose script is being recorded."""
    one, prompt = unanswered, body["prompt"]
    script = make_script(GoldenRun({"prompt": prompt}), prompt, {}, [])
    job = Job(0, one.number, one.prompt_id, prompt, _kept(world, one.extra_data), [], script, False, arriving=arriving)
    return _queue(world, body, job, node_errors)


def note(world: World, body: Any, unanswered: Unanswered, told: Mapping[str, Any] | None = None) -> None:
    """Note a prompt that had no answer; `told` is how a real server refused it, where it did."""
    _, found = unanswered.reply
    if told is None and found["error"].get("type") == NO_RECORDING:
        world.posted.miss(body, found["error"]["message"])
    else:
        _note_refusal(world, body, told or found, is_recorded=unanswered.is_recorded or told is not None)


def _unanswered(world: World, body: Any, unanswered: Unanswered) -> Reply | Unanswered:
    if world.asks_further and not unanswered.is_recorded:
        return unanswered
    note(world, body, unanswered)
    return unanswered.reply


def _kept(world: World, extra_data: Any) -> Any:
    """Return the extra data that queue and history tell."""
    if not world.version.is_modern:
        return extra_data
    told = {name: value for name, value in extra_data.items() if name not in SECRETS}
    return {**told, "create_time": time.time_ns() // 1_000_000}


def _queue(world: World, body: Any, job: Job, node_errors: Mapping[str, Any]) -> Reply:
    engine = world.engine
    engine.accepted += 1
    world.posted.accepted.append(body)
    job.index = engine.accepted
    job.intermediate = _intermediate(world, job.prompt)
    job.marks = _marks(job.extra_data, world.version)
    engine.push(job)
    return 200, {"prompt_id": job.prompt_id, "number": job.number, "node_errors": node_errors}


def _marks(extra_data: Any, version: Version) -> Mapping[str, Any]:
    """Return what is to stand in every message of the run."""
    told = extra_data.get("workflow_metadata") if isinstance(extra_data, Mapping) else None
    return told if isinstance(told, Mapping) and version.has(Trait.WORKFLOW_METADATA) else {}


def _intermediate(world: World, prompt: Mapping[str, Any]) -> frozenset[str]:
    """Return the nodes of which is told although they are no output nodes."""
    if not world.version.has(Trait.INTERMEDIATE_OUTPUTS):
        return frozenset()
    definitions = node_definitions(world.library)
    told = ((node_id, definitions.get(class_of(node))) for node_id, node in prompt.items())
    return frozenset(
        node_id for node_id, one in told if isinstance(one, Mapping) and one.get("has_intermediate_output") is True
    )


def _prompt_id(body: Mapping[str, Any], version: Version) -> str | None:
    """Return the id that a prompt gets; None where the one it came with is refused."""
    told = body.get("prompt_id")
    if not version.has(Trait.PROMPT_IDS_CHECKED):
        return str(told) if "prompt_id" in body else str(uuid.uuid4())
    if told is None:
        return str(uuid.uuid4())
    return told if is_job_id(told) else None


def is_job_id(value: Any) -> bool:
    """Whether a value is a UUID in the very form that Python writes it in."""
    if not isinstance(value, str):
        return False
    try:
        return str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _script(world: World, analysis: Analysis, body: Any) -> tuple[Script, bool] | dict[str, Any]:
    """Return the script of a prompt and whether nobody has heard it before, or the answer 400."""
    library, prompt, outputs = world.library, analysis.validation.prompt, analysis.validation.outputs
    for key, form in analysis.asked:
        fresh = library.has_fresh(key)
        recording = library.take(key)
        if recording is not None:
            return library.script(recording, prompt, outputs, analysis.key, form), fresh
    # Of a recording of the whole prompt a part can be replayed.
    for key, form in analysis.whole:
        recording = library.take(key)
        if recording is not None:
            return only(library.script(recording, prompt, None, analysis.key, form), prompt, outputs), False
    recorded = _recorded_refusal(world, body)
    if recorded is not None:
        return recorded
    if world.synthesize is not None:
        return world.synthesize(prompt, outputs), False
    told = Analyst(world, world.engine.files, named=True).told(body["prompt"])
    return no_recording(told, library.prompts(), library.broken, _missing_files(world, told))


def _recorded_refusal(world: World, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how a real server refused this very prompt, where that was recorded."""
    targets = body.get("partial_execution_targets")
    found = world.library.exchanges.refusal(body["prompt"], targets)
    told = json.loads(found.content) if found is not None else None
    return told if isinstance(told, dict) and isinstance(told.get("error"), dict) else None


def _note_refusal(world: World, body: Any, told: Mapping[str, Any], *, is_recorded: bool) -> None:
    """Note a prompt that is refused; where it is for a class that only the recordings do not know, as unmatched."""
    error, library = told["error"], world.library
    lacks = error["type"] in ("invalid_prompt", "missing_node_type") and not library.knows_all_classes
    if lacks and not is_recorded:
        classes = {class_of(node) for node in body["prompt"].values()}
        world.posted.miss(body, unknown_class(classes - node_definitions(library).keys()))
        return
    sentences = [refusal_told(error, told.get("node_errors") or {}), _missing_files(world, body["prompt"])]
    world.posted.refuse(body, "".join(f"{one}. " for one in sentences if one).rstrip())


def _missing_files(world: World, prompt: Any) -> str:
    """Return which files to upload for a prompt that was not run."""
    facts = facts_of(world.library)
    return missing_files(prompt, facts.definitions(), facts.named(), world.library.contents())
