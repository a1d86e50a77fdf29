"""Splats drawn for tests, and writers of the four formats."""

from __future__ import annotations

import gzip
import struct
from typing import Any

import numpy as np

BASE = 0.28209479177387814
SPLAT = np.dtype([("place", "<f4", 3), ("size", "<f4", 3), ("rgba", "u1", 4), ("turn", "u1", 4)])

Scene = dict[str, Any]


def scene(seed: int = 1, count: int = 3000) -> Scene:
    """Clouds of flat splats on three balls, each of a colour of its own."""
    random = np.random.default_rng(seed)
    ball = random.integers(0, 3, count)
    middles, radii = random.normal(size=(3, 3)), random.uniform(0.3, 0.6, 3)
    outward = random.normal(size=(count, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    # The turn that takes the z axis outward: each splat lies flat on its ball.
    turns = np.stack([1 + outward[:, 2], -outward[:, 1], outward[:, 0], np.zeros(count)], axis=1)
    turns /= np.maximum(np.linalg.norm(turns, axis=1, keepdims=True), 1e-9)
    return {
        "places": middles[ball] + radii[ball][:, None] * outward,
        "sizes": np.exp(random.normal(-4, 0.3, (count, 3))) * [1, 1, 0.2],
        "turns": turns,
        "opacities": 1 / (1 + np.exp(-random.normal(1, 2, count))),
        "colours": (random.uniform(0.1, 0.9, (3, 3))[ball] + random.normal(0, 0.03, (count, 3))).clip(0, 1),
        "harmonics": random.normal(0, 0.1, (count, 9)),
    }


def ply(splats: Scene, form: str = "binary_little_endian", newline: str = "\n") -> bytes:
    opacities = splats["opacities"].clip(1e-6, 1 - 1e-6)
    columns = {
        "xyz": splats["places"],
        "f_dc_": (splats["colours"] - 0.5) / BASE,
        "f_rest_": splats["harmonics"],
        "opacity": np.log(opacities / (1 - opacities))[:, None],
        "scale_": np.log(splats["sizes"]),
        "rot_": splats["turns"],
    }
    names = [
        name if name == "opacity" else f"{name}{at}"
        for name, values in columns.items()
        for at in range(values.shape[1])
    ]
    names[:3] = ["x", "y", "z"]
    lines = [
        "ply",
        f"format {form} 1.0",
        f"element vertex {len(opacities)}",
        *(f"property float {one}" for one in names),
    ]
    head = newline.join([*lines, "end_header", ""]).encode()
    table = np.concatenate(list(columns.values()), axis=1)
    if form == "ascii":
        return head + b"\n".join(" ".join(f"{one:.9g}" for one in row).encode() for row in table) + b"\n"
    return head + table.astype(">f4" if "big" in form else "<f4").tobytes()


def splat(splats: Scene) -> bytes:
    table = np.empty(len(splats["places"]), SPLAT)
    table["place"], table["size"] = splats["places"], splats["sizes"]
    table["rgba"] = rgba(splats)
    table["turn"] = np.rint(splats["turns"] * 128 + 128).clip(0, 255)
    return table.tobytes()


def rgba(splats: Scene) -> Any:
    return np.rint(255 * np.concatenate([splats["colours"], splats["opacities"][:, None]], axis=1))


def ksplat(splats: Scene, level: int = 0, degree: int = 0, sections: int = 1) -> bytes:
    """Level 0 keeps numbers as they are; 1 and 2 keep places as steps from the middles of buckets."""
    whole = {key: np.array_split(values, sections) for key, values in splats.items()}
    heads, bodies = b"", b""
    for number in range(sections):
        part = {key: values[number] for key, values in whole.items()}
        count = len(part["places"])
        per_bucket, steps, side = 256, 32767, 4.0
        place, other, harmonic = {0: ("<f4", "<f4", "<f4"), 1: ("<u2", "<f2", "<f2"), 2: ("<u2", "<f2", "u1")}[level]
        coefficients = {0: 0, 1: 9}[degree]
        record = [("place", place, 3), ("size", other, 3), ("turn", other, 4), ("rgba", "u1", 4)]
        table = np.empty(count, np.dtype([*record, *([("more", harmonic, coefficients)] if coefficients else [])]))
        table["size"], table["turn"], table["rgba"] = part["sizes"], part["turns"], rgba(part)
        if coefficients:
            table["more"] = (
                np.rint((part["harmonics"] + 1.5) / 3 * 255).clip(0, 255) if level == 2 else part["harmonics"]
            )
        full, rest = divmod(count, per_bucket)
        buckets = full + bool(rest)
        middles = np.zeros((buckets, 3), "<f4")
        if level:
            bucket = np.arange(count) // per_bucket
            for one in range(buckets):
                middles[one] = part["places"][bucket == one].mean(axis=0)
            table["place"] = np.rint((part["places"] - middles[bucket]) / (side / 2 / steps) + steps)
        else:
            table["place"] = part["places"]
            full = rest = buckets = 0
        head = bytearray(1024)
        struct.pack_into("<4I", head, 0, count, count, per_bucket if level else 0, buckets)
        struct.pack_into("<fHxxI", head, 16, side, 12 if level else 0, steps if level else 0)
        struct.pack_into("<2IH", head, 32, full, bool(rest), degree)
        heads += bytes(head)
        bodies += struct.pack("<I", rest) * bool(rest) + (middles.tobytes() if level else b"") + table.tobytes()
    start = bytearray(4096)
    start[1] = 1
    struct.pack_into("<IIIIH", start, 4, sections, sections, len(splats["places"]), len(splats["places"]), level)
    return bytes(start) + heads + bodies


def spz(splats: Scene, version: int = 2, degree: int = 0) -> bytes:
    count, fraction = len(splats["places"]), 12
    if version == 1:
        places = splats["places"].astype("<f2").tobytes()
    else:
        whole = np.rint(splats["places"] * 2**fraction).astype("<i4")
        places = np.ascontiguousarray(whole).view("u1").reshape(-1, 4)[:, :3].tobytes()
    turns = splats["turns"] * np.where(splats["turns"][:, :1] < 0, -1, 1)
    if version == 3:
        turned = packed_turns(turns)
    else:
        turned = np.rint((turns[:, 1:] + 1) * 127.5).clip(0, 255).astype("u1").tobytes()
    colours = ((splats["colours"] - 0.5) / (BASE / 0.15) + 0.5) * 255
    parts = [
        places,
        bytes_of(splats["opacities"] * 255),
        bytes_of(colours),
        bytes_of((np.log(splats["sizes"]) + 10) * 16),
        turned,
        bytes_of(splats["harmonics"] * 128 + 128) if degree else b"",
    ]
    head = struct.pack("<IIIBBBB", 0x5053474E, version, count, degree, fraction, 0, 0)
    return gzip.compress(head + b"".join(parts), mtime=0)


def bytes_of(values: Any) -> bytes:
    return np.rint(values).clip(0, 255).astype("u1").tobytes()


def packed_turns(turns: Any) -> bytes:
    """Three parts of a quaternion (x, y, z, w) in 10 bits each, without the largest, whose place is in the upper 2."""
    found = []
    for w, x, y, z in turns:
        parts = np.array([x, y, z, w])
        largest = int(np.abs(parts).argmax())
        parts = parts * (-1 if parts[largest] < 0 else 1)
        word = largest
        for at, part in enumerate(parts):
            if at != largest:
                word = word << 10 | bool(part < 0) << 9 | min(511, round(abs(part) * np.sqrt(2) * 511))
        found.append(word)
    return np.array(found, "<u4").tobytes()
