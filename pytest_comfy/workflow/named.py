"""Which outputs the result of a node names, and where their files may lie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ..media import media_type_of
from .model import title_of
from .results import Output

MODEL_ENDINGS = (
    ".glb", ".gltf", ".obj", ".fbx", ".stl", ".usdz",
    ".ply", ".splat", ".spz", ".ksplat",
)  # fmt: skip
"""Of files that nodes name as bare text: models, point clouds and splats."""

_PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
_TEXT_ENDINGS = (".txt", ".md", ".json", ".csv")
_RESULT = "result"
"""Key under which the core nodes of 3D tell their file, beside the settings of the camera."""

_METADATA_KEYS = {"animated"}
"""Keys of a node's UI result that tell about the other keys' files and are no outputs themselves."""

_FOLDERS = ("output", "temp", "input")
_ANNOTATED = re.compile(r"(?P<path>.*?) ?\[(?P<folder>output|temp|input)\]", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_LONGEST_PATH = 1024


@dataclass(frozen=True)
class Place:
    """Where a file may lie, as ComfyUI names it; nothing of it is a path to write to."""

    filename: str
    subfolder: str
    type: str

    @property
    def query(self) -> dict[str, str]:
        """What to ask `/view` for."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}


@dataclass(frozen=True)
class Named:
    """One item of a node's UI result: what an output is made of, before its file is known."""

    node: str
    key: str
    index: int
    title: str
    class_type: str
    item: Any

    @property
    def name(self) -> str:
        """Node, key and index, such as "9.images.0"."""
        return f"{self.node}.{self.key}.{self.index}"

    @property
    def places(self) -> Sequence[Place]:
        """Where the file is to be looked for, in this order; none for what is no file."""
        if isinstance(self.item, str):
            return places_of_text(self.item) if _may_name_a_file(self.key, self.item) else ()
        if not isinstance(self.item, Mapping) or not isinstance(self.item.get("filename"), str):
            return ()
        return (Place(*(str(self.item.get(part) or "") for part in ("filename", "subfolder", "type"))),)

    @property
    def is_file(self) -> bool:
        """Whether it can be nothing but a file; a text that only looks like the name of one is itself the output."""
        if isinstance(self.item, str) and (_is_absolute(self.item) or not _is_model(self.key, self.item)):
            return False
        return bool(self.places)

    def output(self, data: bytes | None = None, place: Place | None = None) -> Output:
        """Return the output, with the bytes of its file and where it was found, or made of the item itself."""
        if place is not None:
            content, filename, kind = data or b"", place.filename, place.type or "output"
            media_type = media_type_of(filename, content)
        else:
            filename, kind = "", "output"
            media_type = "text/plain" if isinstance(self.item, str) else "application/json"
            text = self.item if isinstance(self.item, str) else json.dumps(self.item, sort_keys=True)
            content = text.encode("utf-8", "surrogatepass")
        return Output(self.node, self.key, self.index, self.title, self.class_type, kind, filename, media_type, content)


def named_outputs(prompt: Mapping[str, Any], results: Any) -> Iterator[Named]:
    """Yield what the `outputs` of a history entry name, in order of the prompt's nodes."""
    results = results if isinstance(results, Mapping) else {}
    order = {node_id: place for place, node_id in enumerate(prompt)}
    for node_id in sorted(results, key=lambda name: (order.get(name.split(".")[0], len(order)), name)):
        found = prompt.get(node_id) or prompt.get(node_id.split(".")[0])
        node: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        title, class_type = title_of(node_id, node), str(node.get("class_type", ""))
        result = results[node_id]
        for key in result if isinstance(result, Mapping) else ():
            items = None if key in _METADATA_KEYS or _is_told_by_files(key, result) else result[key]
            for index, item in enumerate(items if isinstance(items, list) else ()):
                # A model without a background picture has an empty text for its name.
                if item is not None and not (key == _RESULT and item == ""):
                    yield Named(node_id, key, index, title, class_type, item)


def places_of_text(text: str) -> Sequence[Place]:
    """Return where a file may lie that is named by a bare text; none for what cannot be the name of one.

    The text is a path below one of the server's folders, of which it may name one: "temp/bg.png", "a.glb [input]". Else
    the folder is not known: nodes that save write to output, those that show write to temp, and loaders read input. Of
    a path from the root of the server's disk, what follows the last of these folders is taken.
    """
    annotated = _ANNOTATED.fullmatch(text)
    path = (annotated["path"] if annotated else text).replace("\\", "/")
    parts = path.split("/")
    if len(path) > _LONGEST_PATH or not path.isprintable() or ".." in parts or not all(parts[1:]):
        return ()
    *folders, filename = parts
    if _is_absolute(path):
        own = max((place for place, folder in enumerate(folders) if folder in _FOLDERS), default=None)
        return () if own is None else (Place(filename, "/".join(folders[own + 1 :]), folders[own]),)
    if not filename or ":" in parts[0]:
        return ()
    subfolder = "/".join(folders)
    if annotated:
        return (Place(filename, subfolder, annotated["folder"]),)
    named = [Place(filename, "/".join(folders[1:]), folders[0])] if folders and folders[0] in _FOLDERS else []
    return (*named, *(Place(filename, subfolder, folder) for folder in _FOLDERS))


def place_of_input(name: str) -> Place:
    """Return where the file lies that a loader names: in input, unless the name tells, as "a/x.png [output]" does."""
    annotated = _ANNOTATED.fullmatch(name)
    path, folder = (annotated["path"], annotated["folder"]) if annotated else (name, "input")
    subfolder, _, filename = path.replace("\\", "/").rpartition("/")
    return Place(filename, subfolder, folder)


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "\\")) or _DRIVE.match(path) is not None


def _may_name_a_file(key: str, text: str) -> bool:
    """Whether a text is worth asking the server for a file of that name: texts that a node shows are not."""
    endings = (*MODEL_ENDINGS, *_PICTURE_ENDINGS) if key == _RESULT else MODEL_ENDINGS
    return key != "text" and _ends(text, endings)


def _is_model(key: str, text: str) -> bool:
    return key == _RESULT and _ends(text, MODEL_ENDINGS)


def _ends(text: str, endings: Sequence[str]) -> bool:
    annotated = _ANNOTATED.fullmatch(text)
    path = annotated["path"] if annotated else text
    return PurePosixPath(path.replace("\\", "/")).suffix.lower() in endings


def _is_told_by_files(key: str, result: Mapping[str, Any]) -> bool:
    """Whether these are the texts that the same result names the files of: what was saved is the output."""
    texts, files = result.get("text"), result.get("files")
    return (
        key == "text"
        and isinstance(texts, list)
        and isinstance(files, list)
        and len(texts) == len(files)
        and all(
            isinstance(file, Mapping) and str(file.get("filename")).lower().endswith(_TEXT_ENDINGS) for file in files
        )
    )
