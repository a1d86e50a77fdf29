"""The files of one case in the report's folder, never beside the golden runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..files import refuse_links, remove_below, write_whole


def make_folder(report_dir: Path, folder: Path) -> None:
    """Make a folder of the report, or its own; raises OSError, also where a link is on the way."""
    refuse_links(report_dir.parent, folder)
    folder.mkdir(parents=True, exist_ok=True)
    ignore = report_dir / ".gitignore"
    if not os.path.lexists(ignore):
        ignore.write_text("*\n", encoding="utf-8")  # a report is no source; keep it out of commits


class Artefacts:
    """The folder of one case in the report: REPORT/WORKFLOW/CASE. No link is followed, nor may the report be one.

    problems  why not all could be written, a sentence for a person; a verdict does not hang on it
    """

    def __init__(self, report_dir: Path, key: str) -> None:
        self.report_dir = report_dir
        self._key = key
        self.problems: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder, which need not be there."""
        return self.report_dir / self._key

    def clear(self) -> None:
        """Remove what an earlier session left of this case."""
        try:
            if os.path.isdir(os.path.join(self.report_dir, self._key)):
                remove_below(self.report_dir.parent, self.folder)
        except OSError as error:
            self._failed(error)

    def write(self, name: str, data: bytes) -> Path | None:
        """Write one file whole, under a name that stays in the folder; returns where it is, None if it cannot be."""
        target = self.folder / re.sub(r"[^\w.-]", "_", name)
        try:
            self.make()
            write_whole(target, data)
        except OSError as error:
            self._failed(error)
            return None
        return target

    def make(self) -> None:
        """Make the case's folder; raises OSError, also where a link is on the way."""
        make_folder(self.report_dir, self.folder)

    def tell(self, problem: str) -> None:
        """Note why something is not in the report."""
        self.problems = (*self.problems, problem)

    def refuse(self, name: str, why: str) -> None:
        """Note that a file is not written, and why."""
        self.problems = (*self.problems, f"report: {self.folder / name}: not written, as {why}")

    def _failed(self, error: OSError) -> None:
        self.problems = (f"report: {error.filename or self.folder}: cannot be written ({error.strerror or error})",)


class Nowhere(Artefacts):
    """Where nothing is written: what is compared beside the verdict leaves no files."""

    def clear(self) -> None:
        """Leave all as it is."""

    def write(self, name: str, data: bytes) -> Path | None:
        """Write nothing."""
        return None


NOWHERE = Nowhere(Path(), "")
