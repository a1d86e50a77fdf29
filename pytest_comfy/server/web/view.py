"""`GET /view`: the rules for names of ComfyUI's server.py, on files in memory."""

from __future__ import annotations

import posixpath

from aiohttp import web

from ...golden import GoldenError
from ..files import FOLDERS, FileStore, file_key
from ..media import guessed_type, is_active, served_type
from ..versions import Trait, Version
from . import pictures
from .sending import send


def view(request: web.Request, files: FileStore, version: Version) -> web.StreamResponse:
    """Answer `GET /view`. Raises ValueError where Pillow cannot do what was asked for: ComfyUI answers 500."""
    query = request.query
    if "filename" not in query:
        return web.Response(status=404)
    if query["filename"].startswith("blake3:") and version.has(Trait.HASHED_NAMES):
        return web.Response(status=404)  # no asset of that hash
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
        headers = whole_headers(key[2], version, request.headers.get("Sec-Fetch-Dest"))
        return send(request, content, stored.created_ns, headers["Content-Type"], headers)
    return web.Response(body=body, content_type=media_type, headers=headers)


def whole_headers(name: str, version: Version, destination: str | None) -> dict[str, str]:
    """Return the headers of a file that is sent as it is; `destination` is the request's Sec-Fetch-Dest."""
    if not version.has(Trait.NOTHING_SNIFFED):
        return {"Content-Disposition": f'filename="{name}"', "Content-Type": served_type(name)}
    headers = {"X-Content-Type-Options": "nosniff"}
    media_type = guessed_type(name)
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    disposition = f'filename="{escaped}"'
    if is_active(media_type):
        by_destination = version.has(Trait.SVG_IN_IMAGES)
        if by_destination:
            headers |= {"Vary": "Sec-Fetch-Dest", "Cache-Control": "no-store"}
        if not (by_destination and media_type == "image/svg+xml" and destination == "image"):
            media_type, disposition = "application/octet-stream", f"attachment; {disposition}"
    return {**headers, "Content-Disposition": disposition, "Content-Type": media_type}


def split_annotation(filename: str) -> tuple[str, str | None]:
    """Split `x.png [temp]`, which overrides the type (folder_paths.py)."""
    for kind in FOLDERS:
        if filename.endswith(f"[{kind}]"):
            return filename[: -len(kind) - 3], kind
    return filename, None
