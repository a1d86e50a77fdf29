"""A workflow laid out as a graph: columns by how far the data has come, rows so that few links cross."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .reading import Entry, entries, entry, text

MOST_NODES = 150
WIDTH, HEIGHT = 168, 44
_ACROSS, _DOWN, _MARGIN = 56, 18, 8
_SWEEPS = 4
_TITLE = 23
"""Characters of a title that fit into a box."""

Links = list[tuple[str, str]]


@dataclass(frozen=True)
class Box:
    """A node at its place, in pixels; `verdict` is of its worst output, '' where none is judged."""

    x: int
    y: int
    title: str
    class_type: str
    name: str
    verdict: str


@dataclass(frozen=True)
class Graph:
    """Boxes, links as paths, and the size of it all; `left_out` nodes did not fit."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    paths: tuple[str, ...]
    left_out: int


def laid_out(document: Any, verdicts: Mapping[str, str]) -> Graph | None:
    """Return the graph of a prompt, as report.json has it; None where it has no nodes."""
    every = {text(node.get("id"), 40): node for node in entries(entry(document).get("nodes"))}
    nodes = dict(list(every.items())[:MOST_NODES])
    if not nodes:
        return None
    links = _links(document, nodes)
    columns = _ordered(_columns(list(nodes), links), links)
    tallest = max(len(column) for column in columns) * (HEIGHT + _DOWN) - _DOWN
    places = {}
    for across, column in enumerate(columns):
        top = _MARGIN + (tallest - len(column) * (HEIGHT + _DOWN) + _DOWN) // 2
        for down, name in enumerate(column):
            places[name] = (_MARGIN + across * (WIDTH + _ACROSS), top + down * (HEIGHT + _DOWN))
    return Graph(
        2 * _MARGIN + len(columns) * (WIDTH + _ACROSS) - _ACROSS,
        2 * _MARGIN + tallest,
        tuple(_box(name, nodes[name], places[name], verdicts.get(name, "")) for name in nodes),
        tuple(_path(places[start], places[end]) for start, end in links),
        len(every) - len(nodes),
    )


def _box(name: str, node: Entry, place: tuple[int, int], verdict: str) -> Box:
    class_type = text(node.get("class_type"), 80)
    title = text(node.get("title"), 80) or class_type or name
    return Box(*place, _short(title), _short(class_type), f"{name} {title}", verdict)


def _short(title: str) -> str:
    return title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…"


def _links(document: Entry, nodes: Mapping[str, Any]) -> Links:
    found: dict[tuple[str, str], None] = {}
    told = document.get("links")
    for link in told if isinstance(told, list) else []:
        if isinstance(link, list) and len(link) > 2:
            start, end = text(link[0], 40), text(link[2], 40)
            if start in nodes and end in nodes and start != end:
                found[start, end] = None
    return list(found)


def _columns(names: Sequence[str], links: Links) -> list[list[str]]:
    """Return the nodes by their longest way from a node without inputs; a circle is entered at its first node."""
    sources = defaultdict(list)
    waiting = dict.fromkeys(names, 0)
    after = defaultdict(list)
    for start, end in links:
        sources[end].append(start)
        after[start].append(end)
        waiting[end] += 1
    depth: dict[str, int] = {}
    while waiting:
        name = next((name for name, count in waiting.items() if not count), next(iter(waiting)))
        del waiting[name]
        depth[name] = 1 + max((depth[one] for one in sources[name] if one in depth), default=-1)
        for one in after[name]:
            if one in waiting:
                waiting[one] -= 1
    for name in reversed(list(depth)):  # a node stands beside the first that it feeds, not far from it
        nearest = min((depth[one] for one in after[name] if depth[one] > depth[name]), default=None)
        if nearest is not None and not sources[name]:
            depth[name] = nearest - 1
    columns: list[list[str]] = [[] for _ in range(1 + max(depth.values()))]
    for name, at in depth.items():
        columns[at].append(name)
    return [column for column in columns if column]


def _ordered(columns: list[list[str]], links: Links) -> list[list[str]]:
    """Order each column by the middle of what its nodes are linked with, there and back."""
    near = defaultdict(list)
    for start, end in links:
        near[start].append(end)
        near[end].append(start)
    for sweep in range(_SWEEPS):
        place = {name: row / len(column) for column in columns for row, name in enumerate(column)}
        for column in columns if sweep % 2 else reversed(columns):
            middle = {
                name: sum(place[one] for one in near[name]) / len(near[name]) if near[name] else place[name]
                for name in column
            }
            column.sort(key=middle.__getitem__)
            place.update((name, row / len(column)) for row, name in enumerate(column))
    return columns


def _path(start: tuple[int, int], end: tuple[int, int]) -> str:
    x, y = start[0] + WIDTH, start[1] + HEIGHT // 2
    to_x, to_y = end[0], end[1] + HEIGHT // 2
    bend = max(_ACROSS // 2, abs(to_x - x) // 2)
    return f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
