"""Whether an output may be linked to an input."""

from __future__ import annotations

from typing import Any

_ANY, _COMBO, _MATCH = "*", "COMBO", "COMFY_MATCHTYPE_V3"


def accepts(received: Any, wanted: Any, *, modern: bool) -> bool:
    """Whether an input of type `wanted` takes an output of type `received`; both as in `/object_info`.

    `*` is accepted in both versions. 0.3.64 has no rule for it, but classes there (all of core) declare it with a text
    type that equals every other, which `/object_info` does not show.
    """
    if received == wanted or _ANY in (received, wanted):
        return True
    if modern and (_MATCH in (received, wanted) or (isinstance(received, list) and wanted == _COMBO)):
        return True
    if not isinstance(received, str) or not isinstance(wanted, str):
        return False
    offered = {part.strip() for part in received.split(",")}
    taken = {part.strip() for part in wanted.split(",")}
    return not offered.isdisjoint(taken) or (modern and _ANY in offered | taken)
