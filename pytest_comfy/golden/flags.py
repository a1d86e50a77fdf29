"""The flags of ComfyUI that may change what it makes: attention, precision, determinism, cache, where weights lie."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_FIRST = re.compile(
    r"--(?:cpu(?:-vae)?|directml|deterministic|fast|force-(?:fp16|fp32|channels-last|upcast-attention)"
    r"|dont-upcast-attention|(?:fp32|fp64|bf16|fp16|fp8)[\w-]*|supports-fp8-compute"
    r"|use-[\w-]*attention|disable-xformers|gpu-only|highvram|normalvram|lowvram|novram"
    r"|disable-smart-memory|cache-(?:classic|lru|none|ram)|default-hashing-function|oneapi-device-selector)"
)
"""Kept from the first environments on."""
_LATER = re.compile(
    r"--(?:(?:disable-)?async-offload|force-non-blocking|disable-pinned-memory|reserve-vram|vram-headroom|high-ram"
    r"|fast-disk|(?:enable|disable)-(?:dynamic-vram|triton-backend)|disable-ipex-optimize)"
)
"""Kept since environments have a version: of those before it is not known whether the server had them."""
_VALUE = re.compile(r"[\w.]+")


def numeric_flags(argv: Any) -> list[str]:
    """Keep of a command line the flags that may change pictures, and the plain values behind them (never a path)."""
    kept: list[str] = []
    flag_kept = False
    for word in argv if isinstance(argv, list) else []:
        word = str(word)
        if word.startswith("-"):
            flag, _, value = word.partition("=")
            flag_kept = bool(_FIRST.fullmatch(flag) or _LATER.fullmatch(flag))
            if flag_kept:
                kept.append(word if _VALUE.fullmatch(value) else flag)
        elif flag_kept and _VALUE.fullmatch(word):
            kept.append(word)
    return kept


def flags_told(argv: Iterable[Any], later: bool) -> str:
    """Return what `numeric_flags` kept in an order that does not depend on the command line's: "--cpu --fast fp16".

    later  whether the flags count that environments without a version do not tell of
    """
    groups: list[list[str]] = []
    for word in map(str, argv):
        if word.startswith("-"):
            groups.append([word])
        elif groups:
            groups[-1].append(word)
    return " ".join(sorted(" ".join(group) for group in groups if later or not _is_later(group[0])))


def _is_later(word: str) -> bool:
    return bool(_LATER.fullmatch(word.partition("=")[0]))
