"""Golden runs and exchanges to disk: each whole, under names of ours, beside what is there already."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...compare import CompareError, describe
from ...golden import GoldenError, GoldenRun, GoldenStore
from ...golden.exchanges import EXCHANGES_FILE, Exchange, Exchanges
from ...golden.inputs import KEY as INPUTS
from ...golden.inputs import bare_name, texts_of
from ...golden.record import Approval, record
from ...golden.redaction import redact
from ...workflow.digest import inputs_of, prompt_digest
from ...workflow.results import Output
from ...workflow.secrets import Known, known_in, redact_prompt
from .tape import TapedRun

_BY = "pytest-comfy record"
_ONCE = ("/system_stats",)
"""Answers that differ every time, by the memory that is free just now: the first one is kept."""


class Writer:
    """Writes into one directory; methods may be called from any thread.

    Raises GoldenError where exchanges.json is there and broken, as it would be lost.
    """

    def __init__(self, into: Path, previews: bool) -> None:
        self._into = into
        self._previews = previews
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._exchanges = Exchanges()
        self._changed = False
        if (into / EXCHANGES_FILE).exists():
            self._exchanges = Exchanges.load(into / EXCHANGES_FILE)

    def reserve(self, prompt: Mapping[str, Any], known: Known = None) -> str:
        """Return the key, SLUG/NNNN, of the next recording of a prompt: prompts are numbered as they were posted.

        known  finds secrets, which have no part in it
        """
        redacted = redact_prompt(prompt, known)
        slug = f"{_name_of(redacted)}-{prompt_digest(redacted)[:8]}"
        with self._lock:
            last = self._numbers.get(slug) or max(map(_number, _children(self._into / slug)), default=0)
            self._numbers[slug] = last + 1
            return f"{slug}/{last + 1:04}"

    def release(self, key: str) -> None:
        """Give the number of a run that was not recorded back, if no later one was given."""
        slug, _, number = key.partition("/")
        with self._lock:
            if self._numbers.get(slug) == int(number):
                self._numbers[slug] -= 1

    def write(
        self,
        key: str,
        run: TapedRun,
        environment: Mapping[str, Any],
        definitions: Mapping[str, Any],
        problem: Callable[[str], None],
    ) -> Path:
        """Write the golden run of a run that is over; return its folder. Raises GoldenError."""
        golden = self._described(key, run, environment, definitions, problem)
        document = {**golden.document}
        if run.texts:
            known = known_in(run.prompt, run.posted.beside)
            texts = [
                [at, {"binary": 3, "data": {"node_id": node_id, "text": redact(text, known)}}]
                for at, node_id, text in run.texts
            ]
            document["events"] = sorted([*document["events"], *texts], key=lambda row: float(row[0]))
        # Of names that held a secret nothing is left in the prompt to be found by.
        named = {bare_name(text) for text in texts_of(golden.prompt)}
        told = {name: {"sha256": sha256} for name, sha256 in run.inputs.items() if name in named}
        if told:
            document[INPUTS] = told
        if run.posted.targets is not None:
            document["partial_execution_targets"] = run.posted.targets
        return GoldenStore(self._into).write(key, GoldenRun(document, None, golden.blobs))

    def keep(self, exchange: Exchange) -> None:
        """Keep an answer; it is on disk after `flush`."""
        with self._lock:
            known = self._exchanges.find(exchange.method, exchange.path, exchange.query)
            same = known is not None and (exchange.path in _ONCE or known == exchange)
            if same and exchange.body_sha256 is None:
                return
            self._exchanges.add(exchange)
            self._changed = True

    def keep_first(self, exchange: Exchange) -> None:
        """Keep an answer unless there is one to the same question."""
        with self._lock:
            if self._exchanges.find(exchange.method, exchange.path, exchange.query) is None:
                self._exchanges.add(exchange)
                self._changed = True

    def flush(self) -> None:
        """Write the answers that came since the last time; raises GoldenError."""
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            copy = Exchanges()
            copy.update(self._exchanges)
        try:
            copy.save(self._into / EXCHANGES_FILE)
        except GoldenError:
            self._changed = True
            raise

    def _described(
        self,
        key: str,
        run: TapedRun,
        environment: Mapping[str, Any],
        definitions: Mapping[str, Any],
        problem: Callable[[str], None],
    ) -> GoldenRun:
        workflow, _, case = key.partition("/")
        approval = Approval(workflow=workflow, case=case, by=_BY, previews=self._previews)
        try:
            return record(run, approval, environment, definitions, run.posted.beside)
        except GoldenError:
            run.outputs = [kept for output in run.outputs if (kept := _describable(output, problem)) is not None]
            return record(run, approval, environment, definitions, run.posted.beside)


def _describable(output: Output, problem: Callable[[str], None]) -> Output | None:
    """Return an output that can be described: a broken picture is kept for its bytes, which are replayed."""
    for media_type in (output.media_type, "application/octet-stream"):
        try:
            describe(output.data, media_type, ())
        except CompareError as error:
            why = str(error)
        else:
            return replace(output, media_type=media_type)
    problem(f"output {output.name} is not kept: {why}")
    return None


def _name_of(prompt: Mapping[str, Any]) -> str:
    """Return what a prompt's files are called, the same for every order and naming of its nodes."""
    prefixes = [prefix for node in prompt.values() if isinstance(prefix := inputs_of(node).get("filename_prefix"), str)]
    safe = re.sub(r"[^a-z0-9]+", "-", min(prefixes, default="").lower())
    return safe[:40].strip("-") or "prompt"


def _children(folder: Path) -> list[str]:
    try:
        return [child.name for child in folder.iterdir()]
    except OSError:
        return []


def _number(name: str) -> int:
    return int(name) if re.fullmatch(r"[0-9]{1,9}", name) else 0
