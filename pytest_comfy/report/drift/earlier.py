"""The report of before, by which failures are known; nothing that stands in it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..reading import Refused, load_document, load_report
from ..session import REPORT_FILE
from ..telling import line
from .words import KNOWN

_FAILED = "failed"
"""The outcome of cases of which the workflow is to blame; what could not be judged is not known from it."""


class Earlier:
    """A report of before.

    told    where it is, for people
    folder  that holds its kept runs; None where the file stands alone
    """

    def __init__(self, told: str, document: Mapping[str, Any], folder: Path | None) -> None:
        self.told = told
        self.folder = folder
        self.created = line(document["created"], 40)
        self._failed = {case["folder"]: case for case in document["cases"] if _is_known(case)}

    @classmethod
    def open(cls, path: Path, report_dir: Path, told: str) -> Earlier:
        """Read the report in a folder, or a file that is its document; raises Refused.

        told        where it is, for people
        report_dir  where this session's report goes, which may not be the same: its runs would be overwritten
        """
        folder: Path | None = path if path.is_dir() else path.parent if path.name == REPORT_FILE else None
        if folder is not None and folder.resolve() == report_dir.resolve():
            raise Refused(
                f"{path}: is where the report of this session goes: copy it elsewhere, or name another folder with "
                "--comfy-report"
            )
        document = load_report(path) if path.is_dir() else load_document(path)
        return cls(told, document, folder)

    def of(self, folder: str, mode: str) -> Mapping[str, Any] | None:
        """Return the entry of a case that failed then, by its folder in the report; None where it did not.

        mode  of today's run: what fails live says nothing of a replay, nor the other way round
        """
        found = self._failed.get(folder)
        return found if found is not None and found["mode"] == mode else None

    def since(self, case: Mapping[str, Any]) -> str:
        """Return since when a case is known to fail, a date."""
        told = case.get("known_since")
        return line(told)[:10] if isinstance(told, str) else self.created[:10]


def _is_known(case: Mapping[str, Any]) -> bool:
    return case["outcome"] == _FAILED or (case["outcome"] == "xfailed" and case.get("drift") == KNOWN)
