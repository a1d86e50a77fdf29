"""One comparator a kind of output, loaded when the first output of that kind is judged."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from .kept import Kept
from .result import DAMAGED, Comparison, UndecodableError, damaged, hard_failure
from .tolerance import Tolerance

_MODULES: Mapping[str, str] = {
    "audio": "audio",
    "latent": "latents",
    "model": "models",
    "svg": "svg",
    "video": "video.comparing",
}
"""Kind -> module of this package that fulfils Comparator."""


class Comparator(Protocol):
    """What the module of a kind offers."""

    VERSION: int
    """Version of the fingerprint; those of other versions are made anew from the golden file."""

    def fingerprint(self, data: bytes) -> dict[str, Any]:
        """Describe an output, JSON-able, with the key "version"; equal content gives equal fingerprints.

        Raises UndecodableError, and MissingExtraError when a package is missing.
        """

    def compare(self, golden: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance) -> Comparison:
        """Compare two fingerprints; with an exact tolerance equal fingerprints pass only if they hold all."""

    def difference(self, golden: bytes, actual: bytes) -> bytes | None:
        """Draw the two and what differs as a PNG; None when either cannot be read."""


def comparator(kind: str) -> Comparator | None:
    """Return the comparator of a kind that is compared by fingerprints alone; None for others."""
    name = _MODULES.get(kind)
    return cast(Comparator, import_module(f".{name}", __package__)) if name else None


def is_of_today(judge: Comparator, kept: Mapping[str, Any] | None) -> bool:
    """Whether a kept fingerprint is one that the comparator makes today."""
    return kept is not None and kept.get("version") == judge.VERSION


def compare_kind(judge: Comparator, golden: Kept, actual: bytes, tolerance: Tolerance) -> Comparison:
    """Compare an output with what was kept of the golden one, reading the golden file only where it must."""
    try:
        made = judge.fingerprint(actual)
    except UndecodableError as error:
        return hard_failure(("undecodable",), str(error), tolerance.name)
    kept = golden.fingerprint
    if kept is None or not is_of_today(judge, kept):
        version = kept.get("version") if kept else None
        which = f"the kept fingerprint is of version {version}" if kept else "no fingerprint was kept"
        kept = judge.fingerprint(golden.data(which))
    try:
        return judge.compare(kept, made, tolerance)
    except DAMAGED as error:
        raise damaged(error) from error
