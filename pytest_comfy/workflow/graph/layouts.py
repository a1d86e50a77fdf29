"""What JavaScript does to the widgets of a class, which no node definition tells: data in TOML.

A table is named by its class and may have these keys:

    pack        the node pack, for messages
    named       true: widgets_values is an object, name -> value; keys that are no input are ignored
    widgets     all widgets in the order of their places in widgets_values. A name is an input of the definition,
                or an extra one that is sent; "..." stands for the inputs not named here, in their order.
                A table {name, sent, stored, value, fixed} tells more: sent = false is never sent, stored = false
                has no place of its own, value is what it has when nothing is stored, fixed = true also when
                something is
    since       minor of the page -> `widgets` from 1.minor on, where that differs, such as 35 = [...]
    control     names of the INT widgets that a control_after_generate place follows, instead of the usual rule
    virtual     never sent: "note" is dropped, "pass" looked through like a Reroute, "set" and "get" are wires by
                name within their pack, "primitive" writes its value into what it is linked to
    outer       true: a "get" finds a "set" of the graphs around its own as well
    collect     {keys, name, only}: stored objects that have all these keys become inputs name.format(1),
                name.format(2); only = {key = [property, value]} keeps a key for nodes with this property alone
    formats     name of the widget whose choice brings more widgets, listed in its option "formats"
    replace     names of the texts in which %Node.widget% and %date:...% are filled in
    refuse      why nodes of this class cannot be converted at all, as the rest of a sentence
    properties  widget -> the node's property whose value it takes
    grows       name of the widgets that are added after the last one while that has a value
    chosen      name of the widget that tells at which of those the first widget's value stands, -1 for none
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal, cast

from ...text import did_you_mean, shown
from ..errors import WorkflowError
from .versions import Page

REST = "..."

Virtual = Literal["", "note", "pass", "set", "get", "primitive"]
_VIRTUAL = ("note", "pass", "set", "get", "primitive")


@dataclass(frozen=True)
class Place:
    """A widget as a layout names it; see the module's text."""

    name: str
    sent: bool = True
    stored: bool = True
    value: Any = None
    fixed: bool = False


@dataclass(frozen=True)
class Layout:
    """The widgets of a class; see the module's text."""

    pack: str = ""
    named: bool = False
    widgets: tuple[Place, ...] = (Place(REST),)
    since: Mapping[int, tuple[Place, ...]] = field(default_factory=dict)
    control: tuple[str, ...] | None = None
    virtual: Virtual = ""
    outer: bool = False
    collect_keys: tuple[str, ...] = ()
    collect_name: str = ""
    collect_only: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    formats: str = ""
    replace: tuple[str, ...] = ()
    refuse: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    grows: str = ""
    chosen: str = ""

    def places(self, page: Page) -> tuple[Place, ...]:
        """Return the widgets that a version of the page has."""
        newest = max((minor for minor in self.since if minor <= page.minor), default=None)
        return self.widgets if newest is None else self.since[newest]


def read(text: str, source: str) -> dict[str, Layout]:
    """Read layouts from TOML; raises WorkflowError that names file and key."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WorkflowError(f"{source}: broken TOML: {error}") from error
    return _read(document, source)


def checked(table: Any, source: str) -> Layout:
    """Read one layout; raises WorkflowError that names what is wrong with it."""
    if not isinstance(table, Mapping):
        raise WorkflowError(f"{source}: a table was expected, not {shown(table)}")
    for key in table:
        if key not in _KEYS:
            raise WorkflowError(f"{source}: unknown key {key!r}{did_you_mean(str(key), _KEYS)}")
    found: dict[str, Any] = {}
    for key, value in table.items():
        try:
            found.update(_KEYS[key](value))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            told = f" ({error})" if isinstance(error, ValueError) else ""
            raise WorkflowError(f"{source}.{key}: {shown(value)} is not what the key takes{told}") from None
    return Layout(**found)


@functools.cache
def shipped() -> Mapping[str, Layout]:
    """Return class -> layout for the classes of ComfyUI itself and of the node packs this package knows."""
    return {**_read(_own("core.toml")["classes"], "core.toml"), **_read(_own("packs.toml"), "packs.toml")}


@functools.cache
def by_option() -> Mapping[str, Layout]:
    """Return option of a required input -> the layout it brings."""
    return _read(_own("core.toml")["options"], "core.toml")


def _own(name: str) -> Mapping[str, Any]:
    return tomllib.loads(files(__package__ or "").joinpath(name).read_text("utf-8"))


def _read(document: Mapping[str, Any], source: str) -> dict[str, Layout]:
    return {name: checked(table, f"{source}: {name}") for name, table in document.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return tuple(_text(item) for item in value)


def _places(value: Any) -> tuple[Place, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    places = tuple(Place(item) if isinstance(item, str) else _place(item) for item in value)
    names = [place.name for place in places]
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice")
    return places


_FLAGS = {"sent": True, "stored": True, "fixed": False}


def _place(item: Mapping[str, Any]) -> Place:
    unknown = item.keys() - {"name", "sent", "stored", "value", "fixed"}
    if unknown:
        raise ValueError(f"unknown key {sorted(unknown)[0]!r}")
    sent, stored, fixed = (_flag(item.get(key, default)) for key, default in _FLAGS.items())
    return Place(_text(item["name"]), sent, stored, item.get("value"), fixed)


def _virtual(value: Any) -> Virtual:
    if value not in _VIRTUAL:
        raise ValueError(f"one of {', '.join(_VIRTUAL)}")
    return cast(Virtual, value)


def _collect(value: Any) -> dict[str, Any]:
    keys, name = _texts(value["keys"]), _text(value["name"])
    if not keys or "{}" not in name or value.keys() - {"keys", "name", "only"}:
        raise ValueError('{keys = [...], name = "..{}.."}')
    only = {_text(key): _pair(of) for key, of in value.get("only", {}).items()}
    return {"collect_keys": keys, "collect_name": name, "collect_only": only}


def _pair(value: Any) -> tuple[str, str]:
    first, second = _texts(value)
    return first, second


_KEYS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "pack": lambda value: {"pack": _text(value)},
    "named": lambda value: {"named": _flag(value)},
    "widgets": lambda value: {"widgets": _places(value)},
    "since": lambda value: {"since": {int(minor): _places(item) for minor, item in value.items()}},
    "control": lambda value: {"control": _texts(value)},
    "virtual": lambda value: {"virtual": _virtual(value)},
    "collect": _collect,
    "properties": lambda value: {"properties": {_text(name): _text(item) for name, item in value.items()}},
    "outer": lambda value: {"outer": _flag(value)},
    "formats": lambda value: {"formats": _text(value)},
    "replace": lambda value: {"replace": _texts(value)},
    "refuse": lambda value: {"refuse": _text(value)},
    "grows": lambda value: {"grows": _text(value)},
    "chosen": lambda value: {"chosen": _text(value)},
}
