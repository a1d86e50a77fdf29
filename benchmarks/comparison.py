"""Time of fingerprints and comparisons, as ratios to decoding the same PNG, beside other ways to compare.

    python benchmarks/comparison.py [PICTURE ...]

Without pictures two are drawn, 1024x1024. matplotlib, pixelmatch, pytest-image-snapshot and scikit-image are
measured where they are installed."""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from PIL import Image, ImageFilter

from pytest_comfy.compare import compare, compare_images, fingerprint
from pytest_comfy.compare.still.decoding import decode

SIDE = 1024


def main(paths: list[str]) -> None:
    """Print the table: milliseconds, and the ratio to decoding the PNG."""
    pictures = [Image.open(path).convert("RGB") for path in paths] or [drawn(1), drawn(2)]
    noise = np.random.default_rng(0)
    others = [shifted(picture, noise) for picture in pictures]
    patched = [patch(picture) for picture in pictures]
    files = [png(picture) for picture in pictures]
    base = best(lambda i: Image.open(io.BytesIO(files[i])).load(), len(pictures))
    prints = [[fingerprint(p) for p in group] for group in (pictures, others, patched)]
    rows: list[tuple[str, Callable[[int], Any], int]] = [
        ("decode the PNG (compression 4, as ComfyUI's)", lambda i: Image.open(io.BytesIO(files[i])).load(), 9),
        ("decode, with all checks", lambda i: decode(files[i]), 9),
        ("fingerprint", lambda i: fingerprint(pictures[i]), 9),
        ("compare fingerprints: passes", lambda i: compare(prints[0][i], prints[1][i]), 60),
        ("compare fingerprints: fails, explained", lambda i: compare(prints[0][i], prints[2][i]), 60),
        ("compare both pictures", lambda i: compare_images(pictures[i], others[i]), 3),
        ("imagehash phash 8", lambda i: imagehash.phash(pictures[i]), 9),
        ("imagehash phash 16", lambda i: imagehash.phash(pictures[i], 16), 9),
        ("imagehash colorhash", lambda i: imagehash.colorhash(pictures[i]), 5),
        *installed(pictures, others),
    ]
    print(f"{len(pictures)} pictures, {'x'.join(map(str, pictures[0].size))}; best of several, mean over the pictures")
    print(f"{'':46s} {'ms':>9s} {'of decode':>10s}")
    for label, step, times in rows:
        took = best(step, len(pictures), times)
        print(f"{label:46s} {took * 1000:9.2f} {took / base:10.2f}")
    print(f"bytes of a fingerprint as JSON: {max(len(str(one)) for one in prints[0])}")


def installed(pictures: list[Image.Image], others: list[Image.Image]) -> list[tuple[str, Callable[[int], Any], int]]:
    """Return the comparisons of other packages, of those that are there."""
    rows: list[tuple[str, Callable[[int], Any], int]] = []
    if find_spec("matplotlib"):
        from matplotlib.testing.compare import compare_images as mpl

        folder = Path(tempfile.mkdtemp())
        for i, pair in enumerate(zip(pictures, others, strict=True)):
            for side, picture in zip("ab", pair, strict=True):
                picture.save(folder / f"{side}{i}.png", compress_level=4)
        a, b = f"{folder}/a", f"{folder}/b"
        rows.append(("pytest-mpl: files, RMS", lambda i: mpl(f"{a}{i}.png", f"{b}{i}.png", 2, in_decorator=True), 3))
    if find_spec("pytest_image_snapshot"):
        from pytest_image_snapshot import image_diff, normalize_images

        rows.append(
            ("pytest-image-snapshot: exact", lambda i: image_diff(*normalize_images(pictures[i], others[i])), 3)
        )
    if find_spec("skimage"):
        from skimage.metrics import structural_similarity

        arrays = [(np.asarray(a), np.asarray(b)) for a, b in zip(pictures, others, strict=True)]
        rows.append(("SSIM, scikit-image", lambda i: structural_similarity(*arrays[i], channel_axis=-1), 1))
    if find_spec("pixelmatch"):
        from pixelmatch.contrib.PIL import pixelmatch

        rows.append(("pixelmatch, the package", lambda i: pixelmatch(pictures[i], others[i]), 1))
    return rows


def best(step: Callable[[int], Any], count: int, times: int = 9) -> float:
    """Return the mean over the pictures of the fastest of several runs, in seconds: others only ever add."""
    total = 0.0
    for i in range(count):
        fastest = float("inf")
        for _ in range(times):
            start = time.perf_counter()
            step(i)
            fastest = min(fastest, time.perf_counter() - start)
        total += fastest
    return total / count


def drawn(seed: int) -> Image.Image:
    """Draw a picture with soft light, texture and edges, that compresses as photographs do."""
    random = np.random.default_rng(seed)
    soft = Image.fromarray(random.integers(20, 236, (9, 9, 3), dtype=np.uint8)).resize((SIDE, SIDE), Image.BICUBIC)
    grain = Image.fromarray(random.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    values = np.asarray(soft).astype(float) + (np.asarray(grain).astype(float)[:, :, None] - 128) * 0.5
    for _ in range(40):
        x, y, w, h = random.integers(0, SIDE - 200, 2).tolist() + random.integers(10, 200, 2).tolist()
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
