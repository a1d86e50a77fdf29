"""One attempt to run a case of a workflow file on one lane: looked at before, queued and judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .judging.check import Check
from .pool.jobs import Warned

if TYPE_CHECKING:
    from .cases.converting import Converter
    from .client import Progress
    from .judging.asked import Subject
    from .judging.lane import Lane
    from .judging.verdict import CaseVerdict
    from .report.keeping import Keeping
    from .session.settings import Settings
    from .upgrade.checking import Checking


class Attempt:
    """The attempt; `begin` queues the case ahead of its turn, `verdict` judges it then.

    converter   makes what converts workflows in UI form; each tells a warning once
    told        server's address -> what it told of itself before cases ran
    properties  of the item, from where they reach the reports
    """

    def __init__(
        self,
        settings: Settings,
        lane: Lane,
        subject: Subject,
        path: Path,
        keeping: Keeping,
        converter: Callable[[], Converter],
        told: dict[str, Any],
        properties: list[tuple[str, object]],
    ) -> None:
        self.subject = subject
        self.keeping = keeping
        self.check = Check(settings, lane, converter())
        self.check.before = self._look_before
        self._converter = converter
        self._path = path
        self._told = told
        self._properties = properties
        self._warned = Warned()

    def begin(self, begin: Callable[..., Any]) -> None:
        """Make the case ready and queue it by a function that is given what `ComfyClient.run` takes.

        Raises what is wrong with it. Warnings are kept for its turn.
        """
        self._warned.listen(lambda: self.check.begin(self.subject, self._path, begin))

    def starts(self) -> None:
        """The server begins to execute it, ahead of its turn: its time begins, and what is logged of it."""
        self.keeping.begins()

    def passes(self) -> None:
        """The server begins to execute another one: what is logged now is of that."""
        self.keeping.log_ends()

    def verdict(self, on_progress: Callable[[Progress], None] | None) -> CaseVerdict:
        """Judge the case; raises as `Check.workflow_file` does."""
        self._warned.tell()
        checking: Check | Checking = self.check
        if self.check.settings.live:
            from .upgrade.checking import Checking

            checking = Checking(self.check, self.check.lane)
        return checking.workflow_file(self.subject, self._path, on_progress)

    def _look_before(self) -> None:
        """Look at the case before it is queued; raises PreflightFailed where it is sure to break."""
        check = self.check
        check.before = lambda: None  # once, however often the case runs
        settings = check.settings
        if not settings.live or settings.preflight == "off":
            return
        from .upgrade.preflight.session import entries, preflight, refuse_broken

        subject = self.subject
        found, properties = preflight(
            check.lane.client, self._told, settings, self._path, subject.options, subject.key, self._converter()
        )
        self.keeping.preflight = entries(found)
        self._properties += properties
        if settings.preflight == "fail":
            refuse_broken(found)
