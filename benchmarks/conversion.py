"""How long the conversion of UI-form workflows takes, beside parsing the same files, and how it grows.

`python benchmarks/conversion.py [FOLDER DEFINITIONS]` converts every workflow of a folder as well.
"""

from __future__ import annotations

import gc
import itertools
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/workflow"))

from graph.canvas import BYPASSED, Canvas  # noqa: E402
from results import Options, Result  # noqa: E402

from pytest_comfy.workflow.graph import ConversionError, to_prompt  # noqa: E402

SIZES = 1000, 2000, 4000, 8000, 16000
DEFINITIONS = json.loads((ROOT / "tests/workflow/graph/definitions-0.8.0.json").read_text(encoding="utf-8"))


def flat(size: int) -> Canvas:
    """A row of blurred pictures, every tenth bypassed."""
    canvas = Canvas(DEFINITIONS)
    at = canvas.add("EmptyImage", 64, 64, 1, 0)
    for number in range(size - 2):
        node = canvas.add("ImageBlur", 3, 1.5, mode=0 if number % 10 else BYPASSED)
        canvas.link(at, 0, node, "image")
        at = node
    canvas.link(at, 0, canvas.add("SaveImage", "x"), "images")
    return canvas


def subgraphs(size: int) -> Canvas:
    """The same in subgraphs of ten."""
    inner = Canvas(DEFINITIONS, "Ten")
    nodes = [inner.add("ImageBlur", 3, 1.5) for _ in range(10)]
    for one, other in itertools.pairwise(nodes):
        inner.link(one, 0, other, "image")
    inner.expose("image", (nodes[0], "image"))
    inner.expose("radius", (nodes[0], "blur_radius"))
    inner.give("IMAGE", nodes[-1])
    canvas = Canvas(DEFINITIONS)
    at = canvas.add("EmptyImage", 64, 64, 1, 0)
    for number in range(size // 10):
        node = canvas.instance(inner, number % 30)
        canvas.link(at, 0, node, "image")
        at = node
    canvas.link(at, 0, canvas.add("SaveImage", "x"), "images")
    return canvas


def took(work: Callable[[], Any], collected: bool = True) -> float:
    """Return the best of five in ms; not `collected`: without Python's garbage collector."""
    runs = []
    for _ in range(5):
        if not collected:
            gc.disable()
        start = time.perf_counter()
        work()
        runs.append((time.perf_counter() - start) * 1000)
        gc.enable()
    return min(runs)


def measure(options: Options) -> list[Result]:
    """Return ms of each size, what that is of parsing the file, and how twice the nodes grow."""
    sizes = options.counts([1000, 2000, 4000], list(SIZES))
    with warnings.catch_warnings(action="ignore"):
        return [one for name, draw in (("flat", flat), ("subgraphs", subgraphs)) for one in grown(name, draw, sizes)]


def grown(name: str, draw: Callable[[int], Canvas], sizes: Sequence[int] = SIZES) -> Iterator[Result]:
    """Yield the figures of each size, and how they grow."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for size in sizes:
        graph = draw(size).saved()
        text = json.dumps(graph)
        for collected, found in times.items():
            found.append(took(lambda graph=graph: to_prompt(graph, DEFINITIONS), collected))
        parse = took(lambda text=text: json.loads(text))
        convert = times[True][-1]
        yield Result(f"{name}, {size:,} nodes", convert, "ms")
        yield Result(f"{name}, {size:,} nodes / parsing the file", convert / parse, "")
    for collected, found in times.items():
        if len(found) > 1:
            growth = statistics.median(later / earlier for earlier, later in itertools.pairwise(found))
            yield Result(
                f"{name}, twice the nodes{'' if collected else ', without garbage collector'}", growth, "times"
            )


def folder(path: Path, definitions: Path) -> None:
    """Print how long all workflows of a folder take."""
    known = json.loads(definitions.read_text(encoding="utf-8"))
    texts = [one.read_text(encoding="utf-8") for one in sorted(path.glob("*.json"))]
    graphs = [one for one in map(json.loads, texts) if isinstance(one, dict) and isinstance(one.get("nodes"), list)]
    refused = 0

    def work() -> None:
        nonlocal refused
        refused = 0
        for graph in graphs:
            try:
                to_prompt(graph, known)
            except ConversionError:
                refused += 1

    convert, parse = took(work), took(lambda: [json.loads(text) for text in texts])
    print(
        f"{len(graphs)} workflows ({refused} refused): {convert:.0f} ms, {convert / parse:.1f} times parsing the files"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for one in (*grown("flat", flat), *grown("subgraphs", subgraphs)):
        print(f"{one.what:56} {one.value:8.2f} {one.unit}")
    if len(sys.argv) > 2:
        folder(Path(sys.argv[1]), Path(sys.argv[2]))
