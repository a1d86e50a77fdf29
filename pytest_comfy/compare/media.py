"""Which kind of output a media type is, and so which comparator judges it."""

from __future__ import annotations

_TEXTUAL = {"application/xml", "application/x-yaml", "application/yaml", "application/toml"}
_KINDS = {
    "application/x-safetensors": "latent",
    "image/svg+xml": "svg",
    "model/x-ksplat": "splat",
    "model/x-splat": "splat",
    "model/x-splat-ply": "splat",
    "model/x-spz": "splat",
}
_MODELS = {"gltf-binary", "gltf+json", "obj", "stl", "ply"}


def essence(media_type: str) -> str:
    """Return type and subtype in lower case, without parameters such as charset."""
    return media_type.split(";", 1)[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Whether the bytes are JSON, by application/json or the +json suffix of RFC 6839."""
    kind = essence(media_type)
    return kind == "application/json" or (kind.endswith("+json") and not kind.startswith("model/"))


def kind_of(media_type: str) -> str:
    """Return the kind: image, video, audio, model, splat, latent, svg, text, or the type itself, such as application.

    JSON counts as text. Containers do not matter: PNG and WEBP are both image. 3D models of formats that cannot be
    read, such as model/vnd.usdz+zip, are the media type itself.
    """
    media = essence(media_type)
    if media in _KINDS:
        return _KINDS[media]
    if is_json(media) or media in _TEXTUAL:
        return "text"
    kind, _, form = media.partition("/")
    return media if kind == "model" and form not in _MODELS else kind
