"""Splats: what counts as the same, what as different, and how it is told."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from pytest_comfy.compare import Kept, compare_output, describe, draw_difference
from pytest_comfy.compare.limits import SPLAT
from pytest_comfy.compare.outputs import blank_word
from pytest_comfy.compare.splats.comparing import compare_fingerprints
from pytest_comfy.compare.splats.fingerprints import VERSION, fingerprint
from pytest_comfy.compare.tolerance import parse_tolerance
from pytest_comfy.media import media_type_of

from .files import ksplat, ply, scene, splat, spz

SCENE = scene()
GOLDEN = ply(SCENE)
RANDOM = np.random.default_rng(5)
SIZE = float(np.linalg.norm(np.ptp(SCENE["places"], axis=0)))


def changed(**more):
    return {**SCENE, **more}


def picked(rows):
    return {key: values[rows] for key, values in SCENE.items()}


def noise(key, amount):
    return SCENE[key] + amount * RANDOM.standard_normal(SCENE[key].shape)


COUNT = len(SCENE["places"])
FAR = np.tile([[9.0, 9.0, 9.0]], (3, 1))
CORNER = (SCENE["places"] > np.median(SCENE["places"], axis=0)).all(axis=1)
ONE_BALL = np.linalg.norm(SCENE["colours"] - SCENE["colours"][0], axis=1) < 0.25

HARMLESS = {
    "another order": picked(RANDOM.permutation(COUNT)),
    "half precision": {key: values.astype("f2").astype(float) for key, values in SCENE.items()},
    "places": changed(places=noise("places", 0.0005 * SIZE)),
    "one in a hundred left out": picked(RANDOM.random(COUNT) > 0.01),
    "opacities": changed(opacities=noise("opacities", 0.01).clip(0, 1)),
    "colours": changed(colours=noise("colours", 0.01).clip(0, 1)),
    "sizes": changed(sizes=SCENE["sizes"] * np.exp(0.02 * RANDOM.standard_normal((COUNT, 3)))),
    "turns by their negatives": changed(turns=-SCENE["turns"]),
    "a few that float far away": {
        key: np.concatenate([values, FAR if key == "places" else values[:3]]) for key, values in SCENE.items()
    },
}
CHANGES = {
    "half of them left out": (picked(slice(0, None, 2)), "counts"),
    "a corner gone": (picked(~CORNER), "structure"),
    "a corner moved": (changed(places=SCENE["places"] + CORNER[:, None] * 0.04 * SIZE), "structure"),
    "larger": (changed(places=SCENE["places"] * 1.05, sizes=SCENE["sizes"] * 1.05), "bounds"),
    "mirrored": (changed(places=SCENE["places"] * [-1, 1, 1]), "structure"),
    "axes swapped": (changed(places=SCENE["places"][:, [0, 2, 1]]), "structure"),
    "fatter splats": (changed(sizes=SCENE["sizes"] * 1.2), "structure"),
    "round splats": (
        changed(sizes=np.repeat(np.exp(np.log(SCENE["sizes"]).mean(axis=1, keepdims=True)), 3, axis=1)), "structure",
    ),
    "quaternions read in another order": (changed(turns=SCENE["turns"][:, [1, 2, 3, 0]]), "structure"),
    "fainter": (changed(opacities=SCENE["opacities"] * 0.9), "structure"),
    "a logistic function too much": (changed(opacities=1 / (1 + np.exp(-SCENE["opacities"]))), "structure"),
    "red and blue swapped": (changed(colours=SCENE["colours"][:, ::-1]), "material"),
    "darker": (changed(colours=SCENE["colours"] * 0.93), "material"),
    "one ball of another colour": (
        changed(colours=(SCENE["colours"] + ONE_BALL[:, None] * [0.2, 0, 0]).clip(0, 1)), "material",
    ),
    "the same from all sides": (changed(harmonics=SCENE["harmonics"] * 0), "material"),
    "another scene": (scene(9), "structure"),
}  # fmt: skip


def judged(actual, tolerance="normal", golden=GOLDEN):
    return compare_fingerprints(fingerprint(golden), fingerprint(actual), parse_tolerance(tolerance))


@pytest.mark.parametrize("name", HARMLESS)
def test_what_nobody_sees_passes(name):
    found = judged(ply(HARMLESS[name]))
    assert found.passed, found.message
    assert found.kinds == ()


@pytest.mark.parametrize("name", CHANGES)
def test_what_anybody_sees_fails_and_is_named(name):
    actual, kind = CHANGES[name]
    found = judged(ply(actual))
    assert not found.passed
    assert kind in found.kinds
    assert "(normal allows " in found.message


@pytest.mark.parametrize("name", sorted([*HARMLESS, *CHANGES]))
def test_either_way_round_is_as_far(name):
    actual = ply(HARMLESS[name] if name in HARMLESS else CHANGES[name][0])
    there, back = judged(actual), judged(GOLDEN, golden=actual)
    assert there.distance == pytest.approx(back.distance)
    assert there.kinds == back.kinds


@pytest.mark.parametrize("write", [spz, ksplat, splat])
def test_formats_of_the_same_splats_are_alike(write):
    bare = changed(harmonics=np.zeros((COUNT, 9)))
    assert judged(write(bare), golden=ply(bare)).passed


def test_in_any_order_they_are_identical():
    found = judged(ply(HARMLESS["another order"]), "exact")
    assert (found.verdict, found.message) == ("identical", "splats are identical")


def test_exact_allows_nothing():
    found = judged(ply(HARMLESS["colours"]), "exact")
    assert not found.passed
    moved = SCENE["colours"].copy()
    moved[0] += 1e-6
    found = judged(ply(changed(colours=moved)), "exact")
    assert (found.kinds, found.message) == (
        ("bytes",), "splats differ by less than the fingerprint shows (exact allows nothing)",
    )  # fmt: skip


def test_every_limit_is_of_a_part_and_the_other_way_round():
    assert judged(ply(scene(9))).parts.keys() == SPLAT.keys()


def test_splats_that_are_not_seen_are_blank():
    unseen = ply(changed(opacities=np.zeros(COUNT)))
    assert blank_word(GOLDEN, "model/x-splat-ply") is None
    assert blank_word(ply(picked(slice(0, 0))), "model/x-splat-ply") == "without a splat that is seen"
    broken = ply(changed(places=np.full((COUNT, 3), np.nan)))
    found = judged(broken)
    assert (found.kinds, found.message) == (("blank",), "the file has 3000 splats, of which none is seen")
    assert judged(GOLDEN, golden=broken).message == "the file has 3000 splats, and none was seen"
    assert not judged(unseen).passed


def test_splats_that_are_no_numbers_are_told():
    sizes = SCENE["sizes"].copy()
    sizes[:30] = np.nan
    found = judged(ply(changed(sizes=sizes)))
    assert (found.kinds, found.message) == (("blank",), "of the splats 1 % have values that are no numbers, was none")


def test_as_an_output():
    kind = media_type_of("x_00001.ply", GOLDEN)
    described = describe(GOLDEN, kind)
    assert described["fingerprint"]["version"] == VERSION
    kept = Kept(kind, hashlib.sha256(GOLDEN).hexdigest(), None, described["fingerprint"], (), lambda: GOLDEN)
    assert compare_output(kept, spz(SCENE, degree=1), "model/x-spz").passed
    found = compare_output(kept, ply(CHANGES["darker"][0]), kind)
    assert found.message.startswith("colour moved ")
    assert compare_output(kept, b"ply\nf_dc_0", kind).kinds == ("undecodable",)
    drawing = draw_difference(GOLDEN, ply(CHANGES["a corner gone"][0]), kind)
    assert drawing is not None and drawing.data.startswith(b"\x89PNG")
    assert draw_difference(GOLDEN, b"ply", kind) is None
