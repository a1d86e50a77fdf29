"""`GET /view` and the uploads: the rules for names of ComfyUI's server.py, on files in memory."""

from __future__ import annotations

import io
import json
import mimetypes
import posixpath
from typing import Any

from aiohttp import BodyPartReader, web

from ..golden import GoldenError
from .files import FOLDERS, FileStore, Key, StoreFull, file_key
from .wire import MAX_UPLOAD

_NEVER_INLINE = {
    "text/html",
    "text/html-sandboxed",
    "application/xhtml+xml",
    "text/javascript",
    "text/css",
}


def view(request: web.Request, files: FileStore) -> web.Response:
    """Answer `GET /view`."""
    query = request.query
    if "filename" not in query:
        return web.Response(status=404)
    filename, annotated = _annotated(query["filename"])
    if not filename or filename.startswith("/") or ".." in filename:
        return web.Response(status=400)
    kind = annotated or query.get("type", "output")
    if kind not in FOLDERS:
        return web.Response(status=400)
    key = file_key(kind, query.get("subfolder", ""), posixpath.basename(filename))
    if key is None:
        return web.Response(status=403)
    stored = files.get(key)
    if stored is None:
        return web.Response(status=404)
    try:
        content = stored.load()
    except (GoldenError, OSError):
        return web.Response(status=404)
    headers = {"Content-Disposition": f'filename="{key[2]}"'}
    channel = query.get("channel", "rgba")
    if "preview" in query:
        body, media_type = _preview(content, query["preview"], query.get("channel", ""))
    elif channel in ("rgb", "a"):
        body, media_type = _channel(content, channel), "image/png"
    else:
        etag = f'"{stored.created_ns:x}-{len(content):x}"'
        return _plain(request, key, content, {**headers, "Etag": etag, "Accept-Ranges": "bytes"})
    return web.Response(body=body, content_type=media_type, headers=headers)


def _plain(request: web.Request, key: Key, content: bytes, headers: dict[str, str]) -> web.Response:
    if request.headers.get("If-None-Match") in (headers["Etag"], "*"):
        return web.Response(status=304, headers=headers)
    media_type = mimetypes.guess_type(key[2])[0] or "application/octet-stream"
    if media_type in _NEVER_INLINE:
        media_type = "application/octet-stream"
    if "Range" not in request.headers:
        return web.Response(body=content, content_type=media_type, headers=headers)
    size = len(content)
    try:
        start, stop, _ = request.http_range.indices(size)
    except ValueError:
        start = stop = size
    if start >= stop:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return web.Response(status=206, body=content[start:stop], content_type=media_type, headers=headers)


def _annotated(filename: str) -> tuple[str, str | None]:
    """Split `x.png [temp]`, which overrides the type (folder_paths.py)."""
    for kind in FOLDERS:
        if filename.endswith(f"[{kind}]"):
            return filename[: -len(kind) - 3], kind
    return filename, None


def _preview(content: bytes, wanted: str, channel: str) -> tuple[bytes, str]:
    from PIL import Image

    options = wanted.split(";")
    # Only a channel that was asked for counts: without one, jpeg stays jpeg (captured).
    image_format = "jpeg" if options[0] == "jpeg" and "a" not in channel else "webp"
    quality = int(options[-1]) if options[-1].isdigit() else 90
    with Image.open(io.BytesIO(content)) as image:
        picture = image.convert("RGB") if image_format == "jpeg" or channel == "rgb" else image
        buffer = io.BytesIO()
        picture.save(buffer, format=image_format, quality=quality)
    return buffer.getvalue(), f"image/{image_format}"


def _channel(content: bytes, channel: str) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        if channel == "rgb":
            picture = image.convert("RGB")
        else:
            picture = Image.new("RGBA", image.size)
            picture.putalpha(image.convert("RGBA").getchannel("A"))
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
    return buffer.getvalue()


async def upload(request: web.Request, files: FileStore, mask: bool = False) -> web.Response:
    """Answer `POST /upload/image` and, with `mask`, `POST /upload/mask`."""
    fields = await _read_form(request)
    image = fields.get("image")
    if image is None:
        return web.Response(status=400)
    filename, content = image
    if filename is None:
        raise ValueError("the image is no file")
    if not filename:
        return web.Response(status=400)
    kind, subfolder = _text(fields, "type") or "input", _text(fields, "subfolder") or ""
    if kind not in FOLDERS:
        raise ValueError("unknown type")
    # ComfyUI joins folder and name before it checks, so a name may hold folders as well.
    folder, name = posixpath.split(posixpath.normpath(posixpath.join(subfolder, filename)))
    key = file_key(kind, folder, name)
    if key is None or name in ("", ".", ".."):
        return web.Response(status=400)
    if mask:
        masked = _masked(content, json.loads(_text(fields, "original_ref") or ""), files)
        if masked is None:
            return web.json_response({"name": filename, "subfolder": subfolder, "type": kind})
        content = masked
    try:
        stored = files.upload(key, content, _text(fields, "overwrite") in ("true", "1"))
    except StoreFull:
        return web.Response(status=413, text="The fake server holds no more uploads in memory.")
    named = filename[: len(filename) - len(name)] + stored
    return web.json_response({"name": named, "subfolder": subfolder, "type": kind})


Fields = dict[str, tuple[str | None, bytes]]


async def _read_form(request: web.Request) -> Fields:
    """Read a multipart form into memory; `request.post()` would put files on the disk."""
    fields: Fields = {}
    size = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        chunks = []
        while chunk := await part.read_chunk(1 << 16):
            size += len(chunk)
            if size > MAX_UPLOAD:
                raise web.HTTPRequestEntityTooLarge(max_size=MAX_UPLOAD, actual_size=size)
            chunks.append(chunk)
        fields[part.name] = (part.filename, b"".join(chunks))
    return fields


def _text(fields: Fields, name: str) -> str | None:
    return fields[name][1].decode() if name in fields else None


def _masked(content: bytes, original: dict[str, Any], files: FileStore) -> bytes | None:
    """Return the original's colours with the alpha of the upload; None where there is no original."""
    from PIL import Image

    key = file_key(str(original.get("type") or "output"), str(original.get("subfolder") or ""), original["filename"])
    stored = files.get(key) if key else None
    if stored is None:
        return None
    with Image.open(io.BytesIO(stored.load())) as first, Image.open(io.BytesIO(content)) as second:
        picture = first.convert("RGBA")
        picture.putalpha(second.convert("RGBA").getchannel("A").resize(picture.size))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()
