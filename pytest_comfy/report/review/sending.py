"""Files of a report, sent as what can only be looked at: never as a page, a script or a style."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from aiohttp import web

from ...files import open_below
from ..html.links import SHOWN
from .guard import refused

_TYPES = {
    ".png": "image/png", ".apng": "image/apng", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
    ".gif": "image/gif", ".avif": "image/avif", ".bmp": "image/bmp", ".svg": "image/svg+xml",
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".flac": "audio/flac",
    ".m4a": "audio/mp4", ".aac": "audio/aac",
}  # fmt: skip
"""By how a name ends, whatever it holds: what the page shows. All else is downloaded."""
_PIECE = 2**18
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


async def send_file(request: web.Request, folder: Path, name: str) -> web.StreamResponse:
    """Answer with a file of a folder, whole or the piece that is asked for; no link on the way is followed."""
    try:
        file = await asyncio.to_thread(open_below, folder, name)
    except OSError:
        raise refused("there is no such file in the report", 404) from None
    with file:
        return await _send(request, file, name)


async def _send(request: web.Request, file: BinaryIO, name: str) -> web.StreamResponse:
    size = os.fstat(file.fileno()).st_size
    start, stop = _wanted(request.headers.get("Range", ""), size)
    response = web.StreamResponse(status=200 if (start, stop) == (0, size) else 206, headers=_headers(name))
    if response.status == 206:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    response.content_length = stop - start
    await response.prepare(request)
    file.seek(start)
    while start < stop and (piece := await asyncio.to_thread(file.read, min(_PIECE, stop - start))):
        await response.write(piece)
        start += len(piece)
    await response.write_eof()
    return response


def _wanted(told: str, size: int) -> tuple[int, int]:
    """Return the piece that a Range asks for, from where and to before where; the whole for all that is none."""
    found = _RANGE.fullmatch(told)
    if not found:
        return 0, size
    start, stop = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
    return (start, stop) if start < stop else (0, size)


def _headers(name: str) -> dict[str, str]:
    suffix = Path(name).suffix.lower()
    last = quote(name.rpartition("/")[2])
    if suffix not in SHOWN:
        return {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f"attachment; filename*=UTF-8''{last}",
        }
    return {"Content-Type": _TYPES[suffix], "Accept-Ranges": "bytes"}
