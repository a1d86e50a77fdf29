"""What the page makes of texts when it sends them: dynamic prompts, and names with %...% in them."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import datetime

from .nodes import Node
from .values import as_text
from .versions import Page

_SAVERS = frozenset(
    ("SaveImage", "SaveAnimatedWEBP", "SaveAnimatedPNG", "SaveWEBM", "SaveAudio", "SaveGLB", "SaveLatent", "CLIPSave",
     "VAESave", "ModelSave", "LoraSave")
)  # fmt: skip
_LATER_SAVERS = frozenset(
    ("SaveImageAdvanced", "SaveSVGNode", "SaveAudioMP3", "SaveAudioOpus", "SaveAudioAdvanced", "Save3DAdvanced",
     "SaveGaussianSplat", "SavePointCloud")
)  # fmt: skip

SEARCH_NAME = "Node name for S&R"

_LINE_END = re.compile("[\n\r\u2028\u2029]")
_ESCAPED = re.compile(r"\\([{}|])")
_REPLACED = re.compile(r"%([^%]+)%")
_UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
_DATE_PART = re.compile(r"dd?|MM?|hh?|mm?|ss?|yyy?y?")
_MAX_DEPTH = 30
_MAX_LENGTH = 1_000_000


@functools.cache
def savers(page: Page) -> frozenset[str]:
    """Return the classes whose filename_prefix a version of the page replaces."""
    found = _SAVERS | {"SaveVideo"} if page.replaces_video_names else _SAVERS
    return found | _LATER_SAVERS if page.replaces_all_names else found


class Chooser:
    """Chooses branches of dynamic prompts by a seed: the same seed, node, input and text choose the same."""

    def __init__(self, seed: str, place: str) -> None:
        self._start = hashlib.sha256(f"{seed}\0{place}".encode("utf-8", "surrogatepass")).digest()
        self._count = 0

    def __call__(self, branches: int) -> int:
        """Return a number below `branches`."""
        self._count += 1
        digest = hashlib.sha256(self._start + self._count.to_bytes(8, "big")).digest()
        return int.from_bytes(digest[:8], "big") % branches


def dynamic_prompt(text: str, choose: Callable[[int], int], depth: int = 0) -> str:
    """Return a text without comments and with one branch of every {a|b}; braces may be nested and escaped.

    An unclosed brace closes at the end. Raises ValueError for texts whose choices are beyond reason.
    """
    text = _without_comments(text)
    if "{" not in text and "\\" not in text:
        return text
    if depth == 0:
        _check(text)
    result: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            result.append(text[at : at + 2] if at + 1 < len(text) else "\\undefined")
            at += 2
        elif char == "{":
            branches, at = _branches(text, at + 1)
            result.append(dynamic_prompt(branches[choose(len(branches))], choose, depth + 1))
        else:
            result.append(char)
            at += 1
    return _ESCAPED.sub(r"\1", "".join(result))


def _without_comments(text: str) -> str:
    """Return a text without /* ... */ and // to the end of the line."""
    kept, at, closes = [], 0, True
    while (start := text.find("/", at)) >= 0:
        kept.append(text[at:start])
        two = text[start : start + 2]
        end = text.find("*/", start + 2) if two == "/*" and closes else -1
        if end >= 0:
            at = end + 2
        elif two == "//":
            line = _LINE_END.search(text, start)
            at = line.start() if line else len(text)
        else:
            closes = closes and two != "/*"
            kept.append("/")
            at = start + 1
    return "".join([*kept, text[at:]])


def _check(text: str) -> None:
    """Raise ValueError for what would take long: every level is read once more than the one around it."""
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"a text with choices of more than {_MAX_LENGTH:,} characters")
    deepest = depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth = depth + 1 if brace == "{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    if deepest > _MAX_DEPTH:
        raise ValueError(f"braces are nested deeper than {_MAX_DEPTH} levels")


def _branches(text: str, at: int) -> tuple[list[str], int]:
    """Return the branches of a block from behind its brace, and where the text goes on."""
    branches: list[str] = []
    branch: list[str] = []
    depth = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\":
            branch.append(f"\\{text[at] if at < len(text) else 'undefined'}")
            at += 1
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            if not depth:
                break
            depth -= 1
        elif char == "|" and not depth:
            branches.append("".join(branch))
            branch.clear()
            continue
        branch.append(char)
    return [*branches, "".join(branch)], at


class Names:
    """The nodes that %Node.widget% may mean: by their name for it, else by their title, the first of each."""

    def __init__(self, nodes: Iterable[Node], page: Page) -> None:
        self._by_name: dict[str, Node] = {}
        self._by_title: dict[str, Node] = {}
        for node in nodes:
            name = search_name(node, savers(page))
            if name is not None:
                self._by_name.setdefault(name, node)
            self._by_title.setdefault(node.title, node)

    def find(self, name: str) -> Node | None:
        """Return the node of a name."""
        return self._by_name.get(name) or self._by_title.get(name)


def replaced(text: str, names: Callable[[], Names], date: datetime) -> str:
    """Return a file name's prefix with %Node.widget% and %date:yyyy-MM-dd% filled in.

    What is not understood stays: the server has replacements of its own, such as %width%.
    """

    if "." not in text and "%date:" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        parts = match[1].split(".")
        if len(parts) != 2:
            return formatted(parts[0][5:], date) if parts[0].startswith("date:") else match[0]
        node = names().find(parts[0])
        widget = node.widget(parts[1]) if node else None
        return match[0] if widget is None else _UNSAFE.sub("_", as_text(widget.value))

    return _REPLACED.sub(one, text)


def search_name(node: Node, nameless: frozenset[str]) -> str | None:
    """Return the name by which others refer to a node: its property, else its class but for `nameless` ones."""
    told = node.saved.properties.get(SEARCH_NAME)
    if isinstance(told, str):
        return told
    return None if node.type in nameless or node.definition is None else node.type


def formatted(form: str, date: datetime) -> str:
    """Return a date as the page formats it: yyyy, MM, dd, hh, mm, ss; one letter leaves the leading zero out."""
    parts = {"d": date.day, "M": date.month, "h": date.hour, "m": date.minute, "s": date.second}
    years = {"yy": str(date.year)[2:], "yyy": "yyy", "yyyy": str(date.year)}

    def one(match: re.Match[str]) -> str:
        letters = match[0]
        return years[letters] if letters in years else str(parts[letters[0]]).zfill(len(letters))

    return _DATE_PART.sub(one, form)
