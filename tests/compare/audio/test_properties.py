"""What must hold of any two sounds, and of the measures themselves."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import parse_tolerance
from pytest_comfy.compare.audio.comparing import compare_fingerprints
from pytest_comfy.compare.audio.decoding import Audio
from pytest_comfy.compare.audio.drawing import draw
from pytest_comfy.compare.audio.fingerprints import sound_fingerprint
from pytest_comfy.compare.audio.grid import HOP, LONG_CELLS, SHORT_CELLS, grid_of
from pytest_comfy.compare.audio.loudness import integrated, k_weighting, weighted_power
from pytest_comfy.compare.audio.spectrum import pitches, spectrogram

from .signals import RATE, described, encoded, gained, noise, silent_for, tune, without_treble

SHORT = tune(0.8)
NORMAL = parse_tolerance("normal")

CHANGES: dict[str, Callable[[Any, float], Any]] = {
    "gain": lambda x, by: gained(x, 6 * by),
    "noise": lambda x, by: x + noise(x, -75 + 45 * by),
    "treble": lambda x, by: without_treble(x, 3000, -20 * by),
    "tone": lambda x, by: x + 0.1 * by**2 * np.sin(np.arange(x.shape[1]) * 0.4),
    "clipping": lambda x, by: x.clip(-0.3 + 0.25 * by, 0.3 - 0.25 * by),
    "balance": lambda x, by: x * [[1 - 0.6 * by], [1 + 0.6 * by]],
    "silence": lambda x, by: silent_for(x, 0.3, 0.4 * by),
    "click": lambda x, by: x + by * (np.arange(x.shape[1]) == 16_000),
}

sounds = st.tuples(
    st.integers(1, 3),
    st.integers(1, 6000),
    st.sampled_from([8000, 22_050, RATE]),
    st.floats(-90, 20),
    st.integers(0, 9),
)


def made(channels: int, samples: int, rate: int, level: float, seed: int) -> Audio:
    """Noise that begins and ends somewhere, at a level in dB of full scale."""
    random = np.random.default_rng(seed)
    sound = random.normal(0, 10 ** (level / 20), (channels, samples))
    sound[:, : random.integers(0, samples)] = 0
    return Audio(sound.astype(np.float32), rate)


@settings(max_examples=25)
@given(sounds, sounds)
def test_any_two_sounds_are_judged_symmetrically_and_each_equals_itself(one: Any, other: Any) -> None:
    first, second = sound_fingerprint(made(*one)), sound_fingerprint(made(*other))
    there = compare_fingerprints(first, second, NORMAL)
    back = compare_fingerprints(second, first, NORMAL)
    assert there.distance == pytest.approx(back.distance)
    if there.distance < math.inf:
        values = [{name: part.value for name, part in judged.parts.items()} for judged in (there, back)]
        assert values[0] == pytest.approx(values[1])
    again = compare_fingerprints({**first, "content_sha256": ""}, first, NORMAL)
    assert again.distance == 0 and again.message == "no part of the fingerprint moved"


@pytest.mark.parametrize("change", CHANGES)
def test_distance_is_symmetric_and_grows_with_the_disturbance(change: str) -> None:
    golden = described(SHORT)
    strengths = [described(CHANGES[change](SHORT, by)) for by in (0.05, 0.2, 0.5, 1.0)]
    there = [compare_fingerprints(golden, actual, NORMAL).distance for actual in strengths]
    back = [compare_fingerprints(actual, golden, NORMAL).distance for actual in strengths]
    assert there == pytest.approx(back)
    assert all(after >= before * 0.95 - 0.3 for before, after in pairwise(there)), there
    assert there[-1] > 1


@given(st.floats(0.00001, 3600))
@example(3.0)
def test_grid_has_few_cells_that_cover_the_sound(seconds: float) -> None:
    grid = grid_of(seconds)
    assert 1 <= grid.cells <= (SHORT_CELLS if grid.seconds <= 0.16 else LONG_CELLS)
    # In hops, in which half a cell is a whole number: in seconds it is not exact.
    assert abs(grid.cells * grid.hops - seconds / HOP) <= max(grid.hops / 2, 2)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_loudness_is_that_of_the_recommendation(rate: int) -> None:
    """BS.1770: a 997 Hz sine of full scale in one channel is -3.01 LUFS; EBU Tech 3341: -23 dBFS stereo is -23."""
    sine = np.sin(2 * np.pi * 997 * np.arange(3 * rate) / rate)
    assert integrated(weighted_power(Audio(sine[None].astype(np.float32), rate))) == pytest.approx(-3.01, abs=0.04)
    stereo = Audio(np.stack([sine, sine]).astype(np.float32) * np.float32(10 ** (-23 / 20)), rate)
    assert integrated(weighted_power(stereo)) == pytest.approx(-23.0, abs=0.05)


def test_loudness_leaves_out_pauses() -> None:
    """EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 dBFS is -23 LUFS; here in a tenth of the time."""
    sine = np.sin(2 * np.pi * 1000 * np.arange(8 * 8000) / 8000)
    level = np.where((np.arange(len(sine)) // 8000) % 7 == 0, -36, -23)
    sound = np.stack([sine, sine]) * 10 ** (level / 20)
    assert integrated(weighted_power(Audio(sound.astype(np.float32), 8000))) == pytest.approx(-23.0, abs=0.25)
    assert integrated(weighted_power(Audio(np.zeros((2, 8000), np.float32), 8000))) is None


def test_k_weighting_has_the_printed_response() -> None:
    decibels = 20 * np.log10(np.abs(k_weighting(np.array([38.0, 1000.0, 10_000.0]), 48_000)))
    assert decibels == pytest.approx([-6.0, 0.7, 4.04], abs=0.05)


def test_spectrogram_holds_the_power_and_pitches_the_note() -> None:
    t = np.arange(RATE) / RATE
    sine = Audio((0.5 * np.sin(2 * np.pi * 880 * t))[None].astype(np.float32), RATE)
    grid = grid_of(1.0)
    assert spectrogram(sine, grid).power.sum(axis=1)[2:-2] == pytest.approx(0.125, rel=0.12)
    assert pitches(sine, grid).argmax(axis=1).tolist() == [0] * 3  # A


def test_difference_is_a_picture_of_both_and_their_difference() -> None:
    changed = silent_for(tune(1.0), 0.5, 0.2)
    drawn = draw(encoded(tune(1.0), "FLAC"), encoded(changed[:, :40_000], "MP3"))
    assert drawn is not None
    with Image.open(io.BytesIO(drawn.data)) as picture:
        assert (picture.format, picture.size, picture.mode) == ("PNG", (692, 560), "RGB")
        heat = np.asarray(picture)[370:520]
        violet = np.flatnonzero((heat == (96, 0, 160)).all(axis=(0, 2)))
        assert violet.min() == pytest.approx(44 + 640 * 40_000 / RATE, abs=15) and violet.max() == 44 + 640 - 1
        assert heat[:, 44 + 380 : 44 + 430].mean() > 10 * heat[:, 44 + 100 : 44 + 300].mean()


def test_difference_of_what_is_no_sound_is_none() -> None:
    assert draw(b"", encoded(tune(0.1))) is None
    assert draw(encoded(tune(0.1)), b"RIFF") is None


def test_difference_of_the_shortest_sounds_is_drawn() -> None:
    one = encoded(np.full((1, 1), 0.5))
    drawn = draw(one, encoded(np.full((1, 1), -0.5)))
    assert drawn is not None and drawn.data.startswith(b"\x89PNG")
