"""Compare sound: WAV, FLAC, MP3, Opus and what else PyAV decodes, and the sound tracks of videos."""

from __future__ import annotations

from typing import Any

from ..result import UndecodableError
from .comparing import compare
from .decoding import Audio, decode_audio
from .fingerprints import VERSION, describe

__all__ = ["VERSION", "Audio", "compare", "decode_audio", "describe", "difference", "fingerprint"]


def fingerprint(data: bytes) -> dict[str, Any]:
    """Describe the first sound track of a file, as `describe` does.

    Raises UndecodableError, also for files that have no sound, and MissingExtraError without PyAV.
    """
    audio = decode_audio(data)
    if audio is None:
        raise UndecodableError("the file holds no sound")
    return describe(audio)


def difference(golden: bytes, actual: bytes) -> bytes | None:
    """Draw both spectrograms and what differs as a PNG; None when either cannot be decoded."""
    from .drawing import draw  # not at the top: Pillow is not needed to judge

    return draw(golden, actual)
