"""How long it takes to judge what a node made: batches of pictures and an animation, on all processors and on one.

    python benchmarks/checks.py

Each is what a case does: compare with what was kept, the golden file at hand, and draw what differs where it failed."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

import numpy as np
from comparison import drawn, patch, png, shifted
from PIL import Image
from results import Options, Result

from pytest_comfy.compare import Kept, compare_output, describe, draw_difference
from pytest_comfy.compare.memory import within
from pytest_comfy.compare.threads import each
from pytest_comfy.memory import Budget

SIDE, BATCH, FRAMES = 512, 8, 60
Work = Callable[[bool], object]


class Pair(NamedTuple):
    """A golden output, as it was kept, and that of today."""

    golden: bytes
    kept: Kept
    actual: bytes


def measure(options: Options) -> list[Result]:
    """Return milliseconds of each check, and of batches how many times as fast they are on all processors."""
    found = []
    for what, work, ways in checks(options.count or SIDE):
        work(True)
        times: dict[bool, list[float]] = {way: [] for way in ways}
        for _ in range(options.turns(5)):
            for at_once, taken in times.items():
                start = time.perf_counter()
                work(at_once)
                taken.append(time.perf_counter() - start)
        found.append(Result(what, median(times[True]) * 1000, "ms"))
        if False in times:
            found.append(Result(what, median(times[False]) * 1000, "ms", peer="one after the other"))
            gain = median(alone / many for alone, many in zip(times[False], times[True], strict=True))
            found.append(Result(f"{what}, times as fast", gain, ""))
    return found


def checks(side: int) -> Iterator[tuple[str, Work, tuple[bool, ...]]]:
    """Yield what is measured, what does it, and whether several at once."""
    noise = np.random.default_rng(0)
    pictures = [drawn(seed, side) for seed in range(BATCH)]
    files = [png(picture) for picture in pictures]
    batches = {
        "identical": files,
        "within tolerance": [png(shifted(picture, noise)) for picture in pictures],
        "different, drawn": [png(patch(picture)) for picture in pictures],
    }
    for name, made in batches.items():
        pairs = [pair(*both, "image/png") for both in zip(files, made, strict=True)]
        yield f"batch of {BATCH}, {name}", lambda at_once, pairs=pairs: judged(pairs, at_once), (True, False)
    clips = [pair(animation(pictures[0], 0), animation(pictures[0], 25), "image/webp")]
    yield f"animation of {FRAMES} frames, different, drawn", lambda at_once: judged(clips, at_once), (True,)


def judged(pairs: list[Pair], at_once: bool) -> None:
    """Judge all as one run's."""
    with within(Budget()):
        each(judge, pairs, at_once)


def judge(one: Pair) -> None:
    """Compare, and draw what differs where it is not as it should be."""
    found = compare_output(one.kept, one.actual, one.kept.media_type)
    if not found.passed:
        draw_difference(one.golden, one.actual, one.kept.media_type, regions=found.regions)


def pair(golden: bytes, actual: bytes, media_type: str) -> Pair:
    """Describe a golden output as a golden run does."""
    found = describe(golden, media_type)
    kept = Kept(media_type, found["sha256"], found["pixels_sha256"], found["fingerprint"], (), lambda: golden)
    return Pair(golden, kept, actual)


def animation(picture: Image.Image, lift: int) -> bytes:
    """Return a picture that wanders to the right, lifted by some levels."""
    values = np.asarray(picture).astype(int) + lift
    frames = [Image.fromarray(np.roll(values, 3 * at, axis=1).clip(0, 255).astype(np.uint8)) for at in range(FRAMES)]
    stream = io.BytesIO()
    frames[0].save(stream, "WEBP", save_all=True, append_images=frames[1:], duration=40)
    return stream.getvalue()


if __name__ == "__main__":
    for one in measure(Options()):
        print(f"{one.what:48} {one.peer or 'ours':20} {one.value:9.2f} {one.unit}")
