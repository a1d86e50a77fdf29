"""`POST /upload/image` and `/upload/mask`: what ComfyUI's server.py accepts, and the names it gives."""

from __future__ import annotations

import json
import posixpath
import zlib
from dataclasses import dataclass

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ...golden import GoldenError
from ..files import FOLDERS, FileStore, Key, StoreFull, file_key
from ..wire.messages import MAX_UPLOAD
from . import pictures
from .view import split_annotation

_LONGEST_NAME = 255
"""Bytes; of the file systems that ComfyUI runs on."""

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has a file name."""

    filename: str
    content: bytes


Form = dict[str, Part | str | bytes]
"""The first part of each name; bytes are those without file name whose type is no text."""


async def upload(request: web.Request, files: FileStore, mask: bool = False) -> web.Response:
    """Answer an upload. Raises ValueError, TypeError, KeyError or OSError where ComfyUI answers 500."""
    form = await _read_form(request)
    kind = form.get("type", "input")
    if kind not in FOLDERS:
        raise ValueError("ComfyUI knows no folder of this type")
    image = form.get("image")
    if not image:
        return web.Response(status=400)
    if not isinstance(image, Part):
        raise TypeError("the image is no file")
    subfolder = form.get("subfolder", "")
    if not isinstance(subfolder, str):
        raise TypeError("the subfolder is no text")
    filename = image.filename
    key = _place(kind, subfolder, filename)
    if key is None:
        return web.Response(status=400)
    folder = file_key(kind, subfolder, "")
    if folder is not None:
        _require_folder(files, kind, folder[1], made=True)
    if form.get("overwrite") not in ("true", "1"):
        stem, extension = posixpath.splitext(filename)
        number = 1
        while (present := _present(files, key)) is not None:
            if present == image.content:
                return _named(filename, subfolder, kind)
            filename = f"{stem} ({number}){extension}"
            key = _place(kind, subfolder, filename)
            assert key is not None
            number += 1
    content = _with_mask(image, form, files, key[2]) if mask else image.content
    if content is not None:
        _require_writable(files, key)
        try:
            files.store(key, content)
        except StoreFull:
            text = "The fake ComfyUI server holds no more uploads in memory: start a new one, or reset() it."
            return web.Response(status=413, text=text)
    return _named(filename, subfolder, kind)


def _named(filename: str, subfolder: str, kind: str) -> web.Response:
    return web.json_response({"name": filename, "subfolder": subfolder, "type": kind})


def _place(kind: str, subfolder: str, filename: str) -> Key | None:
    """Return where an upload goes, None where that is outside of the folder `kind`.

    ComfyUI joins folder and name before it checks, so a name may hold folders as well.
    """
    path = posixpath.normpath(posixpath.join("/" + kind, posixpath.normpath(subfolder), filename))
    if path == "/" + kind:
        return (kind, "", "")
    folder, name = posixpath.split(path)
    return file_key(kind, folder, name)


def _present(files: FileStore, key: Key) -> bytes | None:
    """Return what already has this name; raises IsADirectoryError for a folder."""
    if not key[2] or files.has_folder(key[0], posixpath.join(key[1], key[2])):
        raise IsADirectoryError("the name is a folder's")
    stored = files.get(key)
    if stored is None:
        return None
    try:
        return stored.load()
    except GoldenError as error:
        raise OSError(str(error)) from error


def _require_folder(files: FileStore, kind: str, subfolder: str, made: bool = False) -> None:
    """Make a folder where that is allowed; raises an OSError or ValueError where there can be none."""
    if files.has_folder(kind, subfolder):
        return
    if not made:
        raise FileNotFoundError("no such folder")
    above = ""
    for name in subfolder.split("/"):
        _require_name(name)
        if files.get((kind, above, name)) is not None:
            raise NotADirectoryError("a file has the name of the folder")
        above = posixpath.join(above, name)
    files.make_folder(kind, subfolder)


def _require_writable(files: FileStore, key: Key) -> None:
    _require_name(key[2])
    if not key[2] or files.has_folder(key[0], posixpath.join(key[1], key[2])):
        raise IsADirectoryError("the name is a folder's")
    _require_folder(files, key[0], key[1])


def _require_name(name: str) -> None:
    if "\0" in name or len(name.encode(errors="surrogatepass")) > _LONGEST_NAME:
        raise ValueError("no name for a file")


def _with_mask(image: Part, form: Form, files: FileStore, filename: str) -> bytes | None:
    """Return the original with the upload's alpha.

    None where there is no original or its name is refused: ComfyUI then writes nothing and answers 200.
    """
    told = form.get("original_ref")
    if not isinstance(told, (str, bytes)):
        raise TypeError("no original_ref")
    original = json.loads(told)
    name, annotated = split_annotation(original["filename"])
    if not name or name.startswith("/") or ".." in name:
        return None
    kind = annotated or original.get("type", "output")
    if kind not in FOLDERS:
        return None
    key = _place(kind, "", posixpath.join(original.get("subfolder", ""), name))
    stored = files.get(key) if key else None
    if stored is None:
        return None
    try:
        content = stored.load()
    except GoldenError as error:
        raise OSError(str(error)) from error
    return pictures.masked(content, image.content, filename)


async def _read_form(request: web.Request) -> Form:
    """Read a form into memory; `request.post()` would put files on the disk."""
    form: Form = {}
    if request.content_type != "multipart/form-data":
        for name, value in (await request.post()).items():
            form.setdefault(name, value if isinstance(value, str) else "")
        return form
    try:
        await _read_parts(request, form)
    except (HttpProcessingError, RuntimeError, zlib.error) as error:
        # Broken headers, unknown encodings, packed parts that cannot be unpacked.
        raise ValueError(f"no form: {error}") from error
    return form


async def _read_parts(request: web.Request, form: Form) -> None:
    size = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise ValueError("a part that is no field")
        content = bytearray()
        while chunk := await part.read_chunk(_CHUNK):
            size += len(chunk)
            if size > MAX_UPLOAD:
                raise web.HTTPRequestEntityTooLarge(max_size=MAX_UPLOAD, actual_size=size)
            content += chunk
        form.setdefault(part.name, _value(part, bytes(part.decode(bytes(content)))))


def _value(part: BodyPartReader, content: bytes) -> Part | str | bytes:
    if part.filename:
        return Part(part.filename, content)
    media_type = part.headers.get("Content-Type")
    if media_type is None or media_type.startswith("text/"):
        return content.decode(part.get_charset(default="utf-8"))
    return content
