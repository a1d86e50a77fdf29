"""Latents: what counts as the same, what as different, and how it is told."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import Comparison, Kept, compare_output, describe
from pytest_comfy.compare.latents.comparing import compare_fingerprints
from pytest_comfy.compare.latents.drawing import draw
from pytest_comfy.compare.latents.fingerprints import VERSION, fingerprint
from pytest_comfy.compare.tolerance import parse_tolerance

from .files import latent_file, safetensors, samples

REAL = (Path(__file__).parents[2] / "data" / "comfyui-0.8.0.latent").read_bytes()
MEDIA = "application/x-safetensors"
SHAPES = [
    (1, 4, 32, 32),
    (2, 16, 16, 16),
    (1, 16, 5, 16, 24),
    (1, 64, 256),
    (1, 8, 16, 90),
    (1, 128, 16, 16),
    (1, 4, 8, 8),
]
Keep = Callable[..., Kept]


def judged(golden: Any, actual: Any, tolerance: str = "normal") -> Comparison:
    files = [one if isinstance(one, bytes) else latent_file(one) for one in (golden, actual)]
    return compare_fingerprints(fingerprint(files[0]), fingerprint(files[1]), parse_tolerance(tolerance))


def noisy(values: Any, share: float) -> Any:
    noise = np.random.default_rng(3).standard_normal(values.shape)
    return (values + share * values.std() * noise).astype("f4")


def bfloat16(values: Any) -> Any:
    """Round to the nearest bfloat16, as its stored halves."""
    bits = values.view("<u4").astype("<u8")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def test_real_file_of_comfyui_is_described() -> None:
    described = describe(REAL, MEDIA)
    tensors = described["fingerprint"]["tensors"]
    assert [(one["name"], one["dtype"], one["shape"]) for one in tensors] == [
        ("latent_format_version_0", "F32", [0]),
        ("latent_tensor", "F32", [1, 4, 16, 16]),
    ]
    assert described["fingerprint"]["version"] == VERSION
    assert json.loads(json.dumps(described)) == described


@pytest.mark.parametrize("shape", SHAPES)
def test_fingerprint_is_small(shape: tuple[int, ...]) -> None:
    assert len(json.dumps(fingerprint(latent_file(samples(shape))))) < 3000


def test_fingerprint_of_many_tensors_is_small() -> None:
    many = {f"tensor {n}": samples((1, 128, 8, 8), n) for n in range(32)}
    assert len(json.dumps(fingerprint(safetensors(many)))) < 10_000


@given(st.text(max_size=20), st.integers(0, 50), st.booleans())
@settings(max_examples=25)
def test_metadata_and_order_of_tensors_do_not_count(text: str, padding: int, turned: bool) -> None:
    values = {"a": samples((1, 4, 8, 8)), "b": samples((1, 4, 8, 8), 2)}
    order = dict(reversed(values.items())) if turned else values
    for tolerance in ("exact", "normal"):
        comparison = judged(safetensors(values), safetensors(order, {"prompt": text}, padding), tolerance)
        assert (comparison.verdict, comparison.distance) == ("identical", 0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.astype("f2"),
        lambda values: values.astype("f2").astype("f4"),
        lambda values: (bfloat16(values).astype("<u4") << 16).view("<f4"),
        lambda values: values.astype("f8"),
        lambda values: noisy(values, 0.005),
    ],
    ids=["half", "rounded to half", "rounded to bfloat16", "double", "noise of 0.5 %"],
)
def test_harmless_changes_pass(shape: tuple[int, ...], change: Callable[[Any], Any]) -> None:
    values = samples(shape)
    comparison = judged(values, change(values))
    assert comparison.verdict == "within tolerance", comparison.message


def test_bfloat16_is_read() -> None:
    values = samples()
    assert judged(values, latent_file(("BF16", bfloat16(values)))).verdict == "within tolerance"


def in_channel(values: Any, by: float) -> Any:
    values = values.copy()
    values[:, 2] += by * values[:, 2].std()
    return values


def with_region(values: Any) -> Any:
    values = values.copy()
    values[..., : values.shape[-1] // 4] = samples(values.shape, 7)[..., : values.shape[-1] // 4]
    return values


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda values: samples(values.shape, 2), "structure"),
        (lambda values: values * np.float32(1.05), "brightness"),
        (lambda values: in_channel(values, 0.2), "brightness"),
        (lambda values: np.roll(values, 1, -1), "structure"),
        (with_region, "structure"),
    ],
    ids=["another seed", "gain of 5 %", "one channel shifted", "moved by one", "region replaced"],
)
def test_regressions_are_found(shape: tuple[int, ...], change: Callable[[Any], Any], kind: str) -> None:
    values = samples(shape)
    comparison = judged(values, change(values))
    assert comparison.verdict == "different"
    assert comparison.kinds[0] == kind, comparison.message
    assert comparison.message.startswith("latent_tensor")


def test_message_says_what_moved_where_and_how_far() -> None:
    values = samples()
    assert judged(values, in_channel(values, 0.2)).message == (
        "latent_tensor, channel 2: mean moved +0.2 standard deviations (normal allows 0.006)"
    )
    assert judged(values, values * np.float32(1.1), "strict").kinds[0] == "brightness"
    changed = values.copy()
    changed[0, 1, 8:12, 16:20] += 1
    message = judged(values, changed).message
    assert message.startswith("latent_tensor, channel 1, at [0:1, 8:12, 16:20]: mean of a cell moved +"), message


@pytest.mark.parametrize(
    ("actual", "kinds", "message"),
    [
        (samples((1, 4, 16, 32)), ("shape",), "latent_tensor is 1x4x16x32, was 1x4x32x32"),
        (np.where(samples() > 3, np.nan, samples()).astype("f4"), ("blank",), None),
        (np.where(samples() > 3, np.inf, samples()).astype("f4"), ("blank",), None),
        (np.zeros((1, 4, 32, 32), "f4"), ("blank",), "latent_tensor is flat, all 0, and was not"),
        (safetensors({"latent_tensor": samples()}), ("structure",), "latent_format_version_0 is missing"),
        (
            safetensors({"latent_tensor": samples(), "latent_format_version_0": np.zeros(0, "f4"),
                         "noise_mask": np.zeros((1, 8, 8), "f4")}),
            ("structure",), "noise_mask is new",
        ),
    ],
)  # fmt: skip
def test_form_and_blank_tensors_are_covered_by_no_tolerance(actual: Any, kinds: Any, message: str | None) -> None:
    comparison = judged(samples(), actual, "loose")
    assert (comparison.verdict, comparison.kinds, comparison.distance) == ("different", kinds, float("inf"))
    assert message in (None, comparison.message)
    assert judged(actual, samples(), "loose").distance == float("inf")


def test_share_of_what_is_no_number_is_told() -> None:
    values = samples()
    values[0, 0, 0, :] = np.nan
    told = judged(samples(), values).message
    assert told == "latent_tensor has 0.781 % of its values NaN, was none"
    changed = values.copy()
    changed[0, 1] += 1
    assert judged(values, values * np.float32(1.0001)).passed
    assert judged(values, changed).kinds[0] == "brightness"


def test_flat_latents_are_compared_by_their_value() -> None:
    flat = np.full((1, 4, 8, 8), 2, "f4")
    assert judged(flat, flat * np.float32(1.000001)).verdict == "within tolerance"
    assert not judged(flat, flat * np.float32(1.5)).passed
    assert not judged(np.zeros_like(flat), flat).passed


def test_type_counts_only_where_all_does() -> None:
    values = samples()
    exact = judged(values, values.astype("f8"), "exact")
    assert (exact.kinds, exact.message) == (("dtype",), "latent_tensor is F64, was F32 (exact allows no other)")
    assert judged(values, values.astype("f8")).verdict == "within tolerance"


def test_exact_passes_nothing_but_equal_values() -> None:
    values = samples()
    changed = values.copy()
    changed[0, 0, 5, 5] = np.nextafter(changed[0, 0, 5, 5], np.float32(9))
    comparison = judged(values, changed, "exact")
    assert (comparison.verdict, comparison.distance) == ("different", float("inf"))
    assert comparison.message == "values differ by less than the fingerprint shows (exact allows none)"
    assert judged(values, noisy(values, 0.01), "exact").message.endswith("(exact allows 0)")


def test_limits_can_be_set_by_name(keep: Keep) -> None:
    values = samples()
    golden = keep(latent_file(values), MEDIA, file=False)
    actual = latent_file(in_channel(values, 0.2))
    assert not compare_output(golden, actual, MEDIA).passed
    table: dict[str, float | str] = {"latent_shift": 0.3, "latent_range": 0.5, "latent_local": 0.3}
    assert compare_output(golden, actual, MEDIA, tolerance=table).passed


@given(st.integers(0, 5), st.sampled_from(SHAPES[:2]), st.floats(0, 0.3), st.floats(0, 0.3))
@settings(max_examples=25)
def test_judgement_is_symmetric_and_follows_the_strength(
    seed: int, shape: tuple[int, ...], one: float, other: float
) -> None:
    values = samples(shape, seed)
    less, more = sorted((one, other))
    near, far = judged(values, noisy(values, less)), judged(values, noisy(values, more))
    assert near.distance <= far.distance * 1.05 + 0.2
    assert judged(noisy(values, more), values).distance == pytest.approx(far.distance)


@pytest.mark.parametrize("shape", [*SHAPES, (7,), (3, 5), ()])
def test_difference_is_drawn(shape: tuple[int, ...]) -> None:
    values = samples(shape) if len(shape) > 2 else np.ones(shape, "f4")
    drawn = draw(latent_file(values), latent_file(noisy(values, 0.5)))
    assert drawn is not None
    picture = Image.open(io.BytesIO(drawn.data))
    assert picture.format == "PNG" and picture.width >= 192


def test_difference_shows_where() -> None:
    values = samples()
    changed = values.copy()
    changed[0, 0, :16] += 3
    drawn = draw(latent_file(values), latent_file(changed))
    assert drawn is not None
    sheet = np.asarray(Image.open(io.BytesIO(drawn.data))).astype(int)
    heat = sheet[:192, 2 * (192 + 8) :]
    assert heat[:90].min(axis=(0, 1))[0] > 0 and heat[100:].max() == 0


def test_nothing_is_drawn_of_what_cannot_be_compared() -> None:
    assert draw(b"", latent_file(samples())) is None
    assert draw(latent_file(samples((1, 4, 8, 8))), latent_file(samples((1, 4, 8, 9)))) is None
