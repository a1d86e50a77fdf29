"""Media types of files: by what they hold, else by how their names end, the same on every system."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from pathlib import PurePosixPath

_TYPES = {
    ".aac": "audio/aac",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".csv": "text/csv",
    ".exr": "image/x-exr",
    ".fbx": "model/x-fbx",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".hdr": "image/vnd.radiance",
    ".heic": "image/heic",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jxl": "image/jxl",
    ".ksplat": "model/x-ksplat",
    ".latent": "application/x-safetensors",
    ".log": "text/plain",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".obj": "model/obj",
    ".ogg": "audio/ogg",
    ".opus": "audio/opus",
    ".ply": "model/ply",
    ".png": "image/png",
    ".safetensors": "application/x-safetensors",
    ".splat": "model/x-splat",
    ".spz": "model/x-spz",
    ".srt": "text/plain",
    ".stl": "model/stl",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".txt": "text/plain",
    ".usdz": "model/vnd.usdz+zip",
    ".vtt": "text/vtt",
    ".wav": "audio/x-wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}
"""What ComfyUI and its node packs save. What the system's own table says must not decide how an output is compared."""

_SUFFIXES = {
    **{media_type: suffix for suffix, media_type in reversed(_TYPES.items())},
    "application/x-safetensors": ".latent",
    "audio/wav": ".wav",
    "image/aces": ".exr",
    "model/x-splat-ply": ".ply",
    "text/plain": ".txt",
    "video/mp4": ".mp4",
}

_OCTETS = "application/octet-stream"

# Python's own table without the system's, which `mimetypes.guess_type` would ask as well.
_TABLE = mimetypes.MimeTypes()

_HEAD = 2**16
"""Bytes of a file that are looked into."""

_SPLAT_PROPERTY = re.compile(rb"^property\s+\S+\s+(?:f_dc_0|scale_0)\s*$", re.MULTILINE)
_EBML_WEBM = b"\x42\x82\x84webm"


def media_type_of(filename: str, data: bytes) -> str:
    """Return the media type of a file: by what the bytes are known by, else by the name's ending."""
    named = _named(filename)
    for is_it, may_be in _SIGNS:
        if is_it(data):
            # Several kinds share a container: there the name says which it is.
            return named if named in may_be else may_be[0]
    return named or ("text/plain" if _is_text(data) else _OCTETS)


def suffix_of(media_type: str) -> str:
    """Return the ending of a file of a media type, the same on every system; ".bin" where nothing is known of it."""
    return _SUFFIXES.get(media_type) or _TABLE.guess_extension(media_type) or ".bin"


def _named(filename: str) -> str | None:
    suffix = PurePosixPath(filename).suffix.lower()
    return _TYPES.get(suffix) or _TABLE.guess_type(f"x{suffix}")[0]


def _is_text(data: bytes) -> bool:
    """Whether bytes are text in UTF-8; a character that the look into them cuts off counts as whole."""
    head = data[:_HEAD]
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < _HEAD - 3 or len(data) <= _HEAD:
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and not any(character < " " and character not in "\t\n\f\r\x1b" for character in text)


def _starts(*signs: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(signs)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(b"RIFF") and data[8:12] == form


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    return lambda data: data[4:8] == b"ftyp" and data[8:12].startswith(brands)


def _is_ply_of_splats(data: bytes) -> bool:
    return data.startswith(b"ply") and bool(_SPLAT_PROPERTY.search(data[: max(0, data.find(b"end_header", 0, _HEAD))]))


def _is_safetensors(data: bytes) -> bool:
    return data[8:9] == b"{" and 2 <= int.from_bytes(data[:8], "little") <= len(data) - 8


_SIGNS: tuple[tuple[Callable[[bytes], bool], tuple[str, ...]], ...] = (
    (_starts(b"\x89PNG\r\n\x1a\n"), ("image/png", "image/apng")),
    (_starts(b"\xff\xd8\xff"), ("image/jpeg",)),
    (_starts(b"GIF87a", b"GIF89a"), ("image/gif",)),
    (_riff(b"WEBP"), ("image/webp",)),
    (_riff(b"WAVE"), ("audio/x-wav", "audio/wav")),
    (_starts(b"\x76\x2f\x31\x01"), ("image/x-exr",)),
    (_starts(b"II*\0", b"MM\0*"), ("image/tiff",)),
    (_starts(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"), ("image/jxl",)),
    (_brand(b"avif", b"avis"), ("image/avif",)),
    (_brand(b"heic", b"heix", b"mif1"), ("image/heic", "image/heif", "image/avif")),
    (_brand(b"M4A"), ("audio/mp4",)),
    (_brand(b"qt  "), ("video/quicktime", "video/mp4")),
    (_brand(b""), ("video/mp4", "audio/mp4", "video/quicktime", "video/x-m4v")),
    (lambda data: data.startswith(b"\x1a\x45\xdf\xa3") and _EBML_WEBM in data[:64], ("video/webm", "audio/webm")),
    (_starts(b"\x1a\x45\xdf\xa3"), ("video/x-matroska", "audio/x-matroska")),
    (lambda data: data.startswith(b"OggS") and b"OpusHead" in data[:128], ("audio/opus", "audio/ogg")),
    (_starts(b"OggS"), ("audio/ogg", "video/ogg", "audio/opus")),
    (_starts(b"fLaC"), ("audio/flac",)),
    (_starts(b"ID3"), ("audio/mpeg", "audio/aac", "audio/flac")),
    (_starts(b"glTF"), ("model/gltf-binary",)),
    (_is_ply_of_splats, ("model/x-splat-ply",)),
    (_starts(b"ply\n", b"ply\r"), ("model/ply",)),
    (_starts(b"Kaydara FBX Binary"), ("model/x-fbx",)),
    (_is_safetensors, ("application/x-safetensors",)),
)
"""How bytes are recognised, and the media types that they may have, the usual one first."""
