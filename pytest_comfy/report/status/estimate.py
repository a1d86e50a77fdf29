"""How long the rest of a session may take, by what the golden runs took."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...pool.durations import recorded_seconds
from ...session.given import SettingsError
from ...session.settings import Settings

if TYPE_CHECKING:
    from ...session.projects import Projects


def is_case(node_id: str) -> bool:
    """Whether a node id is that of a case of a workflow file."""
    return node_id.partition("::")[0].lower().endswith(".json")


class Estimate:
    """What the cases of a session took and take, in seconds, by node id.

    Those of other machines say how long cases are beside each other; how long that is here, the first ones tell.
    """

    def __init__(self, projects: Projects) -> None:
        self._projects = projects
        self._settings: dict[str, Settings] = {}
        self._recorded: dict[str, float | None] = {}
        self._taken: dict[str, float] = {}
        self.cases: tuple[str, ...] = ()
        self.done: set[str] = set()

    def expect(self, cases: Sequence[str]) -> None:
        """Say which cases there are, before others are asked of: not every thread may look for projects."""
        self.cases = tuple(dict.fromkeys(case for case in cases if is_case(case)))
        root = self._projects.session.root
        for case in self.cases:
            with contextlib.suppress(SettingsError):  # whoever collects it says so
                self._settings[case] = self._projects.of(root / case.partition("::")[0])

    def took(self, case: str, seconds: float) -> None:
        """Say how long a case took."""
        self._taken[case] = seconds

    def read_one(self) -> bool:
        """Look up the golden run of one case more; False when all were."""
        case = next((case for case in self.cases if case not in self._recorded), None)
        if case is not None:
            settings = self._settings.get(case)
            self._recorded[case] = recorded_seconds(settings, case) if settings else None
        return case is not None

    def left(self, running: Mapping[str, float]) -> float | None:
        """Return the seconds that are left, None where no golden run tells.

        running  the cases that run now, and for how many seconds each has
        """
        known = {case: seconds for case, seconds in self._recorded.items() if seconds}
        if not known or len(self._recorded) < len(self.cases):
            return None
        mean = sum(known.values()) / len(known)
        taken = dict(self._taken)  # another thread adds to it
        told = sum(known.get(case, mean) for case in taken)
        pace = sum(taken.values()) / told if told else 1.0
        # One that is late says so before it is over.
        pace = max(pace, *(gone / known.get(case, mean) for case, gone in running.items()), 0.0)
        started = sum(max(0.0, known.get(case, mean) * pace - gone) for case, gone in running.items())
        waiting = sum(known.get(case, mean) for case in self.cases if case not in self.done and case not in running)
        return (started + waiting * pace) / max(1, len(running))
