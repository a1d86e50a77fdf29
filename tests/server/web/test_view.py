"""`GET /view`: names, pictures remade, types, ranges and conditions; the answers were compared with real servers."""

from __future__ import annotations

import io

import pytest
import requests
from PIL import Image

from pytest_comfy.server import FakeComfyServer

LONG = bytes(range(256)) * 8


def png(mode="RGBA", color=(200, 10, 30, 99)):
    buffer = io.BytesIO()
    Image.new(mode, (8, 6), color).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = png()


@pytest.fixture(scope="module")
def fake():
    with FakeComfyServer() as server:
        for name, content in {
            "a.png": PICTURE,
            "la.png": png("LA", (9, 8)),
            "bad.png": PICTURE[:45],
            "long.bin": LONG,
            "empty.txt": b"",
        }.items():
            put(server, name, content)
        put(server, "a.png", b"below", subfolder="sub/deep")
        yield server


@pytest.fixture(scope="module")
def older():
    with FakeComfyServer(version="0.8.0") as server:
        yield server


def put(server, name, content, **fields):
    fields = {"type": "temp", **fields}
    reply = requests.post(server.url + "/upload/image", files={"image": (name, content)}, data=fields, timeout=10)
    assert reply.status_code == 200


def view(server, name="a.png", headers=None, method="GET", **query):
    params = {"filename": name, "type": "temp", **query}
    return requests.request(method, server.url + "/view", params=params, headers=headers, timeout=10)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 200),
        ({"subfolder": ""}, 200),
        ({"subfolder": "sub/deep"}, 200),
        ({"subfolder": "./sub/../sub/deep/"}, 200),
        ({"name": "sub/deep/a.png"}, 200),
        ({"name": "long.bin [temp]", "type": "nonsense"}, 200),
        ({"name": "a.png [input]"}, 404),
        ({"name": "sub"}, 404),
        ({"type": "input"}, 404),
        ({"name": "a\0.png"}, 404),
        ({"name": "x" * 300}, 404),
        ({"name": ""}, 400),
        ({"name": " [temp]"}, 400),
        ({"name": "a..b.png"}, 400),
        ({"name": "/etc/passwd"}, 400),
        ({"type": ""}, 400),
        ({"type": "nonsense"}, 400),
        ({"subfolder": ".."}, 403),
        ({"subfolder": "../temp/../.."}, 403),
        ({"subfolder": "/etc"}, 403),
    ],
)
def test_names(fake, query, status):
    for method in ("GET", "HEAD"):
        reply = view(fake, method=method, **query)
        assert reply.status_code == status
        assert method == "GET" or reply.content == b""
        if status != 200:
            assert reply.content == b""


def test_a_folder_in_the_name_is_passed_over(fake):
    assert view(fake, "sub/deep/a.png").content == PICTURE
    assert view(fake, "a.png", subfolder="sub/deep").content == b"below"


@pytest.mark.parametrize(
    ("query", "kind", "mode"),
    [
        ({"preview": "webp"}, "image/webp", "RGBA"),
        ({"preview": "webp;10"}, "image/webp", "RGBA"),
        ({"preview": "png"}, "image/webp", "RGBA"),
        ({"preview": "jpeg;50"}, "image/jpeg", "RGB"),
        ({"preview": "jpeg", "channel": "rgb"}, "image/jpeg", "RGB"),
        ({"preview": "jpeg", "channel": "rgba"}, "image/webp", "RGBA"),
        ({"preview": "webp", "channel": "rgb"}, "image/webp", "RGB"),
        ({"channel": "rgb"}, "image/png", "RGB"),
        ({"channel": "a"}, "image/png", "RGBA"),
    ],
)
def test_remade_pictures(fake, query, kind, mode):
    reply = view(fake, **query)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, kind)
    assert reply.headers["Content-Disposition"] == 'filename="a.png"'
    assert not {"Etag", "Accept-Ranges", "Last-Modified"} & set(reply.headers)
    picture = Image.open(io.BytesIO(reply.content))
    assert (picture.mode, picture.size) == (mode, (8, 6))


def test_the_alpha_channel_is_that_of_rgba_pictures_only(fake):
    def pixel(name):
        return Image.open(io.BytesIO(view(fake, name, channel="a").content)).getpixel((0, 0))

    assert pixel("a.png") == (0, 0, 0, 99)
    assert pixel("la.png") == (0, 0, 0, 255)


@pytest.mark.parametrize("query", [{"preview": "webp"}, {"channel": "rgb"}, {"channel": "a"}])
@pytest.mark.parametrize("name", ["bad.png", "long.bin", "empty.txt"])
def test_what_pillow_cannot_open_is_trouble(fake, name, query):
    reply = view(fake, name, **query)
    assert reply.status_code == 500
    assert reply.text == "500 Internal Server Error\n\nServer got itself in trouble"


def test_an_impossible_quality_is_trouble(fake):
    assert view(fake, preview="jpeg;²").status_code == 500
    assert view(fake, preview="webp;99999999999999").status_code == 500
    assert view(fake, preview="jpeg;x").status_code == 200


@pytest.mark.parametrize("channel", ["rgba", "", "x"])
def test_other_channels_send_the_file(fake, channel):
    assert view(fake, channel=channel).content == PICTURE


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x.png", "image/png"),
        ("x.JPG", "image/jpeg"),
        ("x.webp", "image/webp"),
        ("x.mp4", "video/mp4"),
        ("x.webm", "video/webm"),
        ("x.flac", "audio/flac"),
        ("x.opus", "audio/ogg"),
        ("x.glb", "model/gltf-binary"),
        ("x.glb.gz", "model/gltf-binary"),
        ("x.gz", "application/octet-stream"),
        ("x.latent", "application/octet-stream"),
        ("x.txt", "text/plain"),
        ("x.mjs", "application/octet-stream"),
        ("x.css", "application/octet-stream"),
        ("x.html", "application/octet-stream"),
        ("x.xhtml", "application/octet-stream"),
        (".png", "application/octet-stream"),
        ("noending", "application/octet-stream"),
        ("data:text,x.zip", "application/zip"),
    ],
)
def test_content_types(fake, name, kind):
    put(fake, name, b"1", overwrite="true")
    assert view(fake, name).headers["Content-Type"] == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x.svg", "image/svg+xml"),
        ("x.js", "application/javascript; charset=utf-8"),
        ("x.xml", "application/xml"),
    ],
)
def test_what_a_browser_would_run_is_bytes_since(fake, older, name, kind):
    for server, told in ((older, kind), (fake, "application/octet-stream")):
        put(server, name, b"1", overwrite="true")
        assert view(server, name).headers["Content-Type"] == told


def test_unusual_names_stand_in_the_disposition(fake):
    for name in ("ä ☃.png", "a'b;c.png", "50%20.png"):
        put(fake, name, b"1", overwrite="true")
        told = view(fake, name).headers["Content-Disposition"]
        assert told.encode("latin-1").decode() == f'filename="{name}"'


PAST, FUTURE = "Wed, 01 Jan 2020 00:00:00 GMT", "Wed, 01 Jan 2099 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "status", "part"),
    [
        ({}, 200, LONG),
        ({"Range": "bytes=0-9"}, 206, LONG[:10]),
        ({"Range": "bytes=5-"}, 206, LONG[5:]),
        ({"Range": "bytes=-7"}, 206, LONG[-7:]),
        ({"Range": "bytes=-99999"}, 206, LONG),
        ({"Range": "bytes=0-99999"}, 206, LONG),
        ({"Range": "bytes=2047-2047"}, 206, LONG[-1:]),
        ({"Range": "bytes=2048-"}, 416, b""),
        ({"Range": "bytes=9-5"}, 416, b""),
        ({"Range": "bytes=0-1,3-4"}, 416, b""),
        ({"Range": "items=0-3"}, 416, b""),
        ({"Range": "bytes=0-9", "If-Range": PAST}, 200, LONG),
        ({"Range": "bytes=0-9", "If-Range": FUTURE}, 206, LONG[:10]),
        ({"Range": "bytes=0-9", "If-Range": "{last}"}, 206, LONG[:10]),
        ({"If-None-Match": "*"}, 304, b""),
        ({"If-None-Match": "{etag}"}, 304, b""),
        ({"If-None-Match": "W/{etag}"}, 304, b""),
        ({"If-None-Match": '"x", {etag}'}, 304, b""),
        ({"If-None-Match": '"x"'}, 200, LONG),
        ({"If-None-Match": '"x"', "If-Modified-Since": FUTURE}, 200, LONG),
        ({"If-Modified-Since": "{last}"}, 304, b""),
        ({"If-Modified-Since": PAST}, 200, LONG),
        ({"If-Modified-Since": "x"}, 200, LONG),
        ({"If-Match": "{etag}"}, 200, LONG),
        ({"If-Match": "*", "If-Unmodified-Since": PAST}, 200, LONG),
        ({"If-Match": '"x"'}, 412, b""),
        ({"If-Match": "W/{etag}"}, 412, b""),
        ({"If-Unmodified-Since": PAST}, 412, b""),
        ({"If-Unmodified-Since": "{last}"}, 200, LONG),
    ],
)
def test_ranges_and_conditions(fake, headers, status, part):
    plain = view(fake, "long.bin").headers
    asked = {name: value.format(etag=plain["Etag"], last=plain["Last-Modified"]) for name, value in headers.items()}
    reply = view(fake, "long.bin", asked)
    assert (reply.status_code, reply.content) == (status, part)
    assert reply.headers["Content-Disposition"] == 'filename="long.bin"'
    assert ("Etag" in reply.headers) == (status in (200, 206, 304))
    assert ("Accept-Ranges" in reply.headers) == (status in (200, 206))
    if status == 416:
        assert reply.headers["Content-Range"] == "bytes */2048"
    if status == 206:
        start = LONG.find(part) if len(part) > 256 else int(reply.headers["Content-Range"][6:].partition("-")[0])
        assert reply.headers["Content-Range"] == f"bytes {start}-{start + len(part) - 1}/2048"
    head = view(fake, "long.bin", asked, "HEAD")
    assert (head.status_code, head.content) == (status, b"")
    assert head.headers.get("Content-Length") == reply.headers.get("Content-Length")


def test_an_empty_file_has_no_range(fake):
    assert view(fake, "empty.txt", {"Range": "bytes=0-"}).status_code == 416
    assert view(fake, "empty.txt", method="HEAD").headers["Content-Length"] == "0"
