"""How long `lint` and `doctor` take over 200 workflows once the definitions are parsed, beside parsing the files.

`python benchmarks/preflight.py [DEFINITIONS FOLDER]` takes what /object_info answered, and the workflows of a folder,
200 of them, or as often as it takes to have 200.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/workflow"))

from graph.canvas import Canvas  # noqa: E402
from results import Options, Result  # noqa: E402

from pytest_comfy.golden import GoldenRun, GoldenStore  # noqa: E402
from pytest_comfy.server import FakeComfyServer  # noqa: E402
from pytest_comfy.session.projects import Projects  # noqa: E402
from pytest_comfy.session.settings import Settings  # noqa: E402
from pytest_comfy.upgrade.preflight.cases import looked_at, read  # noqa: E402
from pytest_comfy.upgrade.preflight.known import Known  # noqa: E402
from pytest_comfy.upgrade.preflight.server import of_server  # noqa: E402
from pytest_comfy.workflow import Workflow, WorkflowError  # noqa: E402
from pytest_comfy.workflow.definitions import saved_texts, trim, used_values  # noqa: E402

COUNT = 200
PARSING = "parsing workflows and golden runs"
NODES = 40
OWN = ROOT / "tests/workflow/graph/definitions-0.8.0.json"


def made(definitions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return workflows in UI form of 40 nodes each."""
    found = []
    for number in range(COUNT):
        canvas = Canvas(definitions)
        at = canvas.add("EmptyImage", 64, 64, 1, number)
        for _ in range(NODES - 2):
            node = canvas.add("ImageBlur", 3, 1.5)
            canvas.link(at, 0, node, "image")
            at = node
        canvas.link(at, 0, canvas.add("SaveImage", "x"), "images")
        found.append(canvas.saved())
    return found


def golden(graph: dict[str, Any], definitions: Mapping[str, Any]) -> GoldenRun | None:
    """Return a golden run without outputs, for what it keeps of the definitions; None where there is none."""
    workflow = Workflow.from_graph(graph)
    try:
        prompt = workflow.converted(definitions).prompt()
        classes = {node["class_type"] for node in prompt.values()}
        kept = {
            name: trim(definitions[name], used_values(prompt, name), saved_texts(graph), defaults=workflow.form == "ui")
            for name in classes
        }
    except (WorkflowError, KeyError):
        return None
    return GoldenRun({"format": 1, "prompt": prompt, "node_definitions": kept, "environment": {}, "outputs": []})


def project(root: Path, graphs: list[dict[str, Any]], definitions: Mapping[str, Any]) -> list[Path]:
    """Write a project of 200 workflows with their golden runs."""
    store = GoldenStore(root / "golden")
    (root / "workflows").mkdir()
    paths = []
    for number, graph in zip(range(COUNT), itertools.cycle(graphs), strict=False):
        path = root / f"workflows/w{number:04}.json"
        path.write_text(json.dumps(graph), encoding="utf-8")
        run = golden(graph, definitions)
        if run is not None:
            store.write(f"w{number:04}/default", run)
        paths.append(path)
    return paths


def timed(paths: list[Path], projects: Projects, known: Known | None) -> tuple[float, Counter[str]]:
    """Look at the workflows; returns seconds of this process, as the machine is shared, and findings by severity."""
    start = time.process_time()
    files = list(read(paths, projects))
    looked = list(looked_at(files, lambda case: known or Known(case.kept, partly=True)))
    seconds = time.process_time() - start
    return seconds, Counter(finding.severity for one in looked for finding in one.findings)


def measure(options: Options) -> list[Result]:
    """Return seconds of each way to look at workflows, and what they are of parsing the files."""
    del options  # it takes seconds
    definitions = json.loads(OWN.read_bytes())
    (_, parsing, _), *ways = measured(definitions, made(definitions))
    found = [Result(PARSING, parsing, "s", peer="json")]
    for name, seconds, _ in ways:
        found += [Result(name, seconds, "s"), Result(f"{name} / parsing", seconds / parsing, "")]
    return found


def main() -> None:
    """Print seconds of each way to look at them."""
    definitions = json.loads(Path(sys.argv[1] if len(sys.argv) > 2 else OWN).read_bytes())
    if len(sys.argv) > 2:
        graphs = [json.loads(path.read_bytes()) for path in sorted(Path(sys.argv[2]).glob("*.json"))[:COUNT]]
    else:
        graphs = made(definitions)
    for name, seconds, found in measured(definitions, graphs):
        told = ", ".join(f"{found[one]} {one}" for one in ("error", "warning", "info") if found)
        print(f"{name:40} {seconds:6.2f} s   {told}")


def measured(definitions: Mapping[str, Any], graphs: list[dict[str, Any]]) -> Iterator[tuple[str, float, Counter[str]]]:
    """Yield each way to look at workflows, its seconds and its findings by severity; first that they are parsed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = project(root, graphs, definitions)
        projects = Projects(Settings(root, golden_dir=root / "golden"))
        start = time.process_time()
        for path in [*paths, *(root / "golden").rglob("run.json")]:
            json.loads(path.read_bytes())
        yield PARSING, time.process_time() - start, Counter()
        with FakeComfyServer((), synthesize=definitions) as server:
            from pytest_comfy import ComfyClient

            with ComfyClient(server.url) as client:
                ways = {
                    "lint, by golden runs": None,
                    "lint --definitions": Known(definitions),
                    "doctor": of_server(client, thorough=True),
                }
                for name, known in ways.items():
                    yield (name, *timed(paths, projects, known))


if __name__ == "__main__":
    main()
