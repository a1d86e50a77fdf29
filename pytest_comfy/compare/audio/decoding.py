"""Bytes to samples, with everything that PyAV may raise or log turned into one error."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..extras import load, open_media
from ..figures import figure
from ..memory import require
from ..mp4 import check_boxes
from ..result import CompareError, UndecodableError

MAX_SAMPLES = 2**27
"""Most samples over all channels: 23 minutes of 48 kHz stereo. ComfyUI's own nodes make at most 1000 seconds of
44.1 kHz stereo, two thirds of that. As 32-bit floats it is 512 MiB, twice that while the pieces are joined."""
_BYTES = 14
"""Bytes a sample that comparing takes, measured with a margin."""
MAX_SECONDS = 3600.0
"""Longest sound: at low rates many hours would fit into MAX_SAMPLES, and spectra are made every 20 ms."""
MAX_CHANNELS = 16
"""Most channels: third-order ambisonics, which is twice 7.1."""
RATES = (1000, 768_000)
"""Lowest and highest sampling rate in Hz: below telephone's 8000, and the highest that converters offer."""
SHORTFALL, PCM_SHORTFALL = 0.08, 0.005
"""Seconds that may be missing of the declared length: a frame of MP3, which is up to 72 ms; of PCM what Matroska's
milliseconds round off."""

# Playlists and the like open other files and addresses, and raw formats take any bytes: not in this list.
_FORMATS = "wav,aiff,flac,mp3,aac,ogg,mov,matroska,webm,avi"
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
_FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31}

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Audio:
    """Decoded sound.

    samples  shape (channels, samples), float32, full scale is 1.0; decoders of lossy codecs and float files
             may go beyond, and may hold NaN
    rate     samples a second of each channel
    """

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        """Return the length in seconds."""
        return float(self.samples.shape[1] / self.rate)

    @property
    def sha256(self) -> str:
        """Return the digest, hex, of rate, channels and samples; -0.0 and 0.0 and all NaN are taken as one."""
        form = struct.pack("<II", self.rate, self.samples.shape[0])
        digest = hashlib.sha256(form)
        for channel in self.samples:
            plain = np.where(np.isnan(channel), np.float32(np.nan), channel)
            plain[plain == 0] = 0
            digest.update(np.ascontiguousarray(plain, dtype="<f4").data)
        return digest.hexdigest()


def decode_audio(data: bytes) -> Audio | None:
    """Decode the first sound track of an audio or video file; None when a readable file has none.

    Delay and padding that the container declares are cut off, as players do. Integers become floats by
    their full scale, so that the same samples in WAV and FLAC are equal whatever their width.
    Raises UndecodableError for files that are broken, truncated, empty or beyond MAX_SAMPLES, MAX_SECONDS,
    MAX_CHANNELS or RATES, and MissingExtraError without PyAV.
    """
    av = load("av", "sound is decoded with PyAV: pip install 'pytest-comfy[audio]'")
    check_boxes(data)
    with _guard(av), open_media(av, data, options=dict(_OPTIONS)) as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise UndecodableError("the sound is of a codec that PyAV does not decode")
        _check_form(stream.codec_context.sample_rate or 0, stream.codec_context.channels)
        stream.thread_type = "NONE"  # the same bytes give the same samples, and log to this thread
        declared = _declared_seconds(data, stream)
        audio = _joined(_blocks(container.decode(stream)))
        shortfall = PCM_SHORTFALL if stream.codec_context.name.startswith("pcm_") else SHORTFALL
        if declared is not None and audio.seconds < declared - shortfall:
            raise UndecodableError(
                f"the sound is truncated: {figure(audio.seconds)} s of the {figure(declared)} s that the file declares"
            )
        return audio


@contextmanager
def _guard(av: Any) -> Iterator[None]:
    """Let FFmpeg log nothing from this thread, and raise nothing but UndecodableError."""
    try:
        with av.logging.Capture():
            yield
    except CompareError:
        raise
    except Exception as error:
        told = getattr(error, "strerror", None) or str(error)  # without FFmpeg's number and log
        reason = " ".join(told.split())[:120] or type(error).__name__
        raise UndecodableError(f"the sound is broken, truncated or of unknown format ({reason})") from error


def _blocks(frames: Iterator[Any]) -> Iterator[tuple[int, Samples]]:
    """Yield rate and samples, shape (channels, samples), of each frame that holds any."""
    for frame in frames:
        if frame.samples <= 0:
            continue
        raw = frame.to_ndarray()
        channels = raw.shape[0] if frame.format.is_planar else raw.size // frame.samples
        block = raw.reshape(channels, -1) if frame.format.is_planar else raw.reshape(-1, channels).T
        yield frame.sample_rate, _floats(block)


def _floats(block: npt.NDArray[Any]) -> Samples:
    full_scale = _FULL_SCALE.get(block.dtype.str[1:])
    if full_scale is None:
        return block.astype(np.float32)
    zero = full_scale if block.dtype.kind == "u" else 0.0
    return ((block.astype(np.float64) - zero) / full_scale).astype(np.float32)


def _check_form(rate: int, channels: int) -> None:
    if not RATES[0] <= rate <= RATES[1] or not 1 <= channels <= MAX_CHANNELS:
        raise UndecodableError(
            f"the sound has {channels} channels at {rate} Hz, more than {MAX_CHANNELS} channels or rates "
            f"outside {RATES[0]} to {RATES[1]} Hz are refused"
        )


def _joined(blocks: Iterator[tuple[int, Samples]]) -> Audio:
    kept: list[Samples] = []
    total = rate = channels = 0
    for block_rate, block in blocks:
        if not kept:
            rate, channels = block_rate, block.shape[0]
            _check_form(rate, channels)
        if (block_rate, block.shape[0]) != (rate, channels):
            raise UndecodableError("the sound changes its rate or its number of channels on the way")
        total += block.size
        require(total * _BYTES, f"the sound has {total} samples and more, and to compare it")
        if total > MAX_SAMPLES:
            raise UndecodableError(f"the sound has more than {MAX_SAMPLES} samples, which are refused")
        if total > MAX_SECONDS * rate * channels:
            raise UndecodableError(f"the sound is longer than {MAX_SECONDS:g} s, which is refused")
        kept.append(block)
    if not kept:
        raise UndecodableError("the file declares sound and holds none")
    return Audio(np.concatenate(kept, axis=1), rate)


def _declared_seconds(data: bytes, stream: Any) -> float | None:
    """Return the length the file declares, None where it declares none and FFmpeg only guesses."""
    kind = stream.container.format.name
    if kind == "wav":
        return _declared_by_riff(data, stream)
    if kind == "aac" or (kind == "mp3" and not _has_frame_count(data)):
        return None
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    whole = stream.container.duration
    return None if whole is None or stream.container.streams.video else whole / 1_000_000


def _has_frame_count(data: bytes) -> bool:
    """Whether an MP3 has the Xing or Info header, after an ID3 tag of any size."""
    start = 0
    if data[:3] == b"ID3" and len(data) >= 10:
        a, b, c, d = data[6:10]
        start = 10 + (a << 21 | b << 14 | c << 7 | d)
    head = data[start : start + 2048]
    return b"Xing" in head or b"Info" in head


def _declared_by_riff(data: bytes, stream: Any) -> float | None:
    """Return the length of the data chunk; FFmpeg takes that of the bytes that are there."""
    at = 12
    bytes_a_second = (stream.codec_context.bit_rate or 0) / 8
    while data[:4] == b"RIFF" and at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"data":
            streamed = size in (0, 0xFFFFFFFF)
            return None if streamed or not bytes_a_second else size / bytes_a_second
        at += 8 + size + size % 2
    return None
