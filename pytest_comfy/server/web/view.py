"""`GET /view`: the rules for names of ComfyUI's server.py, on files in memory."""

from __future__ import annotations

import posixpath

from aiohttp import web

from ...golden import GoldenError
from ..files import FOLDERS, FileStore, file_key
from ..media import served_type
from . import pictures
from .sending import send


def view(request: web.Request, files: FileStore) -> web.StreamResponse:
    """Answer `GET /view`. Raises ValueError where Pillow cannot do what was asked for: ComfyUI answers 500."""
    query = request.query
    if "filename" not in query:
        return web.Response(status=404)
    filename, annotated = split_annotation(query["filename"])
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
    if "preview" in query:
        body, media_type = pictures.preview(content, query["preview"], query.get("channel", ""))
    elif query.get("channel") == "rgb":
        body, media_type = pictures.without_alpha(content), "image/png"
    elif query.get("channel") == "a":
        body, media_type = pictures.only_alpha(content), "image/png"
    else:
        media_type = served_type(key[2])
        return send(request, content, stored.created_ns, media_type, {**headers, "Content-Type": media_type})
    return web.Response(body=body, content_type=media_type, headers=headers)


def split_annotation(filename: str) -> tuple[str, str | None]:
    """Split `x.png [temp]`, which overrides the type (folder_paths.py)."""
    for kind in FOLDERS:
        if filename.endswith(f"[{kind}]"):
            return filename[: -len(kind) - 3], kind
    return filename, None
