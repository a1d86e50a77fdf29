"""Read Gaussian splats from PLY, SPLAT, KSPLAT and SPZ files into arrays, and tell all that fails as one error.

The layouts are those of the files that ComfyUI 0.30 writes and reads: PLY of the 3D Gaussian Splatting paper, records
of 32 bytes, SplatBuffer (levels 0 to 2) and Niantic's SPZ (versions 1 to 3).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..memory import require
from ..packing import FloatArray
from ..result import CompareError, UndecodableError

MAX_SPLATS = 2**23
"""Most splats, eight times what models make today."""

_SPLAT_BYTES = 700
"""Bytes that a splat takes while it is compared, measured with a margin."""

_BASE = 0.28209479177387814
"""Of the spherical harmonic of degree 0, by which colours are kept."""

_PLY_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
_PLY_HEAD = 2**16

_SPLAT = np.dtype([("place", "<f4", 3), ("size", "<f4", 3), ("rgba", "u1", 4), ("turn", "u1", 4)])

_KSPLAT_HEAD, _KSPLAT_SECTION = 4096, 1024
_KSPLAT_LEVELS = {0: ("<f4", "<f4", "<f4"), 1: ("<u2", "<f2", "<f2"), 2: ("<u2", "<f2", "u1")}
"""Level -> the types of a place, of sizes and turns, and of a coefficient of the harmonics."""
_KSPLAT_HARMONICS = {0: 0, 1: 9, 2: 24, 3: 45}

_SPZ_MAGIC, _SPZ_HEAD = 0x5053474E, 16
_SPZ_HARMONICS = {0: 0, 1: 9, 2: 24, 3: 45}
_SPZ_SPREAD = 0.15
_SPZ_MOST = 9 + 1 + 3 + 3 + 4 + 45
"""Bytes that a splat takes at most, unpacked."""


@dataclass(frozen=True)
class Splats:
    """Gaussians in space.

    places     centres, shape (n, 3)
    sizes      standard deviation along each axis of its own, shape (n, 3)
    turns      quaternions (w, x, y, z) of length 1, shape (n, 4)
    opacities  from 0 to 1, shape (n,)
    colours    RGB as seen from all sides, from 0 to 1, shape (n, 3)
    gloss      root of the mean square of what colours have beside that by the side they are seen from, shape (n,)
    """

    places: FloatArray
    sizes: FloatArray
    turns: FloatArray
    opacities: FloatArray
    colours: FloatArray
    gloss: FloatArray

    @property
    def table(self) -> FloatArray:
        """All of it, a row for each splat, shape (n, 15)."""
        return np.concatenate(
            [self.places, self.sizes, self.turns, self.colours, self.opacities[:, None], self.gloss[:, None]], axis=1
        )

    def only(self, kept: npt.NDArray[np.bool_]) -> Splats:
        """Return some of the splats."""
        return Splats(*(one[kept] for one in _arrays(self)))


def read_splats(data: bytes) -> Splats:
    """Read splats. Raises UndecodableError, and TooLargeError where there is no memory for them."""
    with _guard():
        return _READERS[_format(data)](data)


def _format(data: bytes) -> str:
    if data.startswith(b"ply"):
        return "ply"
    if data.startswith(b"\x1f\x8b"):
        return "spz"
    if _is_ksplat(data):
        return "ksplat"
    if data and len(data) % _SPLAT.itemsize == 0:
        return "splat"
    raise UndecodableError("the bytes are no Gaussian splats in PLY, SPLAT, KSPLAT or SPZ")


def _is_ksplat(data: bytes) -> bool:
    if len(data) < _KSPLAT_HEAD + _KSPLAT_SECTION or data[0] != 0 or data[1] < 1:
        return False
    most, count = struct.unpack_from("<II", data, 4)
    level = struct.unpack_from("<H", data, 20)[0]
    return level in _KSPLAT_LEVELS and count <= most and _KSPLAT_HEAD + most * _KSPLAT_SECTION <= len(data)


def _read_ply(data: bytes) -> Splats:
    end = data.find(b"end_header", 0, _PLY_HEAD)
    if end < 0:
        raise UndecodableError("the header of the PLY has no end")
    order, count, properties = _ply_header(data[:end].decode("ascii", "replace").splitlines())
    body = end + len(b"end_header")
    body += 2 if data[body : body + 2] == b"\r\n" else 1
    _check(count)
    if order:
        types = np.dtype([(name, order + kind) for name, kind in properties])
        table: Any = np.frombuffer(data, types, count, body)
    else:
        words = data[body:].split(maxsplit=count * len(properties))[: count * len(properties)]
        values = np.array(words, np.float64).reshape(count, len(properties))
        table = {name: values[:, place] for place, (name, _) in enumerate(properties)}
    return _of_table(table, {name for name, _ in properties}, count)


def _ply_header(lines: list[str]) -> tuple[str, int, list[tuple[str, str]]]:
    """Return the byte order, "" for text; how many splats there are; and name and type of what each has."""
    order, count, element = "", 0, ""
    properties: list[tuple[str, str]] = []
    for words in (line.split() for line in lines):
        if words[:1] == ["format"]:
            order = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}[words[1]]
        elif words[:1] == ["element"]:
            if not element and words[1] != "vertex":
                raise UndecodableError(f"the PLY begins with {words[1]!r}, not with its splats")
            element, count = words[1], int(words[2]) if words[1] == "vertex" else count
        elif words[:1] == ["property"] and element == "vertex":
            if words[1] == "list":
                raise UndecodableError("the splats of the PLY have lists")
            properties.append((words[2], _PLY_TYPES[words[1]]))
    return order, count, properties


def _of_table(table: Any, names: set[str], count: int) -> Splats:
    def columns(*wanted: str) -> FloatArray:
        return np.stack([np.asarray(table[name], np.float64) for name in wanted], axis=1)

    sizes = np.exp(columns("scale_0", "scale_1", "scale_2")) if "scale_0" in names else np.full((count, 3), 0.01)
    still = np.tile([1.0, 0.0, 0.0, 0.0], (count, 1))
    turns = columns("rot_0", "rot_1", "rot_2", "rot_3") if "rot_0" in names else still
    opacities = 1 / (1 + np.exp(-columns("opacity")[:, 0])) if "opacity" in names else np.ones(count)
    if "f_dc_0" in names:
        colours = columns("f_dc_0", "f_dc_1", "f_dc_2") * _BASE + 0.5
    else:
        colours = columns("red", "green", "blue") / 255 if "red" in names else np.ones((count, 3))
    rest = sorted(name for name in names if name.startswith("f_rest_"))
    gloss = np.sqrt(
        sum((np.asarray(table[name], np.float64) ** 2 for name in rest), np.zeros(count)) / max(len(rest), 1)
    )
    return _splats(columns("x", "y", "z"), sizes, turns, opacities, colours, gloss)


def _read_splat(data: bytes) -> Splats:
    _check(len(data) // _SPLAT.itemsize)
    table = np.frombuffer(data, _SPLAT)
    rgba = table["rgba"] / 255
    return _splats(table["place"], table["size"], (table["turn"] - 128.0) / 128, rgba[:, 3], rgba[:, :3])


def _read_ksplat(data: bytes) -> Splats:
    sections = struct.unpack_from("<I", data, 4)[0]
    level = struct.unpack_from("<H", data, 20)[0]
    parts, start, found = [], _KSPLAT_HEAD + sections * _KSPLAT_SECTION, 0
    for number in range(sections):
        head = _KSPLAT_HEAD + number * _KSPLAT_SECTION
        count, most, per_bucket, buckets = struct.unpack_from("<4I", data, head)
        side, stored, steps = struct.unpack_from("<fHxxI", data, head + 16)
        full, partial = struct.unpack_from("<2I", data, head + 32)
        harmonics = _KSPLAT_HARMONICS.get(struct.unpack_from("<H", data, head + 40)[0], 0)
        place, other, harmonic = _KSPLAT_LEVELS[level]
        record = np.dtype([("place", place, 3), ("size", other, 3), ("turn", other, 4), ("rgba", "u1", 4),
                           *([("harmonics", harmonic, harmonics)] if harmonics else [])])  # fmt: skip
        begin = start + partial * 4 + stored * buckets
        found += count
        _check(found)
        table = np.frombuffer(data, record, count, begin)
        places = table["place"].astype(np.float64)
        if level:
            middles = np.frombuffer(data, "<f4", buckets * 3, start + partial * 4).reshape(-1, 3)
            lengths = np.concatenate(
                [np.full(full, per_bucket, np.int64), np.frombuffer(data, "<u4", partial, start).astype(np.int64)]
            )
            if lengths.sum() > MAX_SPLATS + per_bucket:
                raise UndecodableError("the splats are in buckets of broken counts")
            bucket = np.repeat(np.arange(len(lengths)), lengths)[:count]
            steps = steps or 32767
            places = (places - steps) * (side / 2 / steps) + middles[bucket]
        rgba = table["rgba"] / 255
        parts.append(_splats(places, table["size"], table["turn"], rgba[:, 3], rgba[:, :3], _gloss(table, level)))
        start = begin + record.itemsize * most
    return Splats(*(np.concatenate(arrays) for arrays in zip(*(_arrays(one) for one in parts), strict=True)))


def _gloss(table: Any, level: int) -> FloatArray | None:
    if "harmonics" not in table.dtype.names:
        return None
    values = table["harmonics"].astype(np.float64)
    if level == 2:  # bytes span -1.5 to 1.5
        values = values / 255 * 3 - 1.5
    root: FloatArray = np.sqrt((values**2).mean(axis=1))
    return root


def _read_spz(data: bytes) -> Splats:
    require(len(data), f"the splats have {len(data)} bytes, and to read them")
    packed = zlib.decompressobj(wbits=31)
    head = packed.decompress(data, _SPZ_HEAD)
    magic, version, count, degree, fraction = struct.unpack_from("<IIIBB", head)
    if magic != _SPZ_MAGIC or version not in (1, 2, 3) or degree not in _SPZ_HARMONICS:
        raise UndecodableError("the SPZ is of a version that is not known: 1 to 3 are")
    _check(count)
    # No splat takes as much, and what follows the last one is not wanted.
    raw = packed.decompress(packed.unconsumed_tail, count * _SPZ_MOST + 1)
    at = 0

    def taken(each: int, kind: str = "u1") -> npt.NDArray[Any]:
        nonlocal at
        values = np.frombuffer(raw, kind, count * each, at).reshape(count, each)
        at += values.nbytes
        return values

    if version == 1:
        places = taken(3, "<f2").astype(np.float64)
    else:
        parts = taken(9).reshape(count, 3, 3).astype(np.int64)
        whole = parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
        places = np.where(whole & 0x800000, whole - 0x1000000, whole) / (1 << fraction)
    opacities = taken(1)[:, 0] / 255
    colours = (taken(3) / 255 - 0.5) * (_BASE / _SPZ_SPREAD) + 0.5
    sizes = np.exp(taken(3) / 16 - 10)
    turns = _smallest_three(taken(1, "<u4")[:, 0]) if version == 3 else _without_w(taken(3) / 127.5 - 1)
    harmonics = (taken(_SPZ_HARMONICS[degree]) - 128.0) / 128
    gloss = np.sqrt((harmonics**2).mean(axis=1)) if degree else None
    return _splats(places, sizes, turns, opacities, colours, gloss)


def _smallest_three(packed: npt.NDArray[Any]) -> FloatArray:
    """Return quaternions of which the largest part is left out: its place in 2 bits, the others in 10 bits each."""
    packed = packed.astype(np.int64)
    largest = packed >> 30
    turns = np.zeros((len(packed), 4))  # x, y, z, w
    left = packed
    for part in (3, 2, 1, 0):
        taken = largest != part
        value = (left & 0x1FF) / 0x1FF / np.sqrt(2) * np.where(left >> 9 & 1, -1, 1)
        turns[taken, part] = value[taken]
        left = np.where(taken, left >> 10, left)
    turns[np.arange(len(turns)), largest] = np.sqrt(np.clip(1 - (turns**2).sum(axis=1), 0, None))
    return turns[:, [3, 0, 1, 2]]


def _without_w(xyz: FloatArray) -> FloatArray:
    w = np.sqrt(np.clip(1 - (xyz**2).sum(axis=1, keepdims=True), 0, None))
    return np.concatenate([w, xyz], axis=1)


def _splats(
    places: npt.NDArray[Any],
    sizes: npt.NDArray[Any],
    turns: npt.NDArray[Any],
    opacities: npt.NDArray[Any],
    colours: npt.NDArray[Any],
    gloss: npt.NDArray[Any] | None = None,
) -> Splats:
    turns = turns.astype(np.float64)
    lengths = np.linalg.norm(turns, axis=1, keepdims=True)
    turns = np.divide(turns, lengths, out=np.tile([1.0, 0.0, 0.0, 0.0], (len(turns), 1)), where=lengths != 0)
    return Splats(
        np.asarray(places, np.float64),
        np.asarray(sizes, np.float64),
        turns,
        np.asarray(opacities, np.float64),
        np.asarray(colours, np.float64).clip(0, 1),
        np.zeros(len(turns)) if gloss is None else np.asarray(gloss, np.float64),
    )


def _arrays(one: Splats) -> tuple[FloatArray, ...]:
    return one.places, one.sizes, one.turns, one.opacities, one.colours, one.gloss


def _check(count: int) -> None:
    """Refuse more splats than can be looked into."""
    if not 0 <= count <= MAX_SPLATS:
        raise UndecodableError(f"the file tells of {count} splats, more than {MAX_SPLATS} are refused")
    require(count * _SPLAT_BYTES, f"there are {count} splats, and to compare them")


_READERS = {"ply": _read_ply, "splat": _read_splat, "ksplat": _read_ksplat, "spz": _read_spz}


@contextmanager
def _guard() -> Iterator[None]:
    """Raise nothing but CompareError, and say nothing of numbers that are none."""
    try:
        with np.errstate(all="ignore"):
            yield
    except CompareError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UndecodableError(f"the splats are broken or truncated ({reason})") from error
