"""What a golden run keeps of an output, and the output that is held against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..files import is_lfs_pointer
from .result import CompareError, Region


@dataclass(frozen=True)
class Kept:
    """A golden output as the comparison needs it.

    media_type     such as "image/png"
    sha256         of the bytes, hex
    pixels_sha256  of the decoded pixels without masks, hex; None for what is no picture
    fingerprint    as `describe` gave it; None when none was kept
    masks          (x, y, width, height) in pixels, that the fingerprint was made with
    read           gives the bytes of the golden file; None when only the description was kept
    at_hand        those bytes, where they were read already and found to be what `sha256` says
    """

    media_type: str
    sha256: str
    pixels_sha256: str | None
    fingerprint: Mapping[str, Any] | None
    masks: tuple[Region, ...]
    read: Callable[[], bytes] | None
    at_hand: bytes | None = field(default=None, repr=False)

    def data(self, purpose: str) -> bytes:
        """Return the bytes of the golden file.

        `purpose` says in the error why they are needed. Raises CompareError when there is no file, when it
        cannot be read and when it is a Git LFS pointer in place of the file.
        """
        if self.read is None:
            raise CompareError(
                f"{purpose}, and the golden file was not kept: approve the run again with these settings, "
                "or keep golden files"
            )
        try:
            data = self.read()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise CompareError(
                f"{purpose}, and the golden file cannot be read ({reason}): restore it or approve the run again"
            ) from error
        if is_lfs_pointer(data):
            raise CompareError(f"{purpose}, and the golden file is a Git LFS pointer: run `git lfs pull`")
        return data


@dataclass(frozen=True)
class Made:
    """An output of today."""

    data: bytes = field(repr=False)
    media_type: str
