"""One output of a case as the page shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .diffing import Line, text_diff
from .links import Links
from .naming import Names
from .reading import Entry, block, box, entries, entry, figure, number, text, texts, whole

VERDICTS = ("different", "missing", "unexpected", "within tolerance", "identical", "ignored")
FAILED = VERDICTS[:3]
_BAR = 120
"""Pixels of a bar; its middle is the limit."""
_FARTHEST = 50
"""Limits that a full bar is; from the middle on it goes by the logarithm."""
_MOST_REGIONS = 50
_LONGEST_TEXT = 2**17


@dataclass(frozen=True)
class Part:
    """A measured part: its bar in pixels, and whether it is over its limit, which is the bar's middle."""

    name: str
    value: str
    limit: str
    bar: float
    over: bool


@dataclass(frozen=True)
class File:
    """One file of an output: `element` is what shows it (image, video, audio), '' where it is only linked."""

    role: str
    url: str
    element: str
    name: str


@dataclass(frozen=True)
class Output:
    """One output: id within its case, sentence, parts, files by role, and its diff where it is a text."""

    id: str
    name: str
    title: str
    batch: str
    index: int
    kind: str
    media_type: str
    verdict: str
    message: str
    kinds: tuple[str, ...]
    group: str
    distance: float | None
    tolerance: str
    parts: tuple[Part, ...]
    regions: tuple[tuple[int, ...], ...]
    size: tuple[int, ...] | None
    files: tuple[File, ...]
    refused: tuple[str, ...]
    thumbnails: tuple[str | None, str | None]
    diff: tuple[Line, ...]
    diff_cut: bool
    texts: tuple[str, str]

    @property
    def failed(self) -> bool:
        """Whether it is one of those that a person has to look at."""
        return self.verdict in FAILED

    @property
    def times(self) -> str:
        """How far it moved, in limits."""
        return "" if self.distance is None else figure(self.distance)

    def file(self, role: str) -> File | None:
        """Return the file of a role: golden, actual or difference."""
        return next((one for one in self.files if one.role == role), None)

    @property
    def shown_as(self) -> str:
        """What golden and actual are both shown by: image, video, audio; '' where a browser shows neither."""
        elements = {one.element for one in self.files if one.role != "difference"}
        return elements.pop() if len(elements) == 1 else ""


def output_of(document: Entry, links: Links, names: Names) -> Output:
    """Read an output of report.json; `names` gives its id within the case."""
    name = _name(document)
    verdict = text(document.get("verdict"), 40)
    message = text(document.get("message"), 2000)
    files = entry(document.get("files"))
    diff, cut, both = _texts(entry(document.get("text")))
    kinds = tuple(dict.fromkeys(text(one, 40) for one in texts(document.get("kinds"), 20)))
    return Output(
        id=id_of(document, names),
        name=name,
        title=text(document.get("title"), 200),
        batch=f"{text(document.get('node'), 60)}.{text(document.get('key'), 60)}",
        index=whole(document.get("index")),
        kind=text(document.get("kind"), 40),
        media_type=text(document.get("media_type"), 80),
        verdict=verdict,
        message=message,
        kinds=kinds,
        group=text(document.get("group"), 80) or text(message.split(" (")[0], 80),
        distance=number(document.get("distance")),
        tolerance=text(document.get("tolerance"), 80),
        parts=_parts(document.get("parts")),
        regions=tuple(one for one in map(box, _list(document.get("regions"))[:_MOST_REGIONS]) if one and len(one) == 4),
        size=size if (size := box(document.get("size"))) and len(size) == 2 and all(size) else None,
        files=tuple(_files(files, links)),
        refused=tuple(text(role, 40) for role, path in files.items() if path and not links.url(path)),
        thumbnails=(_thumbnail(files.get("golden"), links), _thumbnail(files.get("actual"), links)),
        diff=tuple(diff),
        diff_cut=cut,
        texts=both,
    )


def id_of(document: Entry, names: Names) -> str:
    """Return the id of an output within its case; to be asked in the order of the document."""
    return names.of(_name(document))


def _name(document: Entry) -> str:
    return text(document.get("name"), 200) or "output"


def _files(files: Entry, links: Links) -> list[File]:
    found = []
    for role in ("golden", "actual", "difference"):
        path = files.get(role)
        url = links.url(path)
        if url:
            found.append(File(role, url, links.element(path), text(str(path).rpartition("/")[2])))
    return found


def _thumbnail(path: Any, links: Links) -> str | None:
    return links.thumbnail(path) if links.element(path) == "image" else None


def _texts(document: Entry) -> tuple[list[Line], bool, tuple[str, str]]:
    golden, actual = (text(document.get(role), _LONGEST_TEXT) for role in ("golden", "actual"))
    lines, cut = text_diff(golden, actual)
    return lines, cut, ((block(golden), block(actual)) if document and not lines else ("", ""))


def _parts(document: Any) -> tuple[Part, ...]:
    """Return the parts, the one that moved most first."""
    found = []
    for part in entries(document, 200):
        value, limit, distance = (number(part.get(key)) for key in ("value", "limit", "distance"))
        far = 0.0 if distance is None else max(distance, 0.0)
        bar = far if far <= 1 else 1 + math.log(min(far, _FARTHEST)) / math.log(_FARTHEST)
        row = Part(text(part.get("name"), 60), figure(value), figure(limit), round(bar * _BAR / 2, 1), far > 1)
        found.append((far, row))
    return tuple(row for _, row in sorted(found, key=lambda one: -one[0]))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
