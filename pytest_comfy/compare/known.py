"""What was learnt of the outputs of one run: whoever asks for it next need not measure it again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from .media import kind_of
from .outputs import describe

Key = tuple[str, str, tuple[tuple[int, ...], ...]]
"""Kind, SHA-256 of the bytes, and masks."""


class Known:
    """Describes outputs, each once for each set of masks."""

    def __init__(self) -> None:
        self._found: dict[Key, Mapping[str, Any]] = {}

    def learn(self, media_type: str, described: Mapping[str, Any] | None) -> None:
        """Remember what somebody else found of an output; None for nothing."""
        # What has no fingerprint is quickly described, and may have got none as a package is missing.
        if described and described["fingerprint"] is not None:
            self._found[_key(media_type, described["sha256"], described.get("masks", ()))] = described

    def describe(
        self, data: bytes, media_type: str, masks: Sequence[Sequence[int]] = (), *, file_kept: bool = True
    ) -> Mapping[str, Any]:
        """Return what `outputs.describe` does, and raise as it does."""
        found = self._found.get(_key(media_type, hashlib.sha256(data).hexdigest(), masks))
        if found is None:
            found = describe(data, media_type, masks, file_kept=file_kept)
            self.learn(media_type, found)
        return found


def _key(media_type: str, sha256: str, masks: Sequence[Sequence[int]]) -> Key:
    return kind_of(media_type), sha256, tuple(sorted({tuple(mask) for mask in masks}))
