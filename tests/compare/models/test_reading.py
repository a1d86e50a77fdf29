"""Model files as they must not be."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.compare import CompareError, UndecodableError
from pytest_comfy.compare.models.comparing import compare_fingerprints
from pytest_comfy.compare.models.fingerprints import fingerprint
from pytest_comfy.compare.tolerance import parse_tolerance

from ..mutations import mutated

REAL = (Path(__file__).parents[2] / "data" / "comfyui-0.8.0-surfnet.glb").read_bytes()
LENGTH = int.from_bytes(REAL[12:16], "little")
BOX = trimesh.creation.box()
FORMS = {form: data if isinstance(data, bytes) else data.encode()
         for form in ("glb", "stl", "stl_ascii", "ply", "obj") for data in [BOX.export(file_type=form)]}  # fmt: skip
MADE = {form: fingerprint(data) for form, data in FORMS.items()}


def document(**changed: Any) -> bytes:
    """Write a triangle as glTF, with parts of the document replaced."""
    values = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes() + np.array([0, 1, 2], "<u4").tobytes()
    uri = "data:;base64," + base64.b64encode(values).decode()
    whole = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": 48, "uri": uri}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 12}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5125, "count": 3, "type": "SCALAR"},
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        **changed,
    }
    return json.dumps(whole).encode()


def accessor(**changed: Any) -> bytes:
    whole = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", **changed}
    kept = {name: value for name, value in whole.items() if value is not None}
    return document(accessors=[kept, {"bufferView": 1, "componentType": 5125, "count": 3, "type": "SCALAR"}])


def test_triangle_is_read() -> None:
    made = fingerprint(document())
    assert (made["faces"], made["area"]) == (1, 0.5)


def test_nodes_place_meshes() -> None:
    chain = [{"children": [1], "translation": [0, 0, 5]}, {"mesh": 0, "scale": [2, 2, 2], "rotation": [0, 0, 0, 1]}]
    assert fingerprint(document(nodes=chain))["bounds"] == [[0, 0, 5], [2, 2, 5]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no model in GLB, glTF, OBJ, STL or PLY"),
        (b"Kaydara FBX Binary", "no model in GLB"),
        (b"glTF", "truncated within its header"),
        (REAL[:100], "truncated: 100 bytes of"),
        (REAL[:-10], "truncated: "),
        (REAL[:4] + b"\1" + REAL[5:], "version 1"),
        (REAL[:8] + struct.pack("<I", len(REAL) - 8) + REAL[12 : 20 + LENGTH] + b"\xff\xff\xff\0" + REAL[24 + LENGTH :],
         "truncated within its binary part"),
        (b"{", "JSON is broken"),
        (b"{" + b'"a":[' * 100_000, "JSON is broken"),
        (document(buffers=[{"uri": "mesh.bin", "byteLength": 48}]), 'needs another file, "mesh.bin"'),
        (document(buffers=[{"uri": "/etc/passwd", "byteLength": 48}]), "needs another file"),
        (document(buffers=[{"uri": "https://127.0.0.1:1/", "byteLength": 48}]), "needs another file"),
        (document(extensionsRequired=["KHR_draco_mesh_compression"]), "compressed by KHR_draco_mesh_compression"),
        (accessor(count=2**40), "more than 33554432 vertices"),
        (accessor(count=2**40, bufferView=None), "more than 33554432 vertices"),
        (accessor(count=1000), "values end before"),
        (accessor(bufferView=None), "sparse or missing values"),
        (accessor(sparse={"count": 1}), "sparse or missing values"),
        (accessor(count=-1), "has -1 where a whole number"),
        (accessor(count="3"), "has '3' where a whole number"),
        (accessor(bufferView=-1), "has -1 where"),
        (accessor(type="VEC9"), "broken or truncated"),
        (document(bufferViews=[{"buffer": 0, "byteLength": 48, "byteStride": 4}] * 2), "values end before"),
        (document(meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "mode": 6}]}]), "draws by mode 6"),
        (document(meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}] * 5000), "5000 primitives"),
        (document(nodes=[{"children": [0]}]), "no tree"),
        (document(nodes=[{"children": [1, 2]}, {"children": [2]}, {"mesh": 0}]), "no tree"),
        (document(nodes=[{"children": [n + 1]} for n in range(100)] + [{"mesh": 0}]), "nested deeper than 64"),
        (document(nodes=[{"mesh": 0}] * 5000, scenes=[{"nodes": list(range(5000))}]), "more than 4096 nodes"),
        (b"ply\nformat ascii 1.0\nelement vertex 999999999999\nproperty float x\nend_header\n", "broken counts"),
        (b"ply\nformat ascii 1.0\nelement vertex -1\nproperty float x\nend_header\n", "broken counts"),
        (b"ply\nformat ascii 1.0\n", "broken or truncated"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "broken or truncated"),
        (b"solid a\nfacet\nvertex 0 0\nvertex 1\nendsolid", "broken or truncated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_broken_files_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UndecodableError, match=reason):
        fingerprint(data)


def test_objects_lead_to_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mtl").write_text("newmtl red\nKd 1 0 0\nmap_Kd /etc/passwd\n")
    made = fingerprint(b"mtllib a.mtl\nusemtl red\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/1/1 2//2 3\n")
    assert (made["faces"], made["materials"], made["textures"]) == (1, 1, 0)


def test_nothing_is_said(capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> None:
    for data in (
        REAL,
        *FORMS.values(),
        FORMS["ply"].replace(b"float", b"flaot"),
        b"v 0 0 0\nv 1 nan 0\nv x\nf 1 1 1\n",
    ):
        try:
            fingerprint(data)
        except UndecodableError:
            continue
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
@settings(max_examples=8)
def test_mutated_files_raise_nothing_else(form: str, data: st.DataObject) -> None:
    for one in mutated(data, FORMS[form], 3):
        try:
            made = fingerprint(one)
        except CompareError:
            continue
        assert json.loads(json.dumps(made, allow_nan=False)) == made
        there = compare_fingerprints(MADE[form], made, parse_tolerance("normal"))
        back = compare_fingerprints(made, MADE[form], parse_tolerance("normal"))
        assert there.distance == pytest.approx(back.distance)
