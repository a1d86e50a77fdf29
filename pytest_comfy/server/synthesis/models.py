"""Placeholder files that are neither picture nor sound: latents, meshes, drawings."""

from __future__ import annotations

import json
import struct
from html import escape

_DOWNSCALE = 8
_CHANNELS = 4
_MOST_LATENTS = 4
_SIDES = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def latent(digest: str, prompt: str, size: tuple[int, int], count: int) -> bytes:
    """Return a .latent (safetensors): float32 [count, 4, height / 8, width / 8], one value by `digest`.

    More than 4 of a batch are left out.
    """
    shape = [min(count, _MOST_LATENTS), _CHANNELS, max(1, size[1] // _DOWNSCALE), max(1, size[0] // _DOWNSCALE)]
    value = struct.pack("<f", int(digest[:4], 16) / 0x8000 - 1)
    data = value * (shape[0] * shape[1] * shape[2] * shape[3])
    header = {
        "__metadata__": {"prompt": prompt},
        "latent_format_version_0": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]},
        "latent_tensor": {"dtype": "F32", "shape": shape, "data_offsets": [0, len(data)]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def glb(title: str) -> bytes:
    """Return a binary glTF 2.0 with one triangle."""
    points = b"".join(struct.pack("<3f", *point) for point in _SIDES)
    data = points + struct.pack("<3Hxx", 0, 1, 2)
    scene = {
        "asset": {"version": "2.0", "generator": "pytest-comfy"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": title}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3",
                       "min": [0.0, 0.0, 0.0], "max": [1.0, 1.0, 0.0]},
                      {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"}],
        "bufferViews": [{"buffer": 0, "byteLength": len(points)},
                        {"buffer": 0, "byteOffset": len(points), "byteLength": 6}],
        "buffers": [{"byteLength": len(data)}],
    }  # fmt: skip
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def ply(title: str) -> bytes:
    """Return a cloud of three points (binary PLY)."""
    name = title.encode("ascii", "replace").decode().replace("\n", " ")
    axes = "".join(f"property float {axis}\n" for axis in "xyz")
    head = f"ply\nformat binary_little_endian 1.0\ncomment {name}\nelement vertex {len(_SIDES)}\n{axes}end_header\n"
    return head.encode() + b"".join(struct.pack("<3f", *point) for point in _SIDES)


def svg(digest: str, lines: list[str], size: tuple[int, int]) -> bytes:
    """Return a drawing: a coloured ground with lines of text."""
    texts = "".join(
        f'<text x="8" y="{24 * (number + 1)}">{escape("".join(char if char.isprintable() else " " for char in line))}'
        "</text>"
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}">'
        f'<rect width="100%" height="100%" fill="#{digest[:6]}"/>{texts}</svg>'
    ).encode("utf-8", "replace")
