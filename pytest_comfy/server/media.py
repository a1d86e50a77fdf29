"""Which media type a ComfyUI server gives a file: by the name's ending, never by its bytes."""

from __future__ import annotations

import mimetypes

_OCTETS = "application/octet-stream"

# Seen on real servers (0.3.64 and 0.8.0, Debian). They ask the operating system's table too; what this
# machine's table or this Python says must not decide what the fake server answers.
_SEEN = {
    "aac": "audio/aac",
    "avif": "image/avif",
    "exr": "image/aces",
    "fbx": _OCTETS,
    "flac": "audio/flac",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "hdr": "image/vnd.radiance",
    "heic": "image/heic",
    "js": "application/javascript; charset=utf-8",
    "jxl": "image/jxl",
    "latent": _OCTETS,
    "log": _OCTETS,
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "mkv": "video/x-matroska",
    "mp3": "audio/mpeg",
    "obj": "model/obj",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "ply": _OCTETS,
    "safetensors": _OCTETS,
    "srt": "text/plain",
    "stl": "model/stl",
    "ts": "text/vnd.trolltech.linguist",
    "usdz": "model/vnd.usdz+zip",
    "wav": "audio/x-wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "woff2": "font/woff2",
    "xhtml": "application/xhtml+xml",
    "xml": "application/xml",
    "yaml": _OCTETS,
}

_ACTIVE = {
    "text/html",
    "text/html-sandboxed",
    "application/xhtml+xml",
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "application/ecmascript",
    "text/css",
    "image/svg+xml",
    "application/xml",
    "text/xml",
    "message/rfc822",
}
"""What a browser may run, without the XML dialects that its name betrays (folder_paths.py of 0.28.0 and later)."""

_DOWNLOADED = {"text/html", "text/html-sandboxed", "application/xhtml+xml", "text/javascript", "text/css"}
"""Never shown in a browser (ComfyUI server.py, view_image)."""

# A table of its own: it knows only what Python brings along.
_TABLE = mimetypes.MimeTypes()


# For files that no route names a type for, packed ones are taken as they are (aiohttp's FileResponse).
_STATIC = mimetypes.MimeTypes()
_STATIC.encodings_map = {}
for _type, _ending in (
    ("application/gzip", ".gz"),
    ("application/x-brotli", ".br"),
    ("application/x-bzip2", ".bz2"),
    ("application/x-compress", ".Z"),
    ("application/x-xz", ".xz"),
):
    _STATIC.add_type(_type, _ending)


def static_type(path: str) -> str:
    """Return the Content-Type of a file that is sent as it lies there."""
    return _STATIC.guess_type(f"./{path}")[0] or _OCTETS


def served_type(filename: str) -> str:
    """Return the Content-Type of `GET /view` for a file of this name."""
    found = _guessed(filename)
    return _OCTETS if found in _DOWNLOADED else found


def guessed_type(filename: str) -> str:
    """Return the media type that a file of this name has for ComfyUI, whatever it makes of it."""
    return _guessed(filename)


def is_active(media_type: str) -> bool:
    """Whether a browser might run a file of this media type, as ComfyUI judges since 0.28.0."""
    bare = media_type.partition(";")[0].strip().lower()
    return bare in _ACTIVE or bare.endswith(("+xml", "/xml"))


def kind_of(filename: str) -> str:
    """Return the first half of the media type: `image`, `video`, `audio`, `model` and the like."""
    # ComfyUI's lists of choices know this one although no table does (folder_paths.py).
    return "model" if filename.lower().endswith(".fbx") else _guessed(filename).partition("/")[0]


def _guessed(filename: str) -> str:
    stem, _, last = filename.rpartition(".")
    if f".{last}" in _TABLE.encodings_map:
        # `x.glb.gz` is a .glb, only packed.
        filename = stem
    stem, _, ending = filename.rpartition(".")
    # The folder in front keeps a name such as `data:text/plain,` from being read as a URL.
    known = _SEEN.get(ending.lower()) if stem.lstrip(".") else None
    return known or _TABLE.guess_type(f"./{filename}")[0] or _OCTETS
