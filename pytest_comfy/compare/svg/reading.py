"""Parse SVG into a list of elements in which nothing is left that does not count."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from xml.parsers import expat

from ..lines import shorten
from ..memory import require
from ..result import UndecodableError
from .values import COLOURS, Token, scale_of, tokens

MAX_BYTES = 2**24
"""Longest document, 16 MiB: pictures traced at their finest have a few."""
_BYTES = 240
"""Bytes that a byte of it takes, where a path of short numbers is compared with another."""
MAX_ELEMENTS = 100_000
"""Most elements and texts."""
MAX_DEPTH = 256
"""Deepest nesting."""
TEXT = "#text"
"""Tag of a piece of text."""

_SVG = ("http://www.w3.org/2000/svg", "")
_FOREIGN = ("http://www.w3.org/1999/xhtml", "http://www.w3.org/1998/Math/MathML")
_LINK = "http://www.w3.org/1999/xlink"
_XML = "http://www.w3.org/XML/1998/namespace"
_WITHOUT_EFFECT = {"version", "baseProfile", "id"}
_REFERENCE = re.compile(r"#([^\s\"'(),;{}#.:>+~\[\]]+)")


@dataclass
class Element:
    """An element, or a piece of text, where it stands.

    path    tags from the root on with their positions, such as svg/g[2]/path[1]; a tag's first place is 1
    text    of a piece of text, white space as single spaces
    scale   how much larger than user units its lengths are drawn
    values  attributes and properties of `style`, taken apart
    """

    tag: str
    path: str
    text: str = ""
    scale: float = 1.0
    attributes: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[Token]] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """Elements in order, the root first, and the longer side of the picture in user units."""

    elements: list[Element]
    side: float


def read_svg(data: bytes) -> Document:
    """Parse an SVG. Entities and whatever lies outside of the document are not looked at. Raises UndecodableError.

    Left out are comments, metadata, elements and attributes of editors, and ids that nothing refers to; those
    that something refers to are numbered, so that their names do not count.
    """
    if len(data) > MAX_BYTES:
        raise UndecodableError(f"the SVG has {len(data)} bytes, more than {MAX_BYTES} are refused")
    require(len(data) * _BYTES, f"the SVG has {len(data)} bytes, and to compare it")
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except UndecodableError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UndecodableError(f"the SVG is broken or truncated ({shorten(str(error))})") from error
    elements = builder.elements
    _number_ids(elements)
    for element in elements:
        element.values = {name: tokens(name, value) for name, value in sorted(element.attributes.items())}
    return Document(elements, _side(elements[0]))


class _Builder:
    """Takes what the parser finds."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.counts: list[Counter[str]] = [Counter()]
        self.pieces: list[str] = []
        self.kept = self.ignored = self.depth = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.pieces.append
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.EntityDeclHandler = self.entity
        self.parser.SkippedEntityHandler = self.entity

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UndecodableError(f"the SVG is nested deeper than {MAX_DEPTH}")
        space, _, tag = name.rpartition(" ")
        if not self.open and not self.ignored and (tag != "svg" or space not in _SVG):
            raise UndecodableError(f"the document is no SVG: its root is <{shorten(tag)}>")
        if self.ignored or space not in (*_SVG, *_FOREIGN) or tag == "metadata":
            if not self.ignored:
                self.kept = len(self.pieces)
            self.ignored += 1
            return
        self.text()
        element = self.add(tag)
        element.attributes = _attributes(attributes)
        above = self.open[-1].scale if self.open else 1.0
        element.scale = above * scale_of(element.attributes.get("transform", ""))
        self.open.append(element)
        self.counts.append(Counter())

    def end(self, name: str) -> None:
        self.depth -= 1
        if self.ignored:
            self.ignored -= 1
            del self.pieces[self.kept :]
            return
        self.text()
        self.open.pop()
        self.counts.pop()

    def text(self) -> None:
        """Add the text that came since the last element began or ended."""
        text = " ".join("".join(self.pieces).split())
        self.pieces.clear()
        if text:
            self.add(TEXT).text = text

    def add(self, tag: str) -> Element:
        if len(self.elements) >= MAX_ELEMENTS:
            raise UndecodableError(f"the SVG has more than {MAX_ELEMENTS} elements")
        self.counts[-1][tag] += 1
        place = f"{self.open[-1].path}/{shorten(tag)}[{self.counts[-1][tag]}]" if self.open else tag
        self.elements.append(Element(tag, place))
        return self.elements[-1]

    def doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        if internal:
            raise UndecodableError("the SVG has a document type of its own, which is refused")

    def entity(self, *_: object) -> None:
        raise UndecodableError("the SVG uses entities of its own, which are refused")


def _attributes(given: dict[str, str]) -> dict[str, str]:
    """Return attributes by plain names, with the properties of `style`, which win over attributes of their names."""
    found = {}
    style = ""
    for name, value in given.items():
        space, _, plain = name.rpartition(" ")
        if plain == "style" and not space:
            style = value
        elif space in ("", _LINK, _XML):
            found[plain] = value
    for declared in style.split(";"):
        name, colon, value = declared.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found


def _number_ids(elements: list[Element]) -> None:
    """Name the ids that something refers to by their order, and forget the others."""
    used: set[str] = set()
    for element in elements:
        used.update(_REFERENCE.findall(element.text))
        for name, value in element.attributes.items():
            if "#" in value and not _is_colour(name, value):
                used.update(_REFERENCE.findall(value))
    declared = [element.attributes["id"] for element in elements if element.attributes.get("id") in used]
    numbers = {name: str(number) for number, name in enumerate(dict.fromkeys(declared), 1)}

    def renamed(text: str, name: str = "") -> str:
        if "#" not in text or _is_colour(name, text):
            return text
        return _REFERENCE.sub(lambda found: f"#{numbers.get(found[1], found[1])}", text)

    for element in elements:
        number = numbers.get(element.attributes.get("id", ""))
        kept = {name: renamed(value, name) for name, value in element.attributes.items() if name not in _WITHOUT_EFFECT}
        element.attributes = kept if number is None else {**kept, "id": f"#{number}"}
        if element.tag == TEXT:
            element.text = renamed(element.text)


def _is_colour(name: str, text: str) -> bool:
    """Whether it is a colour by its digits, which may look like a reference."""
    return name in COLOURS and text.lstrip().startswith("#")


def _side(root: Element) -> float:
    box = [token.value for token in root.values.get("viewBox", ()) if isinstance(token.value, float)]
    if len(box) != 4:
        box = [token.value for name in ("width", "height") for token in root.values.get(name, ())
               if isinstance(token.value, float)]  # fmt: skip
    side = max(box[-2:], default=0.0)
    return side if side > 0 else 100.0
