"""What happens to the frames of animations is found in any of them, and named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import compare, fingerprint
from pytest_comfy.compare.moving.look import look_at
from pytest_comfy.compare.moving.summary import Summary, read_durations, run_lengths
from pytest_comfy.compare.moving.trace import MOST_POINTS, Tracer, unpack
from pytest_comfy.compare.result import Comparison
from pytest_comfy.compare.still.decoding import decode
from pytest_comfy.compare.tolerance import parse_tolerance

Encode = Callable[..., bytes]
COUNT = 40
GLITCH = 23  # is no sampled frame: these are 0, 8, 16, 24, 32 and 39


def pan(count: int = COUNT, speed: float = 1.0) -> list[Image.Image]:
    """A window that moves over a wide scene and dims now and then: every frame is another."""
    y, x = np.mgrid[0:48, 0:400]
    wide = np.stack([128 + 70 * np.sin(x / 23 + y / 31), 120 + 60 * np.cos(y / 13 - x / 41), 90 + x * 0.2], axis=2)
    frames = []
    for i in range(count):
        left = round(i * speed * 4)
        frames.append(Image.fromarray(np.rint(wide[:, left : left + 64]).astype("u1")))
    return frames


def judged(golden: Sequence[Image.Image], actual: Sequence[Image.Image], shown: Any = 100) -> Comparison:
    return compare(described(golden, shown), described(actual, shown))


def described(frames: Sequence[Image.Image], shown: Any = 100) -> dict[str, Any]:
    summary = Summary()
    for frame in frames:
        summary.add(frame)
    durations = [shown] * len(frames) if isinstance(shown, int) else shown
    return {"version": fingerprint(frames[0])["version"], **summary.described(durations)}


@pytest.fixture(scope="module")
def clip() -> list[Image.Image]:
    return pan()


def test_equal_frames_have_not_moved(clip: list[Image.Image]) -> None:
    comparison = judged(clip, clip)
    assert (comparison.distance, comparison.message) == (0, "no part of the fingerprint moved")


def test_container_gives_the_same_summary_as_the_frames(clip: list[Image.Image], encode: Encode) -> None:
    animation = fingerprint(decode(encode(clip, "PNG", duration=100)))
    assert animation == described(clip)
    assert json.loads(json.dumps(animation)) == animation


@pytest.mark.parametrize(("colour", "word"), [("black", "black"), ("white", "white"), ((90, 90, 90), "of one tone")])
def test_blank_frame_anywhere_is_named(colour: Any, word: str, clip: list[Image.Image]) -> None:
    changed = [*clip[:GLITCH], Image.new("RGB", (64, 48), colour), *clip[GLITCH + 1 :]]
    comparison = judged(clip, changed)
    assert comparison.message == f"frame 24 of 40 (2.3 s): {word}"
    assert comparison.kinds[0] == "blank" and comparison.distance > 5


def test_blank_frame_that_was_blank_is_no_fault(clip: list[Image.Image]) -> None:
    dark = [*clip[:GLITCH], Image.new("RGB", (64, 48)), *clip[GLITCH + 1 :]]
    brighter = [*dark[:30], Image.fromarray(np.asarray(dark[30]) // 2), *dark[31:]]
    assert judged(dark, dark).distance == 0
    assert judged(dark, brighter).message.startswith("frame 31 of 40 (3.0 s): ")


@pytest.mark.parametrize("at", [1, 5, GLITCH, 38])
def test_repeated_frame_is_named(at: int, clip: list[Image.Image]) -> None:
    comparison = judged(clip, [*clip[:at], clip[at - 1], *clip[at + 1 :]])
    assert comparison.message == f"frame {at + 1} of 40 ({at / 10:.2g} s): repeats the one before".replace(
        "(1 s)", "(1.0 s)"
    )
    assert comparison.kinds[0] == "motion"


def test_frozen_frames_are_named(clip: list[Image.Image]) -> None:
    comparison = judged(clip, [*clip[:20], *[clip[19]] * 6, *clip[26:]])
    assert comparison.message == "frames 21-26 of 40 (2.0-2.6 s): frozen"
    to_the_end = judged(clip, [*clip[:20], *[clip[19]] * 20])
    assert to_the_end.message == "frames 21-40 of 40 (2.0-4.0 s): frozen"


def test_reversed_frames_are_named(clip: list[Image.Image]) -> None:
    comparison = judged(clip, clip[::-1])
    assert (comparison.message, comparison.kinds[0]) == ("the 40 frames run backwards", "order")


@pytest.mark.parametrize(("one", "other"), [(3, 30), (GLITCH, GLITCH + 1), (9, 10)])
def test_swapped_frames_are_named(one: int, other: int, clip: list[Image.Image]) -> None:
    changed = list(clip)
    changed[one], changed[other] = changed[other], changed[one]
    comparison = judged(clip, changed)
    assert comparison.message == f"frames {one + 1} and {other + 1} of 40 changed places"
    assert comparison.kinds[0] == "order"


def test_neighbours_that_look_alike_are_found_swapped() -> None:
    slow = pan(speed=0.5)
    changed = [*slow[:GLITCH], slow[GLITCH + 1], slow[GLITCH], *slow[GLITCH + 2 :]]
    assert judged(slow, changed).message == "frames 24 and 25 of 40 changed places"


def test_frames_that_come_late_are_named(clip: list[Image.Image]) -> None:
    longer = pan(COUNT + 4)
    comparison = judged([*clip[:10], *longer[14:]], clip[:40][:10] + longer[10:40])
    assert comparison.message == "frames 11-40 of 40 (1.0-4.0 s): 4 frames late"


@pytest.mark.parametrize("speed", [0.5, 0.75, 1.25, 1.5])
def test_other_speed_is_named(speed: float) -> None:
    comparison = judged(pan(), pan(speed=speed))
    assert comparison.message == f"the 40 frames show the same at {speed:g} times the speed"
    assert comparison.kinds[0] == "order"


def test_missing_and_new_frames_are_named(clip: list[Image.Image]) -> None:
    assert judged(clip, [*clip[:12], *clip[13:]]).message == "39 frames, was 40: frame 13 of 40 (1.2 s) is missing"
    assert judged(clip, clip[:-2]).message == "38 frames, was 40: frames 39-40 of 40 (3.8-4.0 s) are missing"
    assert judged(clip[3:], clip).message == "40 frames, was 37: frames 1-3 of 40 (0.0-0.3 s) are new"
    assert judged(clip, clip[::2]).message == "20 frames, was 40: the same is shown in fewer frames"
    assert judged(clip, clip[:1] * 30).message == "30 frames, was 40"


def test_change_of_one_place_in_one_frame_has_its_region(clip: list[Image.Image], boxed: Any) -> None:
    changed = [*clip[:GLITCH], boxed(clip[GLITCH], (36, 26, 8, 8)), *clip[GLITCH + 1 :]]
    comparison = judged(clip, changed)
    assert comparison.message.startswith("frame 24 of 40 (2.3 s): ")
    assert comparison.regions[0] == (32, 24, 16, 12)
    assert "structure" in comparison.kinds


def test_flicker_is_motion(clip: list[Image.Image], moved: Any) -> None:
    comparison = judged(clip, [moved(frame, 2 * (-1) ** i) for i, frame in enumerate(clip)])
    assert comparison.verdict == "within tolerance" or "motion" in comparison.kinds
    assert "motion" in judged(clip, [moved(frame, 12 * (-1) ** i) for i, frame in enumerate(clip)]).kinds


@settings(max_examples=12)
@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0, 7, 11]))
def test_symmetric_and_monotone(weaker: int, stronger: int, at: int) -> None:
    frames = pan(12)
    weaker, stronger = sorted((weaker, stronger))

    def dimmed(by: int) -> dict[str, Any]:
        return described([*frames[:at], frames[at].point(lambda v: max(v - by, 0)), *frames[at + 1 :]])

    golden, less, more = described(frames), dimmed(weaker), dimmed(stronger)
    there, back = compare(golden, more), compare(more, golden)
    assert back.distance == pytest.approx(there.distance)
    assert {name: part.value for name, part in back.parts.items()} == pytest.approx(
        {name: part.value for name, part in there.parts.items()}, abs=1e-5
    )
    assert compare(golden, less).distance <= there.distance + 0.5


@pytest.mark.parametrize("count", [1, MOST_POINTS, MOST_POINTS + 1, 2 * MOST_POINTS + 1, 5000])
def test_trace_of_any_length_is_bounded_and_exact_in_its_means(count: int) -> None:
    tones = [look_at(Image.new("RGB", (8, 8), (i % 200,) * 3)) for i in range(200)]
    tracer = Tracer()
    for i in range(count):
        tracer.add(tones[i % 200])
    trace = unpack(json.loads(json.dumps(tracer.packed())), count)
    assert len(trace) <= MOST_POINTS and (count - 1) // trace.step + 1 == len(trace)
    group = [i % 200 for i in range(count)][: trace.step]
    assert trace.signature[0, 0] == pytest.approx(np.mean(group), abs=0.51)
    assert (trace.motion[1:] >= trace.least[1:]).all()


def test_black_frame_of_a_very_long_video_is_found() -> None:
    clip = pan(60)

    def play(count: int, black: int | None) -> dict[str, Any]:
        summary = Summary()
        for i in range(count):
            frame = clip[abs(i % 118 - 59)]
            summary.add(Image.new("RGB", (64, 48)) if i == black else frame)
        return {"version": fingerprint(clip[0])["version"], **summary.described([40] * count)}

    golden = play(1100, None)
    comparison = compare(golden, play(1100, 1001))
    assert comparison.kinds[0] != "frames" and comparison.distance > 5
    assert comparison.message.startswith("frames 1001-1004 of 1100 (40.0-40.2 s): ")
    assert len(json.dumps(golden)) < 30_000


@given(st.lists(st.sampled_from([40.0, 41.667, 80.0]), min_size=1, max_size=3000))
def test_durations_survive_as_runs(durations: list[float]) -> None:
    runs = run_lengths(durations)
    read = read_durations({"frames": len(durations), "durations": runs})
    assert len(runs) <= MOST_POINTS
    assert sum(read) == pytest.approx(sum(durations), rel=1e-4)
    if len(durations) <= MOST_POINTS:
        assert read == durations


def test_limits_of_the_trace_can_be_set(clip: list[Image.Image], moved: Any) -> None:
    changed = [*clip[:GLITCH], moved(clip[GLITCH], 20), *clip[GLITCH + 1 :]]
    wide = parse_tolerance({"frame_luma": 50, "motion": 9, "order": 9})
    assert compare(described(clip), described(changed), wide).verdict == "within tolerance"
    narrow = parse_tolerance({"frame_luma": 1, "motion": 9, "order": 9})
    assert compare(described(clip), described(changed), narrow).distance == pytest.approx(20, abs=1)
