"""Names of the files of a run, as ComfyUI would give them in an empty output folder."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

DATE = {"year": "2026", "month": "01", "day": "01", "hour": "00", "minute": "00", "second": "00"}
"""Stands for the time of the run in file names, so that a prompt gives the same run at any time."""

_LETTERS = "abcdefghijklmnopqrstupvxyz"
_LONGEST = 120


@dataclass(slots=True)
class Names:
    """Counts the files of one run per folder and prefix; the server counts on from there."""

    _counters: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def item(
        self, kind: str, prefix: str, suffix: str, size: tuple[int, int] = (0, 0), number: int = 0, tail: str = "_"
    ) -> dict[str, str]:
        """Return the next {filename, subfolder, type} for a prefix such as "folder/name".

        kind is "output" or "temp", size (width, height) for the tokens, number the place in the batch.
        ComfyUI refuses prefixes that lead out of its folder; here they are kept inside it.
        """
        subfolder, stem = _split(_expanded(prefix, size))
        counter = (kind, subfolder, stem)
        self._counters[counter] = count = self._counters.get(counter, 0) + 1
        # The counter is found by the unexpanded name, so in ComfyUI too each of a batch has a number of its own.
        name = stem.replace("%batch_num%", str(number))
        return {"filename": f"{name}_{count:05}{tail}{suffix}", "subfolder": subfolder, "type": kind}


def temp_prefix(digest: str, stem: str = "ComfyUI") -> str:
    """Return the prefix of a preview node's files: random in ComfyUI, here taken from a digest (hex)."""
    letters = (_LETTERS[byte % len(_LETTERS)] for byte in bytes.fromhex(digest)[:5])
    return f"{stem}_temp_{''.join(letters)}"


def _expanded(prefix: str, size: tuple[int, int]) -> str:
    tokens = {"width": str(size[0]), "height": str(size[1]), **DATE}
    for token, text in tokens.items():
        prefix = prefix.replace(f"%{token}%", text)
    return prefix


def _split(prefix: str) -> tuple[str, str]:
    whole = posixpath.normpath(prefix.replace("\\", "/").replace("\0", ""))
    parts = [part[:_LONGEST] for part in whole.split("/") if part not in ("", ".", "..")]
    return "/".join(parts[:-1]), parts[-1] if parts else ""
