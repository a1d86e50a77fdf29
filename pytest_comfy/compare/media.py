"""Which comparator a media type belongs to."""

from __future__ import annotations

_TEXTUAL = {"application/xml", "application/x-yaml", "application/yaml", "application/toml", "image/svg+xml"}


def essence(media_type: str) -> str:
    """Return type and subtype in lower case, without parameters such as charset."""
    return media_type.split(";", 1)[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Whether the bytes are JSON, by application/json or the +json suffix of RFC 6839."""
    kind = essence(media_type)
    return kind == "application/json" or kind.endswith("+json")


def family(media_type: str) -> str:
    """Return what outputs must share to be comparable: image, text, video, audio, model, application, ...

    JSON and SVG count as text. Containers do not matter: PNG and WEBP are both image.
    """
    kind = essence(media_type)
    if is_json(kind) or kind in _TEXTUAL:
        return "text"
    return kind.split("/", 1)[0]
