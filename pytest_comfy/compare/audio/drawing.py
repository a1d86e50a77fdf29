"""Draw what differs between two sounds: both spectrograms and a heat map under one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ..drawing import Drawing
from ..drawing.sheets import BACKGROUND, OUTSIDE, png, ramp
from ..result import Region, UndecodableError
from .decoding import Audio, decode_audio
from .fingerprints import finite
from .grid import HOP, Array, Grid
from .packing import FLOOR, levels
from .spectrum import BANDS, band_edges, spectrogram
from .wording import seconds

WIDTH, BAND_HEIGHT = 640, 5
"""Pixels of a panel's width and of one band's height."""
MARGIN, TITLE = 44, 16
"""Pixels left of the panels for frequencies, and above each for its title."""
HOTTEST = 20.0
"""dB of difference that are drawn white."""

_INK = (220, 220, 220)
_LABELLED = (100, 400, 1000, 2000, 4000, 8000)  # Hz
_SLOTS = 320  # most columns a panel is made of

Picture = npt.NDArray[np.uint8]


def draw(
    golden: bytes, actual: bytes, masks: Sequence[Sequence[int]] = (), regions: Sequence[Region] = ()
) -> Drawing | None:
    """Return a PNG of both spectrograms and of what differs; None when either cannot be decoded.

    Time goes to the right, frequency up on the mel scale; levels from FLOOR, black, to 0 dB, white. Heat is
    the difference in level, black for none, then red, yellow, and white from HOTTEST on; violet where one
    sound has ended.
    """
    try:
        pair = decode_audio(golden), decode_audio(actual)
    except UndecodableError:
        return None
    if pair[0] is None or pair[1] is None:
        return None
    length = max(pair[0].seconds, pair[1].seconds)
    before, after = (_levels(finite(one)[0], length) for one in (pair[0], pair[1]))
    panels = [
        (f"golden ({seconds(pair[0].seconds)})", _grey(before)),
        (f"actual ({seconds(pair[1].seconds)})", _grey(after)),
        (f"difference (white: {HOTTEST:.0f} dB or more)", _heat(before, after)),
    ]
    height = BANDS * BAND_HEIGHT
    sheet = Image.new("RGB", (MARGIN + WIDTH + 8, len(panels) * (TITLE + height) + 2 * TITLE), BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    for i, (title, panel) in enumerate(panels):
        top = i * (TITLE + height) + TITLE
        pen.text((MARGIN, top - TITLE + 2), title, fill=_INK)
        shown = Image.fromarray(panel[::-1]).resize((WIDTH, height), Image.Resampling.NEAREST)
        sheet.paste(shown, (MARGIN, top))
        _label_frequencies(pen, top, height)
    _label_times(pen, len(panels) * (TITLE + height), length)
    return Drawing(png(sheet))


def _levels(audio: Audio, length: float) -> Array:
    """Return levels in dB, shape (columns, BANDS), over `length` seconds; NaN after the end of the sound."""
    hops = max(1, int(np.ceil(length / HOP / _SLOTS)))
    columns = max(1, round(length / (hops * HOP)))
    own = Grid(hops, max(1, min(columns, round(audio.seconds / (hops * HOP)))))
    drawn = np.full((columns, BANDS), np.nan)
    drawn[: own.cells] = levels(spectrogram(audio, own).power)
    return drawn


def _grey(shown: Array) -> Picture:
    bright = ((shown - FLOOR) / -FLOOR).clip(0, 1) * 255
    grey = np.nan_to_num(bright)[:, :, None].repeat(3, axis=2)
    return _upright(np.where(np.isnan(shown)[:, :, None], OUTSIDE, grey))


def _heat(before: Array, after: Array) -> Picture:
    apart = np.abs(after - before) / HOTTEST
    colours = ramp(np.nan_to_num(np.sqrt(apart.clip(0, 1)))) * 255
    return _upright(np.where(np.isnan(apart)[:, :, None], OUTSIDE, colours))


def _upright(columns: npt.NDArray[np.float64]) -> Picture:
    """Turn (columns, bands, 3) into a picture whose first row is the lowest band."""
    return np.ascontiguousarray(columns.transpose(1, 0, 2)).astype(np.uint8)


def _label_frequencies(pen: ImageDraw.ImageDraw, top: int, height: int) -> None:
    middles = band_edges()[1:-1]
    for frequency in _LABELLED:
        at = float(np.interp(frequency, middles, np.arange(BANDS))) + 0.5
        y = top + height - round(at * BAND_HEIGHT)
        pen.line((MARGIN - 4, y, MARGIN - 1, y), fill=_INK)
        told = f"{frequency // 1000}k" if frequency >= 1000 else str(frequency)
        pen.text((4, y - 6), f"{told:>4}", fill=_INK)


def _label_times(pen: ImageDraw.ImageDraw, top: int, length: float) -> None:
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600) if length / s <= 10), 1200)
    for i in range(int(length / step) + 1):
        x = MARGIN + round(i * step / length * WIDTH)
        pen.line((x, top, x, top + 3), fill=_INK)
        pen.text((max(MARGIN, x - 8), top + 5), f"{i * step:g} s", fill=_INK)
