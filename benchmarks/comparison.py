"""Time of fingerprints and comparisons, as ratios to decoding the same PNG, beside other ways to compare.

    python benchmarks/comparison.py [PICTURE ...]

Without pictures two are drawn, 1024x1024. matplotlib, pixelmatch, pytest-image-snapshot and scikit-image are
measured where they are installed."""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import imagehash
import numpy as np
from PIL import Image, ImageFilter
from results import Options, Result

from pytest_comfy.compare import compare, compare_images, fingerprint
from pytest_comfy.compare.still.decoding import decode

SIDE = 1024
OURS, DECODE = "", "PIL"
BOTH = "fingerprint and comparison, differs"
Row = tuple[str, str, Callable[[int], Any]]
"""What it does, whose it is, and what does it to the picture of a number."""


def measure(options: Options) -> list[Result]:
    """Return milliseconds of each way, and what it is of decoding the PNG."""
    side = options.count or SIDE
    return measured([drawn(1, side), drawn(2, side)], options.turns(9))


def main(paths: list[str]) -> None:
    """Print the table."""
    pictures = [Image.open(path).convert("RGB") for path in paths] or [drawn(1), drawn(2)]
    print(f"{len(pictures)} pictures, {'x'.join(map(str, pictures[0].size))}")
    for one in measured(pictures, 9):
        print(f"{one.what:40} {one.peer:22} {one.value:9.2f} {one.unit}")
    print(f"bytes of a fingerprint as JSON: {max(len(str(fingerprint(one))) for one in pictures)}")


def measured(pictures: list[Image.Image], rounds: int) -> list[Result]:
    """Measure all ways in turn; medians of the mean over the pictures."""
    rows = list(ways(pictures))
    taken: list[list[float]] = [[] for _ in rows]
    for _ in range(rounds):
        for times, (_, _, step) in zip(taken, rows, strict=True):
            times.append(seconds(step, len(pictures)))
    found = []
    for times, (what, peer, _) in zip(taken, rows, strict=True):
        found.append(Result(what, median(times) * 1000, "ms", peer=peer))
        ratio = median(one / base for one, base in zip(times, taken[0], strict=True))
        found.append(Result(f"{what} / decoding", ratio, "", 0.5 if what == BOTH else None, peer=peer))
    return found


def seconds(step: Callable[[int], Any], count: int) -> float:
    """Return the mean seconds of the processor a picture: nothing here waits, and the machine is shared."""
    start = time.process_time()
    for i in range(count):
        step(i)
    return (time.process_time() - start) / count


def ways(pictures: list[Image.Image]) -> Iterator[Row]:
    """Yield what is measured; decoding the PNG, by which all is held, first."""
    noise = np.random.default_rng(0)
    others = [shifted(picture, noise) for picture in pictures]
    patched = [patch(picture) for picture in pictures]
    files = [png(picture) for picture in pictures]
    golden, near, far = ([fingerprint(p) for p in group] for group in (pictures, others, patched))
    yield "decode the PNG, compressed as ComfyUI's", DECODE, lambda i: Image.open(io.BytesIO(files[i])).load()
    yield "decode the PNG, compressed as ComfyUI's", OURS, lambda i: decode(files[i])
    yield BOTH, OURS, lambda i: compare(golden[i], fingerprint(patched[i]))
    yield "fingerprint", OURS, lambda i: fingerprint(pictures[i])
    yield "compare fingerprints, passes", OURS, lambda i: compare(golden[i], near[i])
    yield "compare fingerprints, fails", OURS, lambda i: compare(golden[i], far[i])
    yield "fingerprint", "imagehash phash 8", lambda i: imagehash.phash(pictures[i])
    yield "fingerprint", "imagehash phash 16", lambda i: imagehash.phash(pictures[i], 16)
    yield "fingerprint", "imagehash colorhash", lambda i: imagehash.colorhash(pictures[i])
    yield "compare both pictures", OURS, lambda i: compare_images(pictures[i], others[i])
    yield from installed(pictures, others)


def installed(pictures: list[Image.Image], others: list[Image.Image]) -> Iterator[Row]:
    """Yield the comparisons of other packages, of those that are there."""
    what = "compare both pictures"
    if find_spec("matplotlib"):
        from matplotlib.testing.compare import compare_images as mpl

        folder = Path(tempfile.mkdtemp())
        for i, pair in enumerate(zip(pictures, others, strict=True)):
            for side, picture in zip("ab", pair, strict=True):
                picture.save(folder / f"{side}{i}.png", compress_level=4)
        a, b = f"{folder}/a", f"{folder}/b"
        yield what, "pytest-mpl, files", lambda i: mpl(f"{a}{i}.png", f"{b}{i}.png", 2, in_decorator=True)
    if find_spec("pytest_image_snapshot"):
        from pytest_image_snapshot import image_diff, normalize_images

        yield what, "pytest-image-snapshot", lambda i: image_diff(*normalize_images(pictures[i], others[i]))
    if find_spec("skimage"):
        from skimage.metrics import structural_similarity

        arrays = [(np.asarray(a), np.asarray(b)) for a, b in zip(pictures, others, strict=True)]
        yield what, "SSIM, scikit-image", lambda i: structural_similarity(*arrays[i], channel_axis=-1)
    if find_spec("pixelmatch"):
        from pixelmatch.contrib.PIL import pixelmatch

        yield what, "pixelmatch", lambda i: pixelmatch(pictures[i], others[i])


def drawn(seed: int, side: int = SIDE) -> Image.Image:
    """Draw a picture with soft light, texture and edges, that compresses as photographs do."""
    random = np.random.default_rng(seed)
    soft = Image.fromarray(random.integers(20, 236, (9, 9, 3), dtype=np.uint8)).resize((side, side), Image.BICUBIC)
    grain = Image.fromarray(random.integers(0, 256, (side, side), dtype=np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    values = np.asarray(soft).astype(float) + (np.asarray(grain).astype(float)[:, :, None] - 128) * 0.5
    for _ in range(40):
        x, y, w, h = random.integers(0, side * 4 // 5, 2).tolist() + random.integers(side // 100, side // 5, 2).tolist()
        values[y : y + h, x : x + w] += random.uniform(-40, 40, 3)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def shifted(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Add the noise of another card."""
    values = np.asarray(picture) + random.normal(0, 1.2, (picture.height, picture.width, 3))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def patch(picture: Image.Image) -> Image.Image:
    """Change a small part."""
    copy = picture.copy()
    copy.paste((200, 40, 60), (picture.width // 3, picture.height // 3, picture.width // 2, picture.height // 2))
    return copy


def png(picture: Image.Image) -> bytes:
    """Encode as ComfyUI's SaveImage does."""
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=4)
    return stream.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
