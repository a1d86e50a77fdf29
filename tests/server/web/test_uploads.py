"""Uploads: the names that are given, what is refused, masks, and the choices that follow."""

from __future__ import annotations

import io
import json

import pytest
import requests
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pytest_comfy.golden.exchanges import Exchange, Exchanges
from pytest_comfy.server import FakeComfyServer, files

BOUNDARY = "xxBOUNDARYxx"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def png(color=(1, 2, 3, 255), size=(4, 4), text=None):
    chunks = PngInfo()
    if text:
        chunks.add_text("prompt", text)
    buffer = io.BytesIO()
    Image.new("RGBA", size, color).save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


@pytest.fixture
def fake():
    with FakeComfyServer() as server:
        yield server


def upload(server, name="x.png", content=b"a", path="/upload/image", **fields):
    reply = requests.post(server.url + path, files={"image": (name, content)}, data=fields, timeout=10)
    return reply.json() if reply.status_code == 200 else reply.status_code


def raw(server, parts, path="/upload/image", content_type=MULTIPART):
    body = b""
    for disposition, kind, content in parts:
        body += f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n".encode()
        body += f"Content-Type: {kind}\r\n".encode() if kind else b""
        body += b"\r\n" + content + b"\r\n"
    body += f"--{BOUNDARY}--\r\n".encode()
    return requests.post(server.url + path, data=body, headers={"Content-Type": content_type}, timeout=10)


def content(server, name, **query):
    params = {"filename": name, "type": "input", **query}
    return requests.get(server.url + "/view", params=params, timeout=10).content


def test_taken_names_are_counted_and_equal_content_keeps_its_name(fake):
    assert upload(fake, content=b"a") == {"name": "x.png", "subfolder": "", "type": "input"}
    assert upload(fake, content=b"b")["name"] == "x (1).png"
    assert upload(fake, content=b"c")["name"] == "x (2).png"
    assert upload(fake, content=b"a")["name"] == "x.png"
    assert upload(fake, content=b"b")["name"] == "x (1).png"
    assert upload(fake, content=b"d", overwrite="1")["name"] == "x.png"
    assert upload(fake, content=b"e", overwrite="True")["name"] == "x (3).png"
    assert [content(fake, f"x{n}.png") for n in ("", " (1)", " (2)", " (3)")] == [b"d", b"b", b"c", b"e"]


@pytest.mark.parametrize(
    ("name", "again"), [("noending", "noending (1)"), (".hidden", ".hidden (1)"), ("a.tar.gz", "a.tar (1).gz")]
)
def test_where_the_number_goes(fake, name, again):
    assert upload(fake, name, b"a")["name"] == name
    assert upload(fake, name, b"b")["name"] == again


def test_folders(fake):
    assert upload(fake, subfolder="a/b/../c/") == {"name": "x.png", "subfolder": "a/b/../c/", "type": "input"}
    assert content(fake, "x.png", subfolder="a/c") == b"a"
    assert upload(fake, "a/c/x.png", b"b")["name"] == "a/c/x (1).png"
    assert content(fake, "x (1).png", subfolder="a/c") == b"b"
    assert upload(fake, "input/back.png", subfolder="..")["name"] == "input/back.png"
    assert content(fake, "back.png") == b"a"


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("../x.png", {}, 400),
        ("/etc/x.png", {}, 500),  # aiohttp takes the slash away: no folder etc
        ("..", {}, 400),
        ("x.png", {"subfolder": "../.."}, 400),
        ("x.png", {"subfolder": "/etc"}, 400),
        ("x.png", {"type": "nonsense"}, 500),
        ("x.png", {"type": ""}, 500),
        (".", {}, 500),
        ("folder", {"overwrite": "1"}, 500),
        ("nofolder/x.png", {}, 500),
        ("x.png", {"subfolder": "taken.png"}, 500),
        ("x.png", {"subfolder": "taken.png/deep"}, 500),
        ("x" * 300, {}, 500),
        ("x.png", {"subfolder": "y" * 300}, 500),
        ("x.png", {"subfolder": "a\0b"}, 500),
    ],
)
def test_refused_names(fake, name, fields, status):
    upload(fake, "taken.png")
    upload(fake, subfolder="folder")
    assert upload(fake, name, **fields) == status


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([('name="x"', None, b"1")], 400),
        ([('name="image"', None, b"")], 400),
        ([('name="image"; filename=""', "image/png", b"")], 400),
        ([('name="image"', None, b"text")], 500),
        ([('name="image"', "image/png", b"bytes")], 500),
        ([('filename="x.png"', "image/png", b"1")], 500),
        ([('name="image"; filename="x.png"', None, b"1"), ('name="type"; filename="t"', None, b"temp")], 500),
        ([('name="image"; filename="x.png"', None, b"1"), ('name="subfolder"; filename="t"', None, b"t")], 500),
        ([('name="image"; filename="x.png"', None, b"1"), ('name="type"', None, b"\xff\xfe")], 500),
        ([('name="image"; filename="x.png"', "a/b\r\nContent-Transfer-Encoding: odd", b"1")], 500),
        ([('name="image"; filename="x.png"', "a/b\r\nContent-Transfer-Encoding: base64", b"MQ==")], 200),
        ([('name="image"; filename="x.png"', "a/b\r\n;", b"1")], 500),
        ([('name="image"', "text/plain; charset=odd", b"1")], 500),
    ],
)
def test_unusual_forms(fake, parts, status):
    assert raw(fake, parts).status_code == status


def test_the_first_of_two_parts_counts(fake):
    parts = [
        ('name="image"; filename="first.png"', None, b"1"),
        ('name="image"; filename="second.png"', None, b"2"),
        ('name="type"', None, b"temp"),
        ('name="type"', None, b"output"),
    ]
    assert raw(fake, parts).json() == {"name": "first.png", "subfolder": "", "type": "temp"}


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 400),
        ("multipart/form-data", b"x", 500),
        ("multipart/mixed; boundary=x", b"--x--", 400),
        ("application/x-www-form-urlencoded", b"image=x", 500),
        ("application/x-www-form-urlencoded", b"image=", 400),
        ("application/x-www-form-urlencoded", b"type=nonsense", 500),
    ],
)
def test_other_bodies(fake, kind, body, status):
    reply = requests.post(fake.url + "/upload/image", data=body, headers={"Content-Type": kind}, timeout=10)
    assert reply.status_code == status


def test_memory_has_an_end(fake, monkeypatch):
    monkeypatch.setattr(files, "_MOST_UPLOADED", 10)
    assert upload(fake, content=b"123456")["name"] == "x.png"
    assert upload(fake, "y.png", b"123456") == 413
    assert upload(fake, content=b"1234567890", overwrite="1")["name"] == "x.png"


def mask(server, original, name="m.png", data=None, **fields):
    told = original if isinstance(original, str) else json.dumps(original)
    return upload(server, name, data or png((0, 0, 0, 77)), "/upload/mask", original_ref=told, **fields)


def test_a_mask_is_laid_on_its_original(fake):
    upload(fake, "o.png", png((9, 8, 7, 255), text="{}"), subfolder="s")
    for original in (
        {"filename": "o.png", "subfolder": "s", "type": "input"},
        {"filename": "o.png [input]", "subfolder": "s"},
        {"filename": "s/o.png", "type": "input"},
    ):
        assert mask(fake, original, overwrite="true")["name"] == "m.png"
        picture = Image.open(io.BytesIO(content(fake, "m.png")))
        assert picture.getpixel((0, 0)) == (9, 8, 7, 77)
        assert picture.text == {"prompt": "{}"}


@pytest.mark.parametrize(
    "original",
    [
        {"filename": "none.png"},
        {"filename": ""},
        {"filename": "../o.png"},
        {"filename": "/etc/passwd"},
        {"filename": "o.png", "type": "nonsense"},
        {"filename": "o.png", "type": "input", "subfolder": "../.."},
    ],
)
def test_a_mask_of_nothing_is_answered_but_not_written(fake, original):
    upload(fake, "o.png", png())
    assert mask(fake, original) == {"name": "m.png", "subfolder": "", "type": "input"}
    assert content(fake, "m.png") == b""


@pytest.mark.parametrize(
    "original", ["", "{", "[]", "null", {}, {"filename": 5}, {"filename": "o.png", "subfolder": 5}]
)
def test_a_broken_reference_is_trouble(fake, original):
    assert mask(fake, original) == 500


@pytest.mark.parametrize(
    ("name", "data"),
    [("m.jpg", None), ("m", None), ("m.txt", None), ("m.png", b"no picture"), ("m.png", png(size=(2, 2)))],
)
def test_masks_that_cannot_be_saved_are_trouble(fake, name, data):
    upload(fake, "o.png", png())
    assert mask(fake, {"filename": "o.png", "type": "input"}, name, data) == 500
    assert mask(fake, {"filename": "o.png", "type": "input"}, "m.webp")["name"] == "m.webp"


def test_a_mask_needs_its_reference(fake):
    assert upload(fake, "m.png", png(), "/upload/mask") == 500


DEFINITIONS = {
    "LoadImage": {"input": {"required": {"image": [["old.png"], {"image_upload": True}]}}},
    "LoadImageMask": {"input": {"required": {"image": [["old.png"], {"image_upload": True}]}}},
    "LoadAudio": {"input": {"required": {"audio": ["COMBO", {"audio_upload": True, "options": []}]}}},
    "Load3D": {"input": {"required": {"model_file": [[], {"file_upload": True}]}}},
    "LoadImageOutput": {
        "input": {"required": {"image": ["COMBO", {"image_upload": True, "image_folder": "output", "remote": {}}]}}
    },
    "Plain": {"input": {"required": {"x": ["INT"]}}},
}


def test_uploaded_files_become_choices():
    told = Exchange("GET", "/object_info", (), None, 200, {}, json.dumps(DEFINITIONS).encode())
    with FakeComfyServer(exchanges=Exchanges([told])) as server:

        def info(name=""):
            return requests.get(server.url + "/object_info" + name, timeout=10).json()

        assert info() == DEFINITIONS
        for name in ("b.png", "s.mp3", "n.bin"):
            upload(server, name)
        upload(server, "m.glb", subfolder="3d")
        upload(server, "deep.png", subfolder="sub")
        upload(server, "t.png", type="temp")
        seen = {name: one["input"]["required"] for name, one in info().items()}
        assert seen["LoadImage"]["image"] == [["b.png", "old.png"], {"image_upload": True}]
        assert seen["LoadImageMask"]["image"][0] == ["b.png", "n.bin", "old.png", "s.mp3"]
        assert seen["LoadAudio"]["audio"] == ["COMBO", {"audio_upload": True, "options": ["s.mp3"]}]
        assert seen["Load3D"]["model_file"][0] == ["3d/m.glb"]
        assert info("/LoadImage") == {"LoadImage": info()["LoadImage"]}
        assert {name: info()[name] for name in ("Plain", "LoadImageOutput")} == {
            name: DEFINITIONS[name] for name in ("Plain", "LoadImageOutput")
        }
