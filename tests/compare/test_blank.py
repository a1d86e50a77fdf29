"""Which outputs show nothing, whatever they are, so that nobody approves them unawares."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from pytest_comfy.compare import UndecodableError, blank_word, describe

from .audio.signals import encoded as sound
from .audio.signals import noise, tune
from .latents.files import latent_file, samples
from .models.test_comparing import GOLDEN as MODEL
from .video.test_video import encoded as video
from .video.test_video import shot

STL_OF_NOTHING = b"solid nothing\nfacet endsolid nothing\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8">%s</svg>'
SILENCE = np.zeros((2, 44_100), dtype=np.float32)


def animation(frames: Sequence[Image.Image], form: str = "WEBP") -> bytes:
    stream = io.BytesIO()
    frames[0].save(stream, form, save_all=True, append_images=frames[1:], duration=40, lossless=True)
    return stream.getvalue()


def toned(frame: Image.Image, level: int) -> Image.Image:
    """The frame, but for one pixel, so that no encoder takes two of them for one."""
    changed = frame.copy()
    changed.putpixel((0, 0), (level, level, level))
    return changed


STILL = [toned(shot()[0], index) for index in range(12)]
DARK = [toned(Image.new("RGB", (64, 64)), index % 3) for index in range(6)]


CASES = [
    (sound(SILENCE), "audio/wav", "silent"),
    (sound(SILENCE, "MP3"), "audio/mpeg", "silent"),
    (sound(noise(SILENCE, -100.0)), "audio/wav", "silent"),
    (sound(tune()), "audio/wav", None),
    (video(STILL), "video/mp4", "one still picture throughout"),
    (video(STILL, "webm", "libvpx-vp9"), "video/webm", "one still picture throughout"),
    (video(DARK), "video/mp4", "black"),
    (video(shot()), "video/mp4", None),
    (animation(STILL), "image/webp", "one still picture throughout"),
    (animation(DARK), "image/webp", "black"),
    (animation(shot()), "image/webp", None),
    (latent_file(np.zeros((1, 4, 8, 8), np.float32)), "application/x-safetensors", "flat"),
    (latent_file(np.full((1, 4, 8, 8), np.nan, np.float32)), "application/x-safetensors", "without a finite value"),
    (latent_file(samples()), "application/x-safetensors", None),
    (STL_OF_NOTHING, "model/stl", "without a face"),
    (MODEL, "model/gltf-binary", None),
    (SVG % b"", "image/svg+xml", "without an element"),
    (SVG % b'<rect width="2" height="2"/>', "image/svg+xml", None),
    (b"", "text/plain", "empty"),
    (b"\xef\xbb\xbf \r\n", "text/plain", "empty"),
    (b"{}", "application/json", "empty"),
    (b"0", "text/plain", None),
    (b"", "application/octet-stream", "empty"),
    (b"\0", "application/octet-stream", None),
]


# Encoders write random numbers into some of the files, which no name of a test may hold.
@pytest.mark.parametrize(("data", "media_type", "word"), CASES, ids=range(len(CASES)))
def test_blank_word(data: bytes, media_type: str, word: str | None) -> None:
    assert blank_word(data, media_type) == word


@pytest.mark.parametrize(("data", "media_type", "word"), CASES, ids=range(len(CASES)))
def test_by_what_was_described_before(data: bytes, media_type: str, word: str | None) -> None:
    assert blank_word(data, media_type, describe(data, media_type)) == word


def test_what_was_described_is_not_measured_again() -> None:
    black, shown = (animation([frame], "PNG") for frame in (DARK[0], shot()[0]))
    assert blank_word(shown, "image/png", describe(black, "image/png")) == "black"


def test_what_was_masked_is_measured_without_its_masks() -> None:
    shown = animation([shot()[0]], "PNG")
    masked = describe(shown, "image/png", [(0, 0, *shot()[0].size)])
    assert blank_word(shown, "image/png", masked) is None


def test_what_cannot_be_read_is_no_blank() -> None:
    with pytest.raises(UndecodableError):
        blank_word(b"no picture", "image/png")
