"""Compare two SVG documents element by element, or their fingerprints where one of them is not at hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

from ..figures import figure
from ..limits import rank
from ..lines import first_difference, shorten
from ..packing import FloatArray, unpack_halves, unpack_levels
from ..result import Comparison, Part, UndecodableError, hard_failure, identical
from ..tolerance import Tolerance
from .fingerprints import CELLS, cells_of, content_sha256, size_of
from .reading import TEXT, Document, Element, read_svg
from .values import Token

_KINDS = {"svg_place": "structure", "svg_number": "structure", "svg_colour": "colour"}
_UNITS = {"svg_place": "% of the picture's side", "svg_number": "%", "svg_colour": "levels"}
_EQUAL = 1e-9
"""Relative difference up to which numbers count as equal: sums of steps along a path are rounded."""
_LEAST = 0.01
"""Magnitude below which numbers are measured as if they had it: an opacity of 0.0001 is none."""

Described = Mapping[str, Any]


class _Moved(NamedTuple):
    """A value that moved: its part, how far in the unit of that, and where it is and was."""

    part: str
    value: float
    told: str


class _Parted(Exception):
    """The documents differ in what no tolerance covers. Arguments: kind, sentence."""


def compare_documents(golden: bytes, actual: bytes, tolerance: Tolerance) -> Comparison:
    """Compare two documents at hand. Raises UndecodableError where the golden one cannot be read."""
    try:
        after = read_svg(actual)
    except UndecodableError as error:
        return hard_failure(("undecodable",), str(error), tolerance.name)
    before = read_svg(golden)
    if content_sha256(before) == content_sha256(after):
        return identical("drawings are identical", tolerance.name)
    if size_of(before) != size_of(after):
        return _other_size(size_of(before), size_of(after), tolerance)
    try:
        moved = list(_all_moved(before, after))
    except _Parted as parted:
        kind, told = parted.args
        return hard_failure((kind,), told, tolerance.name)
    return _judged(moved, tolerance)


def compare_fingerprints(golden: Described, actual: Described, tolerance: Tolerance) -> Comparison:
    """Compare two fingerprints: the same elements with the same texts, and how far means of their values moved."""
    if golden["content_sha256"] == actual["content_sha256"]:
        return identical("drawings are identical", tolerance.name)
    if golden["size"] != actual["size"]:
        return _other_size(golden["size"], actual["size"], tolerance)
    before, after = golden["census"], actual["census"]
    for tag in {**before, **after}:
        if before.get(tag, 0) != after.get(tag, 0):
            told = f"{after.get(tag, 0)} elements {shorten(tag)}, was {before.get(tag, 0)}"
            return hard_failure(("structure",), told, tolerance.name)
    if golden["form_sha256"] != actual["form_sha256"]:
        told = "elements or their attributes are others; the golden file was not kept, so the place cannot be shown"
        return hard_failure(("structure",), told, tolerance.name)
    if golden["text_sha256"] != actual["text_sha256"]:
        told = "text differs; the golden file was not kept, so the place cannot be shown"
        return hard_failure(("text",), told, tolerance.name)
    return _judged(list(_means_moved(golden, actual)), tolerance)


def _judged(moved: list[_Moved], tolerance: Tolerance) -> Comparison:
    worst = {name: max((one for one in moved if one.part == name), key=lambda one: one.value, default=None)
             for name in _KINDS}  # fmt: skip
    parts = {name: Part(one.value if one else 0.0, tolerance.limit(name)) for name, one in worst.items()}
    order = sorted(parts, key=lambda name: rank(name, parts[name]), reverse=True)
    foremost, part = worst[order[0]], parts[order[0]]
    if foremost is None or part.value == 0:
        if tolerance.exact:
            told = "drawings differ by less than can be shown (exact allows nothing)"
            return hard_failure(("bytes",), told, tolerance.name, parts)
        return Comparison("within tolerance", "no value moved", tolerance.name, parts=parts)
    unit = _UNITS[order[0]]
    message = f"{foremost.told}: moved {figure(part.value)} {unit} ({tolerance.name} allows {figure(part.limit)})"
    kinds = tuple(dict.fromkeys(_KINDS[name] for name in order if parts[name].distance > 1))
    return Comparison(
        "different" if kinds else "within tolerance", message, tolerance.name, kinds, part.distance, parts=parts
    )


def _other_size(before: list[str | None], after: list[str | None], tolerance: Tolerance) -> Comparison:
    names = ("width", "height", "viewBox")
    told = "; ".join(
        f"{name} is {new or 'not given'}, was {old or 'not given'}"
        for name, old, new in zip(names, before, after, strict=True)
        if old != new
    )
    return hard_failure(("size",), shorten(told) if len(told) > 200 else told, tolerance.name)


def _all_moved(golden: Document, actual: Document) -> Iterator[_Moved]:
    """Yield all values that moved; raises _Parted at the first element that differs in more."""
    side = max(golden.side, actual.side)
    for before, after in zip_longest(golden.elements, actual.elements):
        if before is None or after is None or before.path != after.path:
            raise _Parted(*_other_element(before, after))
        if before.tag == TEXT:
            if before.text != after.text:
                start = first_difference(before.text, after.text)
                told = f'"{shorten(after.text, start)}", was "{shorten(before.text, start)}"'
                inside = before.path.rpartition("/")[0]
                kind = "structure" if inside.rpartition("/")[2].startswith("style") else "text"
                raise _Parted(kind, f"text of {inside} is {told}")
            continue
        for name in dict.fromkeys([*before.values, *after.values]):
            yield from _attribute(name, before, after, side)


def _other_element(before: Element | None, after: Element | None) -> tuple[str, str]:
    texts = all(one is None or one.tag == TEXT for one in (before, after))
    kind = "text" if texts else "structure"
    if after is None or (before is not None and before.path.count("/") > after.path.count("/")):
        assert before is not None  # one of the two is there
        return kind, f"{before.path} is missing"
    if before is None or before.path.count("/") < after.path.count("/"):
        return kind, f"{after.path} is new"
    return kind, f"{after.path} stands where {before.path} was"


def _attribute(name: str, before: Element, after: Element, side: float) -> Iterator[_Moved]:
    where = f"{after.path} {shorten(name)}"
    old, new = before.values.get(name), after.values.get(name)
    same_form = old is not None and new is not None and [one.kind for one in old] == [one.kind for one in new]
    if old is None or new is None or not same_form:
        now, was = (
            f'"{shorten(one.attributes[name])}"' if name in one.attributes else "not given" for one in (after, before)
        )
        kind = "colour" if any(one.kind == "colour" for one in (*(old or ()), *(new or ()))) else "structure"
        raise _Parted(kind, f"{where} is {now}, was {was}")
    for number, (one, other) in enumerate(zip(old, new, strict=True), 1):
        if one.value == other.value and before.scale == after.scale:
            continue
        place = where if len(old) == 1 else f"{where}, part {number} of {len(old)},"
        told = f"{place} is {_shown(other)}, was {_shown(one)}"
        if one.kind == "text":
            if one.value != other.value:
                raise _Parted("structure", told)
        elif isinstance(one.value, tuple) and isinstance(other.value, tuple):
            yield _Moved("svg_colour", math.dist(one.value, other.value), told)
        elif isinstance(one.value, float) and isinstance(other.value, float):
            moved, larger = abs(other.value - one.value), max(abs(one.value), abs(other.value))
            if moved <= larger * _EQUAL:
                continue
            if one.kind == "place":
                yield _Moved("svg_place", 100 * moved * max(before.scale, after.scale) / side, told)
            else:
                yield _Moved("svg_number", 100 * moved / max(larger, _LEAST), told)


def _means_moved(golden: Described, actual: Described) -> Iterator[_Moved]:
    for name, part in (("places", "svg_place"), ("numbers", "svg_number")):
        before, after = (_halves(one[name]) for one in (golden, actual))
        moved = 100 * np.abs(after - before)
        if part == "svg_number":
            moved = np.divide(
                moved, np.maximum(np.abs(before), np.abs(after)), out=np.zeros(moved.shape), where=moved > 0
            )
        if moved.size:
            yield _Moved(part, float(moved.max()), f"mean of {name} in {_share(int(moved.argmax()), moved.size)}")
    colours = [unpack_levels(one["colours"]["means"], (cells_of(one["colours"]["count"], CELLS // 4), 4))
               for one in (golden, actual)]  # fmt: skip
    moved = 255 * np.linalg.norm(colours[1] - colours[0], axis=1)
    if moved.size:
        yield _Moved("svg_colour", float(moved.max()), f"mean of colours in {_share(int(moved.argmax()), moved.size)}")


def _halves(described: Described) -> FloatArray:
    return unpack_halves(described["means"], described["largest"], (cells_of(described["count"], CELLS),))


def _share(index: int, count: int) -> str:
    return f"run {index + 1} of {count}"


def _shown(token: Token) -> str:
    if isinstance(token.value, tuple):
        *levels, alpha = token.value
        return "#" + "".join(f"{level:02x}" for level in (levels if alpha == 255 else token.value))
    return f"{figure(token.value, 6)}" if isinstance(token.value, float) else f'"{shorten(token.value)}"'
