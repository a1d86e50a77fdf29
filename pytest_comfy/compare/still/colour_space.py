"""Which colours a picture's numbers stand for: embedded ICC profiles, and the gamma of PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from PIL import Image

from ..figures import figure

SRGB = "sRGB"
"""What a picture is in that says nothing, and what viewers take it for."""
NEAR = 2
"""Steps of 8-bit Lab that two spaces may lie apart at each of the patches and still be the same."""

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_GAMMA, _GAMMA_NEAR = 1 / 2.2, 0.005  # of sRGB, as PNG's gAMA writes it
_LONGEST_NAME = 80


def colour_space(image: Image.Image) -> dict[str, Any] | None:
    """Return the colour space of a picture, None for sRGB: its name, and what it shows.

    name     description of the ICC profile, or "gamma 1.8"
    patches  of a profile: Lab of some colours, 8 bits each, so that it is known under another name

    Profiles that cannot be read count as none, as in viewers.
    """
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        return _of_profile(profile)
    gamma = image.info.get("gamma")
    if "srgb" in image.info or not isinstance(gamma, (int, float)) or gamma <= 0 or abs(gamma - _GAMMA) < _GAMMA_NEAR:
        return None
    return {"name": f"gamma {figure(1 / gamma)}"}


def same_space(golden: Mapping[str, Any] | None, actual: Mapping[str, Any] | None) -> bool:
    """Whether two colour spaces, as `colour_space` returns them, show the same."""
    if golden is None or actual is None:
        return golden is actual
    before, after = golden.get("patches"), actual.get("patches")
    if before is None or after is None or len(before) != len(after):
        return before is after and golden["name"] == actual["name"]
    return all(abs(b - a) <= NEAR for b, a in zip(before, after, strict=True))


def space_changed(golden: Mapping[str, Any], actual: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (kind, sentence) where two fingerprints are of other colour spaces, in a list; else an empty one."""
    before, after = golden.get("colour_space"), actual.get("colour_space")
    if same_space(before, after):
        return []
    is_now, was = (str(space["name"]) if space else SRGB for space in (after, before))
    return [("colour space", f"colour space is {is_now}, was {was}")]


@lru_cache(maxsize=16)
def _of_profile(data: bytes) -> dict[str, Any] | None:
    from PIL import ImageCms  # only what has a profile needs it

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        mode = _MODES[profile.profile.xcolor_space.strip()]
        patches = _patches(profile, mode)
        name = " ".join(ImageCms.getProfileDescription(profile).split())[:_LONGEST_NAME] or "a profile without a name"
    except (ImageCms.PyCMSError, KeyError, OSError, TypeError, ValueError):
        return None
    space = {"name": name, "patches": patches}
    plain = _patches(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")), "RGB") if mode == "RGB" else []
    return None if same_space(space, {"name": SRGB, "patches": plain}) else space


def _patches(profile: Any, mode: str) -> list[int]:
    """Return Lab of each channel alone, half and full, and of all together at four levels."""
    from PIL import ImageCms

    channels = len(mode)
    colours = [
        tuple(level * (c == channel) for c in range(channels)) for channel in range(channels) for level in (128, 255)
    ]
    colours += [(level,) * channels for level in (0, 64, 128, 255)]
    row = Image.frombytes(mode, (len(colours), 1), bytes(value for colour in colours for value in colour))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    transformed = ImageCms.applyTransform(row, ImageCms.buildTransform(profile, lab, mode, "LAB"))
    return list(transformed.tobytes()) if transformed else []
