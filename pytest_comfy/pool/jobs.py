"""What the pool knows of the cases that it is to run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..judging.lane import Lane


class Prepared(Protocol):
    """A case made ready for one server."""

    def begin(self, begin: Callable[..., Any]) -> None:
        """Queue it, by a function that is given what `ComfyClient.run` takes; raises what is wrong with it."""

    def starts(self) -> None:
        """The server begins to execute it ahead of its turn; called in another thread."""

    def passes(self) -> None:
        """The server begins to execute what comes after it; called in another thread."""


class Job(Protocol):
    """A case that is to be run.

    needs    what its server must have, see `cases.requirements`
    seconds  how long it takes, as far as that was recorded
    """

    @property
    def needs(self) -> Mapping[str, Any]: ...
    @property
    def seconds(self) -> float: ...
    def prepare(self, lane: Lane) -> Prepared:
        """Return the case made ready for a server; nothing is asked of that yet."""


@dataclass
class Upcoming:
    """A job at its place in the session's order; None for what is no case, or must not be begun before its turn."""

    position: int
    job: Job | None


class Order(Protocol):
    """What comes after the case whose turn it is."""

    def following(self) -> Iterable[Upcoming]:
        """Yield what comes next, up to what may not be begun before its turn."""

    def is_to_come(self, position: int) -> bool:
        """Whether what is at a place will still have its turn, in this process."""


@dataclass
class Warned:
    """The warnings of what was done for a case before its turn, which belong to it and not to the one that runs."""

    found: list[warnings.WarningMessage] = field(default_factory=list)

    def listen(self, work: Callable[[], None]) -> None:
        """Keep the warnings of some work."""
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            try:
                work()
            finally:
                self.found += found

    def tell(self) -> None:
        """Warn of them now; raises those that the filters make errors of."""
        told, self.found = self.found, []
        for one in told:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno, source=one.source)
