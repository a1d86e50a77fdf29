"""Video as a golden run keeps it: what players show, whatever container and encoder."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from pytest_comfy.compare import Comparison, Kept, MissingExtraError, UndecodableError, compare_output, describe
from pytest_comfy.compare.moving.drawing import LABEL
from pytest_comfy.compare.result import CompareError
from pytest_comfy.compare.tolerance import parse_tolerance
from pytest_comfy.compare.video import decoding
from pytest_comfy.compare.video.comparing import compare_fingerprints
from pytest_comfy.compare.video.decoding import VideoReader
from pytest_comfy.compare.video.drawing import draw
from pytest_comfy.compare.video.fingerprints import fingerprint

SAVED = Path(__file__).parents[2] / "data" / "video"
COUNT = 24
GLITCH = 13
Change = Callable[[Image.Image], Image.Image]


def shot(count: int = COUNT, size: tuple[int, int] = (128, 96)) -> list[Image.Image]:
    """A tiled wall that pans, a ball that crosses it: mid tones, every frame another."""
    y, x = np.mgrid[0 : size[1], 0 : size[0] + 4 * count]
    tiles = 24.0 * ((x // 9 + y // 9) % 2)
    wall = np.stack(
        [125 + 50 * np.sin(x / 23 + y / 31), 120 + 40 * np.cos(y / 13 - x / 41), 110 + 30 * np.sin(x * y / 900)], axis=2
    )
    wall = (wall + tiles[:, :, None]).clip(20, 235)
    frames = []
    for i in range(count):
        frame = Image.fromarray(wall[:, 2 * i : 2 * i + size[0]].astype("u1"))
        ImageDraw.Draw(frame).ellipse((5 * i, 30, 5 * i + 30, 60), fill=(170, 110, 90))
        frames.append(frame)
    return frames


def encoded(frames: Sequence[Image.Image], container: str = "mp4", codec: str = "libx264", **given: Any) -> bytes:
    """Encode as ComfyUI's SaveVideo and SaveWEBM do.

    given: fps, options, pix_fmt, metadata, sound (function of a time in seconds), times (of the frames, in
    milliseconds), reformat (arguments of the conversion to YUV), range (of colours, as libav numbers it)
    """
    stream_options = {"libx264": {"crf": "23"}, "libvpx-vp9": {"crf": "32.0"}}.get(codec, {})
    memory = io.BytesIO()
    with av.open(memory, "w", format=container) as output:
        output.metadata.update(given.get("metadata", {}))
        stream: Any = output.add_stream(codec, rate=Fraction(given.get("fps", 24)))
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = given.get("pix_fmt", "yuv420p")
        stream.options = {**stream_options, **given.get("options", {})}
        if "times" in given:
            stream.codec_context.time_base = Fraction(1, 1000)
        if "range" in given:
            stream.codec_context.color_range = given["range"]
        track: Any = output.add_stream("aac", rate=44100) if "sound" in given else None
        for i, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24" if picture.mode == "RGB" else "rgba")
            frame = frame.reformat(format=stream.pix_fmt, **given.get("reformat", {}))
            if "times" in given:
                frame.pts, frame.time_base = given["times"][i], Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        if track is not None:
            seconds = np.arange(44100 * len(frames) // given.get("fps", 24)) / 44100
            wave = np.float32(0.3) * np.vectorize(given["sound"])(seconds).astype("f4")
            sound = av.AudioFrame.from_ndarray(wave[None], format="flt", layout="mono")
            sound.sample_rate, sound.pts = 44100, 0
            output.mux(track.encode(sound))
            output.mux(track.encode())
    return memory.getvalue()


def remuxed(data: bytes, container: str, **metadata: str) -> bytes:
    memory = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(memory, "w", format=container) as output:
        output.metadata.update(metadata)
        known = source.streams.video[0]
        copy: Any = (
            output.add_stream_from_template(known)  # PyAV 14 and later
            if hasattr(output, "add_stream_from_template")
            else output.add_stream(template=known)
        )
        for packet in source.demux(known):
            if packet.dts is not None:
                packet.stream = copy
                output.mux(packet)
    return memory.getvalue()


def judged(golden: bytes, actual: bytes, tolerance: Any = "normal") -> Comparison:
    return compare_fingerprints(fingerprint(golden), fingerprint(actual), parse_tolerance(tolerance))


@pytest.fixture(scope="module")
def frames() -> list[Image.Image]:
    return shot()


@pytest.fixture(scope="module")
def golden(frames: list[Image.Image]) -> bytes:
    return encoded(frames)


def test_fingerprint_is_small_and_tells_the_form(golden: bytes) -> None:
    made = fingerprint(golden)
    assert json.loads(json.dumps(made)) == made == fingerprint(golden)
    assert (made["frames"], made["size"], made["rate"], made["constant"]) == (24, [128, 96], 24.0, True)
    assert (made["durations"], made["sound"]) == ([[41.667, 24]], None)
    assert len(json.dumps(made)) < 10_000


@pytest.mark.parametrize(
    ("name", "sound"), [("saved-video.mp4", 1.0), ("saved-vp9.webm", None), ("saved-av1.webm", None)]
)
def test_what_comfyui_saved_of_these_frames(name: str, sound: float | None, frames: list[Image.Image]) -> None:
    """ComfyUI 0.8.0's SaveVideo (with EmptyAudio) and SaveWEBM made them of the frames of `shot`."""
    data = (SAVED / name).read_bytes()
    made = fingerprint(data)
    assert (made["frames"], made["size"], made["rate"], made["constant"]) == (24, [128, 96], 24.0, True)
    assert (made["sound"] is None) == (sound is None)
    if made["sound"] is not None:
        assert made["sound"]["samples"] / made["sound"]["rate"] == pytest.approx(sound, abs=0.05)
    for saved, frame in zip(VideoReader(data).pictures(), frames, strict=True):
        apart = np.asarray(saved).astype(int) - np.asarray(frame).astype(int)
        assert np.abs(apart.mean(axis=(0, 1))).max() < 2
    black = one(GLITCH, lambda frame: Image.new("RGB", frame.size))(frames)
    told = judged(data, encoded(black)).message
    assert "the sound track was lost" in told if sound else told == "frame 14 of 24 (0.5 s): black"


def test_container_and_metadata_do_not_matter(golden: bytes) -> None:
    for container in ("matroska", "mov", "mp4"):
        comparison = judged(golden, remuxed(golden, container, title="another"), "exact")
        assert (comparison.verdict, comparison.distance) == ("identical", 0), container


def test_webm_and_mp4_of_the_same_frames_agree(frames: list[Image.Image], golden: bytes) -> None:
    webm = encoded(frames, "webm", "libvpx-vp9", options={"crf": "15"})
    good = encoded(frames, options={"crf": "15"})
    made = fingerprint(webm)
    assert (made["rate"], made["constant"], made["durations"]) == (24.0, True, [[41.667, 24]])
    assert judged(good, webm).distance < 2


@pytest.mark.parametrize("options", [{"preset": "fast"}, {"preset": "slow"}, {"crf": "22"}, {"crf": "24"}])
def test_another_run_of_the_encoder_passes(options: dict[str, str], frames: list[Image.Image], golden: bytes) -> None:
    comparison = judged(golden, encoded(frames, options=options))
    assert comparison.verdict == "within tolerance", comparison.message
    exact = judged(golden, encoded(frames, options=options), "exact")
    assert exact.verdict == "different"


def test_exact_never_passes_other_frames(frames: list[Image.Image]) -> None:
    lossless = {"crf": "0"}
    changed = [*frames[:5], frames[5].copy(), *frames[6:]]
    changed[5].putpixel((64, 48), (20, 20, 20))
    comparison = judged(encoded(frames, options=lossless), encoded(changed, options=lossless), "exact")
    assert (comparison.verdict, comparison.distance) == ("different", float("inf"))


def each(change: Change) -> Callable[[list[Image.Image]], list[Image.Image]]:
    return lambda frames: [change(frame) for frame in frames]


def one(at: int, change: Change) -> Callable[[list[Image.Image]], list[Image.Image]]:
    return lambda frames: [*frames[:at], change(frames[at]), *frames[at + 1 :]]


def tinted(frame: Image.Image, by: tuple[int, int, int]) -> Image.Image:
    return Image.fromarray((np.asarray(frame) + np.array(by)).clip(0, 255).astype("u1"))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (one(GLITCH, lambda frame: Image.new("RGB", frame.size)), "blank"),
        (one(GLITCH, lambda frame: Image.new("RGB", frame.size, "white")), "blank"),
        (each(lambda frame: frame.point(lambda v: v + 8)), "brightness"),
        (each(lambda frame: tinted(frame, (8, 0, -8))), "colour"),
        (lambda frames: frames[::-1], "order"),
        (lambda frames: [*frames[:10], *[frames[9]] * 6, *frames[16:]], "motion"),
        (lambda frames: [*frames[:GLITCH], frames[GLITCH - 1], *frames[GLITCH + 1 :]], "motion"),
        (lambda frames: [*frames[:GLITCH], frames[GLITCH + 1], frames[GLITCH], *frames[GLITCH + 2 :]], "order"),
        (lambda frames: frames[:-1], "frames"),
    ],
)
def test_regressions_are_told_by_kind(
    change: Callable[[list[Image.Image]], list[Image.Image]], kind: str, frames: list[Image.Image], golden: bytes
) -> None:
    comparison = judged(golden, encoded(change(frames)))
    assert comparison.verdict == "different"
    assert comparison.kinds[0] == kind, comparison


def test_glitch_is_named_by_number_and_time(frames: list[Image.Image], golden: bytes) -> None:
    black = one(GLITCH, lambda frame: Image.new("RGB", frame.size))(frames)
    assert judged(golden, encoded(black)).message == "frame 14 of 24 (0.5 s): black"
    comparison = judged(golden, encoded(frames[:7] + frames[8:]))
    assert comparison.message.startswith("23 frames, was 24: frame 8 of 24 (0.3 s) is missing; lasts 0.958 s, was 1 s")
    assert comparison.kinds == ("frames", "duration")


def test_another_shot_and_visible_blocks_are_different(frames: list[Image.Image], golden: bytes) -> None:
    other = [frame.transpose(Image.Transpose.ROTATE_180) for frame in frames]
    assert judged(golden, encoded(other)).distance > 3
    assert judged(golden, encoded(frames, options={"crf": "48"})).distance > 1
    assert judged(golden, encoded(each(lambda f: f.filter(ImageFilter.GaussianBlur(3)))(frames))).distance > 1


def test_other_rate_and_size_are_hard(frames: list[Image.Image], golden: bytes) -> None:
    faster = judged(golden, encoded(frames, fps=30), "loose")
    assert (faster.kinds, faster.distance) == (("rate", "duration"), float("inf"))
    assert faster.message == "30 frames a second, was 24; lasts 0.8 s, was 1 s"
    smaller = judged(golden, encoded([frame.resize((64, 48)) for frame in frames]), "loose")
    assert (smaller.kinds, smaller.message) == (("size",), "size is 64x48, was 128x96")


def test_variable_rate_is_kept_as_durations(frames: list[Image.Image]) -> None:
    times = [0, 40, 80, 200, 240, 280]
    golden = encoded(frames[:6], "matroska", times=times)
    made = fingerprint(golden)
    assert (made["constant"], made["durations"]) == (False, [[40, 2], [120, 1], [40, 3]])
    moved = judged(golden, encoded(frames[:6], "matroska", times=[0, 40, 80, 120, 240, 280]))
    assert moved.kinds[0] == "duration"
    assert moved.message == "frame 3 of 6 is shown 40 ms, was 120 ms (normal allows 1)"


def test_matrix_and_range_of_colours_are_seen(frames: list[Image.Image]) -> None:
    vivid = [Image.fromarray((np.asarray(frame) * [1.2, 0.6, 0.9]).clip(0, 255).astype("u1")) for frame in frames]
    golden = encoded(vivid)
    matrix = judged(golden, encoded(vivid, reformat={"src_colorspace": "ITU601", "dst_colorspace": "ITU709"}))
    assert matrix.verdict == "different" and {"colour", "brightness"} & set(matrix.kinds)
    flat = [frame.point(lambda v: v * 219 / 255 + 16) for frame in vivid]  # full range taken for limited
    spread = judged(golden, encoded(flat))
    assert spread.verdict == "different" and {"colour", "brightness", "contrast"} & set(spread.kinds)


def test_sound_track_lost_gained_and_changed(frames: list[Image.Image], golden: bytes) -> None:
    hum = encoded(frames, sound=lambda t: np.sin(2 * np.pi * 220 * t))
    lost, gained = judged(hum, golden, "loose"), judged(golden, hum, "loose")
    assert (lost.kinds, lost.message) == (("sound",), "the sound track was lost")
    assert (gained.kinds, gained.message) == (("sound",), "the sound track was gained")
    again = encoded(frames, sound=lambda t: np.sin(2 * np.pi * 220 * t), metadata={"comment": "x"})
    assert judged(hum, again, "exact").verdict == "identical"
    higher = judged(hum, encoded(frames, sound=lambda t: np.sin(2 * np.pi * 330 * t)))
    assert higher.kinds[0] == "sound" and higher.message.startswith("sound: ")
    assert judged(hum, hum).distance == 0


def test_pictures_are_those_that_were_encoded(frames: list[Image.Image]) -> None:
    for codec, container, pix_fmt in [
        ("libx264", "mp4", "yuv420p"),
        ("libx264", "mp4", "yuv444p"),
        ("libx264", "mp4", "yuv420p10le"),
        ("libx264rgb", "mp4", "rgb24"),
        ("ffv1", "matroska", "yuva444p"),
        ("mjpeg", "mov", "yuvj444p"),
    ]:
        data = encoded(frames[:2], container, codec, pix_fmt=pix_fmt, options={"crf": "1", "qmin": "1", "qmax": "1"})
        picture = next(iter(VideoReader(data).pictures()))
        assert picture.mode == ("RGBA" if "yuva" in pix_fmt else "RGB")
        apart = np.asarray(picture.convert("RGB")).astype(int) - np.asarray(frames[0]).astype(int)
        assert np.abs(apart.mean(axis=(0, 1))).max() < 2.5, (codec, pix_fmt)
        assert np.abs(apart).mean() < 9, (codec, pix_fmt)


def test_full_and_limited_range_of_the_same_picture_agree(frames: list[Image.Image]) -> None:
    full = encoded(frames[:1], "mov", "mjpeg", pix_fmt="yuvj444p", options={"qmin": "1", "qmax": "1"})
    limited = encoded(frames[:1], options={"crf": "1"}, pix_fmt="yuv444p")
    one, other = (np.asarray(next(iter(VideoReader(data).pictures()))).astype(int) for data in (full, limited))
    assert np.abs((one - other).mean(axis=(0, 1))).max() < 2


def test_difference_is_a_strip_of_the_worst_frames(frames: list[Image.Image], golden: bytes) -> None:
    black = one(GLITCH, lambda frame: Image.new("RGB", frame.size))(frames)
    drawn = draw(golden, encoded(black))
    assert drawn is not None
    sheet = Image.open(io.BytesIO(drawn.data))
    assert sheet.height == LABEL + 3 * 96 + 2 * 8
    assert sheet.width <= 5 * (128 + 8)
    assert draw(golden, b"nothing") is None


def test_difference_of_sound_alone_is_drawn_as_sound(frames: list[Image.Image]) -> None:
    hum, buzz = (encoded(frames[:12], sound=lambda t, f=f: np.sin(2 * np.pi * f * t)) for f in (220, 880))
    drawn = draw(hum, buzz)
    assert drawn is not None and Image.open(io.BytesIO(drawn.data)).format == "PNG"


@pytest.mark.parametrize("data", [b"", b"ftyp", b"\x1a\x45\xdf\xa3", bytes(200), b"#EXTM3U\nhttp://127.0.0.1/x.ts\n"])
def test_what_is_no_video_is_said(data: bytes) -> None:
    with pytest.raises(UndecodableError):
        fingerprint(data)


def test_sound_alone_is_no_video(frames: list[Image.Image]) -> None:
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as output:
        track: Any = output.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 44100), dtype="f4"), format="flt", layout="mono")
        sound.sample_rate = 44100
        output.mux(track.encode(sound))
        output.mux(track.encode())
    with pytest.raises(UndecodableError, match="no video track"):
        fingerprint(memory.getvalue())


@pytest.mark.parametrize("container", ["mp4", "matroska"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(share: float, container: str, golden: bytes) -> None:
    data = remuxed(golden, container)
    with pytest.raises(UndecodableError):
        fingerprint(data[: int(len(data) * share)])


def test_bounds_are_kept(monkeypatch: pytest.MonkeyPatch, golden: bytes) -> None:
    monkeypatch.setattr(decoding, "MAX_FRAMES", 10)
    with pytest.raises(UndecodableError, match="more than 10 frames"):
        fingerprint(golden)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 64 * 64)
    with pytest.raises(UndecodableError, match="the video is 128x96, more than 4096 pixels"):
        fingerprint(golden)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 30), st.sampled_from(["mp4", "matroska"]))
def test_damaged_bytes_raise_nothing_else(seed: int, flips: int, container: str) -> None:
    choose, data = random.Random(seed), bytearray(remuxed(_SMALL, container))
    for _ in range(flips):
        data[choose.randrange(len(data))] = choose.randrange(256)
    try:
        made = fingerprint(bytes(data))
    except CompareError:
        return
    assert made["frames"] > 0


_SMALL = encoded(shot(6, (32, 32)))


def test_nothing_is_printed(golden: bytes, capfd: pytest.CaptureFixture[str], caplog: Any) -> None:
    data = bytearray(golden)
    third = len(data) // 3
    data[third : 2 * third] = bytes(third)
    with pytest.raises(UndecodableError):
        fingerprint(bytes(data))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_golden_run_compares_video_by_its_fingerprint(frames: list[Image.Image], golden: bytes) -> None:
    described = describe(golden, "video/mp4")
    kept = Kept("video/mp4", described["sha256"], None, described["fingerprint"], (), None)
    assert compare_output(kept, golden, "video/mp4").verdict == "identical"
    assert compare_output(kept, encoded(frames, options={"crf": "22"}), "video/mp4").passed
    assert compare_output(kept, b"junk", "video/mp4").kinds == ("undecodable",)


def test_without_pyav_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, golden: bytes) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"PyAV: pip install 'pytest-comfy\[video\]'"):
        fingerprint(golden)
