"""How far each statistic may move at `normal`: one table a kind of output, and where the figures come from."""

from __future__ import annotations

from collections.abc import Mapping

IMAGE: Mapping[str, float] = {
    "phash": 8.0,
    "colour": 6.0,
    "brightness": 2.5,
    "alpha": 8.0,
    "range": 4.0,
}
"""Still pictures.

phash       bits of 256. The 16x16 gate measured over 219 pictures: 0.3 % false alarms.
colour      levels (0-255), Euclidean over R, G and B, of the 8x8 cell that moved most. Harmless drift there
            reaches 3 levels, which is 5.2 when all three channels drift together.
brightness  levels of the whole picture's mean luma. Harmless drift there is 2 levels; half a level is
            left for the rounding of stored cells.
alpha       levels of the 8x8 cell that moved most; the limit of the benchmark's alpha map.
range       lowest and highest value of float and 32-bit pictures, in 1/255 of the range between them.
"""

MOVING: Mapping[str, float] = {"duration": 1.0}
"""Animations: duration in milliseconds of any one frame; WEBP and GIF round what APNG keeps as a fraction."""

NORMAL_LIMITS: Mapping[str, float] = {**IMAGE, **MOVING}
"""Every part's limit at `normal`, by name, in the part's own unit."""
