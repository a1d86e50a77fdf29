"""Make the fingerprint of a video: size, times of frames, what they show, and the sound track."""

from __future__ import annotations

import hashlib
from typing import Any

from ..audio.decoding import decode_audio
from ..audio.fingerprints import sound_fingerprint
from ..moving.summary import Summary
from .decoding import VideoReader

VERSION = 1
"""Version of the fingerprint; others cannot be compared with it and are made anew from the video."""


def fingerprint(data: bytes) -> dict[str, Any]:
    """Describe a video.

    version, content_sha256 (of decoded planes, timing and sound), size [width, height], rate (frames a second),
    constant (whether all frames are shown equally long), sound (as `audio` describes it, or null), and what
    moving.summary.Summary tells of the frames. Raises UndecodableError and MissingExtraError.
    """
    reader, summary = VideoReader(data), Summary()
    size = 0, 0
    for picture in reader.pictures():
        summary.add(picture)
        size = picture.size
    sound = _describe_sound(data)
    digest = reader.sha256 + (sound["content_sha256"] if sound else "")
    return {
        "version": VERSION,
        "content_sha256": hashlib.sha256(digest.encode()).hexdigest(),
        "size": list(size),
        "rate": round(reader.timing.rate, 3),
        "constant": reader.timing.constant,
        "sound": sound,
        **summary.described(reader.timing.durations),
    }


def _describe_sound(data: bytes) -> dict[str, Any] | None:
    audio = decode_audio(data)
    return None if audio is None else sound_fingerprint(audio)
