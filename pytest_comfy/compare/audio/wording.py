"""What moved in a sound, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..figures import figure, signed
from ..result import Part
from ..tolerance import Tolerance
from .movement import Moved

KINDS: Mapping[str, str] = {
    "length": "duration",
    "loudness": "loudness",
    "momentary": "loudness",
    "spectrum": "spectrum",
    "background": "noise",
    "spectrogram": "content",
    "pitch": "pitch",
    "gap": "gap",
    "click": "click",
    "crest": "distortion",
    "balance": "stereo",
    "phase": "stereo",
}
"""Part -> what a comparison calls the change."""


def sentence(
    name: str, moved: Moved, part: Part, golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance
) -> str:
    """Say what moved, by how much, where, and what is allowed."""
    if part.value == 0:
        return "no part of the fingerprint moved"
    allowed = f"({tolerance.name} allows {figure(part.limit)})"
    if name == "length":
        now, was = (one["samples"] / one["rate"] for one in (actual, golden))
        longer = "longer" if moved.signed > 0 else "shorter"
        return f"{longer} by {figure(part.value)} ms: {now:.3f} s, was {was:.3f} s {allowed}"
    return f"{_SENTENCES[name](moved)} {allowed}"


def seconds(value: float) -> str:
    """Return a time as people read it on a player: to a tenth of a second, to a hundredth below ten."""
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def _when(moved: Moved) -> str:
    if moved.span is None:
        return ""
    first, last = moved.span
    return f" from {seconds(first).removesuffix(' s')} to {seconds(last)}"


def _where(moved: Moved) -> str:
    low, high = moved.band or (0.0, math.inf)
    if low == 0 and math.isinf(high):
        return "at all frequencies"
    if low == 0:
        return f"below {_hertz(high)}"
    return f"above {_hertz(low)}" if math.isinf(high) else f"between {_hertz(low)} and {_hertz(high)}"


def _hertz(value: float) -> str:
    return f"{float(f'{value:.2g}') / 1000:g} kHz" if value >= 1000 else f"{float(f'{value:.2g}'):g} Hz"


def _loudness(moved: Moved) -> str:
    return f"{_louder(moved)} as a whole: {signed(moved.signed)} LU"


def _momentary(moved: Moved) -> str:
    return f"{_louder(moved)}{_when(moved)} against the rest: {signed(moved.signed)} LU"


def _louder(moved: Moved) -> str:
    return "louder" if moved.signed > 0 else "quieter"


def _spectrum(moved: Moved) -> str:
    return f"{'stronger' if moved.signed > 0 else 'softer'} {_where(moved)}: {signed(moved.signed)} dB"


def _background(moved: Moved) -> str:
    return f"background {'louder' if moved.signed > 0 else 'quieter'} {_where(moved)}: {signed(moved.signed)} dB"


def _spectrogram(moved: Moved) -> str:
    what = {1: "sound is added", -1: "sound is missing", 0: "other sounds"}[(moved.signed > 0) - (moved.signed < 0)]
    return f"{what}{_when(moved)}, most {_where(moved)}: the spectrogram moved {figure(moved.value)} dB"


def _pitch(moved: Moved) -> str:
    return f"other notes{_when(moved)}: {figure(moved.value)} % of the sound lies on other pitches"


def _gap(moved: Moved) -> str:
    if moved.signed < 0:
        return f"drops out{_when(moved)}: {signed(moved.signed)} dB for 10 ms or longer"
    return f"a gap is filled{_when(moved)}: {signed(moved.signed)} dB"


def _click(moved: Moved) -> str:
    what = "clicks" if moved.signed > 0 else "attacks are weaker"
    return f"{what}{_when(moved)}: {signed(moved.signed)} dB in the treble of 2 ms"


def _crest(moved: Moved) -> str:
    what = "peaks stand out" if moved.signed > 0 else "peaks are cut off"
    return f"{what}: {signed(moved.signed)} dB above the mean level"


def _balance(moved: Moved) -> str:
    if moved.swapped:
        return f"left and right changed places: their balance moved {figure(moved.value)} dB in one band"
    return f"left and right are balanced otherwise{_when(moved)}: {figure(moved.value)} dB in one band"


def _phase(moved: Moved) -> str:
    how = "alike" if moved.signed > 0 else "unlike"
    return f"left and right are more {how}{_when(moved)}: their correlation moved {signed(moved.signed, 2)} in one band"


_SENTENCES: Mapping[str, Callable[[Moved], str]] = {
    "loudness": _loudness,
    "momentary": _momentary,
    "spectrum": _spectrum,
    "background": _background,
    "spectrogram": _spectrogram,
    "pitch": _pitch,
    "gap": _gap,
    "click": _click,
    "crest": _crest,
    "balance": _balance,
    "phase": _phase,
}
