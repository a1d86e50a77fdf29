from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import compare_images, fingerprint
from pytest_comfy.compare.moving.summary import SAMPLES, sample_indices
from pytest_comfy.compare.still.decoding import decode
from pytest_comfy.compare.still.pixels import pixels_sha256

Encode = Callable[..., bytes]


@pytest.fixture(scope="module")
def clip(scene: Image.Image, boxed: Callable[..., Image.Image]) -> list[Image.Image]:
    small = scene.resize((64, 48))
    return [boxed(small, (i * 4, 10, 8, 8)) for i in range(12)]


@given(st.integers(1, 10_000))
def test_samples_are_evenly_spaced_from_the_first_on_and_the_last_besides(count: int) -> None:
    indices = sample_indices(count)
    assert (indices[0], indices[-1]) == (0, count - 1)
    assert len(indices) == count if count <= SAMPLES else SAMPLES / 2 < len(indices) <= SAMPLES + 1
    gaps = [after - before for before, after in pairwise(indices)]
    assert len(set(gaps[:-1])) <= 1 and all(gap >= 1 for gap in gaps) and gaps[-1:] <= gaps[:1]


def test_container_does_not_matter(clip: list[Image.Image], encode: Encode) -> None:
    apng = decode(encode(clip, "PNG", duration=100))
    webp = decode(encode(clip, "WEBP", duration=100, lossless=True))
    assert compare_images(apng, webp).verdict == "identical"


def test_opaque_alpha_of_an_animation_is_no_alpha_and_a_hole_is(clip: list[Image.Image], encode: Encode) -> None:
    golden = decode(encode(clip, "PNG", duration=100))
    opaque = [frame.convert("RGBA") for frame in clip]
    assert compare_images(golden, decode(encode(opaque, "PNG", duration=100))).verdict == "identical"
    opaque[0].putpixel((0, 0), (0, 0, 0, 254))
    holed = compare_images(golden, decode(encode(opaque, "PNG", duration=100)))
    assert holed.kinds == ("alpha",)
    assert holed.message == "frame 1 of 12 (0 s): alpha channel gained (RGBA, was RGB)"


def test_palette_animation_with_transparency_equals_the_same_in_full_colour(encode: Encode) -> None:
    frames = []
    for i in range(4):
        frame = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
        frame.paste((255, 0, 0, 255), (i * 6, 5, i * 6 + 9, 15))
        frames.append(frame)
    gif = decode(encode(frames, "GIF", duration=100, disposal=2, loop=0))
    apng = decode(encode(frames, "PNG", duration=100))
    assert pixels_sha256(gif) == pixels_sha256(apng)


def test_fingerprint_is_compact_and_survives_json(clip: list[Image.Image], encode: Encode) -> None:
    made = fingerprint(decode(encode(clip, "PNG", duration=[100] * 10 + [40, 50])))
    assert json.loads(json.dumps(made)) == made
    assert (made["frames"], made["durations"]) == (12, [[100, 10], [40, 1], [50, 1]])
    assert len(made["samples"]) == len(sample_indices(12))


def test_reading_leaves_the_animation_at_its_first_frame(clip: list[Image.Image], encode: Encode) -> None:
    animation = decode(encode(clip, "PNG", duration=100))
    first = fingerprint(animation)
    assert animation.tell() == 0
    assert fingerprint(animation) == first


@pytest.mark.parametrize("container", ["PNG", "WEBP", "GIF"])
def test_one_frame_animation_is_a_still(container: str, clip: list[Image.Image], encode: Encode) -> None:
    still = clip[0].quantize(16).convert("RGB")
    options = {"lossless": True} if container == "WEBP" else {}
    animation = decode(encode([still], container, duration=100, **options))
    assert "frames" not in fingerprint(animation)
    assert compare_images(still, animation).verdict == "identical"


def test_changed_number_of_frames(clip: list[Image.Image], encode: Encode) -> None:
    golden, actual = decode(encode(clip, "PNG", duration=100)), decode(encode(clip[:-1], "PNG", duration=100))
    comparison = compare_images(golden, actual, "loose")
    assert (comparison.kinds, comparison.distance) == (("frames",), float("inf"))
    assert comparison.message.startswith("11 frames, was 12")


def test_animation_that_became_a_still(clip: list[Image.Image], encode: Encode) -> None:
    comparison = compare_images(decode(encode(clip, "PNG", duration=100)), clip[0])
    assert comparison.message == "a still picture, was an animation of 12 frames"
    assert comparison.kinds == ("frames",)


def test_changed_duration_is_seen_and_rounding_is_not(clip: list[Image.Image], encode: Encode) -> None:
    golden = decode(encode(clip, "PNG", duration=42))
    rounded = compare_images(golden, decode(encode(clip, "PNG", duration=41)))
    assert (rounded.verdict, rounded.distance) == ("within tolerance", 1)
    slower = compare_images(golden, decode(encode(clip, "PNG", duration=[42] * 6 + [84] * 6)))
    assert slower.kinds == ("duration",)
    assert slower.message == "frame 7 of 12 is shown 84 ms, was 42 ms (normal allows 1)"


def test_worst_sampled_frame_speaks(clip: list[Image.Image], encode: Encode, boxed: Callable[..., Image.Image]) -> None:
    changed = [*clip[:-1], boxed(clip[-1], (32, 24, 32, 24))]
    comparison = compare_images(decode(encode(clip, "PNG", duration=100)), decode(encode(changed, "PNG", duration=100)))
    assert comparison.verdict == "different"
    assert comparison.message.startswith("frame 12 of 12 (1.1 s): ")
    assert comparison.kinds[0] == "structure"
    assert comparison.regions


def test_masks_cover_every_frame(clip: list[Image.Image], encode: Encode, boxed: Callable[..., Image.Image]) -> None:
    changed = [boxed(frame, (40, 30, 20, 15)) for frame in clip]
    golden, actual = decode(encode(clip, "PNG", duration=100)), decode(encode(changed, "PNG", duration=100))
    assert compare_images(golden, actual).verdict == "different"
    assert compare_images(golden, actual, "exact", [(40, 30, 20, 15)]).verdict == "identical"
