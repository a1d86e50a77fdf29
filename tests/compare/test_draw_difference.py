"""What shows a difference, for each kind of output."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_comfy.compare import Drawing, draw_difference
from pytest_comfy.compare.image.drawing import GAP

DATA = Path(__file__).parent.parent / "data"
Encode = Callable[..., bytes]


def opened(drawing: Drawing | None) -> Image.Image:
    assert drawing is not None and drawing.suffix == ".png"
    return Image.open(io.BytesIO(drawing.data))


def test_pictures_have_their_regions_framed_and_masks_painted(
    scene: Image.Image, encode: Encode, boxed: Callable[..., Image.Image]
) -> None:
    changed = boxed(scene, (100, 50, 20, 20))
    plain, drawn = (
        np.asarray(opened(draw_difference(encode(scene), encode(changed), "image/png", masks=masks, regions=regions)))
        for masks, regions in (((), ()), ([(0, 0, 30, 30)], [(100, 50, 20, 20)]))
    )
    step = scene.width + GAP
    for panel in range(3):
        assert drawn[49, panel * step + 99].tolist() == [0, 230, 255]
    assert (drawn[5:25, 5:25] == 128).all() and (drawn[5:25, step + 5 : step + 25] == 128).all()
    inside = np.s_[52:68, 2 * step + 102 : 2 * step + 118]
    assert (drawn[inside] == plain[inside]).all() and plain[inside].any()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("comfyui-sound.flac", "audio/flac"),
        ("comfyui-0.8.0.latent", "application/x-safetensors"),
        ("comfyui-0.8.0-surfnet.glb", "model/gltf-binary"),
    ],
)
def test_other_kinds_are_drawn_by_their_own(name: str, media_type: str) -> None:
    data = (DATA / name).read_bytes()
    assert opened(draw_difference(data, data, media_type)).width > 100
    assert draw_difference(data, b"broken", media_type) is None


@pytest.mark.parametrize("media_type", ["text/plain", "image/svg+xml", "application/json"])
def test_texts_have_a_diff(media_type: str) -> None:
    drawing = draw_difference(b"<svg>\n<a/>\n</svg>\n", b"<svg>\n<b/>\n</svg>\n", media_type)
    assert drawing is not None and drawing.suffix == ".diff"
    assert {"-<a/>", "+<b/>"} <= set(drawing.data.decode().splitlines())
    assert draw_difference(b"same", b"same", media_type) is None


def test_what_has_no_comparator_has_no_drawing() -> None:
    assert draw_difference(b"1", b"2", "application/octet-stream") is None
