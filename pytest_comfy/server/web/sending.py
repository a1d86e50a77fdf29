"""Bytes in memory, sent as ComfyUI's stack (aiohttp's FileResponse) sends a file: ranges, conditions, ETag."""

from __future__ import annotations

import math
from collections.abc import Mapping

from aiohttp import ETag, web


def send(
    request: web.Request, content: bytes, modified_ns: int, media_type: str, headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """Answer 200, 206, 304, 412 or 416.

    modified_ns  when the file was written, ns since the epoch; with the size it makes the ETag
    media_type   Content-Type of 200 and 206
    headers      what every one of these answers carries
    """
    headers = headers or {}
    etag, modified = f"{modified_ns:x}-{len(content):x}", modified_ns / 1e9
    if _fails(request, etag, modified):
        response = web.StreamResponse(status=412, headers=headers)
        response.content_length = 0
        return response
    if _is_known(request, etag, modified):
        response = web.StreamResponse(status=304, headers=headers)
        response.etag = ETag(etag)
        response.last_modified = math.ceil(modified)
        return response
    if request.if_range is None or modified <= request.if_range.timestamp():
        part = _range(request, len(content))
        if part is None:
            return web.StreamResponse(status=416, headers={**headers, "Content-Range": f"bytes */{len(content)}"})
    else:
        part = (0, len(content), False)
    start, stop, partial = part
    sent = web.Response(status=206 if partial else 200, body=content[start:stop], headers=headers)
    sent.headers["Content-Type"] = media_type
    if start == stop:
        # aiohttp leaves it out of the answer to HEAD where there is no body.
        sent.headers["Content-Length"] = "0"
    sent.etag = ETag(etag)
    sent.last_modified = math.ceil(modified)
    sent.headers["Accept-Ranges"] = "bytes"
    if partial:
        sent.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    return sent


def _fails(request: web.Request, etag: str, modified: float) -> bool:
    """Tell whether If-Match, or else If-Unmodified-Since, does not hold (RFC 9110, 13.1.1 and 13.1.4)."""
    if (wanted := request.if_match) is not None:
        return not _matches(etag, wanted, weak=False)
    since = request.if_unmodified_since
    return since is not None and modified > since.timestamp()


def _is_known(request: web.Request, etag: str, modified: float) -> bool:
    """Tell whether the client has this file already: If-None-Match, or else If-Modified-Since."""
    if (known := request.if_none_match) is not None:
        return _matches(etag, known, weak=True)
    since = request.if_modified_since
    return since is not None and modified <= since.timestamp()


def _matches(etag: str, told: tuple[ETag, ...], *, weak: bool) -> bool:
    if len(told) == 1 and told[0].value == "*":
        return True
    return any(one.value == etag for one in told if weak or not one.is_weak)


def _range(request: web.Request, size: int) -> tuple[int, int, bool] | None:
    """Return start, stop and whether it is a part; None where the range cannot be satisfied."""
    try:
        wanted = request.http_range
    except ValueError:
        return None
    start, stop = wanted.start, wanted.stop
    if start is None:
        return 0, size, False
    if start < 0 and stop is None:
        start = max(0, start + size)
    if start >= size:
        return None
    return start, size if stop is None else min(stop, size), True
