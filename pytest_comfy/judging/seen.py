"""What was seen of a case while it was checked, for those who tell of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..client import Run
    from ..golden import GoldenRun
    from .judge import Judge
    from .verdict import OutputVerdict


@dataclass
class Seen:
    """The parts of one check, as far as it came; what it did not come to is None.

    prompt  as queued, also of a run that ended in an error
    run     the one that was judged, which may be the second of two
    judge   the rules that it was judged by
    outputs  what it came to
    """

    golden: GoldenRun | None = None
    prompt: Mapping[str, Any] | None = None
    run: Run | None = None
    judge: Judge | None = None
    outputs: tuple[OutputVerdict, ...] = ()
