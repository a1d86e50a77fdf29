"""All benchmarks by one command, as a table and as JSON: python -m benchmarks --help."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent
# Each module is a command of its own as well, which finds its neighbours beside it.
sys.path.insert(0, str(FOLDER))

from results import NotMeasured, Options, Result  # noqa: E402


def main(words: list[str] | None = None) -> int:
    """Measure what is asked for; returns the exit status, which no limit changes: the machine may be busy."""
    args = arguments(words)
    options = Options(args.full, args.live, args.count, args.rounds)
    found: dict[str, list[Result]] = {}
    left_out: dict[str, str] = {}
    for name in args.names or names():
        try:
            found[name] = module(name).measure(options)
        except NotMeasured as why:
            left_out[name] = str(why)
        print("\n".join(table(name, found[name]) if name in found else [f"{name}: left out: {left_out[name]}"]))
        print(flush=True)
    if args.json:
        args.json.write_text(json.dumps(document(found, left_out, args.full), indent=1) + "\n", encoding="utf-8")
    return 0


def arguments(words: list[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed, as ratios in one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all of: {', '.join(names())}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to a file as well")
    parser.add_argument("--live", default="", metavar="URL", help="a real ComfyUI, for what is measured on one")
    parser.add_argument("--full", action="store_true", help="also what takes minutes, such as 10,000 items")
    parser.add_argument("--count", type=number, help="items, runs or pictures, in place of each benchmark's own number")
    parser.add_argument("--rounds", type=number, help="how often things are measured in turn")
    args = parser.parse_args(words)
    for name in args.names:
        if name not in names():
            parser.error(f"{name} is no benchmark; there are: {', '.join(names())}")
    return args


def number(word: str) -> int:
    """Return a count; raises ValueError, which argparse tells of, for what is less than one."""
    if int(word) < 1:
        raise ValueError(word)
    return int(word)


def names() -> list[str]:
    """Return the benchmarks: the modules here that have `measure`; none is loaded for that."""
    found = (path for path in sorted(FOLDER.glob("*.py")) if not path.stem.startswith("_"))
    return [path.stem for path in found if re.search(r"^def measure\(", path.read_text(encoding="utf-8"), re.MULTILINE)]


def module(name: str) -> ModuleType:
    """Load a benchmark; raises NotMeasured if a package that it needs is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        raise NotMeasured(f"{missing.name} is not installed") from missing


def table(name: str, results: list[Result]) -> Iterator[str]:
    """Yield the lines of a table: what, whose, how much, what is asked of it and whether it is met."""
    wide = max([len(one.what) for one in results] + [len(name)])
    whose = max([len(one.peer) for one in results] + [4])
    yield f"{name:{wide}}  {'':{whose}}  {'':>10} {'':5} {'limit':>11}"
    for one in results:
        asked = "" if one.limit is None else f"{'>=' if one.at_least else '<='} {one.limit:g}"
        met = {None: "", True: "met", False: "MISSED"}[one.met]
        line = f"{one.what:{wide}}  {one.peer or 'ours':{whose}}  {one.value:10.4g} {one.unit:5} {asked:>11}  {met}"
        yield line.rstrip()


def document(found: dict[str, list[Result]], left_out: dict[str, str], full: bool) -> dict[str, object]:
    """Return what goes into the file: where and how it was measured, each result, and what was left out and why."""
    return {
        "machine": {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()},
        "full": full,
        "results": [
            {"benchmark": name, **one._asdict(), "met": one.met} for name, results in found.items() for one in results
        ],
        "left_out": left_out,
    }


if __name__ == "__main__":
    sys.exit(main())
