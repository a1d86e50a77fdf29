"""`pytest-comfy diff`: the verdict on two files, two folders or two golden runs."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compare.figures import figure
from ..files import write_whole
from . import Commands, printable

if TYPE_CHECKING:
    from ..compare import Comparison, Drawing, Tolerance
    from ..judging.pairs import Row, Rule
    from ..upgrade.trend import Trend

_MOST_REGIONS = 10
"""Regions printed; --json has them all."""
_MOST_CHANGES = 10
_ORDER = ("cannot be judged", "different", "missing", "unexpected", "within tolerance", "identical")
"""Verdicts, the gravest first: that of a folder is the first that any of its files has."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add `diff` to the commands."""
    parser = commands.add_parser(
        "diff",
        help="say whether two outputs are the same, and what differs",
        description="Compare two files (pictures, animations, video, audio, text, latents, 3D), two folders by the "
        "relative paths of their files, or two golden runs by their outputs, as pytest does; of folders of golden runs "
        "made in two environments it tells as well what differs between those. Exit status: 0 the same or within "
        "tolerance, 1 different, 2 trouble.",
    )
    add = parser.add_argument
    add("first", type=Path, metavar="A", help="file or folder that is expected, such as a golden one")
    add("second", type=Path, metavar="B", help="file or folder to judge")
    add(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME|PART=LIMIT",
        help="exact, strict, normal (default) or loose, or the limit of one part, such as colour=9 (repeatable)",
    )
    add(
        "--mask",
        action="append",
        default=[],
        metavar="X,Y,W,H",
        help="rectangle, in pixels, of pictures that does not count (repeatable; default: those that golden runs keep)",
    )
    add(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="write a picture of what differs there, a PNG; of folders, into the folder OUT",
    )
    add(
        "--golden",
        type=Path,
        metavar="DIR",
        help="folder of approved runs that says which of A, the old one, and B, the new one, is right: what differs is "
        "a regression, an improvement, or the golden run is stale",
    )
    add("--json", action="store_true", help="print the verdict as JSON")
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the verdict; returns the exit status of diff(1): 0 the same, 1 different, 2 trouble."""
    from ..judging.pairs import DiffError, Rule

    try:
        rule = Rule(_tolerance(options.tolerance), tuple(_mask(text) for text in options.mask))
        folders = [path for path in (options.first, options.second) if path.is_dir()]
        _check_output(options, bool(folders))
        if options.golden is not None:
            _check_golden(options)
        if len(folders) == 1:
            other = options.second if folders == [options.first] else options.first
            if other.exists():
                raise DiffError(f"{folders[0]} is a folder and {other} is a file: give two of a kind")
        return (_diff_folders if folders else _diff_files)(options, rule)
    except DiffError as error:
        _tell(error)
    except BrokenPipeError:
        raise
    except OSError as error:  # not even whether it is a folder can be told
        _tell(f"{error.filename}: cannot be read ({error.strerror})")
    return 2


def _check_golden(options: argparse.Namespace) -> None:
    from ..judging.pairs import DiffError

    for path in (options.first, options.second, options.golden):
        if not path.is_dir():
            what = "is a file" if path.exists() else "is not there"
            raise DiffError(f"{path}: {what}: --golden takes three folders, of the old, the new and the approved runs")


def _diff_files(options: argparse.Namespace, rule: Rule) -> int:
    from ..judging.pairs import compare_files, draw_files

    comparison = compare_files(options.first, options.second, rule)
    output = options.output
    drawing = draw_files(options.first, options.second, rule, comparison) if output is not None else None
    if drawing is not None:
        _write(output, drawing)
    elif output is not None:
        _tell(f"{output}: not written: of these two nothing can be drawn")
    if options.json:
        paths = {"a": str(options.first), "b": str(options.second)}
        _print_json({**paths, **_comparison_json(comparison.verdict, comparison.message, comparison)})
    else:
        _print([f"{comparison.verdict}: {comparison.message}", *_details(comparison), *_prompts(options)])
    return 0 if comparison.passed else 1


def _prompts(options: argparse.Namespace) -> Iterator[str]:
    """Yield how the prompts differ that made two files, where both hold theirs."""
    from ..workflow import Workflow, WorkflowError
    from ..workflow.difference import differences

    try:
        before, after = (Workflow.load(path) for path in (options.first, options.second))
        if before.form == after.form == "api":
            yield from (f"prompt: {told}" for told in differences(before.prompt(), after.prompt()))
    except WorkflowError:
        return  # what made them is not known


def _diff_folders(options: argparse.Namespace, rule: Rule) -> int:
    from ..judging.pairs import FAILING, NOT_JUDGED
    from ..upgrade.trend import FAILING as WORSE

    rows: list[tuple[Row, Trend | None]] = []
    for row, trend in _rows(options, rule):
        rows.append((row, trend))
        if row.verdict == NOT_JUDGED:
            _tell(f"{row.label}: {row.message}")
        elif (row.verdict != "identical" or trend not in (None, "same")) and not options.json:
            _print([row.line() if trend in (None, "same", "different") else f"{trend}: {row.line()}"])
        drawn = options.output is not None and row.draw is not None and row.verdict != "identical"
        drawing = row.draw() if drawn and row.draw else None
        if drawing is not None:
            _write(_place_of(options.output, row.name, drawing.suffix), drawing)
    counts = Counter(row.verdict for row, _ in rows)
    trends = Counter(trend for _, trend in rows if trend is not None)
    _tell_folders(options, rule, rows, counts, trends)
    if counts[NOT_JUDGED]:
        return 2
    if options.golden is not None:
        return 1 if WORSE & trends.keys() else 0
    return 1 if any(counts[one] for one in FAILING) else 0


def _rows(options: argparse.Namespace, rule: Rule) -> Iterator[tuple[Row, Trend | None]]:
    """Yield the verdicts on what is in two folders, with what each means where a third one says it."""
    from ..judging.pairs import compare_folders

    if options.golden is None:
        return ((row, None) for row in compare_folders(options.first, options.second, rule))
    from ..upgrade.folders import with_trends

    return with_trends(options.first, options.second, options.golden, rule)


def _tell_folders(
    options: argparse.Namespace,
    rule: Rule,
    rows: list[tuple[Row, Trend | None]],
    counts: Counter[str],
    trends: Counter[Trend],
) -> None:
    from ..upgrade.folders import environments
    from ..upgrade.trend import TRENDS

    verdict = next((one for one in _ORDER if counts[one]), "identical")
    shared, changed = environments(options.first, options.second)
    if options.json:
        items = [
            {"name": row.name, "trend": trend, **_comparison_json(row.verdict, row.message, row.comparison)}
            for row, trend in rows
        ]
        paths = {"a": str(options.first), "b": str(options.second)}
        environment = [{"change": change, "runs": number} for change, number in changed]
        verdicts = {"verdict": verdict, "tolerance": rule.tolerance.name, "counts": counts, "trends": trends}
        _print_json({**paths, **verdicts, "environment": {"runs": shared, "changes": environment}, "items": items})
        return
    told = ", ".join(f"{counts[one]} {one}" for one in _ORDER if counts[one]) or "nothing to compare"
    _print([f"{verdict}: {told}"])
    if trends:
        _print([f"new against old: {', '.join(f'{trends[one]} {one}' for one in reversed(TRENDS) if trends[one])}"])
    for change, number in changed[:_MOST_CHANGES]:
        _print([f"environment: {change} (in {number} of {shared} golden runs)"])
    if len(changed) > _MOST_CHANGES:
        _print([f"environment: and {len(changed) - _MOST_CHANGES} changes more"])


def _tolerance(words: Iterable[str]) -> Tolerance:
    from ..compare import parse_tolerance
    from ..judging.pairs import DiffError

    table: dict[str, float | str] = {}
    for word in words:
        part, equals, limit = word.partition("=")
        if not equals and "base" in table:
            raise DiffError(f"--tolerance {word}: there is one already, {table['base']}")
        try:
            table[part if equals else "base"] = float(limit) if equals else word
        except ValueError:
            raise DiffError(f"--tolerance {word}: {limit!r} is no number") from None
    try:
        return parse_tolerance(table)
    except ValueError as error:
        raise DiffError(f"--tolerance: {error}") from error


def _mask(text: str) -> tuple[int, int, int, int]:
    from ..judging.pairs import DiffError

    found = re.fullmatch(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})", text, re.ASCII)
    x, y, width, height = map(int, found.groups()) if found else (0, 0, 0, 0)
    if not width or not height:
        raise DiffError(f"--mask {text}: write X,Y,WIDTH,HEIGHT in pixels, such as 0,0,64,32")
    return x, y, width, height


def _check_output(options: argparse.Namespace, folders: bool) -> None:
    """Refuse a place for pictures where they would replace, or stand among, what is compared."""
    from ..judging.pairs import DiffError

    output = options.output
    if output is None:
        return
    if folders and output.exists() and not output.is_dir():
        raise DiffError(f"{output}: is a file: folders need a folder to write to")
    if not folders and output.is_dir():
        raise DiffError(f"{output}: is a folder: files need a file to write to")
    for given in (options.first, options.second):
        if output.resolve() == given.resolve() or (folders and output.resolve().is_relative_to(given.resolve())):
            raise DiffError(f"{output}: is {'in ' if folders else ''}what is compared: write elsewhere")


def _write(path: Path, drawing: Drawing) -> None:
    """Write what shows the difference; raises DiffError."""
    from ..judging.pairs import DiffError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, drawing.data)
    except OSError as error:
        raise DiffError(f"{path}: cannot be written ({error.strerror or error})") from error


def _place_of(folder: Path, name: str, suffix: str) -> Path:
    """Return where the picture of a file or output goes; names of outputs are a server's."""
    parts = [re.sub(r"[^\w. +()-]", "_", part) for part in name.split("/")]
    return folder.joinpath(
        *(part if part.strip(".") else "_" for part in parts[:-1]), f"{parts[-1]}.difference{suffix}"
    )


def _details(comparison: Comparison) -> Iterator[str]:
    """Yield the table of parts, those that moved most first, and the regions."""
    parts = sorted(comparison.parts.items(), key=lambda item: (-item[1].distance, item[0]))
    rows = [["part", "value", "limit", "distance", ""]]
    for name, part in parts:
        numbers = [figure(number, 4) for number in (part.value, part.limit, part.distance)]
        rows.append([name, *numbers, "beyond" if part.distance > 1 else ""])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells, mark in rows if parts else ():
        numbers = [cell.rjust(width) for cell, width in zip(cells, widths[1:-1], strict=True)]
        yield "  ".join([name.ljust(widths[0]), *numbers, mark]).rstrip()
    if comparison.regions:
        told = "; ".join(f"{w}x{h} at {x},{y}" for x, y, w, h in comparison.regions[:_MOST_REGIONS])
        more = len(comparison.regions) - _MOST_REGIONS
        yield f"regions: {told}" + (f"; and {more} more" if more > 0 else "")


def _comparison_json(verdict: str, message: str, comparison: Comparison | None) -> dict[str, Any]:
    """Return the result as JSON; numbers that JSON has not, such as the infinite distance, are null."""
    document: dict[str, Any] = {"verdict": verdict, "message": message}
    if comparison is None:
        return {**document, "tolerance": None, "distance": None, "kinds": [], "regions": [], "parts": {}}
    return {
        **document,
        "tolerance": comparison.tolerance,
        "distance": _finite(comparison.distance),
        "kinds": list(comparison.kinds),
        "regions": [[int(number) for number in region] for region in comparison.regions],
        "parts": {
            name: {"value": _finite(part.value), "limit": _finite(part.limit), "distance": _finite(part.distance)}
            for name, part in comparison.parts.items()
        },
    }


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


def _print_json(document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=2, allow_nan=False)
    print(re.sub(r"\[\n\s+(\d+),\n\s+(\d+),\n\s+(\d+),\n\s+(\d+)\n\s+\]", r"[\1, \2, \3, \4]", text))  # regions


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(printable(line))


def _tell(what: object) -> None:
    print(f"pytest-comfy diff: {printable(what)}", file=sys.stderr)
