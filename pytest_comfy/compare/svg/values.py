"""Attribute values of SVG taken apart: places, other numbers, colours, and text that must be the same."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from PIL import ImageColor

COLOURS = {"fill", "stroke", "color", "stop-color", "flood-color", "lighting-color"}
PLACES = {"x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "fx", "fy", "r", "rx", "ry", "dx", "dy", "width", "height",
          "points", "viewBox"}  # fmt: skip

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_UNIT = re.compile(r"%|[A-Za-z]{1,4}")
_GAP = re.compile(r"[\s,]*")
_FUNCTION = re.compile(r"[\s,]*([A-Za-z]+)\s*\(([^()]*)\)")
_FLAG = re.compile(r"[01]")
_ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
_PLACED_ARGUMENTS = {"translate": (0, 1), "matrix": (4, 5), "rotate": (1, 2)}

Colour = tuple[int, int, int, int]


class Token(NamedTuple):
    """A piece of a value: a text, a place or another number, or the levels of R, G, B and alpha."""

    kind: Literal["text", "place", "number", "colour"]
    value: str | float | Colour


def tokens(name: str, text: str) -> list[Token]:
    """Take the value of an attribute or property apart."""
    if name == "d":
        return list(_path(text))
    if name in COLOURS:
        return [_colour(text)]
    if name.lower().endswith("transform"):
        return list(_transform(text))
    return _numbers(text, "place" if name in PLACES else "number") or [Token("text", " ".join(text.split()))]


def scale_of(transform: str) -> float:
    """Return how much larger a transform makes lengths, the mean of both directions."""
    scale = 1.0
    for name, arguments in _functions(transform)[0]:
        if name == "scale" and arguments:
            scale *= math.sqrt(abs(arguments[0] * arguments[-1]))
        elif name == "matrix" and len(arguments) == 6:
            scale *= math.sqrt(abs(arguments[0] * arguments[3] - arguments[1] * arguments[2]))
    return scale if 0 < scale < math.inf else 1.0


def _colour(text: str) -> Token:
    try:
        levels = ImageColor.getrgb(text.strip())
    except ValueError:
        return Token("text", " ".join(text.split()))
    return Token("colour", (levels[0], levels[1], levels[2], levels[3] if len(levels) == 4 else 255))


def _numbers(text: str, kind: Literal["place", "number"]) -> list[Token]:
    """Return numbers and their units; nothing where the text is not made of these alone. Pixels are no unit."""
    found: list[Token] = []
    at = _end(_GAP, text, 0)
    while at < len(text):
        number = _NUMBER.match(text, at)
        if number is None or not math.isfinite(float(number[0])):
            return []
        unit = _UNIT.match(text, number.end())
        plain = unit is None or unit[0] == "px"
        found.append(Token(kind if plain else "number", float(number[0])))
        if unit is not None and not plain:
            found.append(Token("text", unit[0]))
        at = _end(_GAP, text, unit.end() if unit else number.end())
    return found


def _functions(text: str) -> tuple[list[tuple[str, list[float]]], str]:
    """Return the functions of a transform with their arguments, and what is left that is none."""
    found, at = [], 0
    while function := _FUNCTION.match(text, at):
        arguments = [token.value for token in _numbers(function[2], "number")]
        found.append((function[1], [value for value in arguments if isinstance(value, float)]))
        at = function.end()
    return found, text[at:].strip()


def _transform(text: str) -> Iterator[Token]:
    found, rest = _functions(text)
    for name, arguments in found:
        yield Token("text", name)
        for index, value in enumerate(arguments):
            if index in _PLACED_ARGUMENTS.get(name, ()):
                yield Token("place", value)
            else:
                # Degrees as radians: what a thing one unit away moves.
                yield Token("number", math.radians(value) if name in ("rotate", "skewX", "skewY") else value)
    if rest:
        yield Token("text", rest)


def _path(text: str) -> Iterator[Token]:
    """Yield path data in absolute places, lines along an axis as any line, each command named.

    From what is no path data on, the rest is one text, as nothing of it is drawn.
    """
    x = y = left = top = 0.0
    at, command = _end(_GAP, text, 0), ""
    while at < len(text):
        if text[at].upper() in _ARGUMENTS:
            command = text[at]
            at = _end(_GAP, text, at + 1)
        elif command.upper() in ("", "Z"):
            yield Token("text", text[at:])
            return
        name, relative = command.upper(), command.islower()
        arguments, following = _arguments(text, at, name)
        if len(arguments) < _ARGUMENTS[name]:
            yield Token("text", text[at:])
            return
        at = following
        if name == "Z":
            x, y = left, top
            yield Token("text", "Z")
            continue
        if name in "HV":
            arguments = (
                [arguments[0], 0.0 if relative else y] if name == "H" else [0.0 if relative else x, arguments[0]]
            )
        places = arguments[5:] if name == "A" else arguments
        if relative:
            places = [value + (x, y)[index % 2] for index, value in enumerate(places)]
        x, y = places[-2:]
        if name == "M":
            left, top = x, y
            command = "l" if relative else "L"
        yield Token("text", "L" if name in "HV" else name)
        if name == "A":
            yield from (Token("place", abs(value)) for value in arguments[:2])
            yield Token("number", math.radians(arguments[2]))
            yield Token("text", "".join(str(int(flag)) for flag in arguments[3:5]))
        yield from (Token("place", value) for value in places)


def _arguments(text: str, at: int, name: str) -> tuple[list[float], int]:
    """Return the arguments of one command, fewer where the text ends or goes on otherwise, and where they end."""
    found: list[float] = []
    for index in range(_ARGUMENTS[name]):
        pattern = _FLAG if name == "A" and index in (3, 4) else _NUMBER
        number = pattern.match(text, at)
        if number is None or not math.isfinite(float(number[0])):
            break
        found.append(float(number[0]))
        at = _end(_GAP, text, number.end())
    return found, at


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
