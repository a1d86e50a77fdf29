"""What a node's result names: files as objects and as bare text, and texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.workflow.named import Place, named_outputs, places_of_text

PROMPT = {"4": {"class_type": "Preview3D", "inputs": {}}}
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
FILES = st.fixed_dictionaries({}, optional={"filename": ANY, "subfolder": ANY, "type": ANY})


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a.glb", ["output::a.glb", "temp::a.glb", "input::a.glb"]),
        ("3d/x/a.glb", ["output:3d/x:a.glb", "temp:3d/x:a.glb", "input:3d/x:a.glb"]),
        ("3d\\a.glb", ["output:3d:a.glb", "temp:3d:a.glb", "input:3d:a.glb"]),
        ("temp/bg.png", ["temp::bg.png", "output:temp:bg.png", "temp:temp:bg.png", "input:temp:bg.png"]),
        ("temp/b/bg.png", ["temp:b:bg.png", "output:temp/b:bg.png", "temp:temp/b:bg.png", "input:temp/b:bg.png"]),
        ("3d/a.glb [input]", ["input:3d:a.glb"]),
        ("a.glb[temp]", ["temp::a.glb"]),
        ("/srv/ComfyUI/output/3d/a.glb", ["output:3d:a.glb"]),
        ("/srv/output/ComfyUI/temp/a.glb", ["temp::a.glb"]),
        ("C:\\ComfyUI\\output\\3d\\a.glb", ["output:3d:a.glb"]),
    ],
)
def test_where_a_file_named_by_text_may_lie(text, places):
    assert [f"{one.type}:{one.subfolder}:{one.filename}" for one in places_of_text(text)] == places


@pytest.mark.parametrize(
    "text",
    ["", "/etc/a.glb", "../a.glb", "3d/../../a.glb", "C:/a.glb", "C:\\a.glb", "https://x/a.glb", "a//b.glb", "a/",
     "a\nb.glb", "x" * 2000 + ".glb"],
)  # fmt: skip
def test_what_cannot_be_the_name_of_a_file_below_a_folder(text):
    assert places_of_text(text) == ()


@given(st.text() | st.from_regex(r"[a./\\\\:]{1,12}( \[(output|temp|input)\])?", fullmatch=True))
def test_no_text_leads_out_of_the_folders(text):
    for place in places_of_text(text):
        assert place.type in ("output", "temp", "input")
        assert place.filename not in ("", "..") and "/" not in place.filename
        assert ".." not in place.subfolder.split("/") and not place.subfolder.startswith("/")


def named(result):
    return [(one.key, one.index, bool(one.places), one.is_file) for one in named_outputs(PROMPT, {"4": result})]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"result": ["a.glb", None, {}]}, [("result", 0, True, True), ("result", 2, False, False)]),
        ({"result": ["a.SPZ [temp]", None, "temp/bg_1.png"]}, [("result", 0, True, True), ("result", 2, True, False)]),
        ({"result": ["a.glb", None, ""], "text": [""]}, [("result", 0, True, True), ("text", 0, False, False)]),
        ({"result": ["/x/output/a.glb"]}, [("result", 0, True, False)]),
        ({"result": ["none", "a.txt", "/x/a.glb"]}, [("result", place, False, False) for place in range(3)]),
        ({"text": ["a.glb"], "path": ["a.glb"]}, [("text", 0, False, False), ("path", 0, True, False)]),
        ({"path": ["a.png"]}, [("path", 0, False, False)]),
        ({"images": [{"filename": "a.png"}], "animated": [True]}, [("images", 0, True, True)]),
        ({"text": ["a"], "files": [{"filename": "a.TXT"}]}, [("files", 0, True, True)]),
        ({"text": ["a"], "files": [{"filename": "a.png"}]}, [("text", 0, False, False), ("files", 0, True, True)]),
        ({"text": ["a", "b"], "files": [{"filename": "a.txt"}]},
         [("text", 0, False, False), ("text", 1, False, False), ("files", 0, True, True)]),
        ({"text": ["a"], "files": ["a.txt"]}, [("text", 0, False, False), ("files", 0, False, False)]),
    ],
)  # fmt: skip
def test_what_is_a_file(result, expected):
    assert named(result) == expected


def test_an_output_is_called_as_where_it_was_found():
    (one,) = named_outputs(PROMPT, {"4": {"result": ["3d/a_00001.glb"]}})
    made = one.output(b"glTF", Place("a_00001.glb", "3d", "temp"))
    assert (made.filename, made.type, made.media_type, made.data) == (
        "a_00001.glb", "temp", "model/gltf-binary", b"glTF",
    )  # fmt: skip
    assert (one.output().media_type, one.output().text, one.output().filename) == ("text/plain", "3d/a_00001.glb", "")


@given(st.dictionaries(st.sampled_from(["result", "text", "files", "x"]), st.lists(ANY | FILES, max_size=3) | ANY))
def test_any_result_of_a_server(result):
    for one in named_outputs(PROMPT, {"4": result}):
        assert all(isinstance(part, str) for place in one.places for part in place.query.values())
        assert one.is_file <= bool(one.places)
        assert one.output().name == one.name
