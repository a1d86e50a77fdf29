"""Pictures in canonical form: what is the same picture has the same mode, size and pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ..result import CompareError, Region
from .colour_space import colour_space
from .decoding import DEEP_COLOUR, FLOAT_BOUNDS, frame_count, frames, guard

MID_GREY = 128
FOREVER = 0
"""How often an animation plays that starts again without end."""
_BAND_ROWS = 256
"""Rows whose bytes are taken at once."""
_GREY: dict[str, float | tuple[int, ...]] = {
    "RGB": (MID_GREY,) * 3,
    "RGBA": (MID_GREY, MID_GREY, MID_GREY, 255),
    "I;16": 256 * MID_GREY,
    "I": 0,
    "F": 0.5,
}


def canonical(image: Image.Image) -> Image.Image:
    """Convert the current frame to the mode its content has: RGB, RGBA, I;16, I or F.

    Palettes, greys, CMYK and YCbCr become RGB, or RGBA when they carry transparency; an opaque RGBA stays
    RGBA, since a lost alpha channel is a defect. 32-bit greys within 16 bits become I;16, because Pillow
    reads 16-bit PNG as the one or the other by version. A frame of an animation is RGBA only if some of it
    is transparent: encoders of WEBP and GIF write transparency where nothing moved since the last frame, so
    the channel alone says nothing. Raises UndecodableError for modes without a conversion.
    """
    with guard():
        if image.mode == "F":
            return image
        if image.mode == "I" or image.mode.startswith("I;16"):
            return _short_greys(image)
        picture = image.convert("LA") if image.mode == "La" else image
        transparent = picture.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in image.info
        mode = "RGBA" if transparent else "RGB"
        picture = picture if picture.mode == mode else picture.convert(mode)
        opaque = mode == "RGBA" and frame_count(image) > 1 and picture.getchannel("A").getextrema()[0] == 255
        return picture.convert("RGB") if opaque else picture


def _short_greys(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "I" and (values.min(initial=0) < 0 or values.max(initial=0) > 0xFFFF):
        return image
    return Image.fromarray(values.astype("<u2"))


def mode_name(image: Image.Image, picture: Image.Image) -> str:
    """Return the canonical mode, with ";16" or ";32F" added for deeper colour than Pillow has.

    `picture` is the canonical form of `image`.
    """
    if FLOAT_BOUNDS in image.info:
        return f"{picture.mode};32F"
    return f"{picture.mode};16" if DEEP_COLOUR in image.info else picture.mode


def check_masks(masks: Sequence[Sequence[int]]) -> tuple[Region, ...]:
    """Return the masks, (x, y, width, height) in pixels, sorted. Raises CompareError for other shapes."""
    checked: list[Region] = []
    for mask in masks:
        numbers = tuple(mask)
        whole = all(isinstance(n, int) and not isinstance(n, bool) for n in numbers)
        if len(numbers) != 4 or not whole or min(numbers) < 0 or 0 in numbers[2:]:
            raise CompareError(f"a mask is x, y, width, height in whole pixels of at least 1x1, not {list(numbers)}")
        checked.append((numbers[0], numbers[1], numbers[2], numbers[3]))
    return tuple(sorted(set(checked)))


def paint_masks(picture: Image.Image, masks: Sequence[Region]) -> Image.Image:
    """Return the canonical picture with the masked regions in opaque mid-grey; the original is left alone."""
    if not masks:
        return picture
    painted = picture.copy()
    for x, y, width, height in masks:
        box = (
            min(x, picture.width),
            min(y, picture.height),
            min(x + width, picture.width),
            min(y + height, picture.height),
        )
        if box[0] < box[2] and box[1] < box[3]:
            _fill(painted, box)
    return painted


def _fill(picture: Image.Image, box: tuple[int, int, int, int]) -> None:
    colour = _GREY[picture.mode]
    if picture.mode == "I;16":  # drawing on 16-bit greys came to Pillow late and piecemeal
        patch = np.full((box[3] - box[1], box[2] - box[0]), colour, dtype="<u2")
        picture.paste(Image.fromarray(patch), box)
    else:
        ImageDraw.Draw(picture).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=colour)


def pixels_sha256(image: Image.Image, masks: Sequence[Sequence[int]] = ()) -> str:
    """Return the SHA-256 (hex) of canonical mode, size and raw pixels of every frame.

    Container, compression, palette and most metadata make no difference. What a viewer sees does: the colour space
    where it is not sRGB, and of animations durations and how often they play. Pillow reads only the upper byte of
    16-bit colour; the digest of the stored data stands in for the rest, so equal hashes always mean equal pixels.
    """
    regions = check_masks(masks)
    digest = hashlib.sha256()
    with guard():
        animated = frame_count(image) > 1
    for frame in frames(image):
        picture = canonical(frame)
        header = f"{mode_name(frame, picture)} {picture.width}x{picture.height}"
        if (space := colour_space(frame)) is not None:
            header += f" {space}"
        if animated:
            header += f" {duration(frame):g}ms"
            if (times := plays(frame)) != FOREVER:
                header += f" {times} times"
        digest.update(f"{header} {frame.info.get(DEEP_COLOUR, '')}\n".encode())
        painted = paint_masks(picture, regions)
        for top in range(0, picture.height, _BAND_ROWS):
            digest.update(raw_bytes(painted.crop((0, top, picture.width, min(picture.height, top + _BAND_ROWS)))))
    return digest.hexdigest()


def duration(frame: Image.Image) -> float:
    """Return how long the current frame of an animation is shown, in milliseconds; 0 when it does not say."""
    value = frame.info.get("duration", 0)
    return round(float(value), 3) if isinstance(value, (int, float)) else 0.0


def plays(image: Image.Image) -> int:
    """Return how often an animation plays, FOREVER for without end."""
    loop = image.info.get("loop", 1)  # a GIF that does not say plays once; WEBP and PNG always say
    return int(loop) if isinstance(loop, int) and loop >= 0 else 1


def raw_bytes(picture: Image.Image) -> bytes:
    """Return the pixels of a canonical picture row by row, little-endian on every machine."""
    kinds = {"I;16": "<u2", "I": "<i4", "F": "<f4"}
    if picture.mode in kinds:
        return np.asarray(picture).astype(kinds[picture.mode]).tobytes()
    return picture.tobytes()


def value_range(picture: Image.Image) -> tuple[float, float]:
    """Return the lowest and highest finite value of a one-channel picture, (0, 0) when there is none."""
    values = np.asarray(picture)
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def visible(picture: Image.Image) -> Image.Image:
    """Return the canonical picture as 8-bit RGB: what a person sees of it over mid-grey.

    16-bit greys keep their upper 8 bits; float and 32-bit pictures are stretched from their lowest to their
    highest value, as they have no range of their own (value_range tells it).
    """
    if picture.mode == "RGB":
        return picture
    if picture.mode == "RGBA":
        grey = Image.new("RGBA", picture.size, (MID_GREY, MID_GREY, MID_GREY, 255))
        return Image.alpha_composite(grey, picture).convert("RGB")
    values = np.asarray(picture).astype("f8")
    low, high = (0.0, 65535.0) if picture.mode == "I;16" else value_range(picture)
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    levels = (values - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
    return Image.fromarray(np.rint(levels).clip(0, 255).astype("u1")).convert("RGB")
