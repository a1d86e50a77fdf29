"""Take from a glTF document what is judged: geometry, repacked for the mesh library, and its materials.

Only what is checked here reaches the library, so that no count, reference or address of a file leads anywhere.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..lines import shorten
from ..memory import require
from ..packing import pack_levels
from ..result import UndecodableError
from ..still.decoding import decode
from ..still.maps import cell_means
from ..still.pixels import canonical, pixels_sha256, visible
from .glb import buffers_of, embedded, glb, read_document

MAX_VALUES = 2**25
"""Most vertices and indices over all primitives: the densest surfaces people make have a few millions."""
_BYTES = 64
"""Bytes that a vertex or index takes while it is read."""
MAX_ITEMS = 4096
"""Most nodes, and most primitives: each costs time whatever it holds."""
MAX_DEPTH = 64
"""Deepest nesting of nodes."""
MAPS = 4
"""Base colour textures that have a map in the fingerprint."""
MAP_SIDE = 4
"""Cells along each side of such a map."""

_COMPONENTS = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
"""Bytes of each type of component."""
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_PLACING = ("matrix", "translation", "rotation", "scale")
_POINTS, _LINES, _STRIP, _TRIANGLES = 0, (1, 2, 3), 5, 4


@dataclass(frozen=True)
class Materials:
    """What surfaces look like.

    count     distinct materials in use
    textures  images of the document
    colours   base colour of each mesh of the repacked file by its index, RGBA from 0 to 1
    maps      of the first base colour textures, MAP_SIDE x MAP_SIDE cells of RGB, 8-bit in base85
    digest    of everything else that belongs to the content, "" where there is nothing
    """

    count: int = 0
    textures: int = 0
    colours: tuple[tuple[float, ...], ...] = ()
    maps: tuple[str, ...] = ()
    digest: str = ""


def repacked(data: bytes) -> tuple[bytes, Materials]:
    """Return a GLB with the geometry alone, a mesh for each primitive, and the materials.

    Raises UndecodableError, and whatever a document of wrong types leads to.
    """
    document, chunk = read_document(data)
    required = [str(name) for name in document.get("extensionsRequired", ())]
    refused = [name for name in required if name.startswith(("KHR_draco", "EXT_meshopt", "KHR_meshopt"))]
    if refused:
        raise UndecodableError(f"the model is compressed by {shorten(refused[0])}, which cannot be read")
    return _Repacking(document, buffers_of(document, chunk)).result()


class _Repacking:
    """Builds the GLB."""

    def __init__(self, document: dict[str, Any], buffers: list[bytes]) -> None:
        self.document = document
        self.buffers = buffers
        self.body = bytearray()
        self.accessors: list[dict[str, Any]] = []
        self.views: list[dict[str, Any]] = []
        self.placed: dict[tuple[int, bool], int] = {}
        self.values = 0
        self.unseen = hashlib.sha256()

    def result(self) -> tuple[bytes, Materials]:
        meshes: list[dict[str, Any]] = []
        parts: list[list[int]] = []
        materials: list[int | None] = []
        for mesh in self.document.get("meshes", ()):
            parts.append([])
            for primitive in mesh["primitives"]:
                packed = self._primitive(primitive)
                if packed is not None:
                    parts[-1].append(len(meshes))
                    meshes.append({"primitives": [packed], "name": str(len(meshes))})
                    materials.append(primitive.get("material"))
        if len(meshes) > MAX_ITEMS:
            raise UndecodableError(f"the model has {len(meshes)} primitives, more than {MAX_ITEMS} are refused")
        nodes, roots = self._nodes(parts)
        document = {
            "asset": {"version": "2.0"},
            "buffers": [{"byteLength": len(self.body)}],
            "bufferViews": self.views,
            "accessors": self.accessors,
            "meshes": meshes,
            "nodes": nodes,
            "scenes": [{"nodes": roots}],
            "scene": 0,
        }
        return glb(document, bytes(self.body)), self._materials(materials)

    def _primitive(self, primitive: dict[str, Any]) -> dict[str, Any] | None:
        mode = primitive.get("mode", _TRIANGLES)
        if mode in _LINES:
            return None
        if mode not in (_POINTS, _STRIP, _TRIANGLES):
            raise UndecodableError(f"the model draws by mode {shorten(repr(mode))}, which cannot be read")
        attributes = primitive["attributes"]
        for name in sorted(set(attributes) - {"POSITION", "COLOR_0"}):
            self.unseen.update(name.encode() + self._bytes(attributes[name]))
        kept = {name: self._accessor(attributes[name], True) for name in ("POSITION", "COLOR_0") if name in attributes}
        packed: dict[str, Any] = {"attributes": kept, "mode": mode}
        if "indices" in primitive:
            packed["indices"] = self._accessor(primitive["indices"], False)
        return packed

    def _accessor(self, index: int, is_vertices: bool) -> int:
        """Copy an accessor's values, and return its new index; counts what is used again, too."""
        accessor = self.document["accessors"][_index(index)]
        self.values += _index(accessor["count"])
        require(self.values * _BYTES, f"the model has {self.values} vertices and indices and more, and to read them")
        if self.values > MAX_VALUES:
            raise UndecodableError(f"the model has more than {MAX_VALUES} vertices and indices")
        key = index, is_vertices
        if key not in self.placed:
            if not accessor["count"]:
                raise UndecodableError("the model has a part without vertices or faces")
            values = self._bytes(index)
            self.body += b"\0" * (-len(self.body) % 4)
            self.views.append({"buffer": 0, "byteOffset": len(self.body), "byteLength": len(values)})
            self.body += values
            self.placed[key] = len(self.accessors)
            kept = {name: accessor[name] for name in ("componentType", "count", "type")}
            self.accessors.append({**kept, "bufferView": len(self.views) - 1})
        return self.placed[key]

    def _bytes(self, index: int) -> bytes:
        """Return the values of an accessor, packed closely."""
        accessor = self.document["accessors"][_index(index)]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise UndecodableError("the model has sparse or missing values, which cannot be read")
        width = _COMPONENTS[accessor["componentType"]] * _WIDTHS[accessor["type"]]
        count = _index(accessor["count"])
        view = self.document["bufferViews"][_index(accessor["bufferView"])]
        stride = _index(view.get("byteStride", 0)) or width
        begin = _index(view.get("byteOffset", 0)) + _index(accessor.get("byteOffset", 0))
        needed = (count - 1) * stride + width if count else 0
        buffer = self.buffers[_index(view["buffer"])]
        end = min(_index(view.get("byteOffset", 0)) + _index(view["byteLength"]), len(buffer))
        if begin + needed > end or stride < width:
            raise UndecodableError("the model is truncated: its values end before its vertices or faces do")
        if stride == width:
            return buffer[begin : begin + needed]
        raw = np.frombuffer(buffer, np.uint8, needed, begin)
        rows = np.lib.stride_tricks.as_strided(raw, (count, width), (stride, 1), writeable=False)
        return rows.tobytes()

    def _nodes(self, parts: list[list[int]]) -> tuple[list[dict[str, Any]], list[int]]:
        """Return the nodes, with one more for each primitive of a mesh, and which of them are roots."""
        given = self.document.get("nodes", [])
        scenes = self.document.get("scenes")
        children = [[_index(child) for child in node.get("children", ())] for node in given]
        every = [child for ones in children for child in ones]
        roots = list(range(len(given)))
        if scenes:
            roots = [_index(root) for root in scenes[_index(self.document.get("scene", 0))].get("nodes", ())]
        every += roots if scenes else []
        if len(every) != len(set(every)):
            raise UndecodableError("the model's nodes are no tree")
        if not scenes:
            roots = [root for root in roots if root not in set(every)]
        nodes: list[dict[str, Any]] = []
        for node, ones in zip(given, children, strict=True):
            nodes.append({"children": list(ones), **{name: node[name] for name in _PLACING if name in node}})
        for node, packed in zip(given, list(nodes), strict=True):
            for part in parts[_index(node["mesh"])] if "mesh" in node else ():
                packed["children"].append(len(nodes))
                nodes.append({"mesh": part})
                if len(nodes) > MAX_ITEMS:
                    raise UndecodableError(f"the model has more than {MAX_ITEMS} nodes")
        _check_depth(nodes, roots)
        for packed in nodes:
            if not packed.get("children"):
                packed.pop("children", None)
        return nodes, roots

    def _materials(self, used: list[int | None]) -> Materials:
        given = self.document.get("materials", [])
        colours = []
        for index in used:
            base = given[_index(index)].get("pbrMetallicRoughness", {}) if index is not None else {}
            factor = [float(part) for part in base.get("baseColorFactor", (1, 1, 1, 1))]
            if len(factor) != 4 or not all(math.isfinite(part) for part in factor):
                raise UndecodableError("the model has a base colour that is none")
            colours.append(tuple(factor))
        distinct = sorted({index for index in used if index is not None})
        if distinct:
            self.unseen.update(json.dumps([given[index] for index in distinct], sort_keys=True).encode())
        maps: list[str] = []
        images = self.document.get("images", [])
        for index in range(min(len(images), MAX_ITEMS)):
            self._look_at_image(index, maps if index in self._base_images(distinct) else None)
        nothing = self.unseen.digest() == hashlib.sha256().digest()
        return Materials(
            len(distinct), len(images), tuple(colours), tuple(maps), "" if nothing else self.unseen.hexdigest()
        )

    def _base_images(self, materials: list[int]) -> list[int]:
        """Return the images that are base colours, as many as have maps."""
        found = []
        for index in materials:
            texture = self.document["materials"][index].get("pbrMetallicRoughness", {}).get("baseColorTexture")
            if texture:
                found.append(self.document["textures"][_index(texture["index"])].get("source"))
        return list(dict.fromkeys(found))[:MAPS]

    def _look_at_image(self, index: int, maps: list[str] | None) -> None:
        image = self.document["images"][index]
        if "bufferView" in image:
            view = self.document["bufferViews"][_index(image["bufferView"])]
            begin = _index(view.get("byteOffset", 0))
            data = self.buffers[_index(view["buffer"])][begin : begin + _index(view["byteLength"])]
        else:
            data = embedded(image.get("uri"))
        if maps is None:
            self.unseen.update(hashlib.sha256(data).digest())
            return
        try:
            picture = decode(data)
            seen = visible(canonical(picture))
            self.unseen.update(pixels_sha256(picture).encode())
        except UndecodableError:
            self.unseen.update(hashlib.sha256(data).digest())  # a format of graphics cards, say
            return
        side = min(MAP_SIDE, *seen.size)
        channels = np.moveaxis(np.asarray(seen), 2, 0)
        cells = np.stack([cell_means(channel, (side, side)) for channel in channels], axis=2) / 255
        maps.append(pack_levels(np.resize(cells.astype(np.float64), (MAP_SIDE, MAP_SIDE, 3))))


def _check_depth(nodes: list[dict[str, Any]], roots: list[int]) -> None:
    level, depth = roots, 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise UndecodableError(f"the model's nodes are nested deeper than {MAX_DEPTH}")
        level = [child for index in level for child in nodes[index].get("children", ())]


def _index(value: Any) -> int:
    """Return a number that counts or points into a list; negative ones would point from its end."""
    if type(value) is not int or not 0 <= value < 2**48:
        raise UndecodableError(f"the model has {shorten(repr(value))} where a whole number from 0 up must be")
    return value
