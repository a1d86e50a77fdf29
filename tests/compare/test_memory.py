"""What outputs take in memory while they are looked into: asked for first, refused where it is not there."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from projects import PEAK

from pytest_comfy.compare import (
    CompareError,
    Kept,
    TextRule,
    TooLargeError,
    blank_word,
    compare_output,
    describe,
    draw_difference,
)
from pytest_comfy.compare.memory import require, taking, within
from pytest_comfy.memory import Budget

from .conftest import png_of
from .latents.files import latent_file, samples

DATA = Path(__file__).parent.parent / "data"
MB = 10**6


def picture(container="PNG", mode="RGB", size=(512, 512), **more):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, container, **more)
    return buffer.getvalue()


def shaded(mode, side):
    """A picture that is nowhere the same: what is even takes less."""
    waves = (np.arange(side)[:, np.newaxis] * 7 + np.arange(side) * 5) % 251
    if mode in ("F", "I;16"):
        return Image.fromarray((waves * 100).astype("f4" if mode == "F" else "<u2"))
    return Image.fromarray(waves.astype("u1")).convert(mode)


def animation(container):
    frames = [Image.new("RGB", (512, 512), (30 * number, 0, 0)) for number in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, container, save_all=True, append_images=frames[1:], duration=40)
    return buffer.getvalue()


def stl(faces):
    return bytes(80) + faces.to_bytes(4, "little") + np.random.default_rng(0).bytes(50 * faces)


LARGE = [
    (picture, "image/png", "the picture is 512x512, and to compare it takes"),
    (lambda: picture("WEBP", lossless=True), "image/webp", "the picture is 512x512, and to compare it takes"),
    (lambda: picture("JPEG"), "image/jpeg", "the picture is 512x512, and to compare it takes"),
    (lambda: animation("PNG"), "image/png", "the picture is 512x512, and to compare it takes"),
    (lambda: animation("GIF"), "image/gif", "the picture is 512x512, and to compare it takes"),
    (lambda: latent_file(samples((1, 1, 300, 300))), "application/x-safetensors", 'tensor "latent_tensor" has 90000'),
    (lambda: b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g/>" * 5000 + b"</svg>", "image/svg+xml", "the SVG has "),
    (lambda: (DATA / "comfyui-sound.flac").read_bytes(), "audio/flac", "the sound has "),
    (lambda: (DATA / "video/saved-video.mp4").read_bytes(), "video/mp4", "the "),
    (lambda: stl(2000), "model/stl", "the model has 100084 bytes, and to read them takes 1 MB"),
]  # fmt: skip
IDS = [media_type + (" animation" if number in (3, 4) else "") for number, (_, media_type, _) in enumerate(LARGE)]


def needed(media_type):
    module = {"audio": "av", "video": "av", "model": "trimesh"}.get(media_type.partition("/")[0])
    if module:
        pytest.importorskip(module)


@pytest.mark.parametrize(("make", "media_type", "told"), LARGE, ids=IDS)
def test_output_that_would_take_too_much_cannot_be_judged(make, media_type, told):
    needed(media_type)
    data = make()
    kept = Kept(media_type, "another", "another", None, (), lambda: data)
    with within(Budget(MB)):
        for look in (
            lambda: describe(data, media_type),
            lambda: compare_output(kept, data, media_type),
            lambda: blank_word(data, media_type),
        ):
            with pytest.raises(TooLargeError) as caught:
                look()
            assert str(caught.value).startswith(told)
            assert str(caught.value).endswith(
                " of memory, more than the 1 MB that comfy_max_memory allows one run: raise it if that is right"
            )
    describe(data, media_type)  # files that a person names are not bounded


@pytest.mark.parametrize(("make", "media_type", "told"), LARGE, ids=IDS)
def test_it_is_judged_where_there_is_enough(make, media_type, told):
    needed(media_type)
    data, budget = make(), Budget(500 * MB)
    with within(budget):
        kept = Kept(media_type, "another", None, describe(data, media_type)["fingerprint"], (), lambda: data)
        assert compare_output(kept, data, media_type).passed
    assert budget.held == 0


@pytest.mark.parametrize("rule", [None, TextRule("whitespace"), TextRule("numbers"), TextRule("regex", r"(1 )*")])
def test_texts(rule):
    data = b"1 " * 300_000
    kept = Kept("text/plain", "another", None, None, (), lambda: data)
    with (
        within(Budget(MB)),
        pytest.raises(TooLargeError, match=r"^the text has 600000 bytes, and to compare it "),
    ):
        compare_output(kept, data, "text/plain", text=rule)


def test_json_of_many_tiny_values():
    data = b"[" + b"{}," * 100_000 + b"1]"
    kept = Kept("application/json", "another", None, None, (), lambda: data)
    with within(Budget(10 * MB)), pytest.raises(TooLargeError, match=r"^the text has 300003 bytes, and to compare it "):
        compare_output(kept, data, "application/json")
    with within(Budget(10 * MB)), pytest.raises(TooLargeError, match=r"^the text has 300004 bytes"):
        draw_difference(data, data + b" ", "application/json")


def test_header_of_a_latent_that_is_a_bomb():
    header = b'{"x":[' + b"{}," * 100_000 + b"{}]}"
    with (
        within(Budget(10 * MB)),
        pytest.raises(TooLargeError, match=r"^the file's header has 300010 bytes, and to parse"),
    ):
        describe(len(header).to_bytes(8, "little") + header, "application/x-safetensors")


def test_huge_picture_is_refused_before_a_pixel_of_it_is_there(monkeypatch):
    data = png_of(16384, 16384, 8, 2, b"")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("it was decoded"))
    told = r"the picture is 16384x16384, and to compare it takes 7\.78 GB of memory, more than the 2 GB that comfy"
    with within(Budget()), pytest.raises(TooLargeError, match=told):
        describe(data, "image/png")


def test_picture_of_what_differs_is_as_wide_and_as_high_as_either():
    one, other = picture(size=(1500, 20)), picture(size=(20, 1500))
    with within(Budget(6 * MB)):
        describe(one, "image/png")
        with pytest.raises(TooLargeError, match=r"^the picture of what differs is of 1500x1500, and to draw it takes "):
            draw_difference(one, other, "image/png")
    assert draw_difference(one, other, "image/png") is not None


def test_what_is_open_at_once_must_fit_at_once():
    budget = Budget(10)
    with within(budget):
        with taking(6, "one"):
            with pytest.raises(TooLargeError, match="another takes 6 bytes"), taking(6, "another"):
                pytest.fail("there is no room for it")
            require(4, "what is left")
        with taking(10, "all"):
            pass
    assert budget.held == 0


def test_bound_ends_with_its_block():
    with within(Budget(1)):
        with within(None):
            require(10**12, "nothing")
        with pytest.raises(CompareError):
            require(2, "too much")
    require(10**12, "nothing")


SCRIPT = (
    PEAK
    + """
import sys
from pathlib import Path
from pytest_comfy.compare import Kept, compare_output, describe, draw_difference
from pytest_comfy.compare.memory import within
from pytest_comfy.memory import Budget

class Noting(Budget):
    most = 0
    def check(self, size, what):
        self.most = max(self.most, size)

data, media_type = Path(sys.argv[1]).read_bytes(), sys.argv[2]
small = Path(sys.argv[3]).read_bytes()
def judge(data):
    described = describe(data, media_type)
    kept = Kept(media_type, "another", "another", described["fingerprint"], (), lambda: data)
    assert compare_output(kept, data, media_type).passed
    draw_difference(data, data, media_type)
judge(small)
before = peak()
budget = Noting()
with within(budget):
    judge(data)
print(budget.most, peak() - before)
"""
)
ONCE = 16 * MB
"""What any picture takes, however small: bands, and modules that load for the first one."""
FORMS = {
    "rgb": ("PNG", "RGB", {}), "rgba": ("PNG", "RGBA", {}), "deep": ("PNG", "I;16", {}), "float": ("TIFF", "F", {}),
    "webp": ("WEBP", "RGB", {"lossless": True}),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its own peak")
@pytest.mark.parametrize("form", FORMS)
def test_what_is_asked_for_is_what_pictures_take(tmp_path, form):
    """Measured in a process of its own: asked for is no less than was taken, and no three times as much."""
    container, mode, more = FORMS[form]
    for name, side in (("large", 1600), ("small", 64)):
        shaded(mode, side).save(tmp_path / name, container, **more)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "large"), f"image/{container.lower()}", str(tmp_path / "small")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    asked, taken = map(int, done.stdout.split())
    assert taken - ONCE <= asked <= 3 * taken
