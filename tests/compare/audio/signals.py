"""Sounds to compare, and the short ways to change, encode and describe them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from pytest_comfy.compare import Comparison, parse_tolerance
from pytest_comfy.compare.audio.comparing import compare_fingerprints
from pytest_comfy.compare.audio.decoding import Audio
from pytest_comfy.compare.audio.fingerprints import fingerprint, sound_fingerprint

RATE = 44100

Sound = npt.NDArray[np.float64]


@cache
def tune(seconds: float = 3.0, seed: int = 1, transposed: float = 0.0) -> Sound:
    """A tune of plucked harmonic tones over a beat of noise, each at its own place in stereo, (2, samples)."""
    random = np.random.default_rng(seed)
    sound = np.zeros((2, int(seconds * RATE)))
    for i, start in enumerate(range(0, sound.shape[1] - 100, RATE // 4)):
        left = sound[:, start : start + RATE]
        t = np.arange(left.shape[1]) / RATE
        for octave in (-12, 0):
            note = octave + random.choice([0, 2, 4, 5, 7, 9, 11]) + transposed
            side = random.uniform(0.2, 0.8)
            pitch = 440 * 2 ** (note / 12)
            tone = sum(np.sin(2 * np.pi * pitch * h * t + h) / h**1.3 for h in range(1, 12))
            left += np.array([[side], [1 - side]]) * (tone * np.minimum(1, t * 300) * np.exp(-4 * t) * 0.15)
        if i % 2 == 0:
            left += random.normal(0, 0.1, len(t)) * np.exp(-60 * t)
    sound.flags.writeable = False
    return sound


def noise(sound: Sound, level: float) -> Sound:
    """White noise like the sound in shape, of so many dB of full scale."""
    return np.random.default_rng(7).normal(0, 10 ** (level / 20), sound.shape)


def gained(sound: Sound, decibels: float) -> Sound:
    return sound * 10 ** (decibels / 20)


def without_treble(sound: Sound, above: float, decibels: float = -60.0) -> Sound:
    """The sound with what is above a frequency turned down."""
    spectrum = np.fft.rfft(sound)
    spectrum[:, np.fft.rfftfreq(sound.shape[1], 1 / RATE) > above] *= 10 ** (decibels / 20)
    return np.fft.irfft(spectrum, sound.shape[1])


def silent_for(sound: Sound, start: float, seconds: float) -> Sound:
    changed = sound.copy()
    changed[:, int(start * RATE) : int((start + seconds) * RATE)] = 0
    return changed


def late(sound: Sound, seconds: float) -> Sound:
    return np.pad(sound, ((0, 0), (int(seconds * RATE), 0)))


CODECS: Mapping[str, tuple[str, str]] = {
    "WAV": ("wav", "pcm_s16le"),
    "WAV float": ("wav", "pcm_f32le"),
    "WAV 24": ("wav", "pcm_s24le"),
    "AIFF": ("aiff", "pcm_s16be"),
    "FLAC": ("flac", "flac"),
    "MP3": ("mp3", "libmp3lame"),
    "Opus": ("opus", "libopus"),
    "AAC": ("mp4", "aac"),
    "MKV": ("matroska", "pcm_s16le"),
    "WEBM": ("webm", "libopus"),
}


def encoded(sound: Sound, codec: str = "WAV", rate: int = RATE, bits: int | None = None, **metadata: str) -> bytes:
    """Encode as ComfyUI's nodes do: all in one frame; `bits` a second, V0 for MP3 when there are none."""
    container, name = CODECS[codec]
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(sound)]
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as output:
        output.metadata.update(metadata)
        track: Any = output.add_stream(name, rate=rate)
        track.codec_context.layout = layout
        if bits:
            track.bit_rate = bits
        elif codec == "MP3":
            track.codec_context.qscale = 1
        interleaved = np.ascontiguousarray(sound.T, dtype=np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        output.mux(track.encode(frame))
        output.mux(track.encode(None))
    return stream.getvalue()


def described(sound: Sound, rate: int = RATE) -> dict[str, Any]:
    return sound_fingerprint(Audio(np.ascontiguousarray(sound, dtype=np.float32), rate))


def compared(golden: Sound | bytes, actual: Sound | bytes, tolerance: Any = "normal") -> Comparison:
    """Compare two sounds, or files of sounds."""
    before, after = (fingerprint(x) if isinstance(x, bytes) else described(x) for x in (golden, actual))
    return compare_fingerprints(before, after, parse_tolerance(tolerance))
