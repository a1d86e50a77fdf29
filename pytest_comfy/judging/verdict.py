"""Verdicts: of an output and of a case."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..text import plain
from .wording import in_few_words, what_changed

if TYPE_CHECKING:
    from ..compare import Comparison

VERDICTS = ("identical", "within tolerance", "different", "missing", "unexpected")
OutputWord = Literal["identical", "within tolerance", "different", "missing", "unexpected", "ignored"]
FAILING = ("different", "missing", "unexpected")
GOLDEN = "golden"


@dataclass(frozen=True)
class OutputVerdict:
    """The verdict of one output.

    name   node.key.index
    files  what was written for a person to look at
    word   says more than the verdict does, such as "regression"; "" where it does
    before  what it was compared with, as it is called
    """

    name: str
    title: str
    verdict: OutputWord
    message: str = ""
    comparison: Comparison | None = None
    files: tuple[tuple[str, Path], ...] = ()
    word: str = ""
    before: str = GOLDEN

    @property
    def failed(self) -> bool:
        """Whether this output makes its case fail."""
        return self.verdict in FAILING

    @property
    def change(self) -> str | None:
        """What kind of change it is, in the words in which others may have it too, such as "softer"; None without."""
        if not self.failed:
            return None
        if self.verdict != "different":
            return self.verdict
        found = self.comparison
        return what_changed(self.message, found.kinds, found.parts) if found else what_changed(self.message)

    def line(self) -> str:
        """Return the verdict in one line: verdict, node, what moved."""
        node, _, rest = self.name.partition(".")
        told = f": {self.message}" if self.message else ""
        return plain(f"{self.word or self.verdict}: node {node} {self.title!r} {rest.replace('.', ' ')}{told}", 400)


@dataclass(frozen=True)
class CaseVerdict:
    """The verdict of a case.

    notes    what else a person should know, a line each
    written  the golden run that was approved, if any
    """

    outputs: tuple[OutputVerdict, ...] = ()
    failure: str | None = None
    notes: tuple[str, ...] = ()
    written: Path | None = None
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the case is as good as its golden run."""
        return self.written is not None or (self.failure is None and not any(output.failed for output in self.outputs))

    @property
    def unchanged(self) -> bool:
        """Whether there is nothing to look at: all outputs are identical, or left out."""
        return self.failure is None and all(output.verdict in ("identical", "ignored") for output in self.outputs)

    @property
    def headline(self) -> str:
        """What changed, in few words and first of all, as terminals cut what does not fit: "softer: node 3 'Save'"."""
        failed = next((output for output in self.outputs if output.failed), None)
        if self.failure or failed is None:
            return self.failure or ""
        told = in_few_words(failed.message) if failed.verdict == "different" else failed.verdict
        if failed.word:
            told = f"{failed.word}: {told}"
        node, _, rest = failed.name.partition(".")
        return plain(f"{told}: node {node} {failed.title!r} {rest.replace('.', ' ')}", 200)

    @property
    def counts(self) -> Counter[str]:
        """How many outputs have each verdict."""
        return Counter(output.verdict for output in self.outputs)

    def text(self, shown: Path) -> str:
        """Return what a person reads of a failed case, the verdict first; paths relative to `shown`."""
        lines = [self.failure] if self.failure else []
        for output in self.outputs:
            if output.failed:
                lines.append(output.line())
                names = {GOLDEN: output.before}
                lines.extend(f"  {names.get(name, name)}: {_relative(path, shown)}" for name, path in output.files)
        fine = [f"{n} {word}" for word, n in self.counts.items() if word not in FAILING]
        if fine:
            lines.append(f"other outputs: {', '.join(fine)}")
        return "\n".join([*lines, *self.notes])


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)
