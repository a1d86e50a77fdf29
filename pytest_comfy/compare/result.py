"""What a comparison says: verdict, the parts it rests on, and the errors of what cannot be judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["identical", "within tolerance", "different"]
Region = tuple[int, int, int, int]


class CompareError(Exception):
    """The outputs cannot be judged, for example because the golden file is needed and not there."""


class UndecodableError(CompareError):
    """The bytes are no picture that can be read: truncated, broken, of unknown format or too large."""


class TooLargeError(CompareError):
    """Looking into the output would take more memory than is left of a run's: nobody can say what it is."""


class MissingExtraError(CompareError):
    """This kind of output can be judged only with a package that is not installed; the text names the extra."""


DAMAGED = (KeyError, TypeError, ValueError, IndexError, AttributeError)
"""What reading a fingerprint may raise when it is not as it was written."""


def require_version(
    version: int, golden: Mapping[str, Any], actual: Mapping[str, Any], what: str = "fingerprints"
) -> None:
    """Raise CompareError unless both fingerprints, which are called `what`, are of this version."""
    versions = golden.get("version"), actual.get("version")
    if versions != (version, version):
        raise CompareError(
            f"{what} of version {versions[0]} and {versions[1]} cannot be compared, only those of version {version}: "
            "approve the run again"
        )


def damaged(error: Exception) -> CompareError:
    """Return the error to raise for one of DAMAGED."""
    return CompareError(f"the kept fingerprint is damaged ({error!r}): approve the run again")


@dataclass(frozen=True)
class Part:
    """One measured statistic and how far it was allowed to move, both in the statistic's own unit."""

    value: float
    limit: float

    @property
    def distance(self) -> float:
        """Value over limit. With a limit of 0 it is 0.0 for a part that did not move, else infinite."""
        if self.value == 0:
            return 0.0
        return self.value / self.limit if self.limit else math.inf


@dataclass(frozen=True)
class Comparison:
    """The judgement of one output against its golden one.

    verdict    "identical" is only said when bytes, pixels or parsed text were seen to be equal
    message    one sentence naming what moved most, by how much, against which limit
    tolerance  the tolerance's name
    kinds      what changed, foremost first; empty unless different. Of pictures size, alpha, depth, colour space,
               blank, structure, brightness, colour, sharpness, seam, grid, banding, blocking; of animations and video
               also frames, duration, loop, rate, motion, order, sound; of batches order, repeated; other kinds of
               output have their own, see docs/comparison.md; bytes, text and undecodable
    distance   of the part that moved most: 0.0 did not move, 1.0 at its limit, inf for hard failures
    regions    (x, y, width, height) in pixels of what changed most, worst first
    parts      every statistic measured, by name
    described  the output as `describe` tells it, where the comparison came to know all of that
    """

    verdict: Verdict
    message: str
    tolerance: str
    kinds: tuple[str, ...] = ()
    distance: float = 0.0
    regions: tuple[Region, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)
    described: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Whether the output is as good as the golden one."""
        return self.verdict != "different"


def identical(message: str, tolerance: str) -> Comparison:
    """Build the comparison of outputs that were seen to be equal."""
    return Comparison("identical", message, tolerance)


def hard_failure(
    kinds: tuple[str, ...],
    message: str,
    tolerance: str,
    parts: Mapping[str, Part] | None = None,
    regions: tuple[Region, ...] = (),
) -> Comparison:
    """Build the comparison of outputs that no tolerance makes equal (distance inf)."""
    return Comparison("different", message, tolerance, kinds, math.inf, regions, parts or {})


def form_failure(
    failed: Sequence[tuple[str, str]],
    tolerance: str,
    regions: tuple[Region, ...] = (),
    parts: Mapping[str, Part] | None = None,
) -> Comparison | None:
    """Build the comparison of outputs whose form differs, given as (kind, sentence) each; None where nothing does.

    Each kind is a part of value 1 and limit 0, unless `parts` has it.
    """
    if not failed:
        return None
    kinds = tuple(dict.fromkeys(kind for kind, _ in failed))
    told = "; ".join(sentence for _, sentence in failed)
    return hard_failure(kinds, told, tolerance, {**{kind: Part(1, 0) for kind in kinds}, **(parts or {})}, regions)
