"""The files that outputs name, as objects or as bare text, and how they are called in the run of today."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...workflow.named import places_of_text
from ..files import Key, file_key

FolderOf = Callable[[str, int], str | None]
"""Key and index of an item -> the type of its file; None where the golden run keeps none."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file that the run writes: the node that writes it, its recorded name, its name in the golden run."""

    node: str
    key: Key
    golden_name: str


class Filename(str):
    """A text that names a file, as nodes of 3D tell theirs; which folder it is in, the text does not say."""

    key: Key

    def __new__(cls, text: str, key: Key) -> Filename:
        made = super().__new__(cls, text)
        made.key = key
        return made


def item_key(item: Any) -> Key | None:
    """Return the file that an item of a node's output names, if it names one."""
    if isinstance(item, Filename):
        return item.key
    if not isinstance(item, Mapping) or not isinstance(item.get("filename"), str):
        return None
    return file_key(str(item.get("type") or "output"), str(item.get("subfolder") or ""), item["filename"])


def files_of(output: Any) -> list[Key]:
    """Return the files that a node's output names, in order."""
    lists = (items for items in output.values() if isinstance(items, list)) if isinstance(output, Mapping) else ()
    keys = (item_key(item) for items in lists for item in items)
    return [key for key in keys if key is not None]


def with_filenames(output: Any, folder_of: FolderOf) -> Any:
    """Return a node's output with the texts that name a kept file as Filename."""

    def told(name: str, index: int, item: Any) -> Any:
        folder = folder_of(name, index) if type(item) is str else None
        places = places_of_text(item) if folder else ()
        keys = (file_key(folder, one.subfolder, one.filename) for one in places if folder and one.type == folder)
        key = next(keys, None)
        return item if key is None else Filename(item, key)

    return _each(output, told)


def with_names(output: Any, names: Mapping[Key, Key]) -> Any:
    """Return a node's output with the file names that this run uses."""

    def told(name: str, index: int, item: Any) -> Any:
        key = item_key(item)
        new = names.get(key) if key is not None else None
        if key is None or new is None or new == key:
            return item
        if isinstance(item, Filename):
            before, _, after = item.rpartition(key[2])
            return Filename(f"{before}{new[2]}{after}", new)
        return {**item, "filename": new[2]}

    return _each(output, told)


def _each(output: Any, told: Callable[[str, int, Any], Any]) -> Any:
    if not isinstance(output, Mapping):
        return output
    return {
        name: [told(name, index, item) for index, item in enumerate(items)] if isinstance(items, list) else items
        for name, items in output.items()
    }
