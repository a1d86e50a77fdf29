"""Make the fingerprint of a sound: small, JSON-able, enough to compare without it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..result import UndecodableError
from .decoding import Audio, decode_audio
from .grid import grid_of
from .loudness import integrated, weighted_power
from .packing import BALANCE_STEP, PHASE_STEP, pack_levels, pack_shares, pack_signed
from .spectrum import pitches, spectrogram
from .waveform import crest, quietest_and_sharpest

VERSION = 1
"""Version of the fingerprint; others cannot be compared with it and are made anew from the sound."""
LOUDEST = 100.0
"""Amplitude, +40 dB of full scale, that samples of float files are cut to before they are measured."""


def fingerprint(data: bytes) -> dict[str, Any]:
    """Describe the first sound track of a file, as `sound_fingerprint` does.

    Raises UndecodableError, also for files that have no sound, and MissingExtraError without PyAV.
    """
    audio = decode_audio(data)
    if audio is None:
        raise UndecodableError("the file holds no sound")
    return sound_fingerprint(audio)


def sound_fingerprint(audio: Audio) -> dict[str, Any]:
    """Describe a sound for comparison without it.

    version; rate in Hz; channels; samples of one channel; content_sha256 of the decoded samples; not_finite,
    number of samples that are NaN or infinite, taken as 0; peak, highest absolute sample; loudness in LUFS
    or null for silence; crest in dB; hops and cells of the grid; and in base85, by rows: mel (cells x 32
    bands), level (K-weighted, cells), quietest and sharpest (cells), all levels of 0.375 dB from -80 up;
    pitch (blocks x 24 quarter-tones); balance and phase (blocks x 8 bands x channels - 1).
    """
    clean, bad = finite(audio)
    grid = grid_of(audio.seconds)
    seen = spectrogram(clean, grid)
    quietest, sharpest = quietest_and_sharpest(clean, grid)
    power = weighted_power(clean)
    loudness = integrated(power)
    return {
        "version": VERSION,
        "rate": audio.rate,
        "channels": audio.samples.shape[0],
        "samples": audio.samples.shape[1],
        "content_sha256": audio.sha256,
        "not_finite": bad,
        "peak": round(float(max(clean.samples.max(), -clean.samples.min())), 6),
        "loudness": None if loudness is None else round(loudness, 2),
        "crest": round(crest(clean), 2),
        "hops": grid.hops,
        "cells": grid.cells,
        "mel": pack_levels(seen.power),
        "level": pack_levels(grid.spread(power)),
        "quietest": pack_levels(quietest),
        "sharpest": pack_levels(sharpest),
        "pitch": pack_shares(pitches(clean, grid)),
        "balance": pack_signed(seen.balance, BALANCE_STEP),
        "phase": pack_signed(seen.phase, PHASE_STEP),
    }


def finite(audio: Audio) -> tuple[Audio, int]:
    """Return the sound with silence for samples that are no number, and how many these are."""
    good = np.isfinite(audio.samples)
    bad = int(good.size - np.count_nonzero(good))
    if not bad and max(audio.samples.max(), -audio.samples.min()) <= LOUDEST:
        return audio, 0
    return Audio(np.where(good, audio.samples, np.float32(0)).clip(-LOUDEST, LOUDEST), audio.rate), bad
