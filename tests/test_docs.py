"""The examples of the guide pages are run: Python blocks as test files, console blocks as commands."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kept import lay_all
from ui_form import definitions as known
from ui_form import nested

from pytest_comfy import ComfyClient, FakeComfyServer, Workflow
from pytest_comfy.cases.sidecar import read_cases
from pytest_comfy.commands.__main__ import main
from pytest_comfy.golden import GoldenRun, GoldenStore
from pytest_comfy.golden.record import Approval, record
from pytest_comfy.report.approving import load_report
from pytest_comfy.session.settings import Settings
from pytest_comfy.workflow.graph.layouts import checked, read

ROOT = Path(__file__).parent.parent
SITE = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language, *stems):
    return [
        pytest.param(text, id=f"{page.stem}-{number}")
        for page in PAGES
        if not stems or page.stem in stems
        for number, (kind, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1)
        if kind == language
    ]


@pytest.fixture
def project(pytester):
    for name in ("workflows", "golden"):
        shutil.copytree(ROOT / name, pytester.path / name)
    definitions = json.loads((ROOT / "golden/sampling/txt2img/default/run.json").read_text())["node_definitions"]
    (pytester.path / "object_info.json").write_text(json.dumps({**known(), **definitions}))
    (pytester.path / "workflows/edit.json").write_text(json.dumps(nested()))
    # A recording of it, by whose definitions it is converted.
    with FakeComfyServer((), synthesize=known()) as server, ComfyClient(server.url) as client:
        run = client.run(Workflow.load(pytester.path / "workflows/edit.json"))
        approval = Approval("workflows/edit.json", "default", "test", converted=run.workflow)
        golden = record(run, approval, {}, client.definitions(run.workflow.classes()))
    GoldenStore(pytester.path / "golden").write("edit/default", golden)
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:recording -p no:asyncio\n")
    return pytester


@pytest.mark.parametrize("text", blocks("python"))
def test_python_example(project, text):
    assert re.search(r"^def test_", text, re.MULTILINE)
    project.makepyfile(test_example=text)
    result = project.runpytest_subprocess("test_example.py", "-q")
    result.assert_outcomes(passed=len(re.findall(r"^def test_", text, re.MULTILINE)))


def test_table_of_the_client_names_its_methods():
    page = (ROOT / "docs/client.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in page.splitlines() if re.match(r"\| (?!endpoint|-)", line)]
    told = {name: row for row in rows for name in re.findall(r"`(\w+)\(", row[1])}
    methods = {name for name in dir(ComfyClient) if not name.startswith("_") and callable(getattr(ComfyClient, name))}
    aside = {"close", "renew", "converted", "frontend", "known_definition"}
    assert told.keys() == methods - aside
    for name, row in told.items():
        said = re.search(rf"`{name}\((.*?)\)`", row[1])[1]
        arguments = [one.partition("=") for one in said.split(", ") if one and one != "..."]
        parameters = inspect.signature(getattr(ComfyClient, name)).parameters
        for argument, _, default in arguments:
            assert repr(parameters[argument].default).replace("'", '"') == default or not default, (name, argument)


@pytest.mark.parametrize("text", blocks("toml", "workflows"))
def test_widgets_file(text):
    assert read(text, "comfy-widgets.toml")


@pytest.mark.parametrize("text", blocks("toml", "comparison"))
def test_sidecar(text, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    (tmp_path / "x.toml").write_text(text)
    (tmp_path / "face.png").touch()
    (case,) = read_cases(tmp_path / "x.json", Settings(tmp_path))
    assert case.options.outputs


@pytest.mark.parametrize("text", blocks("py"))
def test_hook(text):
    """The hook says what the file of the page says."""
    names = {}
    exec(text, names)
    (told,) = [read(block.values[0], "") for block in blocks("toml", "workflows")]
    ((class_type, layout),) = told.items()
    assert checked(names["pytest_comfy_widgets"](class_type, {}), "") == layout
    assert names["pytest_comfy_widgets"]("Other", {}) is None


@pytest.mark.parametrize("text", blocks("ini"))
def test_settings(project, text):
    project.makeini(text + "addopts = -p no:randomly -p no:recording -p no:asyncio\n")
    result = project.runpytest_subprocess("workflows/edit.json", "-q")
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("text", blocks("console", "workflows"))
def test_command_that_ends(project, text):
    words = text.strip().removeprefix("$ pytest-comfy ").split()
    done = project.run(sys.executable, "-m", "pytest_comfy.commands", *words)
    assert done.ret == 0 and "Traceback" not in done.stderr.str()
    assert "9:5" in json.loads((project.path / words[words.index("-o") + 1]).read_text())


@pytest.mark.parametrize("text", blocks("console", "comparison"))
def test_comparison(project, text):
    done = project.run(
        sys.executable, "-m", "pytest_comfy.commands", *text.strip().removeprefix("$ pytest-comfy ").split()
    )
    assert done.ret == 1 and done.outlines[0].startswith("different: ") and not done.errlines


@pytest.mark.parametrize("text", blocks("console", "report"))
def test_command_on_a_report(tmp_path, monkeypatch, text):
    """The commands of the page on reports find what they name in a project with a report, or with two shards."""
    monkeypatch.chdir(tmp_path)
    case = lay_all(tmp_path)
    for shard in ("shard-1", "shard-2"):
        shutil.copytree("comfy-report", shard)
    words = shlex.split(text.strip().removeprefix("$ pytest-comfy "))
    assert main(words) == 0
    if words[0] == "approve":
        assert GoldenRun.load(tmp_path / case["target"]).document["approvals"][-1]["reason"] == words[-1]
    else:
        assert load_report(tmp_path / "comfy-report")["cases"] == [case]


@pytest.mark.parametrize("text", blocks("console", "fake-server"))
def test_command(project, text):
    """A command that serves prints its address first, and ends well when it is told to."""
    (line,) = text.strip().splitlines()
    assert line.startswith("$ pytest-comfy ")
    words = line.removeprefix("$ pytest-comfy ").split()
    with FakeComfyServer(project.path / "golden") as upstream:
        words = [word.replace("http://127.0.0.1:8188", upstream.url) for word in words]
        command = [sys.executable, "-m", "pytest_comfy.commands", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            first = running.stdout.readline()
            running.terminate()
            _, errors = running.communicate(timeout=30)
    assert re.search(r"http://127\.0\.0\.1:\d+", first), first + errors
    assert running.returncode == 0 and "Traceback" not in errors


def test_page_of_trust_names_tests_that_are_there():
    page = (ROOT / "docs/trust.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/.]+)`", page))
    assert named and [name for name in sorted(named) if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_is_in_the_menu_of_the_site(page):
    assert re.search(rf"^  - [^:]+: {re.escape(page.name)}$", SITE, re.MULTILINE)
