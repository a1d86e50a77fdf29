"""What kinds of output have in common whose fingerprint stands for the output itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .kept import Kept, Made
from .result import DAMAGED, Comparison, MissingExtraError, UndecodableError, damaged, hard_failure
from .rules import Rules
from .tolerance import Tolerance


@dataclass(frozen=True)
class Fingerprints:
    """How one kind of output is compared without the outputs.

    version  of the fingerprints that are made; others are made anew from the golden file
    make     describes an output, JSON-able, with the key "version"; equal content gives equal fingerprints. Raises
             UndecodableError, and MissingExtraError when a package is missing
    compare  compares two of them; with an exact tolerance equal ones pass only if they hold all
    """

    version: int
    make: Callable[[bytes], dict[str, Any]]
    compare: Callable[[Mapping[str, Any], Mapping[str, Any], Tolerance], Comparison]

    def is_current(self, kept: Mapping[str, Any] | None) -> bool:
        """Whether a kept fingerprint is one that is made today."""
        return kept is not None and kept.get("version") == self.version

    def describe(self, data: bytes, masks: Sequence[Sequence[int]] = (), *, file_kept: bool = True) -> dict[str, Any]:
        """Return the fingerprint, as `kinds.Kind.describe` has it; masks have no meaning here."""
        with suppress(*([MissingExtraError] if file_kept else [])):
            return {"fingerprint": self.make(data)}
        return {}

    def judge(self, golden: Kept, actual: Made, rules: Rules) -> Comparison:
        """Compare an output with what was kept of the golden one, reading the golden file only where it must."""
        try:
            made = self.make(actual.data)
        except UndecodableError as error:
            return hard_failure(("undecodable",), str(error), rules.tolerance.name)
        kept = golden.fingerprint
        if kept is None or not self.is_current(kept):
            version = kept.get("version") if kept else None
            which = f"the kept fingerprint is of version {version}" if kept else "no fingerprint was kept"
            kept = self.make(golden.data(which))
        try:
            return self.compare(kept, made, rules.tolerance)
        except DAMAGED as error:
            raise damaged(error) from error
