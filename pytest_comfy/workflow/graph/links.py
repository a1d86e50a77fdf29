"""From an input to what feeds it: through reroutes, bypassed nodes and the borders of subgraphs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .document import INPUT_NODE, SavedGraph, SavedLink
from .frames import Frame
from .nodes import BYPASSED, MUTED, Node
from .result import ConversionError
from .types import ANY, compatible
from .versions import Page
from .widgets import Socket, Widget
from .wires import Wires


@dataclass(frozen=True, slots=True)
class Link:
    """An output of a node that is sent: [id, slot] of the prompt."""

    id: str
    slot: int


@dataclass(frozen=True, slots=True)
class Exposed:
    """A widget that an instance of a subgraph exposes, whose value is sent in place of a link.

    pushed  whether a link from outside brings nothing: the inner widget then sends the value as its own
    """

    instance: str
    name: str
    widget: Widget
    pushed: bool = False

    @property
    def value(self) -> Any:
        """The value of this instance."""
        return self.widget.value


Source = Link | Exposed | None
_Hop = tuple[Frame, Node, int, str]
"""An output, and the type of the input that asks for it."""
_Input = tuple[Frame, Node, Socket]
_Key = tuple[int, str, int, str]


class Links:
    """Finds the sources of inputs; what was found once is kept, so that long chains are walked once."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._found: dict[_Key, tuple[Source, frozenset[Frame]]] = {}
        self._wires = Wires()

    def source(self, frame: Frame, node: Node, socket: Socket) -> Source:
        """Return what feeds an input; None when nothing does.

        Raises ConversionError for links that lead nowhere or in a circle.
        """
        if socket.link is None:  # most of them
            return None
        way, link = self._way_out((frame, node, socket))
        exposed = [found for found in (_exposed(*one) for one in way[1:]) if found is not None]
        if link is None:
            return exposed[-1] if exposed else None
        at = way[-1]
        found, more = self._trace((at[0], self._origin(*at, link), link.origin_slot, at[2].type))
        self._check_repetition(more.union(one[0] for one in way), way[0])
        if found is None and exposed and socket.widget is not None and self._reaches(at, link):
            return replace(exposed[-1], pushed=True)
        return found

    def _reaches(self, at: _Input, link: SavedLink) -> bool:
        """Whether an instance's own value holds where its link brings nothing, rather than that of the definition.

        Of later pages that of a PrimitiveNode does: they lose it by mistake.
        """
        return not self._page.keeps_definitions or self._origin(*at, link).virtual == "primitive"

    def _way_out(self, at: _Input) -> tuple[list[_Input], SavedLink | None]:
        """Return an input and those of the instances around it that feed it, and the link of the last one."""
        way = [at]
        while (link := self._link(*way[-1])) is not None:
            outer = self._outside(*way[-1], link)
            if outer is None:
                break
            way.append(outer)
        return way, link

    def _trace(self, start: _Hop) -> tuple[Source, frozenset[Frame]]:
        """Return the output that stands for an output of a node, walking upwards; or the widget, or nothing.

        With the frames that the way leads through, or those of a longer way that joins it.
        """
        passed: dict[_Key, None] = {}
        crossed: set[Frame] = set()
        hop: _Hop | Source = start
        while isinstance(hop, tuple):
            frame, node, slot, kind = hop
            crossed.add(frame)
            key = (id(frame), node.id, slot, kind)
            if key in self._found:
                hop, more = self._found[key]
                crossed |= more
                break
            if key in passed:
                raise _circle(frame, node)
            passed[key] = None
            hop = self._step(frame, node, slot, kind)
        result = hop, frozenset(crossed)
        self._found.update(dict.fromkeys(passed, result))
        return result

    def _check_repetition(self, crossed: frozenset[Frame], start: _Input) -> None:
        """Refuse what the page refuses: a way through the same place of two instances of one subgraph.

        It takes that for a circle, as it does not tell the instances apart.
        """
        inside = [frame.graph.saved.id for frame in crossed if frame.instance is not None]
        if len(set(inside)) == len(inside):
            return
        seen: set[tuple[str, str, str, int]] = set()
        hop: _Hop | Source = None
        at: _Input | None = start
        while at is not None:
            way, link = self._way_out(at)
            for one in way:
                _visit(seen, one[0], one[1], "in", one[1].sockets.index(one[2]))
            if link is None:
                return
            at = way[-1]
            hop = at[0], self._origin(*at, link), link.origin_slot, at[2].type
            at = None
            while isinstance(hop, tuple):
                frame, node, slot, kind = hop
                _visit(seen, frame, node, "out", slot)
                at = self._through(frame, node, slot, kind)
                if at is not None:
                    break
                hop = self._inside(frame, node, slot, kind) if node.inner is not None else None

    def _step(self, frame: Frame, node: Node, slot: int, kind: str) -> _Hop | Source:
        if node.saved.mode == MUTED and self._page.mutes_sources:
            return None
        onward = self._through(frame, node, slot, kind)
        if onward is not None:
            looked_through = node.virtual and node.saved.mode != BYPASSED
            return self._onward(*onward, kind if looked_through else onward[2].type)
        if node.inner is not None and node.saved.mode != BYPASSED:
            return self._inside(frame, node, slot, kind)
        if node.virtual or node.saved.mode == BYPASSED:
            return None
        if node.definition is not None and not 0 <= slot < len(node.outputs):
            raise ConversionError(f"{frame.where(node)}: has no output {slot}, which something is linked to")
        return Link(frame.id_of(node), slot)

    def _through(self, frame: Frame, node: Node, slot: int, kind: str) -> _Input | None:
        """Return the input that stands for an output of a node which is looked through."""
        if node.saved.mode == BYPASSED:
            chosen = _bypass(frame, node, slot, kind)
            return None if chosen is None else (frame, node, chosen)
        if node.virtual == "get":
            return self._wires.setter(frame, node)
        if node.virtual and 0 <= slot < len(node.sockets):
            return frame, node, node.sockets[slot]
        return None

    def _onward(self, frame: Frame, node: Node, socket: Socket, kind: str) -> _Hop | Source:
        """Return the next hop from an input, leaving as many subgraphs as it takes."""
        way, link = self._way_out((frame, node, socket))
        at = way[-1]
        if link is None:
            return _exposed(*at) if len(way) > 1 else None
        return at[0], self._origin(*at, link), link.origin_slot, at[2].type if len(way) > 1 else kind

    def _link(self, frame: Frame, node: Node, socket: Socket) -> SavedLink | None:
        if socket.link is None:
            return None
        link = frame.graph.saved.links.get(socket.link)
        if link is None and frame.graph.saved.unread:
            raise ConversionError(
                f"{frame.where(node, socket.name)}: ComfyUI's page does not read link {socket.link}, as "
                f"{frame.graph.saved.unread}"
            )
        if link is None:
            raise ConversionError(
                f"{frame.where(node, socket.name)}: link {socket.link} is not in the file's table of links: "
                "connect the input again in ComfyUI and save"
            )
        if link.id in frame.graph.dropped:
            raise ConversionError(
                f"{frame.where(node, socket.name)}: the file's table of links has link {link.id} elsewhere, so that "
                "ComfyUI's page drops it: connect the input again and save"
            )
        return link

    def _outside(self, frame: Frame, node: Node, socket: Socket, link: SavedLink) -> _Input | None:
        """Return the instance's input that a link comes from; None for links that start within the graph."""
        if link.origin != INPUT_NODE or frame.parent is None or frame.instance is None:
            return None
        if not 0 <= link.origin_slot < len(frame.instance.sockets):
            raise ConversionError(
                f"{frame.where(node, socket.name)}: comes from input {link.origin_slot} of the subgraph, which has "
                f"{len(frame.instance.sockets)}: connect the input again in ComfyUI and save"
            )
        return frame.parent, frame.instance, frame.instance.sockets[link.origin_slot]

    def _origin(self, frame: Frame, node: Node, socket: Socket, link: SavedLink) -> Node:
        origin = frame.graph.nodes.get(link.origin)
        if origin is None:
            raise ConversionError(
                f"{frame.where(node, socket.name)}: link {link.id} comes from node {link.origin}, which is not there: "
                "connect the input again in ComfyUI and save"
            )
        return origin

    def _inside(self, frame: Frame, node: Node, slot: int, kind: str) -> _Hop | Source:
        """Go to the node within an instance that an output of it stands for."""
        inner = frame.inner[node.id]
        saved = inner.graph.saved
        if not 0 <= slot < len(saved.outputs):
            raise ConversionError(f"{frame.where(node)}: has no output {slot}, which something is linked to")
        link = _output_link(saved, slot)
        if link is None:
            return None
        origin = inner.graph.nodes.get(link.origin)
        if origin is None:
            told = "comes straight from an input" if link.origin == INPUT_NODE else f"comes from node {link.origin}"
            raise ConversionError(
                f"{frame.where(node)}: output {saved.outputs[slot].name!r} {told}, not from a node that is there: "
                "connect it to a node within the subgraph"
            )
        return inner, origin, link.origin_slot, kind


def _circle(frame: Frame, node: Node) -> ConversionError:
    return ConversionError(f"{frame.where(node)}: the links run in a circle: take one of them out")


def _visit(seen: set[tuple[str, str, str, int]], frame: Frame, node: Node, way: str, slot: int) -> None:
    key = (frame.graph.saved.id, node.id, way, slot)
    if key in seen:
        raise ConversionError(
            f"{frame.where(node)}: ComfyUI takes the links for a circle, as they pass the same bypassed or virtual "
            "node in two instances of one subgraph: bypass the instance instead of the nodes in it"
        )
    seen.add(key)


def _bypass(frame: Frame, node: Node, slot: int, kind: str) -> Socket | None:
    """Return the input that stands for an output of a bypassed node."""
    if not 0 <= slot < len(node.outputs):
        raise ConversionError(
            f"{frame.where(node)}: is bypassed and has no output {slot}, which something is linked to"
        )
    sockets, made = node.sockets, node.outputs[slot]
    same = sockets[slot] if slot < len(sockets) else None
    if kind in ("", ANY):
        if not sockets:
            raise ConversionError(
                f"{frame.where(node)}: is bypassed and has no input to pass on: mute it, or take it out"
            )
        return same or sockets[0]
    if same is not None and compatible(same.type, made) and compatible(same.type, kind):
        return same
    for socket in sockets:
        if socket.type == kind:
            return socket
    return next((one for one in sockets if compatible(one.type, made) and compatible(one.type, kind)), None)


def listed(frame: Frame, node: Node, name: str, source: str = "") -> Exposed | None:
    """Return the value that an instance around has for a widget of a node within it; the outermost one's counts."""
    instance, parent = frame.instance, frame.parent
    if instance is None or parent is None:
        return None
    found = instance.listed.get((node.id, name), ())
    one = next((one for one in found if not source or one.source in ("", source)), None)
    if one is None:
        return None
    own = Exposed(parent.id_of(instance), one.widget.name, one.widget) if one.widget.known else None
    return listed(parent, instance, one.widget.name, one.source or one.node) or own


def is_listed(frame: Frame, node: Node, name: str) -> bool:
    """Whether an instance around lists a widget, so that it sends its value as one of the instance's: as it is."""
    return frame.instance is not None and (node.id, name) in frame.instance.listed


def _exposed(frame: Frame, node: Node, socket: Socket) -> Exposed | None:
    found = listed(frame, node, socket.name)
    if found is not None:
        return found
    if socket.widget is None or not socket.widget.known:
        return None
    return Exposed(frame.id_of(node), socket.name, socket.widget)


def _output_link(saved: SavedGraph, slot: int) -> SavedLink | None:
    """Return the first link that exists to an output of a definition."""
    return next((saved.links[one] for one in saved.outputs[slot].links if one in saved.links), None)
