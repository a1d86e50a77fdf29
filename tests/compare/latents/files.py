"""Write safetensors files by hand, and latents as models make them: smooth, each channel with mean and spread."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16",
         "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL"}  # fmt: skip


def safetensors(tensors: dict[str, Any], metadata: Any = None, padding: int = 0) -> bytes:
    """Write arrays, or pairs of a type of the format and an array that holds its bytes."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    body = b""
    for name, value in tensors.items():
        dtype, array = value if isinstance(value, tuple) else (TYPES[str(value.dtype)], value)
        data = array.tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode() + b" " * padding
    return len(text).to_bytes(8, "little") + text + body


def latent_file(samples: Any, **more: Any) -> bytes:
    """Write what ComfyUI's SaveLatent writes."""
    return safetensors({"latent_tensor": samples, "latent_format_version_0": np.zeros(0, "f4")}, **more)


def samples(shape: tuple[int, ...] = (1, 4, 32, 32), seed: int = 1) -> Any:
    """Make a latent of (batch, channels, ...), float32."""
    random = np.random.default_rng(seed)
    values = random.standard_normal(shape)
    for axis in range(2, len(shape)):
        smooth = 1 / (1 + (8 * np.fft.fftfreq(shape[axis])) ** 2)
        smooth = smooth.reshape(-1, *[1] * (len(shape) - axis - 1))
        values = np.fft.ifft(np.fft.fft(values, axis=axis) * smooth, axis=axis).real
    values = values / values.std() + 0.3 * random.standard_normal(shape)
    channels = np.random.default_rng(99).uniform(0.5, 1.5, (2, shape[1], *[1] * (len(shape) - 2)))
    return (values * channels[0] + channels[1]).astype("f4")
