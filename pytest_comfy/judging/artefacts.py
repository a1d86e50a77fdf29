"""Pictures of what differs, in the report's folder, never beside the golden runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ..files import write_whole


class Artefacts:
    """The folder of one case in the report: REPORT/WORKFLOW/CASE."""

    def __init__(self, report_dir: Path, key: str) -> None:
        self.report_dir = report_dir
        self.folder = report_dir / key

    def clear(self) -> None:
        """Remove what an earlier session left of this case."""
        if self.folder.is_dir():
            shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name: str, data: bytes) -> Path:
        """Write one file whole, under a name that stays in the folder; returns where it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ignore = self.report_dir / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")  # a report is no source; keep it out of commits
        target = self.folder / re.sub(r"[^\w.-]", "_", name)
        write_whole(target, data)
        return target
