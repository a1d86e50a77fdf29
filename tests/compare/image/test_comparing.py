from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import imagehash
import numpy as np
import pytest
from PIL import Image

from pytest_comfy.compare import CompareError, Comparison, compare, compare_images, fingerprint, parse_tolerance
from pytest_comfy.compare.limits import NORMAL_LIMITS

Moved = Callable[..., Image.Image]


def test_fingerprint_survives_json_and_stays_small() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (700, 900, 4), dtype=np.uint8)
    made = fingerprint(Image.fromarray(noise))
    written = json.dumps(made)
    assert json.loads(written) == made
    assert len(written) <= 3000
    assert len(json.dumps(fingerprint(Image.new("RGB", (8, 8))))) < 400


def test_fingerprint_states_form_and_a_hash_anyone_can_make_again(scene: Image.Image) -> None:
    made = fingerprint(scene)
    assert (made["version"], made["size"], made["mode"], made["alpha"]) == (3, [256, 192], "RGB", None)
    assert made["phash"] == str(imagehash.phash(scene, hash_size=16))


def test_masks_that_cover_a_change_make_equal_fingerprints(scene: Image.Image, boxed: Moved) -> None:
    box = (60, 60, 30, 30)
    assert fingerprint(scene, [box]) == fingerprint(boxed(scene, box), [box])


@pytest.mark.parametrize("sigma", [0.5, 1.5])
def test_small_noise_passes(sigma: float, scene: Image.Image, moved: Moved, noise: Any) -> None:
    comparison = compare_images(scene, moved(scene, noise((192, 256, 3), sigma)), "strict")
    assert comparison.verdict == "within tolerance"
    assert 0 < comparison.distance < 1


def test_change_under_a_mask_passes(scene: Image.Image, boxed: Moved) -> None:
    changed = boxed(scene, (60, 60, 30, 30))
    assert compare_images(scene, changed).verdict == "different"
    assert compare_images(scene, changed, masks=[(60, 60, 30, 30)]).verdict == "identical"
    assert compare_images(scene, changed, masks=[(60, 60, 20, 30)]).verdict == "different"


def test_stricter_tolerances_pass_less(scene: Image.Image, moved: Moved) -> None:
    lighter = moved(scene, 3)
    verdicts = [compare_images(scene, lighter, name).passed for name in ("exact", "strict", "normal", "loose")]
    assert verdicts == [False, False, False, True]
    assert compare_images(scene, moved(scene, 1), "strict").passed
    assert compare_images(scene, moved(scene, 1), {"luma_rms": 0.5}).kinds == ("brightness",)


def test_a_part_at_its_limit_passes(scene: Image.Image, moved: Moved) -> None:
    golden, actual = fingerprint(scene), fingerprint(moved(scene, 2))
    at_limit = compare(golden, actual, parse_tolerance({"luma_rms": 2}))
    assert (at_limit.verdict, at_limit.distance) == ("within tolerance", 1)
    assert not compare(golden, actual, parse_tolerance({"luma_rms": 1.99})).passed


def test_hash_is_measured_and_judged_only_when_it_has_a_limit(scene: Image.Image, boxed: Moved) -> None:
    golden, actual = fingerprint(scene), fingerprint(boxed(scene, (100, 60, 60, 60)))
    bits = int(imagehash.hex_to_hash(golden["phash"]) - imagehash.hex_to_hash(actual["phash"]))
    off = {part: float("inf") for part in NORMAL_LIMITS if part != "phash"}
    assert compare(golden, actual, parse_tolerance(off)).passed
    judged = compare(golden, actual, parse_tolerance({**off, "phash": bits - 1}))
    assert (judged.kinds, judged.parts["phash"].value) == (("structure",), bits)


SPECK = (500, 500, 4, 4)


def test_both_pictures_at_hand_show_what_the_fingerprint_cannot(textured: Moved) -> None:
    golden, speck = textured(), textured((SPECK, (-110,) * 3))
    assert compare(fingerprint(golden), fingerprint(speck)).passed
    finer = compare_images(golden, speck)
    assert (finer.verdict, finer.kinds[0]) == ("different", "structure")
    x, y, width, height = finer.regions[0]
    assert x <= 500 < x + width and y <= 500 < y + height and width * height < 10_000


def test_both_pictures_at_hand_show_colours_that_the_fingerprint_cannot(textured: Moved) -> None:
    golden, speck = textured(), textured(((496, 496, 16, 16), (59, -30, 0)))  # as light as before
    assert compare(fingerprint(golden), fingerprint(speck)).passed
    finer = compare_images(golden, speck)
    assert (finer.verdict, finer.kinds[0]) == ("different", "colour")


def test_what_both_pictures_at_hand_show_stays_under_the_masks(textured: Moved) -> None:
    golden, speck = textured(), textured((SPECK, (-110,) * 3), ((0, 0, 1, 1), (1, 1, 1)))
    assert compare_images(golden, speck, masks=[SPECK]).verdict == "within tolerance"
    assert compare_images(golden, speck, masks=[(500, 500, 4, 3)]).verdict == "different"


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
    faded = grey.copy()
    faded.paste((128, 128, 128, 230), (32, 0, 64, 32))
    comparison = compare_images(grey, faded)
    assert comparison.kinds == ("alpha",)
    assert comparison.regions == ((32, 0, 32, 32),)
    assert comparison.message == "transparency changed in the upper right (alpha 25, normal allows 8)"


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
    assert "structure" in spot.kinds
    assert spot.regions[0][0] <= 50 and sum(spot.regions[0][::2]) >= 56


def test_exact_says_what_moved_and_that_it_fails_when_nothing_visible_did(scene: Image.Image, moved: Moved) -> None:
    lighter = compare_images(scene, moved(scene, 1), "exact")
    assert (lighter.kinds[0], lighter.distance) == ("brightness", float("inf"))
    assert lighter.message.startswith("lighter by 1 levels") and lighter.message.endswith(", exact allows 0)")
    values = np.array(scene)
    values[0, 0, 0] ^= 1
    speck: Comparison = compare(fingerprint(scene), fingerprint(Image.fromarray(values)), "exact")
    assert (speck.verdict, speck.distance) == ("within tolerance", 0)
    at_hand = compare_images(scene, Image.fromarray(values), "exact")
    assert (at_hand.verdict, at_hand.distance) == ("different", float("inf"))


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
        {"luma": "00000"},
        {"luma": "no,base85"},
        {"luma": 5},
        {"profiles": ""},
        {"range": [1]},
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
