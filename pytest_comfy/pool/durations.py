"""How long cases take, by their golden runs."""

from __future__ import annotations

import statistics

from ..golden import GoldenError, GoldenRun, GoldenStore
from ..session.settings import Settings

_UNKNOWN = 1.0
"""Seconds of a case where nothing was recorded of any."""


def recorded_seconds(settings: Settings, node_id: str) -> float | None:
    """Return how long the golden run of a case took, as far as one tells: until its last message."""
    path, _, case = node_id.partition("::")
    return seconds_of_key(settings, f"{settings.golden_key(settings.root / path)}/{case}")


def seconds_of_key(settings: Settings, key: str) -> float | None:
    """Return the same of a case by the folder of its golden run."""
    try:
        folder = GoldenStore(settings.golden_dir, settings.baseline).find(key)
        events = GoldenRun.load(folder).events if folder else []
        return float(events[-1][0]) if events else None
    except (GoldenError, TypeError, ValueError, LookupError):
        return None


class Durations:
    """Seconds of the cases of a session, each looked up once.

    A case without a golden run counts as the median of those that were looked up.
    """

    def __init__(self) -> None:
        self._known: dict[str, float | None] = {}

    def of(self, settings: Settings, key: str) -> float:
        """Return the seconds of a case by its golden run's folder in a project."""
        found = self.known(settings, key)
        return self.usual if found is None else found

    def known(self, settings: Settings, key: str) -> float | None:
        """Return the same, None where there is no golden run."""
        name = settings.report_key(key)
        if name not in self._known:
            self._known[name] = seconds_of_key(settings, key)
        return self._known[name]

    @property
    def usual(self) -> float:
        """Seconds of a case of which nothing is known."""
        told = [seconds for seconds in self._known.values() if seconds is not None]
        return statistics.median(told) if told else _UNKNOWN
