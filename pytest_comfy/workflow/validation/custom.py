"""What core classes check by code of their own, as data: `/object_info` says nothing of it.

Source: every `VALIDATE_INPUTS` and `validate_inputs` of ComfyUI 0.3.64, 0.8.0 and 0.30.0, core and API nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Custom:
    """A class's own check. Inputs that it names are not held against `min`, `max` or the list of choices.

    - `inputs`: the names of those inputs
    - `file`: what the only input must name, as the message calls it ("image"); None: the check is not known
      here and accepts
    - `owner`: the class whose method it is, when inherited
    - `takes_types`: the class judges the types of its links itself, so ComfyUI does not
    - `needed`: the inputs without which the check itself cannot be called
    - `whole`: the check takes all inputs; none is held against its declaration, and its message is told of each
    - `tuples`: inputs whose choices ComfyUI keeps as a tuple, which its message shows
    """

    inputs: frozenset[str] = frozenset()
    file: str | None = None
    owner: str | None = None
    takes_types: bool = False
    needed: tuple[str, ...] = ()
    whole: bool = False
    tuples: frozenset[str] = frozenset()


NOTHING = Custom()


def _file(name: str, kind: str, owner: str | None = None) -> Custom:
    return Custom(frozenset({name}), kind, owner)


CUSTOM: Mapping[str, Custom] = {
    "LoadImage": _file("image", "image"),
    "LoadImageMask": _file("image", "image"),
    "LoadImageOutput": _file("image", "image", owner="LoadImage"),
    "WebcamCapture": _file("image", "image", owner="LoadImage"),
    "LoadLatent": _file("latent", "latent"),
    "LoadAudio": _file("audio", "audio"),
    "LoadVideo": _file("file", "video"),
    "CustomCombo": Custom(frozenset({"choice", "index"}), owner="CustomComboNode", needed=("choice",)),
    "LoraSave": Custom(tuples=frozenset({"lora_type"})),
    "SelectModelDevice": Custom(frozenset({"device"})),
    "SelectCLIPDevice": Custom(frozenset({"device"})),
    "SelectVAEDevice": Custom(frozenset({"device"})),
    "FluxProUltraImageNode": Custom(frozenset({"aspect_ratio"})),
    "KlingCameraControls": Custom(
        frozenset({"horizontal_movement", "vertical_movement", "pan", "tilt", "roll", "zoom"})
    ),
    "TripoConversionNode": Custom(takes_types=True),
}


_MODEL = Custom(frozenset({"model_file"}), "3D model", needed=("model_file",), whole=True)
MODELS: Mapping[str, Custom] = {"Load3D": _MODEL, "Load3DAdvanced": _MODEL}
"""Those that have a check since 0.26.0."""


def is_link(value: Any) -> bool:
    """Whether a node gets another node's output for this value. To validation any list is a link."""
    return (
        isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], (int, float))
    )


def missing_file(
    custom: Custom,
    live: Mapping[str, Any],
    choices: Mapping[str, Collection[Any]],
    is_file: Callable[[str], bool] | None,
    *,
    function: str,
) -> tuple[str, str] | None:
    """Return (input name, message) when a file that a node names is not there.

    `live` are the node's inputs, `choices` the listed values of each declared input.

    Raises TypeError when the input is missing and AttributeError when it is no text, as ComfyUI's own checks do:
    they are called without asking whether the other checks passed.
    """
    if custom.whole:
        return _missing_model(custom, live, choices, is_file)
    for name in custom.inputs:
        if name not in choices:
            return None
        if name not in live:
            raise TypeError(f"{function}() missing 1 required positional argument: '{name}'")
        value = None if is_link(live[name]) else live[name]
        if not isinstance(value, str):
            raise AttributeError(f"'{type(value).__name__}' object has no attribute 'endswith'")
        # An empty name is the input folder itself, which exists.
        if value and value not in choices[name] and not (is_file and is_file(value)):
            return name, f"Invalid {custom.file} file: {value}"
    return None


def require_inputs(custom: Custom, live: Mapping[str, Any], *, function: str) -> None:
    """Raise the TypeError of a check that is called without what it cannot do without."""
    absent = [f"'{name}'" for name in custom.needed if name not in live]
    if absent:
        raise TypeError(f"{function}() missing {len(absent)} required positional argument: {absent[0]}")


def _missing_model(
    custom: Custom,
    live: Mapping[str, Any],
    choices: Mapping[str, Collection[Any]],
    is_file: Callable[[str], bool] | None,
) -> tuple[str, str] | None:
    (name,) = custom.needed
    value = None if is_link(live[name]) else live[name]
    if not value or value == "none" or name not in choices or value in choices[name]:
        return None
    return None if is_file and is_file(value) else (name, f"Invalid {custom.file} file: {value}")
