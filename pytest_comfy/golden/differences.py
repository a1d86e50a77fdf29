"""What differs of two environments, of what both could tell: older golden runs and servers tell less than newer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..text import plain
from .environment import TOUCHED
from .flags import flags_told
from .redaction import without_folders

Change = tuple[str, str, str]
"""What differs, what it was and what it is: ("ComfyUI", "0.8.0", "0.30.0")."""

_TOLD = {
    "comfyui": "ComfyUI",
    "commit": "ComfyUI's commit",
    "torch": "torch",
    "python": "Python",
    "attention": "attention",
    "vram_state": "VRAM state",
}
"""Key -> what it is called, of what is a word or a version."""
_NO_PICTURES = ("comfyui-workflow-templates", "comfyui-embedded-docs")
"""Packages that ComfyUI comes with and no picture depends on."""
_SYSTEMS = {"win32": "nt"}
"""ComfyUI told os.name before 0.8.0, and sys.platform since."""
_POSIX, _WINDOWS = "posix", "nt"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_GIB = 2**30
_LONGEST = 200
_MOST = 40


def changes(golden: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Return what differs of two environments, in words: what it is, its golden value and the one of now.

    What only one of them tells is no difference, unless the other would have told it.
    """
    pairs = _pairs(golden, now)
    return [
        (plain(key, _LONGEST), plain(before, _LONGEST), plain(after, _LONGEST))
        for key, before, after in pairs
        if before != after
    ]


def difference(golden: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return 'golden: …; now: …' over what differs of two environments, None when nothing does."""
    changed = changes(golden, now)
    if not changed:
        return None
    was = ", ".join(f"{key} {before}" for key, before, _ in changed)
    is_now = ", ".join(f"{key} {after}" for key, _, after in changed)
    return f"golden: {was}; now: {is_now}"


def differences(golden: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the changes in a line each, as all that tells of them has them: "ComfyUI 0.8.0 -> 0.30.0"."""
    return [
        without_folders(plain(f"{key} {before} -> {after}", _LONGEST))
        for key, before, after in changes(golden, now)[:_MOST]
    ]


def _pairs(golden: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Yield all that both tell, whether it differs or not."""
    for key, name in _TOLD.items():
        yield from _both(name, golden.get(key), now.get(key))
    yield from _systems(golden.get("os"), now.get("os"))
    yield from _devices(golden.get("devices"), now.get("devices"))
    yield from _flags(golden, now)
    yield from _both("front-end", golden.get("frontend"), now.get("frontend"))
    for name, before, after in _named(golden.get("packages"), now.get("packages")):
        if name not in _NO_PICTURES:
            yield from _both(name, before, after)
    for name, before, after in _named(golden.get("pack_versions"), now.get("pack_versions")):
        yield from _both(f"node pack {name}", _short(before), _short(after))
    for name, before, after in _named(_by_class(golden.get("node_packs")), _by_class(now.get("node_packs"))):
        yield from _both(f"node pack of {name}", before, after)
    for name, before, after in _named(golden.get("models"), now.get("models")):
        yield from _model(name, before, after)


def _both(key: str, before: Any, after: Any) -> Iterator[Change]:
    if before and after:
        yield key, str(before), str(after)


def _systems(before: Any, after: Any) -> Iterator[Change]:
    kinds = {_SYSTEMS.get(str(one), str(one)) for one in (before, after)}
    # "posix" is told by servers that do not say which of them.
    if len(kinds) == 2 and (_POSIX not in kinds or _WINDOWS in kinds):
        yield from _both("os", before, after)


def _devices(golden: Any, now: Any) -> Iterator[Change]:
    """Yield the device that nodes run on, which is told first: older servers tell no other."""
    before, after = _first(golden), _first(now)
    (device, memory), (other, other_memory) = _halves(before.get("name")), _halves(after.get("name"))
    yield from _both("device", device, other)
    if device == other:
        yield from _both("memory allocator", memory, other_memory)
        yield from _both("VRAM", _gib(before.get("vram_total")), _gib(after.get("vram_total")))


def _halves(name: Any) -> tuple[str, str]:
    """Split "cuda:0 NVIDIA L4 : cudaMallocAsync" into the device and how its memory is handed out."""
    device, _, allocator = str(name or "").partition(" : ")
    return device.strip(), allocator.strip()


def _gib(told: Any) -> str:
    return f"{told / _GIB:.2f} GiB" if isinstance(told, int) and told > 0 else ""


def _flags(golden: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    was, is_now = golden.get("argv"), now.get("argv")
    if isinstance(was, list) and isinstance(is_now, list):
        later = "version" in golden and "version" in now
        yield "flags", flags_told(was, later) or "none", flags_told(is_now, later) or "none"


def _model(name: str, golden: Any, now: Any) -> Iterator[Change]:
    """Yield what differs of a model file: size, time or hash, of those that both sides tell."""
    before, after = _mapping(golden), _mapping(now)
    both = sorted((before.keys() & after.keys()) - {TOUCHED})  # which copies of the same file have of their own
    keys = [key for key in both if str(before[key]) != str(after[key])]
    if keys:
        was, is_now = (" ".join(f"{key} {plain(side[key], 80)}" for key in keys) for side in (before, after))
        yield f"model {name}", was, is_now


def _by_class(packs: Any) -> dict[str, str]:
    """Return class -> pack."""
    return {
        name: pack for pack, names in _mapping(packs).items() for name in (names if isinstance(names, list) else ())
        if isinstance(name, str)
    }  # fmt: skip


def _named(golden: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, value and value of what two objects both have."""
    before, after = _mapping(golden), _mapping(now)
    for name in before:
        if name in after:
            yield name, before[name], after[name]


def _short(version: Any) -> str:
    """Return a version as people are told it: of a commit its beginning."""
    text = str(version or "")
    return text[:10] if _COMMIT.fullmatch(text) else text


def _first(devices: Any) -> Mapping[str, Any]:
    found = devices if isinstance(devices, list) else []
    return _mapping(found[0]) if found else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
