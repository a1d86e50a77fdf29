"""A report as somebody got it, from CI or from a stranger: nothing that stands in it is trusted."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import leads_elsewhere, read_below
from ..memory import DEFAULT_MAX_MEMORY, in_words, json_cost
from ..text import plain, shown
from .document import SCHEMA
from .session import REPORT_FILE

_LARGEST_DOCUMENT = 2**28
_FOREIGN = "\\:" if os.name == "nt" else "\\"
"""What part of a system's paths is more than a name."""
_TEXT, _TEXT_OR_NONE = (str,), (str, type(None))
_DOCUMENT: Mapping[str, tuple[type, ...]] = {
    "created": _TEXT, "by": _TEXT, "interrupted": (bool,), "mode": _TEXT, "servers": (list,),
    "commit": _TEXT_OR_NONE, "counts": (dict,), "ci": (dict, type(None)), "cases": (list,),
}  # fmt: skip
_CASE: Mapping[str, tuple[type, ...]] = {
    "node_id": _TEXT, "key": _TEXT, "project": _TEXT, "source": _TEXT, "case": _TEXT, "folder": _TEXT, "outcome": _TEXT,
    "headline": _TEXT, "mode": _TEXT, "started": _TEXT, "golden": (dict, type(None)), "target": _TEXT,
    "run": _TEXT_OR_NONE, "refused": _TEXT_OR_NONE, "outputs": (list,),
}  # fmt: skip
_GOLDEN: Mapping[str, tuple[type, ...]] = {"folder": _TEXT, "digest": _TEXT}
_OUTPUT: Mapping[str, tuple[type, ...]] = {"name": _TEXT, "verdict": _TEXT, "kinds": (list,)}


class Refused(Exception):
    """Something is not done; the text is one sentence for the user."""


def load_report(report: Path) -> dict[str, Any]:
    """Return the document of a report's folder, which has the keys that are read of it.

    Raises Refused where there is none, it is of another schema version, or not what docs/report.md promises.
    """
    if not report.is_dir():
        raise Refused(f"{report}: is no folder: name that of a report, which holds a {REPORT_FILE}")
    return load_document(report / REPORT_FILE)


def load_document(told: Path) -> dict[str, Any]:
    """Return the document of a report in a file, such as --comfy-json writes; otherwise as `load_report`."""
    _refuse_large(told)
    try:
        data = read_below(told.parent, told.name)
        if json_cost(data) > DEFAULT_MAX_MEMORY:
            raise Refused(f"{told}: would take more than {in_words(DEFAULT_MAX_MEMORY)} of memory: nothing was read")
        document = json.loads(data, parse_constant=_no_number)
    except FileNotFoundError:
        raise Refused(f"{told}: is not there: name the folder of a report, as --comfy-report wrote it") from None
    except OSError as error:
        raise Refused(f"{told}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise Refused(f"{told}: broken JSON ({plain(error)}): get the report again") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA or isinstance(schema, bool):
        raise Refused(f"{told}: of schema version {shown(schema)}, and this version of pytest-comfy reads {SCHEMA}")
    _check(document, _DOCUMENT, str(told))
    for number, case in enumerate(document["cases"]):
        check_case(case, f"{told}: case {number}")
    return dict(document)


def check_case(case: Any, told: str) -> None:
    """Raise Refused for an entry that lacks what is read of a case; `told` begins the sentence."""
    _check(case, _CASE, told)
    if case["golden"] is not None:
        _check(case["golden"], _GOLDEN, f"{told}: golden")
    for output in case["outputs"]:
        _check(output, _OUTPUT, f"{told}: output")
    for key in ("key", "source", "folder", *(["run"] if case["run"] is not None else [])):
        if not is_below(case[key]):
            raise Refused(f"{told}: {key} {shown(case[key])} leads out of the folder: nothing is done with it")
    if case["project"] and not is_below(case["project"]):
        raise Refused(f"{told}: project {shown(case['project'])} leads out of the folder: nothing is done with it")


def is_below(name: str) -> bool:
    """Whether a name with forward slashes stays below the folder that it is relative to, on every system."""
    parts = name.split("/")
    return (
        len(name) < 1024
        and all(part not in ("", ".", "..") and len(part) < 256 for part in parts)
        and not any(char in name for char in _FOREIGN)
        and name.isprintable()
    )


def refuse_large(folder: Path, most: int = DEFAULT_MAX_MEMORY) -> None:
    """Raise Refused where the files of a folder are together larger than what a run may be, in bytes.

    What is reached by a link is not looked at.
    """
    total = 0
    for at, _, files in os.walk(folder):
        paths = [path for name in files if not leads_elsewhere(path := Path(at, name))]
        total += sum(path.stat().st_size for path in paths if path.is_file())
    if total > most:
        raise Refused(f"{folder}: holds {in_words(total)}, more than the {in_words(most)} that one run may be")


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _refuse_large(path: Path) -> None:
    if path.is_file() and path.stat().st_size > _LARGEST_DOCUMENT:
        raise Refused(f"{path}: is larger than {in_words(_LARGEST_DOCUMENT)}: nothing was read")


def _check(found: Any, shape: Mapping[str, tuple[type, ...]], told: str) -> None:
    if not isinstance(found, dict):
        raise Refused(f"{told} is no object: get the report again")
    for key, kinds in shape.items():
        if key not in found or type(found[key]) not in kinds:
            raise Refused(f"{told}: {key} is {shown(found.get(key))}, which is not what a report has: get it again")
