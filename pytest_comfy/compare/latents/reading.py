"""Read safetensors: a length, a JSON header that names tensors, and their values one after the other."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..lines import shorten
from ..memory import require_json
from ..result import UndecodableError

MAX_HEADER = 2**24
"""Most bytes of the header, 16 MiB: ComfyUI puts prompt and workflow there, which are a few MiB at most."""
MAX_TENSORS = 32
"""Most tensors: ComfyUI writes two. A file of hundreds is a model, whose fingerprint would not be small."""
MAX_VALUES = 2**25
"""Most values of all tensors: a latent of ten seconds of 1080p has 31 million. Bounds memory to about 1 GiB."""
MAX_NAME = 200
"""Most characters of a name, which the fingerprint keeps."""
MAX_AXES = 8
"""Most axes of a tensor: a video latent has five."""

_TYPES: dict[str, str] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1", "BOOL": "u1",
    "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8",
}  # fmt: skip

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tensor:
    """One tensor: `raw` are the stored values, little-endian, as the file holds them."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    raw: memoryview

    def stored(self) -> npt.NDArray[Any]:
        """Return the values in numpy's nearest type and the tensor's shape, without a copy."""
        return np.frombuffer(self.raw, _TYPES[self.dtype]).reshape(self.shape)


def read_tensors(data: bytes) -> list[Tensor]:
    """Return the tensors of a safetensors file in order of their names. Raises UndecodableError.

    What the format asks for is checked: a header within limits, known types, and values that fill the rest of
    the file without gap or overlap, each as long as type and shape say.
    """
    if len(data) < 10:
        raise UndecodableError("the file is no safetensors file: it is shorter than a header")
    length = int.from_bytes(data[:8], "little")
    if length > MAX_HEADER:
        raise UndecodableError(f"the file is no safetensors file, or its header of {length} bytes is over {MAX_HEADER}")
    if 8 + length > len(data):
        raise UndecodableError("the file is truncated within its header")
    body = memoryview(data)[8 + length :]
    require_json(data[8 : 8 + length], f"the file's header has {length} bytes, and to parse it")
    entries = _header(data[8 : 8 + length])
    if len(entries) > MAX_TENSORS:
        raise UndecodableError(f"the file holds {len(entries)} tensors, more than {MAX_TENSORS} are refused")
    tensors = [_tensor(name, entries[name], body) for name in sorted(entries)]
    total = sum(math.prod(tensor.shape) for tensor, _ in tensors)
    if total > MAX_VALUES:
        raise UndecodableError(f"the file holds {total} values, more than {MAX_VALUES} are refused")
    end = 0
    for begin, following in sorted(place for _, place in tensors):
        if begin != end:
            raise UndecodableError("the tensors of the file overlap or leave gaps")
        end = following
    if end != len(body):
        raise UndecodableError(f"the tensors of the file end {len(body) - end} bytes before its end")
    return [tensor for tensor, _ in tensors]


def usable_values(stored: npt.NDArray[Any], dtype: str) -> tuple[FloatArray, int, int]:
    """Return stored values as float64 with NaN for what is not finite, and how many were NaN and infinite.

    Beyond 1e100, where squares leave the range of float64, counts as infinite.
    """
    values = _as_float64(stored, dtype)
    endless = np.abs(values) > 1e100
    nan, inf = int(np.count_nonzero(np.isnan(values))), int(np.count_nonzero(endless))
    return np.where(endless, np.nan, values) if inf else values, nan, inf


def _as_float64(stored: npt.NDArray[Any], dtype: str) -> FloatArray:
    if dtype == "BF16":
        stored = (stored.astype("<u4") << 16).view("<f4")
    elif dtype == "F8_E5M2":  # the upper byte of half precision
        stored = (stored.astype("<u2") << 8).view("<f2")
    elif dtype == "F8_E4M3":
        stored = _E4M3[stored]
    elif dtype == "BOOL":
        stored = stored != 0
    with np.errstate(invalid="ignore"):  # a signalling NaN is a NaN
        values: FloatArray = stored.astype(np.float64)
    return values


def _e4m3() -> FloatArray:
    """Return the value of each byte: a sign, 4 bits of exponent biased by 7, 3 bits of fraction, no infinity."""
    codes = np.arange(128)
    exponent, fraction = codes >> 3, codes & 7
    values = np.where(exponent == 0, fraction / 8 * 2.0**-6, (1 + fraction / 8) * 2.0 ** (exponent - 7))
    values[127] = np.nan
    return np.concatenate([values, -values])


_E4M3 = _e4m3()


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UndecodableError("the file is no safetensors file: its header is no JSON") from error
    if not isinstance(header, dict):
        raise UndecodableError("the file is no safetensors file: its header is no JSON object")
    header.pop("__metadata__", None)
    return header


def _tensor(name: str, entry: Any, body: memoryview) -> tuple[Tensor, tuple[int, int]]:
    shown = f'tensor "{shorten(name)}"'
    if len(name) > MAX_NAME:
        raise UndecodableError(f"{shown} has a name of {len(name)} characters, more than {MAX_NAME} are refused")
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in _TYPES:
        raise UndecodableError(f"{shown} is of unknown type {shorten(repr(dtype))}")
    if not _whole_numbers(shape) or len(shape) > MAX_AXES:
        raise UndecodableError(f"{shown} has no shape of up to {MAX_AXES} whole numbers")
    if not _whole_numbers(place) or len(place) != 2 or place[0] > place[1]:
        raise UndecodableError(f"{shown} has no place in the file")
    if place[1] > len(body):
        raise UndecodableError(f"the file is truncated: {shown} ends {place[1] - len(body)} bytes after its end")
    if math.prod(shape) * np.dtype(_TYPES[dtype]).itemsize != place[1] - place[0]:
        raise UndecodableError(f"{shown} has {place[1] - place[0]} bytes, not those of its type and shape")
    return Tensor(name, dtype, tuple(shape), body[place[0] : place[1]]), (place[0], place[1])


def _whole_numbers(value: Any) -> bool:
    """Whether it is a list of whole numbers that fit into a file; huge ones would make products slow."""
    return isinstance(value, list) and all(type(one) is int and 0 <= one < 2**48 for one in value)
