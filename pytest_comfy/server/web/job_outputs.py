"""What `/api/jobs` makes of the outputs of a run: how many there are, the one to show, and 3D files as objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..versions import Trait, Version

_PREVIEWED = ("images", "video", "audio")
_3D = (".obj", ".fbx", ".gltf", ".glb")
_TEXTS = (".txt", ".md", ".json")
_MOST_TEXT = 1024
"""Characters of a text that stand in a preview."""

Job = dict[str, Any]


def normalized(outputs: Mapping[str, Any], version: Version) -> Mapping[str, Any]:
    """Return the outputs as a single job tells them: bare names of 3D files as objects, nulls left out."""
    if not version.has(Trait.NORMALIZED_JOBS):
        return outputs
    return {
        node: {media: _normalized_items(media, items, version) for media, items in told.items()}
        if isinstance(told, Mapping)
        else told
        for node, told in outputs.items()
    }


def _normalized_items(media: str, items: Any, version: Version) -> Any:
    if media == "animated" or not isinstance(items, list):
        return items
    return [_as_object(item, version) or item for item in items if item is not None]


def _as_object(item: Any, version: Version) -> Job | None:
    """Return an item as an object; None for one that is none and names no 3D file."""
    if isinstance(item, str) and version.has(Trait.NORMALIZED_JOBS) and item.lower().endswith(_endings(version)):
        return {"filename": item, "type": "output", "subfolder": "", "mediaType": "3d"}
    return item if isinstance(item, dict) else None


def summary(outputs: Mapping[str, Any], version: Version) -> tuple[int, Job | None]:
    """Return how many outputs there are, and the one to show.

    That is the first of type `output`, else the first; later versions take saved texts after these and at last bare
    text, which does not count as an output.
    """
    count = 0
    ranked: dict[int, Job] = {}
    for node, media, item in _items(outputs):
        told = _as_object(item, version)
        if told is None:
            if media == "text" and version.has(Trait.TEXT_PREVIEWS) and item is not None and 0 not in ranked:
                ranked.setdefault(3, {**_text(str(item)), "nodeId": node, "mediaType": media})
            continue
        count += 1
        if _is_shown(media, told, version):
            shown = {**told, "nodeId": node}
            if "mediaType" not in told or not version.has(Trait.NORMALIZED_JOBS):
                shown["mediaType"] = media
            ranked.setdefault(_rank(media, told, version), shown)
    return count, ranked[min(ranked)] if ranked else None


def previewable(outputs: Mapping[str, Any], version: Version) -> int:
    """Return how many outputs can be shown; bare text, which is no output, does not count."""
    told = ((media, _as_object(item, version)) for _, media, item in _items(outputs))
    return sum(item is not None and _is_shown(media, item, version) for media, item in told)


def _items(outputs: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for node, told in outputs.items():
        for media, listed in told.items() if isinstance(told, Mapping) else ():
            if media != "animated" and isinstance(listed, list):
                for item in listed:
                    yield node, media, item


def _rank(media: str, item: Mapping[str, Any], version: Version) -> int:
    """Return 0 for what is shown rather than all else, and more for what is not."""
    if version.has(Trait.TEXT_FILES_IN_JOBS) and (media == "text" or _ends(item, _TEXTS)):
        return 2
    return 0 if item.get("type") == "output" else 1


def _is_shown(media: str, item: Mapping[str, Any], version: Version) -> bool:
    if media in _PREVIEWED or str(item.get("format") or "").startswith(("video/", "audio/")):
        return True
    if media in ("3d", "text") and version.has(Trait.TEXT_PREVIEWS if media == "text" else Trait.NORMALIZED_JOBS):
        return True
    if version.has(Trait.TEXT_FILES_IN_JOBS) and _ends(item, _TEXTS):
        return True
    return _ends(item, _endings(version))


def _endings(version: Version) -> tuple[str, ...]:
    return (*_3D, ".usdz") if version.has(Trait.NORMALIZED_JOBS) else _3D


def _ends(item: Mapping[str, Any], endings: tuple[str, ...]) -> bool:
    return str(item.get("filename", "")).lower().endswith(endings)


def _text(value: str) -> Job:
    return {"content": value} if len(value) <= _MOST_TEXT else {"content": value[:_MOST_TEXT], "truncated": True}
