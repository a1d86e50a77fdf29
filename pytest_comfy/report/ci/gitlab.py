"""Attachments of GitLab: its test report shows the picture that a test case of the JUnit document names.

https://docs.gitlab.com/ci/testing/unit_test_reports/
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...files import write_whole
from ..changes import WRONG
from ..keeping import CASE

if TYPE_CHECKING:
    from ...session.state import State

_BEST = ("difference", "actual", "golden")
"""GitLab shows the first attachment of a case alone."""


def attach(path: Path, state: State, environ: Mapping[str, str]) -> None:
    """Name the files of cases that failed in pytest's JUnit document; raises OSError.

    The document tells the folder of a case in the report among the properties of its test.
    """
    if state.document is None or not path.is_file():
        return
    base = Path(environ.get("CI_PROJECT_DIR") or state.settings.root)
    files = {case["folder"]: list(_files(case, state.settings.report_dir, base)) for case in state.document["cases"]}
    try:
        tree = ET.fromstring(path.read_bytes())
    except ET.ParseError:
        return  # somebody else's: it is theirs to say what is wrong with it
    found = [(test, attached) for test in tree.iter("testcase") if (attached := _of_test(test, files))]
    for test, attached in found:
        _say(test, "\n".join(f"[[ATTACHMENT|{name}]]" for name in attached))
    if found:
        write_whole(path, ET.tostring(tree, encoding="utf-8", xml_declaration=True))


def _files(case: Mapping[str, Any], report_dir: Path, base: Path) -> Iterator[str]:
    """Yield the files to look at, those of the output that is the first to have failed first."""
    outputs = case["outputs"] if case["outcome"] in WRONG else ()
    for output in outputs:
        for what in _BEST:
            if what in output["files"]:
                name = Path(os.path.relpath(report_dir / output["files"][what], base)).as_posix()
                if not name.startswith("../") and "]]" not in name and name.isprintable():
                    yield name


def _of_test(test: ET.Element, files: Mapping[str, list[str]]) -> list[str]:
    folders = [one.get("value", "") for one in test.iter("property") if one.get("name") == CASE]
    return [name for folder in dict.fromkeys(folders) for name in files.get(folder, ())]


def _say(test: ET.Element, text: str) -> None:
    out = test.find("system-out")
    if out is None:
        out = ET.SubElement(test, "system-out")
    out.text = f"{out.text}\n{text}" if out.text else text
