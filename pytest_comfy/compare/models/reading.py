"""Read models of any format into one list of triangles, with everything that the library may raise as one error."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..extras import load
from ..memory import require
from ..result import CompareError, UndecodableError
from .gltf import Materials, repacked

MAX_BYTES = 2**28
"""Longest file, 256 MiB."""
MAX_TEXT = 2**27
"""Longest file of a format that is text, 128 MiB, which takes ten times that to read."""
MAX_FACES = 2**22
"""Most triangles over all instances of all meshes: four times what people get of the finest settings."""

_TEXT_BYTES, _BYTES = 20, 10
"""Bytes that a byte of a file takes while it is read, in a format that is text and in others."""
_FACE_BYTES = 1400
"""Bytes that a face takes while it is compared and drawn, measured with a margin."""

_BINARY_STL = 84, 50
"""Bytes before the triangles of a binary STL, and of each."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A model as it stands in the world.

    corners   of the triangles, shape (faces, 3, 3)
    colours   of the corners, RGBA from 0 to 1, shape (faces, 3, 4); white where the model has none
    points    that belong to no triangle, shape (points, 3)
    tints     of the points, RGBA from 0 to 1, shape (points, 4); white where the model has none
    meshes    instances of parts that have triangles or points
    coloured  whether vertices, faces or points have colours of their own
    """

    corners: FloatArray
    colours: FloatArray
    points: FloatArray
    tints: FloatArray
    meshes: int
    coloured: bool
    materials: Materials


def read_model(data: bytes) -> Model:
    """Read a model. Raises UndecodableError, and MissingExtraError without trimesh."""
    if len(data) > MAX_BYTES:
        raise UndecodableError(f"the model has {len(data)} bytes, more than {MAX_BYTES} are refused")
    form = _format(data)
    is_text = form in ("obj", "gltf") or (form == "stl" and not _is_binary_stl(data))
    require(len(data) * (_TEXT_BYTES if is_text else _BYTES), f"the model has {len(data)} bytes, and to read them")
    library = load("trimesh", "a 3D model needs trimesh: pip install 'pytest-comfy[mesh]'")
    with _guard():
        materials = Materials()
        if form in ("glb", "gltf"):
            data, materials = repacked(data)
            form = "glb"
        elif form != "stl" or not _is_binary_stl(data):
            data, materials = _checked_text(data, form)
        scene = library.load(io.BytesIO(data), file_type=form, force="scene", process=False)
        return _gathered(library, scene, materials)


def _format(data: bytes) -> str:
    if data.startswith(b"glTF"):
        return "glb"
    if data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "gltf"
    if data.startswith(b"ply"):
        return "ply"
    if _is_binary_stl(data) or (data[:256].lstrip().lower().startswith(b"solid") and b"facet" in data[:4096].lower()):
        return "stl"
    if re.search(rb"^\s*v\s+[-+.0-9]", data[: 2**20], re.MULTILINE):
        return "obj"
    raise UndecodableError("the bytes are no model in GLB, glTF, OBJ, STL or PLY")


def _is_binary_stl(data: bytes) -> bool:
    head, each = _BINARY_STL
    return len(data) >= head and len(data) - head == each * int.from_bytes(data[80:84], "little")


def _checked_text(data: bytes, form: str) -> tuple[bytes, Materials]:
    """Return a file of a format that is text, or a PLY, without what leads out of it, and its materials."""
    if form == "ply":
        head = data[: data.find(b"end_header")]
        counts = [int(count) for count in re.findall(rb"^element\s+\S+\s+([0-9]{1,15})\s*$", head, re.MULTILINE)]
        if len(head) > 2**16 or sum(counts) > 3 * MAX_FACES or len(counts) != head.count(b"element "):
            raise UndecodableError(f"the model has a header of broken counts, or more than {3 * MAX_FACES} parts")
        return data, Materials()
    if len(data) > MAX_TEXT:
        raise UndecodableError(f"the model has {len(data)} bytes of text, more than {MAX_TEXT} are refused")
    text = data.decode("utf-8", "replace")
    if form == "stl":
        return text.encode(), Materials()
    text = text.replace("\\\r\n", " ").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line.startswith(("v ", "v\t"))]
    kept += [re.sub(r"/\S*", "", line) for line in lines if line.startswith(("f ", "f\t"))]
    named = {line.split(None, 1)[1] for line in lines if line.startswith("usemtl ")}
    return "\n".join(kept).encode(), Materials(count=len(named), digest=repr(sorted(named)) if named else "")


@contextmanager
def _guard() -> Iterator[None]:
    """Raise nothing but UndecodableError and say nothing: the library warns and logs."""
    log = logging.getLogger("trimesh")
    before = log.disabled
    log.disabled = True
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except CompareError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UndecodableError(f"the model is broken or truncated ({reason})") from error
    finally:
        log.disabled = before


def _gathered(library: Any, scene: Any, materials: Materials) -> Model:
    corners, colours = [np.zeros((0, 3, 3))], [np.zeros((0, 3, 4))]
    points, tints = [np.zeros((0, 3))], [np.zeros((0, 4))]
    faces = meshes = 0
    coloured = False
    for node in sorted(scene.graph.nodes_geometry):
        placed, name = scene.graph[node]
        part = scene.geometry[name]
        vertices = np.asarray(part.vertices, np.float64).reshape(-1, 3)
        if not len(vertices):
            continue
        vertices = vertices @ placed[:3, :3].T + placed[:3, 3]
        meshes += 1
        if not isinstance(part, library.Trimesh):
            points.append(vertices)
            own = _colours_of_points(part, len(vertices))
            coloured = coloured or own is not None
            tints.append(np.ones((len(vertices), 4)) if own is None else own)
            faces += len(vertices)
        else:
            triangles = np.asarray(part.faces).reshape(-1, 3)
            faces += len(triangles)
        require(faces * _FACE_BYTES, f"the model has {faces} faces and more, and to compare it")
        if faces > MAX_FACES:
            raise UndecodableError(f"the model has more than {MAX_FACES} faces")
        if isinstance(part, library.Trimesh):
            own = _colours(part, triangles)
            coloured = coloured or own is not None
            base = materials.colours[int(name)] if materials.colours else (1.0,) * 4
            corners.append(vertices[triangles])
            colours.append((np.ones((len(triangles), 3, 4)) if own is None else own) * np.array(base))
    return Model(
        np.concatenate(corners),
        np.concatenate(colours),
        np.concatenate(points),
        np.concatenate(tints),
        meshes,
        coloured,
        materials,
    )


def _colours_of_points(part: Any, count: int) -> FloatArray | None:
    """Return the colours of a cloud of points, RGBA from 0 to 1; None where it has none."""
    found = getattr(part, "colors", None)
    own = np.zeros(0) if found is None else np.asarray(found, np.float64)
    if own.ndim != 2 or len(own) != count or own.shape[1] not in (3, 4):
        return None
    return np.concatenate([own / 255, np.ones((count, 4 - own.shape[1]))], axis=1)


def _colours(part: Any, triangles: npt.NDArray[Any]) -> FloatArray | None:
    """Return the colours of the corners, RGBA from 0 to 1; None where the part has none of its own."""
    kind = part.visual.kind
    if kind == "vertex":
        own: FloatArray = np.asarray(part.visual.vertex_colors, np.float64)[triangles] / 255
        return own
    if kind == "face":
        return np.repeat(np.asarray(part.visual.face_colors, np.float64)[:, np.newaxis] / 255, 3, axis=1)
    return None
