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
from .movement import Movement
from .nature import LumaChange, is_another_picture, luma_change
from .pixelwise import PixelChange
from .regions import excess, place, rectangles, seam_lines
from .wording import (
    banding_words,
    blocking_words,
    brightness_words,
    colour_words,
    grid_words,
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
        kinds = [self._kind(name) for name in failed]
        if kinds and self.parts["blocking"].distance > _BLOCKS_SHOW:
            kinds.append("blocking")
        if self._another and "structure" in kinds:
            kinds.insert(0, "structure")
        if "alpha" in kinds:  # what shows through moves luma and colour as well
            kinds.insert(0, "alpha")
        # Edges of what came, went, or got softer make steps along lines, too: only the strongest are seams.
        if kinds and kinds[0] != "seam" and ("structure" in kinds or "sharpness" in kinds):
            kinds = [kind for kind in kinds if kind != "seam"]
        if "grid" in kinds and "blocking" in kinds:
            kinds = [kind for kind in kinds if kind != ("grid" if self._codec_grid else "blocking")]
        return tuple(dict.fromkeys(kinds))

    def sentence(self) -> str:
        """Say what happened, the foremost kinds only; of another picture no more than that it is one."""
        if self.kinds[0] == "structure" and self._another:
            return self._phrase("structure")
        told = [kind for kind in self.kinds if kind != "seam" or "grid" not in self.kinds]
        return ", ".join(self._phrase(kind) for kind in told[:_PHRASES])

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

    @property
    def _codec_grid(self) -> bool:
        """Whether the grid is that of a codec, whose blocks of colour are larger, rather than one of tiles."""
        return self.parts["blocking"].distance > 1 and (self._grid.period == BLOCK or self._grid.in_chroma)

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

    def _phrase(self, kind: str) -> str:
        before, after, moved = self.before, self.after, self.moved
        worst = self._excess({name: cell for name, cell in self.cells.items() if self._kind(name) == kind})
        where = place(worst, before.size)
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
