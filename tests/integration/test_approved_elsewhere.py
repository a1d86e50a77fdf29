"""From a live run to an approval on another machine: the report is zipped, and approved where there is no server."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from kept import tree
from projects import graph, png, recorded
from ui_form import dice, plain

from pytest_comfy.commands.__main__ import main
from pytest_comfy.golden import GoldenRun, GoldenStore
from pytest_comfy.report.approving import load_report

BLANK = ["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "core.autocrlf=false"]
TEST = """
def test_run(comfy_golden, comfy_client):
    for name, color in (("one", 21), (None, 22)):
        prompt = {prompt}
        prompt["3"]["inputs"]["color"] = color
        comfy_golden.check(comfy_client.run(prompt), name=name)
"""


@pytest.fixture
def elsewhere(project, monkeypatch):
    """What takes a project, as it was checked in, and the report of its last session to a place of their own."""

    def take():
        away = project.root.parent / f"{project.root.name}-elsewhere"
        (away / "project").mkdir(parents=True)
        archive = shutil.make_archive(str(away / "report"), "zip", project.root / "comfy-report")
        shutil.unpack_archive(archive, away / "downloads/report")
        for name in tree(project.root):
            path = project.root / name
            if path.is_file() and not name.startswith(("comfy-report", ".")):
                (away / "project" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, away / "project" / name)
        monkeypatch.chdir(away / "project")
        return away / "project", away / "downloads/report"

    return take


def approve(report, *more):
    return main(["approve", str(report), "--reason", "it is right", *more])


def git(root, *words):
    return subprocess.run(["git", *BLANK, *words], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_git_shows_only_the_approved_runs(project, serve, elsewhere):
    runs = []
    for number, name in enumerate(("blur", "grain", "fine")):
        prompt = graph(color=number)
        project.both(name, prompt, outputs={"9": {"images": [png(number)]}})
        runs.append(recorded(prompt, {"9": {"images": [png(number if name == "fine" else number + 5)]}}))
    server = serve(*runs)
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=1, failed=2)
    server.stop()
    root, report = elsewhere()
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "before")
    assert approve(report, "-k", "blur") == 0
    assert git(root, "status", "--porcelain").split() == [
        "M", "golden/blur/default/9.images.0.png", "M", "golden/blur/default/run.json"
    ]  # fmt: skip
    project.pytester.runpytest_inprocess("workflows").assert_outcomes(passed=3)
    assert (root / "golden/blur/default/9.images.0.png").read_bytes() == png(5)
    assert approve(report, "-k", "grain") == 0
    assert len(git(root, "status", "--porcelain").splitlines()) == 4


def test_offline_is_green_afterwards_as_the_live_run_was_seen(project, serve, elsewhere):
    """What passes offline before and after is not the same picture."""
    project.both()
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
    root, report = elsewhere()
    assert approve(report) == 0
    project.pytester.runpytest_inprocess("workflows").assert_outcomes(passed=1)
    project.pytester.runpytest_inprocess("workflows", "--comfy-url", server.url).assert_outcomes(passed=1)
    document = GoldenRun.load(root / "golden/txt2img/default").document
    assert document["approvals"][-1]["reason"] == "it is right"


def test_the_same_golden_run_as_by_comfy_update(project, serve, elsewhere):
    project.both()
    changed = recorded(outputs={"9": {"images": [png(2)]}}, environment={"torch": "2.14.0"})
    server = serve(changed)
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
    root, report = elsewhere()
    assert approve(report) == 0
    project.pytester.chdir()
    fresh = serve(changed)
    project.run("workflows", "--comfy-url", fresh.url, "--comfy-update", "--comfy-reason", "it is right")
    ours, theirs = (GoldenStore(folder / "golden").load_whole("txt2img/default") for folder in (root, project.root))
    assert ours.blobs == theirs.blobs
    for key in theirs.document.keys() - {"events", "status", "approvals"}:  # which have times
        assert ours.document[key] == theirs.document[key], key


def test_several_projects(project, serve, elsewhere):
    runs = []
    for number, folder in enumerate(("packages/a", "packages/b")):
        project.write(f"{folder}/pytest.ini" if number else f"{folder}/comfy.toml", "[pytest]\n" if number else "")
        prompt = graph(color=number)
        project.workflow("txt2img", prompt, folder=f"{folder}/workflows")
        run = recorded(prompt, {"9": {"images": [png(number)]}})
        GoldenStore(project.root / folder / "golden").write("txt2img/default", run)
        runs.append(recorded(prompt, {"9": {"images": [png(number + 5)]}}))
    server = serve(*runs)
    project.run("--comfy-url", server.url).assert_outcomes(failed=2)
    server.stop()
    root, report = elsewhere()
    before = tree(root)
    assert approve(report, "-k", "packages/b") == 0
    after = tree(root)
    assert {name for name in after if after[name] != before.get(name)} == {
        f"packages/b/golden/txt2img/default/{name}" for name in ("run.json", "9.images.0.png")
    }
    assert approve(report, "-k", "packages/a") == 0
    project.pytester.runpytest_inprocess().assert_outcomes(passed=2)


def test_baseline(project, serve, elsewhere):
    project.both()
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    project.run("workflows", "--comfy-url", server.url, "--comfy-baseline", "new").assert_outcomes(failed=1)
    root, report = elsewhere()
    plain_run = tree(root / "golden/txt2img/default")
    assert approve(report) == 0
    assert tree(root / "golden/txt2img/default") == plain_run
    assert (root / "golden/txt2img/default+new/9.images.0.png").read_bytes() == png(2)
    project.pytester.runpytest_inprocess("workflows", "--comfy-baseline", "new").assert_outcomes(passed=1)


def test_tests_with_comfy_golden(project, serve, elsewhere):
    project.write("tests/test_it.py", TEST.format(prompt=graph()))
    runs = [recorded(graph(color=color), {"9": {"images": [png(color)]}}) for color in (21, 22)]
    server = serve(*runs)
    project.run("tests", "--comfy-url", server.url).assert_outcomes(failed=1)
    root, report = elsewhere()
    cases = load_report(report)["cases"]
    assert approve(report) == 0
    assert all((root / case["target"] / "run.json").is_file() for case in cases) and cases
    assert {case["node_id"] for case in cases} == {"tests/test_it.py::test_run"}


@pytest.mark.parametrize("workflow", [plain(), dice()])
def test_ui_form(project, live, elsewhere, workflow):
    project.workflow(prompt=workflow)
    project.run("workflows", "--comfy-url", live.url).assert_outcomes(failed=1)
    _, report = elsewhere()
    assert approve(report, "--allow-blank") == 0
    project.pytester.runpytest_inprocess("workflows").assert_outcomes(passed=1)


def test_outputs_that_show_nothing(project, serve, elsewhere, capsys):
    project.workflow()
    black = png(edit=lambda picture: picture.paste((0, 0, 0), (0, 0, 64, 64)))
    server = serve(recorded(outputs={"9": {"images": [black]}}))
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
    _, report = elsewhere()
    assert approve(report) == 1
    assert "is black: nothing was approved" in capsys.readouterr().out
    assert approve(report, "--allow-blank") == 0


def test_report_of_replays(project, elsewhere, capsys):
    project.both()
    project.workflow(prompt=graph(color=8))
    project.run("workflows").assert_outcomes(failed=1)
    _, report = elsewhere()
    assert approve(report) == 1
    assert "refused: workflows/txt2img.json::default: the run is a replay" in capsys.readouterr().out
