"""Media types: by what files hold, else by their names, on every system alike."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.compare.media import kind_of
from pytest_comfy.media import _TYPES, media_type_of, suffix_of

PNG, EXR = b"\x89PNG\r\n\x1a\n", b"\x76\x2f\x31\x01"
FTYP = b"\0\0\0\x18ftyp"
SPLATS = (
    b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nproperty float f_dc_0\nend_header\n\0\0"
)
POINTS = SPLATS.replace(b"f_dc_0", b"y")


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("x.PNG", b"", "image/png"),
        ("x.mp4", b"", "video/mp4"),
        ("x.flac", b"", "audio/flac"),
        ("x.glb", b"", "model/gltf-binary"),
        ("x.gltf", b"", "model/gltf+json"),
        ("x.obj", b"", "model/obj"),
        ("x.STL", b"", "model/stl"),
        ("x.ply", b"", "model/ply"),
        ("x.svg", b"", "image/svg+xml"),
        ("x.exr", b"", "image/x-exr"),
        ("x.ksplat", b"\0\1", "model/x-ksplat"),
        ("x", PNG, "image/png"),
        ("x.qqqq", b"\xff\xd8\xff", "image/jpeg"),
        ("x.qqqq", "grün\n".encode(), "text/plain"),
        ("x", b"", "application/octet-stream"),
        ("x", b"a\0b", "application/octet-stream"),
        ("x", b"\xff", "application/octet-stream"),
        ("x", "ä".encode() * 40000 + b"!", "text/plain"),
        ("x", b"x" + "ä".encode() * 40000, "text/plain"),
        ("x", b"x" * 65535 + b"\xff\xff", "text/plain"),
        ("x", b"x" * 65000 + b"\xff" * 999, "application/octet-stream"),
    ],
)
def test_by_name_then_by_text(name, data, media_type):
    assert media_type_of(name, data) == media_type


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("x.png", EXR, "image/x-exr"),
        ("x.bin", EXR, "image/x-exr"),
        ("x.txt", PNG, "image/png"),
        ("x.png", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ("x.mp3", b"RIFF\0\0\0\0WAVEfmt ", "audio/x-wav"),
        ("x.jpg", FTYP + b"avif", "image/avif"),
        ("x.mp4", FTYP + b"isom", "video/mp4"),
        ("x.m4a", FTYP + b"isom", "audio/mp4"),
        ("x.qqqq", FTYP + b"M4A ", "audio/mp4"),
        ("x.mov", FTYP + b"qt  ", "video/quicktime"),
        ("x.mp4", b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "video/webm"),
        ("x.qqqq", b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", "video/x-matroska"),
        ("x.ogg", b"OggS" + b"\0" * 24 + b"OpusHead", "audio/ogg"),
        ("x.qqqq", b"OggS" + b"\0" * 24 + b"OpusHead", "audio/opus"),
        ("x.ply", SPLATS, "model/x-splat-ply"),
        ("x.ply", POINTS, "model/ply"),
        ("x.glb", b"ply\n", "model/ply"),
        ("x", b"glTF\2\0\0\0", "model/gltf-binary"),
        ("x.latent", struct.pack("<Q", 2) + b"{}", "application/x-safetensors"),
        ("x.qqqq", struct.pack("<Q", 2) + b"{}", "application/x-safetensors"),
        ("x.qqqq", struct.pack("<Q", 3) + b"{}", "application/octet-stream"),
    ],
)
def test_what_the_bytes_say_comes_before_the_name(name, data, media_type):
    assert media_type_of(name, data) == media_type


def test_the_table_of_the_system_is_not_asked(monkeypatch):
    monkeypatch.setattr("mimetypes.guess_type", lambda name, strict=True: ("image/aces", None))
    monkeypatch.setattr("mimetypes.guess_extension", lambda media_type, strict=True: ".odd")
    assert media_type_of("x.exr", b"?") == "image/x-exr"
    assert media_type_of("x.odd-one", b"\0") == "application/octet-stream"
    assert suffix_of("model/unheard-of") == ".bin"


@pytest.mark.parametrize("suffix", sorted(_TYPES))
def test_a_known_file_keeps_its_kind_under_the_name_we_give_it(suffix):
    media_type = media_type_of(f"x{suffix}", b"")
    ending = suffix_of(media_type)
    assert ending != ".bin"
    assert kind_of(media_type_of(f"x{ending}", b"")) == kind_of(media_type)


@pytest.mark.parametrize("media_type", ["image/aces", "image/x-exr"])
def test_both_names_of_exr_end_alike(media_type):
    assert suffix_of(media_type) == ".exr"


@given(st.text(), st.binary() | st.text().map(str.encode))
def test_any_file_has_a_type_and_an_ending(name, data):
    found = media_type_of(name, data)
    assert found.count("/") == 1
    assert suffix_of(found).startswith(".")
