"""Faults as text, for the command line: `http_status:status=503,path=/view,nth=2`.

A comma in a value is written `\\,`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

from ...text import did_you_mean, plain
from . import events, requests
from .model import Fault

_MAKERS: dict[str, Callable[..., Any]] = {
    name: make
    for module in (events, requests)
    for name, make in vars(module).items()
    if inspect.isfunction(make) and make.__module__ == module.__name__ and not name.startswith("_")
}

_COMMA = re.compile(r"(?<!\\),")


class FaultError(ValueError):
    """The text names no fault, or not as it wants to be named."""


def parse_fault(text: str) -> Fault:
    """Return the fault that a text such as `drop:event=progress,nth=2` describes; raises FaultError."""
    name, _, rest = text.partition(":")
    name = name.strip()
    make = _MAKERS.get(name)
    if make is None:
        raise FaultError(f"no fault is called {_shown(name)}{_hint(name, sorted(_MAKERS), 'there are')}")
    wanted = inspect.signature(make, eval_str=True).parameters
    values: dict[str, Any] = {}
    for pair in filter(None, (one.strip() for one in _COMMA.split(rest))):
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not equals:
            raise FaultError(f"fault {name}: {_shown(pair)} is not written KEY=VALUE (a comma in a value is \\,)")
        if key not in wanted:
            raise FaultError(f"fault {name}: takes no {_shown(key)}{_hint(key, wanted, 'it takes')}")
        if key in values:
            raise FaultError(f"fault {name}: {key} is given twice")
        values[key] = _converted(name, key, value.strip().replace("\\,", ","), wanted[key].annotation)
    missing = [key for key, one in wanted.items() if one.default is one.empty and key not in values]
    if missing:
        raise FaultError(f"fault {name}: needs {', '.join(f'{key}=…' for key in missing)}")
    try:
        made: Fault = make(**values)
    except ValueError as error:
        raise FaultError(plain(error, 300)) from error
    return made


def _converted(name: str, key: str, value: str, kind: Any) -> Any:
    for number, what in ((int, "whole number"), (float, "number")):
        if kind in (number, number | None):
            try:
                return number(value)
            except ValueError:
                raise FaultError(f"fault {name}: {key}={_shown(value)} is no {what}") from None
    return value


def _hint(name: str, known: Iterable[str], introduction: str) -> str:
    known = list(known)
    every = ", ".join(known) if known else "nothing"
    return did_you_mean(name[:80], known) or f": {introduction} {every}"


def _shown(text: str) -> str:
    return repr(plain(text, 80))
