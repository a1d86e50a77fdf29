from __future__ import annotations

import io
import random
import struct
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_comfy.compare import CompareError, MissingExtraError, describe
from pytest_comfy.compare.audio import decoding
from pytest_comfy.compare.audio.decoding import Audio, decode_audio
from pytest_comfy.compare.audio.fingerprints import fingerprint
from pytest_comfy.compare.mp4 import MAX_BOXES, check_boxes
from pytest_comfy.compare.result import UndecodableError

from .signals import CODECS, RATE, encoded, tune

DATA = Path(__file__).parents[2] / "data"
FILES = {codec: encoded(tune(0.4), codec, rate=48_000) for codec in CODECS}


@pytest.mark.parametrize("codec", CODECS)
def test_samples_rate_and_channels(codec: str) -> None:
    decoded = decode_audio(FILES[codec])
    assert decoded is not None
    assert (decoded.rate, decoded.samples.dtype, decoded.samples.shape[0]) == (48_000, np.float32, 2)
    both = decoded.samples[:, : tune(0.4).shape[1]], tune(0.4)
    correlation = np.corrcoef(both[0].ravel(), both[1][:, : both[0].shape[1]].ravel())[0, 1]
    assert correlation > 0.95  # and so no delay
    assert abs(decoded.seconds - tune(0.4).shape[1] / 48_000) < 0.03


def test_names_that_are_no_utf_8_do_not_matter() -> None:
    sound = encoded(tune(0.1), "WAV")
    name = b"INAM" + struct.pack("<I", 4) + b"\xff\xfe\xe9\0"
    chunk = b"LIST" + struct.pack("<I", 4 + len(name)) + b"INFO" + name
    named = sound[:4] + struct.pack("<I", len(sound) - 8 + len(chunk)) + sound[8:] + chunk
    found, plain = decode_audio(named), decode_audio(sound)
    assert found is not None and plain is not None and found.sha256 == plain.sha256


@pytest.mark.parametrize("suffix", ["flac", "mp3", "opus"])
def test_what_comfyui_saves_is_read(suffix: str) -> None:
    made = fingerprint((DATA / f"comfyui-sound.{suffix}").read_bytes())
    assert (made["rate"], made["channels"]) == (48_000, 2)
    assert made["loudness"] == pytest.approx(-21.0, abs=0.1)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.85])
def test_truncated_files_are_undecodable(codec: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    data = encoded(tune(1.0), codec, rate=48_000)
    with pytest.raises(UndecodableError):
        fingerprint(data[: int(len(data) * share)])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 5000,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\2\0\0\0\0\0\0\0\0\0\4\0\x10\0data\xff\xff\xff\x7f",
        random.Random(3).randbytes(20_000),
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"\xff\xfb" * 500,
    ],
)
def test_what_is_no_sound_is_undecodable(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UndecodableError) as caught:
        fingerprint(data)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(CODECS)), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12))
def test_changed_bytes_raise_nothing_else(codec: str, changes: list[tuple[float, int]]) -> None:
    data = bytearray(FILES[codec])
    for where, byte in changes:
        data[min(int(where**4 * len(data)), len(data) - 1)] = byte  # mostly in the header
    try:
        fingerprint(bytes(data))
    except CompareError as error:
        assert str(error) and "\n" not in str(error)


def test_sound_of_too_many_samples_channels_or_rate_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    surround = encoded(np.resize(tune(0.1), (6, 4000)), "WAV")
    monkeypatch.setattr(decoding, "MAX_CHANNELS", 5)
    with pytest.raises(UndecodableError, match="6 channels at 44100 Hz, more than 5 channels"):
        decode_audio(surround)
    with pytest.raises(UndecodableError, match="at 900 Hz"):
        decode_audio(encoded(tune(0.1), "WAV", rate=900))
    monkeypatch.setattr(decoding, "MAX_SAMPLES", 10_000)
    with pytest.raises(UndecodableError, match="more than 10000 samples"):
        decode_audio(encoded(tune(0.5), "FLAC"))


def test_sound_of_too_many_seconds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_SECONDS", 0.3)
    with pytest.raises(UndecodableError, match=r"longer than 0\.3 s"):
        decode_audio(encoded(tune(0.5), "WAV"))


def table(name: bytes, *numbers: int) -> bytes:
    return box(name, struct.pack(f">{len(numbers)}I", *numbers))


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def inside(body: bytes, *names: bytes) -> bytes:
    for name in reversed(names):
        body = box(name, body)
    return box(b"ftyp", b"isom\0\0\0\0") + body


@pytest.mark.parametrize(
    "data",
    [
        inside(table(b"stsz", 0, 1, 2**28), b"moov", b"trak", b"mdia", b"minf", b"stbl"),
        inside(table(b"trun", 0, 2**28), b"moof", b"traf"),
        struct.pack(">I4sQ", 1, b"moov", 2**60) + box(b"trak", box(b"trak", table(b"stsz", 0, 1, 2**28))),
    ],
)
def test_tables_of_more_samples_than_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(UndecodableError, match="more samples than it has bytes"):
        decode_audio(data)


def test_compressed_headers_and_endless_boxes_are_refused() -> None:
    with pytest.raises(UndecodableError, match="header is compressed"):
        decode_audio(inside(b"", b"moov", b"cmov"))
    with pytest.raises(UndecodableError, match="boxes"):
        check_boxes(box(b"free", b"") * (MAX_BOXES + 1))


@given(st.binary(max_size=200))
def test_boxes_of_any_bytes_are_walked_to_the_end(data: bytes) -> None:
    check_boxes(data)


def test_real_mp4_has_sound_boxes() -> None:
    check_boxes(FILES["AAC"])


def test_video_without_sound_has_none() -> None:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as output:
        track: Any = output.add_stream("mpeg4", rate=10)
        track.width, track.height, track.pix_fmt = 32, 32, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        output.mux(track.encode(frame))
        output.mux(track.encode(None))
    assert decode_audio(stream.getvalue()) is None
    with pytest.raises(UndecodableError, match="the file holds no sound"):
        fingerprint(stream.getvalue())


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"^sound .* PyAV: pip install 'pytest-comfy\[audio\]'$"):
        decode_audio(FILES["WAV"])
    assert describe(FILES["WAV"], "audio/wav")["fingerprint"] is None


def test_digest_takes_all_zeros_and_all_nan_as_one() -> None:
    plain = Audio(np.array([[0.0, np.nan]], dtype=np.float32), RATE)
    other = np.array([[-0.0, np.nan]], dtype=np.float32)
    other.view(np.uint32)[0, 1] |= 0x80000001
    assert Audio(other, RATE).sha256 == plain.sha256
    assert Audio(plain.samples, RATE + 1).sha256 != plain.sha256
    assert Audio(plain.samples.reshape(2, 1), RATE).sha256 != plain.sha256
