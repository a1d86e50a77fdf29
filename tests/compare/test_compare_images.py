from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import CompareError, Comparison, parse_tolerance
from pytest_comfy.compare.fingerprints import cell_means
from pytest_comfy.compare.images import compare, compare_images, fingerprint

Moved = Callable[..., Image.Image]


def test_fingerprint_survives_json_and_stays_small(scene: Image.Image) -> None:
    made = fingerprint(scene.convert("RGBA"))
    written = json.dumps(made)
    assert json.loads(written) == made
    assert len(written) < 700


def test_fingerprint_states_form_and_a_hash_anyone_can_make_again(scene: Image.Image) -> None:
    made = fingerprint(scene)
    assert (made["version"], made["size"], made["mode"], made["alpha"]) == (1, [256, 192], "RGB", None)
    assert made["phash"] == str(imagehash.phash(scene, hash_size=16))


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32))
def test_cell_means_keep_the_mean_and_the_bounds(width: int, height: int, columns: int, rows: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    means = cell_means(pixels, columns, rows)
    assert means.shape == (rows, columns, 3)
    assert np.allclose(means.mean(axis=(0, 1)), pixels.mean(axis=(0, 1)), atol=0.01)
    assert means.min() >= pixels.min() - 0.01 and means.max() <= pixels.max() + 0.01


def test_cell_means_share_pixels_on_a_border() -> None:
    pixels = np.array([[[0], [90], [240]]], dtype=np.uint8)
    assert cell_means(pixels, 2, 1).ravel().tolist() == pytest.approx([30, 190])


@pytest.mark.parametrize("sigma", [0.5, 1.5])
def test_small_noise_passes(sigma: float, scene: Image.Image, moved: Moved, noise: Any) -> None:
    comparison = compare_images(scene, moved(scene, noise((192, 256, 3), sigma)), "strict")
    assert comparison.verdict == "within tolerance"
    assert 0 < comparison.distance < 0.5


def test_another_picture_is_named_so(scene: Image.Image) -> None:
    comparison = compare_images(scene, scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "loose")
    assert comparison.kinds[0] == "structure"
    assert comparison.message.startswith("another picture: phash moved ")
    assert comparison.message.endswith(" of 256 bits (loose allows 16)")


def test_message_gives_value_and_limit(scene: Image.Image, moved: Moved) -> None:
    comparison = compare_images(scene, moved(scene, -20))
    assert comparison.message == "brightness moved -20 levels (normal allows 2.5)"
    assert comparison.kinds == ("brightness",)
    assert comparison.distance == pytest.approx(8)
    assert comparison.parts["brightness"].value == pytest.approx(20)


def test_brightness_of_strong_colours_is_no_colour_change(scene: Image.Image, moved: Moved) -> None:
    assert compare_images(scene, moved(scene, np.asarray(scene) * -0.25)).kinds == ("brightness",)


def test_cast_is_a_colour_change(scene: Image.Image, moved: Moved) -> None:
    assert compare_images(scene, moved(scene, (0, 0, 30))).kinds[0] == "colour"
    assert compare_images(scene, moved(scene, (10, 0, -12))).kinds == ("colour",)


def test_local_change_is_found_where_it_is(scene: Image.Image, boxed: Moved) -> None:
    comparison = compare_images(scene, boxed(scene, (32, 120, 32, 24)))
    assert comparison.verdict == "different"
    assert comparison.regions[0] == (32, 120, 32, 24)
    assert comparison.kinds[0] == "structure"


def test_change_under_a_mask_passes(scene: Image.Image, boxed: Moved) -> None:
    changed = boxed(scene, (60, 60, 30, 30))
    assert compare_images(scene, changed).verdict == "different"
    assert compare_images(scene, changed, masks=[(60, 60, 30, 30)]).verdict == "identical"
    assert compare_images(scene, changed, masks=[(60, 60, 20, 30)]).verdict == "different"


@settings(deadline=None)
@given(st.floats(0, 3), st.tuples(*[st.integers(-40, 40)] * 3), st.booleans())
def test_distance_is_symmetric(
    scene: Image.Image, moved: Moved, noise: Any, sigma: float, shift: tuple[int, ...], flip: bool
) -> None:
    other = moved(scene, noise((192, 256, 3), sigma) + np.array(shift))
    other = other.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if flip else other
    there = compare(fingerprint(scene), fingerprint(other))
    back = compare(fingerprint(other), fingerprint(scene))
    assert there.distance == pytest.approx(back.distance)
    assert (there.verdict, there.regions) == (back.verdict, back.regions)
    assert (there.distance <= 1) == there.passed


def test_stricter_tolerances_pass_less(scene: Image.Image, moved: Moved) -> None:
    verdicts = [compare_images(scene, moved(scene, 2), name).passed for name in ("exact", "strict", "normal", "loose")]
    assert verdicts == [False, False, True, True]
    assert compare_images(scene, moved(scene, 2), {"brightness": 1}).kinds == ("brightness",)  # type: ignore[arg-type]


def test_a_part_at_its_limit_passes(scene: Image.Image, moved: Moved) -> None:
    golden, actual = fingerprint(scene), fingerprint(moved(scene, (3, 0, 0)))
    at_limit = compare(golden, actual, parse_tolerance({"colour": 3}))
    assert (at_limit.verdict, at_limit.distance) == ("within tolerance", 1)
    assert not compare(golden, actual, parse_tolerance({"colour": 2.99})).passed


def test_cropped_picture_is_of_another_size(scene: Image.Image) -> None:
    comparison = compare_images(scene, scene.crop((0, 0, 250, 192)), "loose")
    assert (comparison.kinds, comparison.distance) == (("size",), float("inf"))
    assert comparison.message == "size is 250x192, was 256x192"


def test_lost_and_gained_alpha(scene: Image.Image) -> None:
    clear = scene.convert("RGBA")
    assert compare_images(clear, scene, "loose").message == "alpha channel lost (RGB, was RGBA)"
    assert compare_images(scene, clear, "loose").message == "alpha channel gained (RGBA, was RGB)"
    both = compare_images(clear, scene.resize((64, 64)))
    assert both.kinds == ("size", "alpha")
    assert both.message == "size is 64x64, was 256x192; alpha channel lost (RGB, was RGBA)"


def test_changed_alpha_is_of_kind_alpha() -> None:
    grey = Image.new("RGBA", (64, 64), (128, 128, 128, 255))
    faded = Image.new("RGBA", (64, 64), (128, 128, 128, 230))
    comparison = compare_images(grey, faded)
    assert comparison.kinds == ("alpha",)
    assert comparison.regions[0] == (0, 0, 8, 8)
    assert comparison.message == "alpha moved 25 levels where it moved most (normal allows 8)"


def test_colour_that_transparency_hides_passes() -> None:
    comparison = compare_images(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), Image.new("RGBA", (64, 64), (0, 0, 0, 0)))
    assert (comparison.verdict, comparison.distance) == ("within tolerance", 0)
    assert comparison.message == "no part of the fingerprint moved"


@pytest.mark.parametrize("level", [0, 90, 128, 255])
@pytest.mark.parametrize("side", [64, 200])
def test_noise_on_flat_pictures_passes(level: int, side: int, moved: Moved, noise: Any) -> None:
    flat = Image.new("RGB", (side, side), (level,) * 3)
    noisy = moved(flat, noise((side, side, 3), 1.5))
    bits = imagehash.phash(flat, hash_size=16) - imagehash.phash(noisy, hash_size=16)
    assert bits > 60, "the hash alone takes these for different pictures"
    assert compare_images(flat, noisy).verdict == "within tolerance"
    assert compare_images(noisy, moved(flat, -noise((side, side, 3), 1.5))).verdict == "within tolerance"


def test_noise_on_a_plain_gradient_passes(moved: Moved, noise: Any) -> None:
    gradient = Image.linear_gradient("L").convert("RGB")
    assert compare_images(gradient, moved(gradient, noise((256, 256, 3), 1.5))).verdict == "within tolerance"


def test_flat_pictures_of_other_colour_and_what_appears_on_them_are_seen(boxed: Moved) -> None:
    grey = Image.new("RGB", (128, 128), (128, 128, 128))
    assert compare_images(grey, Image.new("RGB", (128, 128), (128, 128, 150))).kinds[0] == "colour"
    assert compare_images(grey, Image.new("RGB", (128, 128), (140, 140, 140))).kinds == ("brightness",)
    spot = compare_images(grey, boxed(grey, (50, 50, 6, 6)))
    assert spot.kinds[0] == "structure"
    assert spot.parts["phash"].distance > 1


def test_exact_says_what_moved_and_that_it_fails_when_nothing_visible_did(scene: Image.Image, moved: Moved) -> None:
    assert compare_images(scene, moved(scene, 1), "exact").message == "brightness moved +1 levels (exact allows 0)"
    values = np.array(scene)
    values[0, 0, 0] ^= 1
    speck: Comparison = compare_images(scene, Image.fromarray(values), "exact")
    assert (speck.verdict, speck.kinds, speck.distance) == ("different", ("bytes",), float("inf"))
    assert speck.message == "pixels differ by less than the fingerprint shows (exact allows none)"


def test_equal_fingerprints_do_not_claim_equal_pixels(scene: Image.Image) -> None:
    comparison = compare(fingerprint(scene), fingerprint(scene))
    assert (comparison.verdict, comparison.distance) == ("within tolerance", 0)


def test_fingerprints_of_another_version_are_refused(scene: Image.Image) -> None:
    with pytest.raises(CompareError, match="version 99"):
        compare({**fingerprint(scene), "version": 99}, fingerprint(scene))


@pytest.mark.parametrize(
    "damage",
    [
        {"phash": "xyz"},
        {"phash": None},
        {"colour": "AAAA"},
        {"colour": "?"},
        {"size": 5},
        {"mode": None},
        {"frames": 2},
    ],
)
def test_damaged_fingerprints_are_refused(damage: dict[str, Any], scene: Image.Image) -> None:
    golden = {**fingerprint(scene), **damage}
    actual = {**fingerprint(scene), "frames": 2} if "frames" in damage else fingerprint(scene)
    with pytest.raises(CompareError, match="damaged"):
        compare(golden, actual)
