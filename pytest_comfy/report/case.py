"""One case as the report's documents tell of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..files import read_below
from ..golden import GoldenStore
from ..golden.differences import differences
from ..golden.environment import summary
from ..places import RUN_FILE
from ..workflow.difference import differences as prompt_differences
from ..workflow.digest import class_of, inputs_of
from ..workflow.model import is_link, title_of
from ..workflow.secrets import known_in, redact_prompt
from .errors import error_told
from .kept import FOLDER, Kept
from .outputs import outputs_of
from .telling import line, told
from .timings import timings

if TYPE_CHECKING:
    from pathlib import Path

    from ..golden import GoldenRun
    from ..judging.asked import Subject
    from ..judging.seen import Seen
    from ..judging.verdict import CaseVerdict
    from ..session.settings import Settings

_MOST_DIFFERENCES = 100


@dataclass(frozen=True)
class Ended:
    """How a case ended: with a verdict, or with an error that kept it from one.

    started      when the case began
    seconds      how long it took, where no run tells
    unjudged     whether the error means that the case neither passed nor failed
    server       where it ran, in words
    approve      the command that approves a live run of it
    log          what the server's log gained meanwhile; None where nobody knows
    environment  of the server; None where it was not asked
    preflight    what was found of it before it ran
    """

    started: datetime
    seconds: float
    verdict: CaseVerdict | None = None
    error: BaseException | None = None
    unjudged: bool = False
    server: str = ""
    approve: str | None = None
    log: str | None = None
    environment: Mapping[str, Any] | None = None
    preflight: Sequence[Mapping[str, Any]] = ()

    @property
    def outcome(self) -> str:
        """What report and summary count: passed, failed, error or approved."""
        if self.verdict is None:
            return "error" if self.unjudged else "failed"
        if self.verdict.written is not None:
            return "approved"
        return "passed" if self.verdict.passed else "failed"


class CaseEntry:
    """Makes the entry of one case, of what was seen of it and how it ended."""

    def __init__(self, settings: Settings, subject: Subject, seen: Seen, ended: Ended, kept: Kept) -> None:
        self.settings = settings
        self.subject = subject
        self.seen = seen
        self.ended = ended
        self.kept = kept

    def entry(self) -> dict[str, Any]:
        """Return the entry, as docs/report.md has it."""
        verdict, run, subject = self.ended.verdict, self.seen.run, self.subject
        text = self._text()
        return {
            "node_id": subject.node_id,
            "key": subject.key,
            "project": self.settings.subfolder,
            "source": subject.source,
            "case": subject.case,
            "folder": self.settings.report_key(subject.key),
            "outcome": self.ended.outcome,
            "headline": line(verdict.headline if verdict else text.partition("\n")[0], 200),
            "failure": told(verdict.failure) if verdict and verdict.failure else None,
            "notes": [told(note) for note in verdict.notes] if verdict else [],
            "text": text,
            "server": line(self.ended.server),
            "mode": "live" if self.settings.live else "offline",
            "seconds": round(run.seconds if run else self.ended.seconds, 3),
            "prompt_id": line(run.prompt_id, 80) if run else None,
            "started": self.ended.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "golden": self._golden(),
            "target": self._place(GoldenStore(self.settings.golden_dir, self.settings.baseline).folder(subject.key)),
            "run": f"{self.settings.report_key(subject.key)}/{FOLDER}" if self.kept.run else None,
            "refused": told(self.kept.refused) if self.kept.refused else None,
            "unless": self.kept.unless,
            "doubts": [told(doubt) for doubt in self.kept.doubts],
            "environment": self._environment(),
            "against": self._against(),
            "blame": [{**one.to_json(), "sentence": told(one.sentence)} for one in self.seen.blame],
            "preflight": list(self.ended.preflight),
            "prompt_differences": self._prompt_differences(),
            "timings": timings(run, self.seen.compared, live=self.settings.live),
            "graph": graph_of(self.seen.prompt or {}),
            "error": error_told(self.ended.error, self.seen.prompt, self.settings.root) if self.ended.error else None,
            "server_log": self.ended.log,
            "approve": told(self.ended.approve) if self.ended.approve else None,
            "drift": None,
            "known_since": None,
            "outputs": outputs_of(verdict, self.seen, self.kept.run, self.settings.report_dir) if verdict else [],
        }

    def _text(self) -> str:
        root = self.settings.root
        text = self.ended.verdict.text(root) if self.ended.verdict else str(self.ended.error)
        return told(text.replace(f"{root}/", ""))

    def _golden(self) -> dict[str, Any] | None:
        golden = self.seen.golden
        if golden is None or golden.folder is None:
            return None
        approvals = golden.document.get("approvals")
        last = approvals[-1] if isinstance(approvals, list) and approvals else {}
        last = last if isinstance(last, Mapping) else {}
        return {
            "folder": self._place(golden.folder),
            "digest": _digest(golden, golden.folder),
            "approved": line(last["at"], 40) if "at" in last else None,
            "reason": told(last["reason"]) if "reason" in last else None,
        }

    def _place(self, folder: Path) -> str:
        return self.settings.relative(folder) or told(folder)

    def _against(self) -> dict[str, Any] | None:
        old = self.seen.old
        if old is None:
            return None
        return {"server": line(old.server), "trend": old.trend, "environment": summary(old.reference.environment)}

    def _environment(self) -> dict[str, Any]:
        golden = self.seen.compared.environment if self.seen.compared else None
        now = self.ended.environment
        return {
            "golden": summary(golden) if golden is not None else None,
            "actual": summary(now) if now is not None else None,
            "differences": differences(golden, now) if golden is not None and now is not None else [],
        }

    def _prompt_differences(self) -> list[str]:
        if self.seen.golden is None or self.seen.prompt is None:
            return []
        extra = self.seen.run.extra_data if self.seen.run else None
        found = prompt_differences(self.seen.golden.prompt, redact_prompt(self.seen.prompt, known_in(extra)))
        more = len(found) - _MOST_DIFFERENCES
        return [told(one) for one in found[:_MOST_DIFFERENCES]] + ([f"and {more} more"] if more > 0 else [])


def graph_of(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return nodes and links of a prompt: {nodes: [{id, title, class_type}], links: [[from, slot, to, input]]}.

    Ids stay as they are, whatever a pattern of secrets says, as links are nothing without them.
    """
    return {
        "nodes": [
            {"id": node_id, "title": line(title_of(node_id, node)), "class_type": line(class_of(node), 200)}
            for node_id, node in prompt.items()
        ],
        "links": [
            [value[0], value[1], node_id, line(name, 200)]
            for node_id, node in prompt.items()
            for name, value in inputs_of(node).items()
            if is_link(value) and value[0] in prompt
        ],
    }


def _digest(golden: GoldenRun, folder: Path) -> str:
    """Return the SHA-256 of the golden run's run.json (hex); "" where it is no longer the one that was judged."""
    try:
        data = read_below(folder, RUN_FILE)
        same = json.loads(data) == golden.document
    except (OSError, ValueError, RecursionError):
        return ""
    return hashlib.sha256(data).hexdigest() if same else ""
