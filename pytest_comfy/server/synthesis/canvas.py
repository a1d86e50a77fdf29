"""How large, and how many, the pictures are that go through a graph."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...workflow.definitions import upload_inputs
from ...workflow.model import is_link
from .graph import Graph

LARGEST = 2048
"""Pixels a side; what asks for more gets this."""

MOST_PICTURES = 4096
"""ComfyUI's own limit of `batch_size`."""

_PICTURES = {"IMAGE", "LATENT", "MASK", "VIDEO", "*"}
_SIZE_CLASSES = {"GetImageSize": ("width", "height", "count")}
_MOST_HEADER = 64 * 1024 * 1024
_HUGE = 1 << 20


@dataclass(frozen=True, slots=True)
class Canvas:
    """Pictures of width x height pixels, `count` of them."""

    width: int = 512
    height: int = 512
    count: int = 1

    def capped(self) -> Canvas:
        """Return the canvas within the limits."""
        return Canvas(
            min(max(self.width, 1), LARGEST), min(max(self.height, 1), LARGEST), min(max(self.count, 1), MOST_PICTURES)
        )


LoadInput = Callable[[str], "bytes | None"]


def canvases(graph: Graph, order: Sequence[str], load_input: LoadInput | None) -> dict[str, Canvas]:
    """Return node id -> canvas of the pictures the node makes, or takes if it is an output node.

    It is read from width, height, batch_size and their like along the way, not computed as ComfyUI would:
    a node that resizes in a way of its own is taken to keep the size. Nodes without pictures are left out.
    """
    found: dict[str, Canvas] = {}
    for node_id in order:
        if graph.is_output(node_id) or _PICTURES.intersection(graph.output_kinds(node_id)):
            canvas = _canvas(graph, node_id, found, load_input)
            if canvas is not None:
                found[node_id] = canvas.capped()
    return found


def measured(graph: Graph, link: Any, found: Mapping[str, Canvas]) -> int | None:
    """Return the number that a link to a size-telling node gives, None for any other link."""
    fields = _SIZE_CLASSES.get(graph.class_type(link[0])) if is_link(link) else None
    if fields is None or not 0 <= link[1] < len(fields):
        return None
    for value in graph.inputs(link[0]).values():
        if is_link(value) and value[0] in found:
            return int(getattr(found[value[0]], fields[link[1]]))
    return None


def _canvas(graph: Graph, node_id: str, found: Mapping[str, Canvas], load_input: LoadInput | None) -> Canvas | None:
    sources = [
        found[value[0]]
        for value in graph.inputs(node_id).values()
        if is_link(value) and value[0] in found and graph.kind_of_link(value) in _PICTURES
    ]
    base = sources[0] if sources else _loaded(graph, node_id, load_input)
    if graph.is_output(node_id) and not graph.output_kinds(node_id):
        return base

    def number(name: str) -> int | None:
        told = measured(graph, graph.inputs(node_id).get(name), found)
        told = graph.number(node_id, name) if told is None else told
        return min(told, _HUGE) if told and told > 0 else None

    width, height = _cropped(graph.value(node_id, "crop_region")) or (number("width"), number("height"))
    if base is None and width is None and height is None:
        return None
    made = base or Canvas()
    made = replace(made, **_resized(made, width, height))
    scale = graph.value(node_id, "scale_by")
    if isinstance(scale, (int, float)) and 0 < scale < LARGEST:
        made = replace(made, width=round(made.width * scale), height=round(made.height * scale))
    batch, length, amount = number("batch_size"), number("length"), number("amount")
    if base is None or batch:
        made = replace(made, count=(batch or 1) * (length or 1))
    if base is not None and amount and "Repeat" in graph.class_type(node_id):
        made = replace(made, count=made.count * amount)
    if "Batch" in graph.class_type(node_id) and len(sources) > 1:
        made = replace(made, count=sum(source.count for source in sources))
    return made


def _cropped(region: Any) -> tuple[int, int] | None:
    """Return width and height of the part that is cut out, None where none is told."""
    sides = [region.get(side) for side in ("width", "height")] if isinstance(region, Mapping) else []
    whole = [min(side, _HUGE) for side in sides if isinstance(side, int) and side > 0]
    return (whole[0], whole[1]) if len(whole) == 2 else None


def _resized(made: Canvas, width: int | None, height: int | None) -> dict[str, int]:
    if width and height:
        return {"width": width, "height": height}
    # One side alone, the other 0: ComfyUI's scaling nodes then keep the proportions.
    if width:
        return {"width": width, "height": max(1, round(made.height * width / made.width))}
    if height:
        return {"width": max(1, round(made.width * height / made.height)), "height": height}
    return {}


def _loaded(graph: Graph, node_id: str, load_input: LoadInput | None) -> Canvas | None:
    names = [graph.inputs(node_id).get(name) for name in upload_inputs(graph.definition(node_id))]
    name = next((name for name in names if isinstance(name, str)), None)
    if name is None:
        return None
    data = load_input(name) if load_input is not None else None
    if not data or len(data) > _MOST_HEADER:
        return Canvas()
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            return Canvas(*picture.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Canvas()  # Sound, a video or rubbish: no size to be had.
