from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_comfy.compare import CompareError, Kept, compare_output, parse_tolerance
from pytest_comfy.compare.audio.comparing import compare_fingerprints
from pytest_comfy.compare.limits import AUDIO

from .signals import RATE, compared, described, encoded, gained, late, noise, silent_for, tune, without_treble

LOSSY = [("MP3", None), ("MP3", 320_000), ("Opus", 128_000), ("Opus", 192_000), ("AAC", 256_000)]


@pytest.mark.parametrize("codec", ["FLAC", "WAV float", "WAV 24", "AIFF", "MKV"])
def test_container_codec_and_metadata_do_not_matter(codec: str) -> None:
    sound = np.rint(tune(0.5) * 32768) / 32768
    comparison = compared(encoded(sound), encoded(sound, codec, title="another"), "exact")
    assert (comparison.verdict, comparison.message) == ("identical", "samples are identical")


@pytest.mark.parametrize(("codec", "bits"), LOSSY)
def test_good_encoding_is_harmless(codec: str, bits: int | None) -> None:
    rate = 48_000 if codec == "Opus" else RATE
    golden, actual = encoded(tune(), rate=rate), encoded(tune(), codec, rate=rate, bits=bits)
    assert compared(golden, actual).verdict == "within tolerance"


@pytest.mark.parametrize(
    "change",
    [
        lambda x: gained(x, 0.1),
        lambda x: gained(x, -0.1),
        lambda x: x + noise(x, -80),
        lambda x: np.rint(x * 32767) / 32767,
        lambda x: -x,
        lambda x: x + 0.002,
        lambda x: late(x, 0.02),
        lambda x: np.pad(x, ((0, 0), (0, RATE // 25))),
        lambda x: without_treble(x, 18_000),
    ],
    ids=["louder", "quieter", "noise", "16 bits", "polarity", "offset", "delay", "padding", "18 kHz"],
)
def test_what_nobody_hears_is_harmless(change: Callable[[Any], Any]) -> None:
    comparison = compared(tune(), change(tune()), "strict")
    assert comparison.verdict == "within tolerance", comparison.message


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda x: gained(x, -3), "loudness", "quieter as a whole: -3 LU (normal allows 0.7)"),
        (lambda x: gained(x, 1), "loudness", "louder as a whole: +1 LU (normal allows 0.7)"),
        (lambda x: without_treble(x, 4000, -6), "spectrum", "softer above "),
        (lambda x: without_treble(x, 4000), "spectrum", "softer above "),
        (lambda x: silent_for(x, 1.3, 0.03), "gap", "drops out from 1."),
        (lambda x: silent_for(x, 1.3, 0.6), "content", "sound is missing from 1."),
        (lambda x: x.clip(-0.12, 0.12), "distortion", "peaks are cut off: "),
        (lambda x: x[::-1], "stereo", "left and right changed places: their balance moved "),
        (lambda x: x * [[1], [-1]], "stereo", "left and right are more unlike from "),
        (lambda x: x * [[1], [0.7]], "stereo", "left and right are balanced otherwise from "),
        (lambda x: x[:, : 2 * RATE], "duration", "shorter by 1000 ms: 2.000 s, was 3.000 s (normal allows 75)"),
        (lambda x: x[:1], "channels", "mono, was stereo"),
        (lambda x: x * 0, "blank", "silent, was "),
        (lambda x: np.where(np.arange(x.shape[1]) % 50, x, np.nan), "blank", "2 % of the samples are NaN or infinite"),
    ],
)  # fmt: skip
def test_what_a_person_hears_is_named(change: Callable[[Any], Any], kind: str, message: str) -> None:
    comparison = compared(tune(), change(tune()))
    assert comparison.verdict == "different"
    assert comparison.kinds[0] == kind, comparison
    assert comparison.message.startswith(message)


def test_other_notes_other_tuning_and_another_tune_are_heard() -> None:
    semitone = compared(tune(), tune(transposed=1))
    assert "pitch" in semitone.kinds
    assert compared(tune(), tune(transposed=0.25)).distance > 1.5
    assert "pitch" in compared(tune(), tune(seed=2)).kinds


def test_noise_and_hum_in_the_pauses_are_heard() -> None:
    spoken = silent_for(silent_for(tune(), 0.5, 0.7), 1.8, 0.9)
    hissing = compared(spoken, spoken + noise(spoken, -55))
    assert {"noise", "content"} & set(hissing.kinds)
    hum = 0.01 * np.sin(2 * np.pi * 100 * np.arange(spoken.shape[1]) / RATE)
    assert compared(spoken, spoken + hum).kinds


def test_one_click_is_heard() -> None:
    clicked = tune().copy()
    clicked[:, int(1.7 * RATE)] += 0.4
    comparison = compared(tune(), clicked)
    assert comparison.kinds[0] == "click"
    assert comparison.message.startswith("clicks from 1.")


def test_time_and_frequencies_of_the_worst_place_are_told() -> None:
    changed = tune().copy()
    start, end = int(1.6 * RATE), int(2.0 * RATE)
    changed[:, start:end] = tune(seed=5)[:, start:end]
    comparison = compared(tune(), changed)
    span = compare_fingerprints(described(tune()), described(changed), parse_tolerance({"pitch": math.inf})).message
    assert comparison.verdict == "different"
    assert "from 1." in span


def test_rate_is_no_matter_of_tolerance() -> None:
    comparison = compare_fingerprints(described(tune()), described(tune(), 48_000), parse_tolerance("loose"))
    assert (comparison.kinds, comparison.distance) == (("rate",), math.inf)
    assert comparison.message == "sampling rate is 48000 Hz, was 44100 Hz"


def test_golden_silence_stays_silence_and_sound_in_it_is_told() -> None:
    silence = np.zeros((2, RATE))
    assert compared(silence, silence + 1e-5).passed
    woken = compared(silence, tune(1.0))
    assert (woken.kinds, woken.distance) == (("loudness",), math.inf)
    assert woken.message.endswith("LUFS loud, was silent")


def test_both_with_nan_are_judged_by_the_rest() -> None:
    broken = tune(1.0).copy()
    broken[0, 100:110] = np.nan
    assert compared(broken, gained(broken, 0.05)).passed
    assert compared(broken, broken.copy()).verdict == "identical"


def test_exact_never_passes_other_samples() -> None:
    changed = tune(1.0).copy()
    changed[0, 500] += 1e-4
    comparison = compared(tune(1.0), changed, "exact")
    assert comparison.verdict == "different" and comparison.distance == math.inf


def test_tolerances_widen_and_limits_can_be_set_for_each_part() -> None:
    quieter = gained(tune(1.0), -1)
    assert not compared(tune(1.0), quieter).passed
    assert compared(tune(1.0), quieter, "loose").passed
    assert compared(tune(1.0), quieter, {"loudness": 1.5}).passed
    assert compared(tune(), tune()[:, : 2 * RATE], {"length": 2000}).passed


def test_every_part_is_reported_with_its_limit() -> None:
    comparison = compared(tune(1.0), gained(tune(1.0), 0.1))
    assert {name: part.limit for name, part in comparison.parts.items()} == AUDIO
    assert set(compared(tune(1.0)[:1], gained(tune(1.0)[:1], 0.1)).parts) == set(AUDIO) - {"balance", "phase"}


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("seconds", [0.0001, 0.013, 0.3, 5.0, 25.0])
def test_fingerprints_are_small_and_survive_json(channels: int, seconds: float) -> None:
    rate = 8000
    sound = np.resize(tune(1.0)[:1, :: RATE // rate], (channels, max(1, int(seconds * rate))))
    made = described(sound, rate)
    text = json.dumps(made)
    assert len(text) < (3500 if channels < 3 else 4200) + 4000 * (seconds > 10.24)
    assert json.loads(text) == made
    assert compare_fingerprints(made, described(gained(sound, 0.01), rate), parse_tolerance("normal")).passed


def test_sounds_on_both_sides_of_a_change_of_cells_can_be_compared() -> None:
    """From 64.5 cells on they are twice as long, so that a few samples more make another grid."""
    count = int(64.5 * 0.04 * RATE)
    shorter, longer = tune()[:, : count - 30], tune()[:, : count + 30]
    assert described(shorter)["hops"] * 2 == described(longer)["hops"]
    assert compared(shorter, longer).passed
    assert not compared(shorter, gained(longer, 3)).passed


@pytest.mark.parametrize("damage", [{"mel": "zz"}, {"cells": 10**9}, {"hops": "4"}, {"mel": None}, {"cells": -1}])
def test_damaged_fingerprint_is_an_error(damage: dict[str, Any]) -> None:
    good = described(tune(1.0))
    with pytest.raises(CompareError, match="damaged"):
        compare_fingerprints({**good, "content_sha256": "", **damage}, good, parse_tolerance("normal"))


def test_other_version_is_an_error() -> None:
    good = described(tune(1.0))
    with pytest.raises(CompareError, match="version 0 and 1"):
        compare_fingerprints({**good, "version": 0}, good, parse_tolerance("normal"))


def test_outputs_of_kind_audio_are_judged_so(keep: Callable[..., Kept]) -> None:
    golden = keep(encoded(tune(1.0), "FLAC"), "audio/flac")
    mp3 = compare_output(golden, encoded(tune(1.0), "MP3"), "audio/mpeg")
    assert mp3.verdict == "within tolerance"
    broken = compare_output(golden, b"no sound", "audio/flac")
    assert broken.kinds == ("undecodable",)
