"""Judge two fingerprints of sounds: form, silence and length, then what moved most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..figures import figure
from ..limits import rank
from ..result import DAMAGED, Comparison, Part, damaged, form_failure, hard_failure, identical, require_version
from ..tolerance import Tolerance
from .fingerprints import VERSION
from .loudness import ABSOLUTE_GATE
from .movement import Moved, measure
from .unpacking import QUIET, unpack_pair
from .wording import KINDS, seconds, sentence

_MOVED_NOTHING = 1e-9


def compare_fingerprints(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison:
    """Compare two fingerprints.

    Equal samples are identical. Rate, number of channels, sound that fell silent and samples that are no number
    fail whatever the tolerance. With an exact one different samples never pass.
    Raises CompareError for fingerprints of other versions and for damaged ones.
    """
    require_version(VERSION, golden, actual, "fingerprints of sounds")
    try:
        return _compare(golden, actual, tolerance)
    except (*DAMAGED, OverflowError, MemoryError) as error:
        raise damaged(error) from error


def _compare(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison:
    if golden["content_sha256"] == actual["content_sha256"]:
        return identical("samples are identical", tolerance.name)
    hard = _compare_form(golden, actual, tolerance)
    if hard is not None:
        return hard
    length = _length(golden, actual)
    found = {"length": length}
    if length.value <= tolerance.limit("length"):
        found.update(measure(unpack_pair(golden, actual)))
    parts = {name: Part(_plain(moved.value), tolerance.limit(name)) for name, moved in found.items()}
    foremost = max(parts, key=lambda name: rank(name, parts[name]))
    message = sentence(foremost, found[foremost], parts[foremost], golden, actual, tolerance)
    distance = max(part.distance for part in parts.values())
    if distance > 1:
        failed = sorted((name for name in parts if parts[name].distance > 1), key=lambda n: rank(n, parts[n]))
        kinds = tuple(dict.fromkeys(KINDS[name] for name in reversed(failed)))
        return Comparison("different", message, tolerance.name, kinds, distance, parts=parts)
    if tolerance.exact:
        told = f"samples differ by less than the fingerprint shows ({tolerance.name} allows none)"
        return hard_failure(("bytes",), told, tolerance.name, parts)
    return Comparison("within tolerance", message, tolerance.name, distance=distance, parts=parts)


def _plain(value: float) -> float:
    """Return the value, 0 where it is no more than the rounding of sums."""
    return 0.0 if value < _MOVED_NOTHING else value


def _length(golden: Mapping[str, Any], actual: Mapping[str, Any]) -> Moved:
    change = (actual["samples"] - golden["samples"]) * 1000 / golden["rate"]
    return Moved(abs(change), change)


def _compare_form(golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison | None:
    failed: list[tuple[str, str]] = []
    if golden["channels"] != actual["channels"]:
        failed.append(("channels", f"{_channels(actual['channels'])}, was {_channels(golden['channels'])}"))
    if golden["rate"] != actual["rate"]:
        failed.append(("rate", f"sampling rate is {actual['rate']} Hz, was {golden['rate']} Hz"))
    if bool(golden["not_finite"]) != bool(actual["not_finite"]):
        bad = actual["not_finite"]
        share = bad / (actual["samples"] * actual["channels"]) * 100
        told = (
            f"{figure(share)} % of the samples are NaN or infinite" if bad else "no sample is NaN or infinite any more"
        )
        failed.append(("blank", f"{told}, {'none was' if bad else 'some were'}"))
    if _fell_silent(golden, actual):
        failed.append(("blank", f"silent, was {golden['loudness']:.1f} LUFS loud for {seconds(_seconds(golden))}"))
    if _fell_silent(actual, golden):
        failed.append(("loudness", f"{actual['loudness']:.1f} LUFS loud, was silent"))
    return form_failure(failed, tolerance.name)


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _seconds(fingerprint: Mapping[str, Any]) -> float:
    return float(fingerprint["samples"] / fingerprint["rate"])


def _fell_silent(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether nothing passes the gate of loudness any more, with room between silent and loud."""
    return after["loudness"] is None and before["loudness"] is not None and before["loudness"] > QUIET > ABSOLUTE_GATE
