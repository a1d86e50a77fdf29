"""Autogrow groups: inputs of which there are as many as are linked, and one more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .specs import AUTOGROW, InputSpec
from .widgets import Socket, Widget, added_specs, group_step


def groups_of(specs: Iterable[InputSpec], widgets: Iterable[Widget]) -> Iterator[InputSpec]:
    """Yield the autogrow groups of a node, those that its dynamic combos bring among them, by their full names."""
    yield from (spec for spec in specs if spec.type == AUTOGROW)
    for widget in widgets:
        yield from (spec for spec in added_specs(widget) if spec.type == AUTOGROW)


def grow_by_links(spec: InputSpec, sockets: list[Socket]) -> None:
    """Put the next step of a group behind every step that is linked, as the page does while it loads a node.

    It matters to what is bypassed: outputs are passed on from inputs by their places.
    """
    steps = {one.name for one in group_step(spec, 0)}
    ordinal = 0
    while steps:
        following = {one.name: one for one in group_step(spec, ordinal + 1)}
        if any(one.link is not None for one in sockets if one.name in steps):
            _place(sockets, steps, following)
        elif not any(one.name.startswith(f"{spec.name}.") for one in sockets[_behind(sockets, steps) :]):
            return
        steps, ordinal = set(following), ordinal + 1


def _place(sockets: list[Socket], steps: set[str], following: Mapping[str, InputSpec]) -> None:
    there = {one.name: one for one in sockets if one.name in following}
    sockets[:] = [one for one in sockets if one.name not in following]
    at = _behind(sockets, steps)
    sockets[at:at] = [there.get(name) or Socket(name, spec.type, spec=spec) for name, spec in following.items()]


def _behind(sockets: list[Socket], names: set[str]) -> int:
    return max((at + 1 for at, one in enumerate(sockets) if one.name in names), default=len(sockets))


def close_gaps(spec: InputSpec, sockets: list[Socket]) -> None:
    """Move links of an autogrow group down to where nothing is linked, from the least number of inputs on."""
    template = spec.options.get("template")
    least = template.get("min", 1) if isinstance(template, Mapping) else 1
    group = [
        socket
        for socket in sockets
        if socket.name.startswith(f"{spec.name}.") and "." not in socket.name[len(spec.name) + 1 :]
    ]
    inputs = template.get("input") if isinstance(template, Mapping) else None
    width = (
        sum(len(section) for section in inputs.values() if isinstance(section, Mapping))
        if isinstance(inputs, Mapping)
        else 1
    )
    width = max(width, 1)
    if len(group) % width or not isinstance(least, int):
        return
    rows = [group[at : at + width] for at in range(max(least - 1, 0) * width, len(group), width)]
    kept = [[socket.link for socket in row] for row in rows if any(socket.link for socket in row)]
    for row, links in zip(rows, kept + [[None] * width] * (len(rows) - len(kept)), strict=True):
        for socket, link in zip(row, links, strict=True):
            socket.link = link
