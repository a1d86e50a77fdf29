"""What is wrong with a picture that moved too far: its kinds, a sentence, the places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..limits import NORMAL_LIMITS, rank
from ..result import Part, Region
from .fingerprints import Still
from .lattice import Grid
from .maps import BLOCK, Floats
from .motion import Motion, motion_between
from .movement import Movement
from .nature import LumaChange, is_another_picture, luma_change, mirrored
from .pixelwise import PixelChange
from .regions import excess, place, rectangles, seam_lines
from .wording import (
    UNNAMED_COLOUR,
    banding_words,
    blocking_words,
    brightness_words,
    colour_words,
    grid_words,
    motion_words,
    range_words,
    seam_words,
    sharpness_words,
    structure_words,
)

_FAMILIES = {
    "phash": "structure",
    "luma": "luma",
    "luma_rms": "luma",
    "luma_local": "luma",
    "pixels": "luma",
    "chroma": "colour",
    "cast": "colour",
    "chroma_gain": "colour",
    "pixels_chroma": "colour",
    "energy": "sharpness",
    "energy_local": "sharpness",
    "range": "brightness",
    "pixels_grid": "grid",
}
"""The kind of a part that moved too far, where it is not its own name; luma's depends on the nature of the change."""
_BLOCKS_SHOW = 0.6
"""Share of its limit from which on blocking is named beside another kind, whose cause it then is."""
_PHRASES = 3
_STAYS = ("cast", "chroma_gain", "banding", "blocking", "grid", "range")
"""Parts that stay as they are when all of the picture moves."""
_CAME_IN = 2.0
"""Distance up to which such a part is put down to what came in at the border."""


@dataclass(frozen=True)
class Diagnosis:
    """Explains a comparison of two stills; what is not asked for is not computed.

    cells  maps of the parts that have a place, by name
    parts  every statistic, by name
    finer  what both pictures at hand tell
    """

    before: Still
    after: Still
    moved: Movement
    cells: Mapping[str, Floats]
    parts: Mapping[str, Part]
    finer: PixelChange | None = None

    @cached_property
    def foremost(self) -> str:
        """The part that moved furthest."""
        return max(self.parts, key=self._rank)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """What changed: the kinds of the parts that moved too far, that of the foremost part first."""
        failed = sorted((name for name, part in self.parts.items() if part.distance > 1), key=self._rank, reverse=True)
        if failed and self._motion:
            besides = (
                _FAMILIES.get(name, name) for name in failed if name in _STAYS and self.parts[name].distance > _CAME_IN
            )
            return tuple(dict.fromkeys(("structure", *besides)))
        kinds = [self._kind(name) for name in failed]
        if kinds and self.parts["blocking"].distance > _BLOCKS_SHOW:
            kinds.append("blocking")
        if self._another and "structure" in kinds:
            kinds.insert(0, "structure")
        if "alpha" in kinds:  # what shows through moves luma and colour as well
            kinds.insert(0, "alpha")
        # Edges of what came, went, or got softer make steps along lines, too: only the strongest are seams.
        if kinds and kinds[0] not in ("seam", "grid") and ("structure" in kinds or "sharpness" in kinds):
            kinds = [kind for kind in kinds if kind != "seam"]
        if "grid" in kinds and "blocking" in kinds:
            kinds = [kind for kind in kinds if kind != ("grid" if self._codec_grid else "blocking")]
        return tuple(dict.fromkeys(kinds))

    def sentence(self) -> str:
        """Say what happened, the foremost kinds only, what has a place first; of another picture that it is one."""
        if self.kinds[0] == "structure" and self._another and not self._motion:
            return self._phrase("structure")[1]
        told = [kind for kind in self.kinds if kind != "seam" or "grid" not in self.kinds][:_PHRASES]
        phrases = sorted((self._phrase(kind) for kind in told), key=lambda placed: not placed[0])
        # Colours that came in at the border have no name that would tell more than the move.
        return ", ".join(phrase for _, phrase in phrases if not self._motion or phrase != UNNAMED_COLOUR)

    def regions(self) -> tuple[Region, ...]:
        """Return the rectangles of all cells beyond their limit; of a seam the lines that it runs along, too."""
        worst = self._excess(self.cells)
        regions = rectangles(worst, self.before.size)
        if "seam" not in self.kinds:
            return regions
        lines = seam_lines(self.before, self.after, self._change.edges)
        if self.kinds[0] == "seam":
            return (*lines, *regions) if worst.max() > 1 else lines
        return (*regions, *lines)

    @cached_property
    def _motion(self) -> Motion | None:
        """How all of the picture moved, if it did."""
        if mirrored(self.before, self.after):
            return None
        if self.finer:
            return self.finer.motion
        return motion_between(self.before.luma, self.after.luma, self.before.size, rounded=True)

    @property
    def _codec_grid(self) -> bool:
        """Whether the grid is that of a codec, whose blocks of colour are larger, rather than one of tiles."""
        blocks, grid = self.parts["blocking"].distance, self.parts["grid"].distance
        return blocks > 1 and (self._grid.period == BLOCK or (self._grid.in_chroma and 2 * blocks > grid))

    @property
    def _grid(self) -> Grid:
        if self.finer and self.parts["pixels_grid"].distance > 1:
            return self.finer.grid
        return self.moved.grid

    @cached_property
    def _change(self) -> LumaChange:
        return luma_change(self.before, self.moved)

    @cached_property
    def _another(self) -> bool:
        return is_another_picture(self.before, self.after)

    def _rank(self, name: str) -> tuple[float, float]:
        return rank(name, self.parts[name])

    def _kind(self, part: str) -> str:
        kind = _FAMILIES.get(part, part)
        if kind != "luma":
            return kind
        if self._change.nature == "tiles":
            return "seam"
        return "structure" if self._change.nature == "content" or self._another else "brightness"

    def _excess(self, cells: Mapping[str, Floats]) -> Floats:
        # With a limit of 0 all would exceed it by as much: what `normal` says tells the places apart.
        limits = {name: self.parts[name].limit or NORMAL_LIMITS[name] for name in cells}
        return excess(cells, limits, self.before.luma.shape[::-1])

    def _phrase(self, kind: str) -> tuple[str, str]:
        """Return where a kind of change is, nothing when all of the picture moved or changed, and what to say of it."""
        worst = self._excess({name: cell for name, cell in self.cells.items() if self._kind(name) == kind})
        where = "" if self._motion else place(worst, self.before.size)
        return where, self._words(kind, worst, where)

    def _words(self, kind: str, worst: Floats, where: str) -> str:
        before, after, moved = self.before, self.after, self.moved
        if kind == "structure" and self._motion:
            return motion_words(self._motion, before.size)
        if kind == "structure":
            return structure_words(before, after, self._another, where)
        if kind == "brightness" and self.foremost == "range":
            return range_words(before, after)
        if kind == "brightness":
            return brightness_words(before, moved, self._change.nature == "light", where)
        if kind == "colour":
            return colour_words(before, after, moved, where)
        if kind == "sharpness":
            return sharpness_words(before, after, moved, worst, where)
        if kind == "seam":
            return seam_words(before, after, self._change.edges)
        if kind == "grid":
            return grid_words(before, after, self._grid)
        if kind == "banding":
            return banding_words(before, after)
        return blocking_words(before, after) if kind == "blocking" else f"transparency changed{where}"
