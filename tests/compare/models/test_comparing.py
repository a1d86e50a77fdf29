"""3D models: what counts as the same, what as different, and how it is told."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import CompareError, Comparison, Kept, MissingExtraError, compare_output, describe
from pytest_comfy.compare.models.comparing import compare_fingerprints
from pytest_comfy.compare.models.drawing import draw
from pytest_comfy.compare.models.fingerprints import VERSION, fingerprint
from pytest_comfy.compare.tolerance import parse_tolerance

DATA = Path(__file__).parents[2] / "data"
REAL = (DATA / "comfyui-0.8.0-surfnet.glb").read_bytes()
MEDIA = "model/gltf-binary"
Keep = Callable[..., Kept]
Change = Callable[[Any, Any], Any]


def blob(segments: int = 40) -> Any:
    """A ball with a stick through it and waves on it."""
    ball = trimesh.creation.uv_sphere(count=[segments, segments])
    stick = trimesh.creation.cylinder(0.1, 2.6, sections=segments)
    stick.apply_translation((0.1, 0, 0.6))
    whole = trimesh.util.concatenate([ball, stick])
    x, y, z = np.array(whole.vertices).T
    waved = np.array(whole.vertices) * (1 + 0.1 * np.sin(5 * x + 2 * y) + 0.05 * np.cos(7 * z))[:, None]
    return trimesh.Trimesh(waved, np.array(whole.faces), process=False)


BLOB = blob()
SIZE = float(np.linalg.norm(np.ptp(BLOB.vertices, axis=0)))


def exported(mesh: Any, form: str = "glb") -> bytes:
    data = mesh.export(file_type=form)
    return data if isinstance(data, bytes) else data.encode()


def changed(change: Callable[[Any, Any], tuple[Any, Any]], mesh: Any = BLOB) -> bytes:
    vertices, faces = change(np.array(mesh.vertices), np.array(mesh.faces))
    return exported(trimesh.Trimesh(vertices, faces, process=False))


def judged(golden: bytes, actual: bytes, tolerance: str = "normal") -> Comparison:
    return compare_fingerprints(fingerprint(golden), fingerprint(actual), parse_tolerance(tolerance))


GOLDEN = exported(BLOB)


def jittered(share: float) -> Callable[[Any, Any], tuple[Any, Any]]:
    noise = np.random.default_rng(3).standard_normal(BLOB.vertices.shape)
    return lambda vertices, faces: (vertices + share * SIZE * noise, faces)


def in_other_order(vertices: Any, faces: Any) -> tuple[Any, Any]:
    random = np.random.default_rng(1)
    order = random.permutation(len(vertices))
    faces = np.roll(np.argsort(order)[faces], 1, axis=1)
    return vertices[order], faces[random.permutation(len(faces))]


def with_faces_split(vertices: Any, faces: Any) -> tuple[Any, Any]:
    picked = np.arange(0, len(faces), 20)
    middle = len(vertices) + np.arange(len(picked))
    a, b, c = faces[picked].T
    parts = [np.stack(corners, axis=1) for corners in ((a, b, middle), (b, c, middle), (c, a, middle))]
    kept = np.delete(faces, picked, axis=0)
    return np.concatenate([vertices, vertices[faces[picked]].mean(axis=1)]), np.concatenate([kept, *parts])


def without_the_top(share: float) -> Callable[[Any, Any], tuple[Any, Any]]:
    def cut(vertices: Any, faces: Any) -> tuple[Any, Any]:
        height = vertices[faces].mean(axis=1)[:, 2]
        return vertices, faces[height < np.quantile(height, 1 - share)]

    return cut


@pytest.mark.parametrize("name", ["surfnet", "basic"])
def test_real_file_of_comfyui_is_described(name: str) -> None:
    described = describe((DATA / f"comfyui-0.8.0-{name}.glb").read_bytes(), MEDIA)
    made = described["fingerprint"]
    assert (made["version"], made["meshes"], made["broken"]) == (VERSION, 1, 0)
    assert made["faces"] == {"surfnet": 474, "basic": 468}[name]
    assert json.loads(json.dumps(described)) == described
    assert len(json.dumps(made)) < 3000


def test_size_of_a_box() -> None:
    box = trimesh.creation.box((1, 2, 4))
    made = fingerprint(exported(box, "stl"))
    assert (made["faces"], made["vertices"]) == (12, 8)
    assert (made["area"], made["volume"], made["bounds"]) == (28, 8, [[-0.5, -1, -2], [0.5, 1, 2]])


@pytest.mark.parametrize("form", ["stl", "ply", "gltf embedded", "stl_ascii"])
def test_same_triangles_of_any_format_are_identical(form: str) -> None:
    # Steps of single precision, which every format writes whole.
    mesh = trimesh.Trimesh(np.rint(BLOB.vertices * 1024) / 1024, BLOB.faces, process=False)
    data = embedded(exported(mesh)) if "gltf" in form else exported(mesh, form)
    for tolerance in ("exact", "normal"):
        assert judged(exported(mesh), data, tolerance).verdict == "identical"
    assert judged(exported(mesh), exported(mesh, "obj")).passed


def embedded(glb: bytes) -> bytes:
    """Turn a GLB into a glTF with its buffer inside."""
    import base64

    length = int.from_bytes(glb[12:16], "little")
    document = json.loads(glb[20 : 20 + length])
    document["buffers"][0]["uri"] = (
        "data:application/octet-stream;base64," + base64.b64encode(glb[28 + length :]).decode()
    )
    return json.dumps(document, indent=2).encode()


def test_metadata_do_not_count() -> None:
    length = int.from_bytes(REAL[12:16], "little")
    document = json.loads(REAL[20 : 20 + length])
    document["asset"]["extras"] = {"prompt": "{}"}
    document["nodes"][0]["name"] = "thing"
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    head = REAL[:8] + (len(REAL) - length + len(text)).to_bytes(4, "little") + len(text).to_bytes(4, "little")
    data = head + REAL[16:20] + text + REAL[20 + length :]
    assert data != REAL
    assert judged(REAL, data, "exact").verdict == "identical"


def test_order_of_vertices_and_faces_does_not_count() -> None:
    assert judged(GOLDEN, changed(in_other_order), "exact").verdict == "identical"


@pytest.mark.parametrize(
    "data",
    [
        changed(lambda vertices, faces: (vertices.astype("f2"), faces)),
        changed(with_faces_split),
        changed(jittered(0.0005)),
        changed(lambda vertices, faces: (vertices * 1.003, faces)),
        exported(blob(38)),
    ],
    ids=["half precision", "faces split", "noise", "0.3 % larger", "fewer segments"],
)
def test_harmless_changes_pass(data: bytes) -> None:
    comparison = judged(GOLDEN, data)
    assert comparison.verdict == "within tolerance", comparison.message


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda v, f: (v * [1.05, 1, 1], f), "bounds", "bounds moved "),
        (lambda v, f: (v + np.array([0.02 * SIZE, 0, 0]), f), "bounds", "bounds moved +2 % of the diagonal at the "),
        (lambda v, f: (v, f[:, ::-1]), "structure", "volume moved -200 %: "),
        (without_the_top(0.1), "structure", "surface at "),
        (jittered(0.02), "structure", "area moved +"),
        (lambda v, f: (v[:, [1, 0, 2]], f[:, ::-1]), None, ""),
        (lambda v, f: (v * [-1, 1, 1], f[:, ::-1]), None, ""),
    ],
    ids=["stretched", "moved", "inside out", "part missing", "noise", "turned", "mirrored"],
)
def test_regressions_are_found(change: Any, kind: str | None, message: str) -> None:
    comparison = judged(GOLDEN, changed(change))
    assert comparison.verdict == "different"
    assert kind in (None, *comparison.kinds), comparison.message
    assert comparison.message.startswith(message), comparison.message
    assert "normal allows" in comparison.message


def test_faces_that_are_inside_out_are_named() -> None:
    assert "the faces are turned inside out" in judged(GOLDEN, changed(lambda v, f: (v, f[:, ::-1]))).message


def test_finer_triangles_of_the_same_surface_are_counts() -> None:
    comparison = judged(GOLDEN, exported(BLOB.subdivide()))
    assert comparison.kinds == ("counts",)
    assert "number of faces moved +75 %: " in comparison.message


def test_empty_model_is_blank() -> None:
    empty = b"solid nothing\nfacet endsolid nothing\n"
    comparison = judged(REAL, empty)
    assert (comparison.verdict, comparison.kinds) == ("different", ("blank",))
    assert comparison.message == "the model has no faces, was 474 faces"
    assert judged(empty, empty + b" ").verdict == "identical"


def test_corners_that_are_no_numbers_are_blank() -> None:
    def broken(vertices: Any, faces: Any) -> tuple[Any, Any]:
        vertices[faces[0, 0]] = np.nan
        return vertices, faces

    vertices, faces = broken(np.array(BLOB.vertices), np.array(BLOB.faces))
    data = exported(trimesh.Trimesh(vertices, faces, process=False), "stl")
    assert json.loads(json.dumps(fingerprint(data), allow_nan=False))
    comparison = judged(GOLDEN, data)
    assert comparison.kinds == ("blank",)
    assert "% have corners that are no numbers, was none" in comparison.message


def test_numbers_of_meshes_are_not_tolerated() -> None:
    two = trimesh.Scene([BLOB, trimesh.creation.box((0.01, 0.01, 0.01))])
    comparison = judged(GOLDEN, exported(two), "loose")
    assert (comparison.kinds, comparison.message) == (("counts",), "the model has 2 meshes, was 1")


def test_instances_stand_where_their_nodes_are() -> None:
    scene = trimesh.Scene()
    for at in (0, 3):
        scene.add_geometry(BLOB, geom_name="blob", transform=trimesh.transformations.translation_matrix((at, 0, 0)))
    made = fingerprint(exported(scene))
    assert (made["meshes"], made["faces"]) == (2, 2 * len(BLOB.faces))
    assert made["bounds"][1][0] == pytest.approx(fingerprint(GOLDEN)["bounds"][1][0] + 3, abs=1e-4)


def painted(colour: Any, form: str = "glb") -> bytes:
    mesh = BLOB.copy()
    mesh.visual.vertex_colors = np.tile(np.array([*colour, 255], np.uint8), (len(mesh.vertices), 1))
    return exported(mesh, form)


@pytest.mark.parametrize("form", ["glb", "ply", "obj"])
def test_colours_of_vertices(form: str) -> None:
    golden = painted((200, 80, 40), form)
    assert judged(golden, painted((201, 81, 41), form)).verdict == "within tolerance"
    comparison = judged(golden, painted((200, 80, 60), form))
    assert comparison.kinds == ("material",)
    assert comparison.message == "colour moved 20 levels in one part of the model (normal allows 6 levels)"
    lost = judged(golden, exported(BLOB, form))
    assert (lost.kinds, lost.message) == (("material",), "the model lost its colours of vertices")


def textured(colour: Any, side: int = 64, form: str = "PNG") -> bytes:
    mesh = trimesh.creation.box()
    pixels = np.tile(np.array(colour, np.uint8), (side, side, 1))
    pixels[: side // 2] //= 2
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.open(stream))
    mesh.visual = trimesh.visual.TextureVisuals(uv=np.array(mesh.vertices)[:, :2], material=material)
    return exported(mesh)


def test_textures() -> None:
    golden = textured((200, 80, 40))
    assert judged(golden, textured((201, 81, 41))).verdict == "within tolerance"
    assert judged(golden, textured((201, 81, 41)), "exact").verdict == "different"
    comparison = judged(golden, textured((200, 120, 40)))
    assert (comparison.verdict, comparison.kinds) == ("different", ("material",))
    assert comparison.message == "colour of texture 1 moved 40 levels where it moved most (normal allows 6 levels)"
    bare = judged(golden, exported(trimesh.creation.box()))
    assert bare.kinds == ("material",)
    assert "0 textures, was 1" in bare.message


def test_exact_passes_nothing_but_equal_triangles(keep: Keep) -> None:
    comparison = judged(GOLDEN, changed(jittered(1e-6)), "exact")
    assert (comparison.verdict, comparison.distance) == ("different", float("inf"))
    assert judged(GOLDEN, changed(jittered(1e-6))).verdict == "within tolerance"


def test_kept_fingerprint_is_enough_and_limits_are_set_by_name(keep: Keep) -> None:
    golden = keep(GOLDEN, MEDIA, file=False)
    golden = replace(golden, fingerprint=json.loads(json.dumps(golden.fingerprint)))
    actual = changed(lambda vertices, faces: (vertices + np.array([0.02 * SIZE, 0, 0]), faces))
    assert not compare_output(golden, actual, MEDIA).passed
    assert compare_output(golden, actual, MEDIA, tolerance={"model_bounds": 3}).passed


def test_damaged_fingerprint_is_an_error(keep: Keep) -> None:
    golden = keep(GOLDEN, MEDIA)
    damaged = {**(golden.fingerprint or {}), "views": "0000"}
    with pytest.raises(CompareError, match="damaged"):
        compare_output(replace(golden, fingerprint=damaged), REAL, MEDIA)


@given(st.floats(0, 0.03), st.floats(0, 0.03))
@settings(max_examples=6)
def test_judgement_is_symmetric_and_follows_the_strength(one: float, other: float) -> None:
    less, more = sorted((one, other))
    near, far = judged(GOLDEN, changed(jittered(less))), judged(GOLDEN, changed(jittered(more)))
    assert near.distance <= far.distance * 1.1 + 0.5
    assert judged(changed(jittered(more)), GOLDEN).distance == pytest.approx(far.distance)


def test_difference_is_three_views() -> None:
    drawn = draw(GOLDEN, changed(without_the_top(0.2)))
    assert drawn is not None
    picture = Image.open(io.BytesIO(drawn.data))
    assert (picture.format, picture.size) == ("PNG", (3 * 192 + 2 * 8, 3 * 192 + 2 * 8))
    heat = np.asarray(picture)[:, -192:]
    assert heat.max() > 200
    assert draw(GOLDEN, b"broken") is None


def test_missing_package_is_named(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = keep(GOLDEN, MEDIA)
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(MissingExtraError, match=r"^a 3D model needs trimesh: pip install 'pytest-comfy\[mesh\]'$"):
        compare_output(golden, REAL, MEDIA)
    assert describe(GOLDEN, MEDIA)["fingerprint"] is None
    assert compare_output(golden, GOLDEN, MEDIA).verdict == "identical"


class TestClouds:
    PLACES = np.random.default_rng(2).random((400, 3))
    COLOURS = np.tile(np.array([[200, 60, 60, 255], [60, 60, 200, 255]], "u1"), (200, 1))

    def cloud(self, colours: Any = None, places: Any = PLACES) -> bytes:
        return exported(trimesh.PointCloud(places, colours), "ply")

    def test_colours_of_points_count(self) -> None:
        golden = self.cloud(self.COLOURS)
        assert judged(golden, self.cloud(self.COLOURS)).verdict == "identical"
        found = judged(golden, self.cloud(np.minimum(self.COLOURS, [180, 60, 180, 255]).astype("u1")))
        assert (found.verdict, found.kinds) == ("different", ("material",))
        assert judged(golden, self.cloud((self.COLOURS - [1, 0, 0, 0]).astype("u1"))).verdict == "within tolerance"

    def test_the_order_of_points_does_not(self) -> None:
        order = np.random.default_rng(3).permutation(400)
        again = self.cloud(self.COLOURS[order], self.PLACES[order])
        assert judged(self.cloud(self.COLOURS), again, "exact").verdict == "identical"

    def test_colours_that_are_gone_are_told(self) -> None:
        # Written by hand: older versions of the library always write colours.
        head = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(self.PLACES)}\n"
        axes = "".join(f"property float {axis}\n" for axis in "xyz")
        bare = f"{head}{axes}end_header\n".encode() + self.PLACES.astype("<f4").tobytes()
        assert judged(self.cloud(self.COLOURS), bare).message == "the model lost its colours of vertices"
        assert judged(bare, self.cloud(self.COLOURS)).message == "the model gained colours of vertices"
