"""What was seen of a case while it was checked, for those who tell of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..client import Run
    from ..golden import GoldenRun
    from .judge import Judge
    from .verdict import OutputVerdict


class Blamed(Protocol):
    """What is to blame for an output, a sentence for a person."""

    @property
    def sentence(self) -> str: ...
    def to_json(self) -> dict[str, Any]:
        """Return it as the report has it: nodes, sentence, runs."""


@dataclass(frozen=True)
class Old:
    """The run of the old server, where a case runs on two.

    reference  it as what the new run is compared with
    trend      what the comparison came to, a word of `upgrade.trend`
    server     where it ran, in words
    """

    reference: GoldenRun
    run: Run
    trend: str
    server: str


@dataclass
class Seen:
    """The parts of one check, as far as it came; what it did not come to is None.

    prompt  as queued, also of a run that ended in an error
    run     the one that was judged, which may be the second of two
    judge   the rules that it was judged by
    outputs  what it came to
    old     the run that it was compared with, where that is no golden run
    blame   what is to blame for it, see `upgrade.blame`
    environment  of the server when the case ran, as golden runs keep it; offline there is none
    """

    golden: GoldenRun | None = None
    prompt: Mapping[str, Any] | None = None
    run: Run | None = None
    judge: Judge | None = None
    outputs: tuple[OutputVerdict, ...] = ()
    environment: Mapping[str, Any] | None = None
    old: Old | None = None
    blame: Sequence[Blamed] = ()

    @property
    def compared(self) -> GoldenRun | None:
        """What the outputs were compared with: the old server's run, or the golden run."""
        return self.old.reference if self.old else self.golden
