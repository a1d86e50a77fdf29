"""The workflow that a picture, sound or video holds: ComfyUI writes what made a file into its metadata.

PNG has texts `prompt` and `workflow` (animated ones in chunks of ComfyUI's own), EXR attributes; WEBP, JPEG and AVIF
have them in EXIF, a tag each, "prompt:" and "workflow:" in front; FLAC, MP3, OGG, MP4 and WEBM among the container's
tags.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from .errors import WorkflowError

NAMES = ("prompt", "workflow")
"""What was run, and the file in UI form that it came from; the first one that is there is taken."""

_MOST = 64 << 20
"""Bytes of a text, unpacked."""
_EXIF_TAGS = range(0x0110, 0x0100, -1)
"""ComfyUI writes the prompt as Model, and what else there is as Make and the tags below it."""


def embedded(data: bytes, media_type: str, source: str) -> str:
    """Return the workflow, as JSON, that a file holds.

    Raises WorkflowError where there is none, and where a package is missing to look for it.
    """
    found = dict(reversed(list(_texts(data, media_type, source))))
    text = next((found[name] for name in NAMES if found.get(name)), None)
    if text is None:
        raise WorkflowError(
            f"{source}: holds no workflow: ComfyUI writes it into what it saves unless it runs with "
            "--disable-metadata, and programs that edit a file often drop it"
        )
    return text


def _texts(data: bytes, media_type: str, source: str) -> Iterator[tuple[str, str]]:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        yield from _png(data)
    elif data.startswith(b"\x76\x2f\x31\x01"):
        yield from _exr(data)
    elif media_type.startswith("image/"):
        yield from _exif(data, source)
    else:
        yield from _container(data, source)


def _png(data: bytes) -> Iterator[tuple[str, str]]:
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        name, _, text = data[at + 8 : at + 8 + length].partition(b"\0")
        if kind in (b"tEXt", b"comf"):
            yield name.decode("latin-1"), text.decode("latin-1")
        elif kind == b"zTXt":
            yield name.decode("latin-1"), _unpacked(text[1:]).decode("latin-1")
        elif kind == b"iTXt":
            packed, _, rest = text[0:1] == b"\1", text[1:2], text[2:]
            content = rest.partition(b"\0")[2].partition(b"\0")[2]
            yield name.decode("latin-1"), (_unpacked(content) if packed else content).decode("utf-8", "replace")
        at += 12 + length


def _exr(data: bytes) -> Iterator[tuple[str, str]]:
    at = 8
    while (end := data.find(b"\0", at, at + 256)) > at and (kind := data.find(b"\0", end + 1, end + 256)) > 0:
        size = int.from_bytes(data[kind + 1 : kind + 5], "little")
        if data[end + 1 : kind] == b"string":
            yield data[at:end].decode("latin-1"), data[kind + 5 : kind + 5 + size].decode("utf-8", "replace")
        at = kind + 5 + size


def _unpacked(data: bytes) -> bytes:
    with suppress(zlib.error):
        return zlib.decompressobj().decompress(data, _MOST)
    return b""


def _exif(data: bytes, source: str) -> Iterator[tuple[str, str]]:
    from PIL import Image  # not at the top: most workflows are JSON

    try:
        with Image.open(io.BytesIO(data)) as picture:
            exif = picture.getexif()
            told = {**picture.info}
    except Exception as error:  # Pillow raises of many kinds for broken files
        raise WorkflowError(f"{source}: cannot be read ({' '.join(str(error).split())[:120]})") from error
    for tag in _EXIF_TAGS:
        value = exif.get(tag)
        if isinstance(value, str):
            name, colon, text = value.partition(":")
            if colon:
                yield name, text
    for name in NAMES:
        if isinstance(told.get(name), str):
            yield name, told[name]


def _container(data: bytes, source: str) -> Iterator[tuple[str, str]]:
    try:
        import av
    except ImportError as error:
        raise WorkflowError(
            f"{source}: to read the workflow of a sound or video PyAV is needed: pip install 'pytest-comfy[video]'"
        ) from error
    av.logging.set_level(av.logging.PANIC)
    try:
        with _opened(av, data) as container:
            tags: list[Any] = [container.metadata, *(stream.metadata for stream in container.streams)]
    except Exception as error:  # PyAV raises of many kinds for broken files
        raise WorkflowError(f"{source}: cannot be read ({' '.join(str(error).split())[:120]})") from error
    for metadata in tags:
        for name, text in metadata.items():
            if name.lower() in NAMES:
                yield name.lower(), str(text)


def _opened(av: Any, data: bytes) -> Any:
    with suppress(TypeError):  # PyAV 19 reads texts that are no UTF-8 by itself
        return av.open(io.BytesIO(data), metadata_errors="replace")
    return av.open(io.BytesIO(data))
