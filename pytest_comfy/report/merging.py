"""Several reports made one, as shards of a CI run leave them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..files import is_folder, leads_elsewhere
from ..golden.store import PREVIEWS
from ..judging.artefacts import make_folder
from ..judging.verdict import VERDICTS
from ..upgrade.causes import causes_in, compared_in
from .document import OUTCOMES, SCHEMA
from .drift.words import DRIFT
from .html import write_page
from .kept import CASE_FILE, FOLDER
from .reading import Refused, load_report
from .session import REPORT_FILE
from .telling import dumps, line

_PAGES = ".html"
_MOST = 10**9


@dataclass(frozen=True)
class Shard:
    """One of the reports: its folder, and what its report.json holds."""

    folder: Path
    document: Mapping[str, Any]


def merge(reports: Sequence[Path], target: Path, *, force: bool = False) -> dict[str, Any]:
    """Write the cases of several reports as one, in `target`; returns its document.

    A case that several have is that of the latest run. An earlier report in `target` is replaced, also if it is one of
    those that are merged.

    force  also merge reports of different commits

    Raises Refused, and leaves what was there.
    """
    shards = [Shard(folder, load_report(folder)) for folder in reports]
    _refuse_commits(shards, force)
    _refuse_target(target)
    cases = _latest(shards)
    document = _document(shards, cases)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.", dir=target.parent))
        try:
            _write(fresh, document, cases)
            _move(fresh, target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise Refused(f"{error.filename or target}: cannot be written ({error.strerror or error})") from error
    return document


def _refuse_commits(shards: Sequence[Shard], force: bool) -> None:
    told = {shard.document["commit"]: shard.folder for shard in shards if shard.document["commit"] is not None}
    if len(told) > 1 and not force:
        (first, one), (second, other), *_ = told.items()
        raise Refused(
            f"{other}: is a report of commit {line(second, 12)}, and {one} of {line(first, 12)}: merge what is of one "
            "commit, or add --force"
        )


def _refuse_target(target: Path) -> None:
    if leads_elsewhere(target) or (os.path.lexists(target) and not target.is_dir()):
        raise Refused(f"{target}: is no folder, and is left alone: name another with -o")
    if target.is_dir() and any(target.iterdir()) and not (target / REPORT_FILE).is_file():
        raise Refused(f"{target}: holds something that is no report, and is left alone: name another with -o")


def _latest(shards: Sequence[Shard]) -> dict[str, tuple[Shard, Mapping[str, Any]]]:
    """Return folder -> case and where it comes from; of a test that several ran, all is that of the latest run."""
    begun: dict[str, tuple[str, int]] = {}
    for number, shard in enumerate(shards):
        for case in shard.document["cases"]:
            begun[case["node_id"]] = max(begun.get(case["node_id"], ("", 0)), (case["started"], number))
    found: dict[str, tuple[Shard, Mapping[str, Any]]] = {}
    for number, shard in enumerate(shards):
        for case in shard.document["cases"]:
            if begun[case["node_id"]][1] != number:
                continue
            other = found.setdefault(case["folder"].casefold(), (shard, case))[1]
            if other is not case:
                raise Refused(
                    f"{line(case['node_id'])} of {shard.folder} and {line(other['node_id'])} have one folder in the "
                    f"report, {line(case['folder'])}: they are of different projects, and make no report"
                )
    return {case["folder"]: (shard, case) for shard, case in found.values()}


def _document(shards: Sequence[Shard], cases: Mapping[str, tuple[Shard, Mapping[str, Any]]]) -> dict[str, Any]:
    documents = [shard.document for shard in shards]
    kept = {id(case) for _, case in cases.values()}
    replaced = [case for shard in shards for case in shard.document["cases"] if id(case) not in kept]
    commits = {one["commit"] for one in documents} - {None}
    return {
        "schema": SCHEMA,
        "created": max(one["created"] for one in documents),
        "by": f"pytest-comfy {__version__}",
        "interrupted": any(one["interrupted"] for one in documents),
        "mode": "live" if any(one["mode"] == "live" for one in documents) else "offline",
        "servers": sorted({line(server) for one in documents for server in one["servers"]}),
        "commit": commits.pop() if len(commits) == 1 else None,
        "counts": _counts(shards, kept),
        "causes": causes_in(
            [one.get("causes") for one in documents], filter(None, map(compared_in, replaced))
        ).to_json(),
        "known": next((told for one in documents if isinstance(told := one.get("known"), dict)), None),
        "ci": next((one["ci"] for one in documents if one["ci"] is not None), None),
        "cases": [cases[folder][1] for folder in sorted(cases)],
    }


def _counts(shards: Sequence[Shard], kept: set[int]) -> dict[str, dict[str, int]]:
    """Add up what the reports count, but for cases that a later run replaces."""
    totals: dict[str, Counter[str]] = {"cases": Counter(), "outputs": Counter(), "drift": Counter()}
    for shard in shards:
        for what, total in totals.items():
            total.update(_numbers(shard.document["counts"].get(what)))
        for case in shard.document["cases"]:
            if id(case) not in kept:
                totals["cases"][case["outcome"]] -= 1
                totals["outputs"].subtract(output["verdict"] for output in case["outputs"])
                totals["drift"].subtract(word for word in DRIFT if word == case.get("drift"))
    words: dict[str, tuple[str, ...]] = {"cases": OUTCOMES, "outputs": (*VERDICTS, "ignored"), "drift": DRIFT}
    return {what: {word: max(0, totals[what][word]) for word in words[what]} for what in totals}


def _numbers(told: object) -> dict[str, int]:
    found = told.items() if isinstance(told, dict) else ()
    return {word: number for word, number in found if type(number) is int and 0 <= number < _MOST}


def _write(fresh: Path, document: Mapping[str, Any], cases: Mapping[str, tuple[Shard, Mapping[str, Any]]]) -> None:
    for folder, (shard, case) in cases.items():
        make_folder(fresh, fresh / folder)
        for part in ("", f"/{FOLDER}", f"/{FOLDER}/{PREVIEWS}"):
            _copy(shard.folder, f"{folder}{part}", fresh)
        (fresh / folder / CASE_FILE).write_bytes(dumps(case))
    make_folder(fresh, fresh)
    (fresh / REPORT_FILE).write_bytes(dumps(document))
    write_page(fresh, document)
    fresh.chmod(0o755)


def _copy(report: Path, folder: str, fresh: Path) -> None:
    """Copy the files of one folder of a report; nothing that is reached by a link."""
    at = report
    for part in folder.split("/"):
        at = at / part
        if not is_folder(at):
            return
    (fresh / folder).mkdir(exist_ok=True)
    for path in sorted(at.iterdir()):
        # The pages are written anew, of the cases that are together now.
        if path.is_file() and not leads_elsewhere(path) and path.suffix != _PAGES:
            shutil.copyfile(path, fresh / folder / path.name, follow_symlinks=False)


def _move(fresh: Path, target: Path) -> None:
    """Put the new folder in the place of an earlier one."""
    if not target.exists():
        fresh.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.", dir=target.parent))
    try:
        target.rename(old / target.name)
        try:
            fresh.rename(target)
        except OSError:
            (old / target.name).rename(target)
            raise
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(old)
