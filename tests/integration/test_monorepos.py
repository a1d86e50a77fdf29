"""Several projects in one session: each has workflows and golden runs beside its comfy.toml or ini, or by a glob."""

from __future__ import annotations

import shutil

import pytest
from projects import INI, failure_of, graph, png, recorded, section_of

from pytest_comfy.golden import GoldenStore

A, B = "packages/a", "packages/b"
PLAIN = [word for name in ("randomly", "recording", "asyncio") for word in ("-p", f"no:{name}")]


def package(project, folder, seed=1, marker="comfy.toml", name="txt2img", text=""):
    """A project of its own: a marker, a workflow, and the golden run of its picture."""
    if marker:
        project.write(f"{folder}/{marker}", text)
    prompt = graph(color=seed)
    project.workflow(name, prompt, folder=f"{folder}/workflows")
    run = recorded(prompt, {"9": {"images": [png(seed)]}}, workflow=f"workflows/{name}.json")
    GoldenStore(project.root / folder / "golden").write(f"{name}/default", run)


@pytest.mark.parametrize("marker", ["comfy.toml", "pytest.ini"])
@pytest.mark.parametrize("args", [(), (A, B), ("packages",)])
def test_two_projects_in_one_session(project, marker, args):
    package(project, A, 1, marker)
    package(project, B, 2, marker)
    project.both()
    result = project.run(*args)
    result.assert_outcomes(passed=2 if args else 3)
    assert not any("golden runs unused" in line for line in result.outlines)


def test_an_argument_below_the_root(project):
    package(project, A)
    result = project.run(A)
    result.assert_outcomes(passed=1)
    assert "comfy: offline, replaying packages/a/golden/ (recorded with ComfyUI 0.8.0, torch 2.13.0, cpu)" in (
        result.outlines
    )
    project.run(f"{A}/workflows/txt2img.json::default").assert_outcomes(passed=1)


def test_each_is_judged_by_its_own_golden_run(project, serve):
    package(project, A, 1)
    package(project, B, 2)
    server = serve(recorded(graph(color=1), {"9": {"images": [png(1)]}}), recorded(graph(color=2)))
    result = project.run("--comfy-url", server.url)
    result.assert_outcomes(passed=1, failed=1)
    lines = failure_of(result, r"txt2img.json [default]")
    assert lines[0].startswith("different: node 9 'Save Image' images 0: ")
    assert any(line.strip().startswith("actual: comfy-report/packages/b/txt2img/default/") for line in lines), lines
    assert not (project.root / "comfy-report/txt2img").exists()
    (case,) = project.read("comfy-report/report.json")["cases"]
    assert (case["project"], case["key"], case["source"]) == (B, "txt2img/default", "workflows/txt2img.json")
    assert case["target"] == f"{B}/golden/txt2img/default"
    assert case["run"] == f"{case['folder']}/run" == f"{B}/txt2img/default/run"
    assert (project.root / "comfy-report" / case["run"] / "run.json").is_file()


@pytest.mark.parametrize("inside", [True, False])
def test_approving_is_the_same_from_inside_and_from_the_root(project, serve, inside, monkeypatch):
    for folder in (A, B):
        project.write(f"{folder}/pytest.ini", INI)
        project.workflow(folder=f"{folder}/workflows")
    project.write(f"{A}/tests/test_it.py", TEST)
    server = serve(recorded())
    if inside:
        monkeypatch.chdir(project.root / A)
    result = project.run("--comfy-url", server.url, "--comfy-update")
    result.assert_outcomes(passed=2 if inside else 3)
    where = "golden" if inside else "packages/a/golden"
    told = section_of(result, "comfy")
    assert {f"  {where}/{KEY}", f"  {where}/txt2img/default"} <= set(told)
    monkeypatch.chdir(project.root)
    assert {project.read(f"{A}/golden/{key}/run.json")["workflow"] for key in ("txt2img/default", KEY)} == {
        "workflows/txt2img.json",
        "tests/test_it.py",
    }
    assert not (project.root / "golden").exists()
    project.run(A).assert_outcomes(passed=2)


KEY = "tests/test_it/test_it/default"
TEST = """
def test_it(comfy_run, comfy_golden):
    comfy_golden.check(comfy_run("txt2img.json"))
"""


@pytest.mark.parametrize(
    ("glob", "folders"),
    [
        ("packages/*/workflows/**/*.json", (A, B)),
        ("**/workflows/**/*.json", (A, B, "apps/web/one")),
        ("apps/**/workflows/*.json", ("apps", "apps/web", "apps/web/one")),
    ],
)
def test_one_ini_for_all(project, glob, folders):
    project.ini(f"comfy_workflows = {glob}")
    for seed, folder in enumerate(folders, 1):
        package(project, folder, seed, marker=None)
    project.run().assert_outcomes(passed=len(folders))
    project.run(folders[-1]).assert_outcomes(passed=1)


def test_a_package_of_a_glob_that_has_a_comfy_toml_has_its_workflows_too(project):
    project.ini("comfy_workflows = packages/*/flows/*.json")
    package(project, A)
    project.workflow("sea", folder=f"{A}/flows")
    GoldenStore(project.root / A / "golden").write("sea/default", recorded())
    project.run(A).assert_outcomes(passed=2)


def test_the_nearest_project_counts(project):
    package(project, A)
    package(project, f"{A}/plugins/deep", 2)
    package(project, f"{A}/plugins/workflows_of_none", 3, marker=None)
    result = project.run(A)
    result.assert_outcomes(passed=2)
    assert any("packages/a/plugins/workflows_of_none/workflows/txt2img.json" in line for line in result.outlines)


def test_a_comfy_toml_among_workflows_is_of_its_folder_only(project):
    package(project, A)
    project.workflow("face", folder=f"{A}/workflows/portraits")
    project.write(f"{A}/workflows/portraits/comfy.toml", 'tolerance = "loose"\n')
    GoldenStore(project.root / A / "golden").write("portraits/face/default", recorded())
    project.run(A).assert_outcomes(passed=2)


def test_an_ini_says_what_holds_in_its_project(project, serve):
    """Another folder of golden runs, another glob, another tolerance; the session's command line goes before it."""
    ini = f"{INI}comfy_golden_dir = approved\ncomfy_workflows =\n    flows/*.json\ncomfy_tolerance = exact\n"
    for folder in (A, B):
        project.write(f"{folder}/pytest.ini", ini if folder == A else INI)
        project.workflow(folder=f"{folder}/flows")
    GoldenStore(project.root / A / "approved").write("txt2img/default", recorded())
    project.run().assert_outcomes(passed=1)
    server = serve(recorded(outputs={"9": {"images": [png(1, shift=1)]}}))
    result = project.run("--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    project.run("--comfy-url", server.url, "--comfy-tolerance", "normal").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.pytest.ini_options]\ncomfy_workflows = ["flows/*.json"]\ncomfy_golden_dir = "ok"\n'),
        ("pytest.toml", '[pytest]\ncomfy_workflows = ["flows/*.json"]\ncomfy_golden_dir = "ok"\n'),
        ("tox.ini", "[pytest]\ncomfy_workflows = flows/*.json\ncomfy_golden_dir = ok\n"),
        ("setup.cfg", "[tool:pytest]\ncomfy_workflows = flows/*.json\ncomfy_golden_dir = ok\n"),
    ],
)
def test_every_kind_of_ini(project, name, text):
    project.write(f"{A}/{name}", text)
    project.workflow(folder=f"{A}/flows")
    GoldenStore(project.root / A / "ok").write("txt2img/default", recorded())
    project.run().assert_outcomes(passed=1)


def test_a_file_that_is_no_ini_makes_no_project(project):
    project.ini("comfy_workflows = packages/**/*.json")
    project.write(f"{A}/pyproject.toml", '[project]\nname = "a"\n')
    project.write(f"{A}/tox.ini", "[tox]\n")
    project.workflow(folder=A)
    project.golden("a/txt2img/default")
    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("pyproject.toml", "[tool", "packages/a/pyproject.toml: cannot be read ("),
        ("pytest.ini", "comfy_tolerance\n", "packages/a/pytest.ini: cannot be read ("),
        ("pytest.ini", "[pytest]\ncomfy_tolerance = sloppy\n", "packages/a/pytest.ini: comfy_tolerance 'sloppy': "),
        ("pytest.ini", "[pytest]\ncomfy_timeout = -1\n", "packages/a/pytest.ini: comfy_timeout '-1': must be"),
        ("pytest.ini", "[pytest]\ncomfy_golden_files = maybe\n", "packages/a/pytest.ini: comfy_golden_files 'maybe': "),
        ("pytest.ini", "[pytest]\ncomfy_redact = (\n", "packages/a/pytest.ini: comfy_redact: '(' is no regular"),
        ("pytest.toml", "[pytest]\ncomfy_timeout = [1]\n", "packages/a/pytest.toml: comfy_timeout: must be one value"),
    ],
)  # fmt: skip
def test_a_wrong_ini_is_named(project, name, text, told):
    package(project, A, marker=name, text=text)
    result = project.run()
    result.assert_outcomes(errors=1)
    assert any(line.startswith(told) for line in result.outlines)
    assert "Traceback" not in result.stdout.str() and "pytest_comfy/" not in result.stdout.str()


@pytest.mark.parametrize("args", [(), (A, B)])
def test_redaction_of_a_project_holds(project, serve, args):
    """Also in what is told of its runs, and kept."""
    package(project, B, 2)
    project.write(f"{A}/pytest.ini", f"{INI}comfy_redact = hush-\\w+\n")
    prompt = graph()
    prompt["9"]["_meta"]["title"] = "of hush-abc"
    project.workflow(folder=f"{A}/workflows", prompt=prompt)
    result = project.run(*args, "--comfy-url", serve(recorded(prompt), recorded(graph(color=2))).url)
    assert result.parseoutcomes()["failed"] >= 1
    assert "hush-abc" not in result.stdout.str()
    assert "<redacted>" in result.stdout.str()
    assert not [path for path in (project.root / "comfy-report").rglob("*.json") if b"hush-abc" in path.read_bytes()]


@pytest.mark.parametrize("args", [(), (A, B)])
def test_a_wrong_ini_is_refused_wherever_it_is_met(project, args):
    package(project, A, marker="pytest.ini", text="[pytest]\ncomfy_timeout = x\n")
    package(project, B, 2)
    result = project.run(*args)
    assert result.ret in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERRUPTED)
    told = result.stdout.str() + result.stderr.str()
    assert "packages/a/pytest.ini: comfy_timeout 'x': must be a number of seconds above 0" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("args", [(), ("elsewhere/bad", A)])
@pytest.mark.parametrize("name", ["pyproject.toml", "tox.ini", "setup.cfg", "pytest.ini"])
def test_a_broken_file_of_a_folder_without_workflows_is_none_of_our_business(project, args, name):
    """Tests of packaging tools, say, keep such files as data."""
    package(project, A)
    project.write(f"elsewhere/bad/{name}", "[unfinished")
    project.write("elsewhere/bad/data.json", {"a": 1})
    project.write("elsewhere/bad/test_plain.py", "def test_plain(): pass\n")
    project.run(*args).assert_outcomes(passed=2)


def test_a_test_below_a_broken_ini_that_has_a_golden_run_is_told(project):
    project.write(f"{A}/tox.ini", "[pytest]\ncomfy_timeout = x\n")
    project.write(f"{A}/test_it.py", TEST)
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: packages/a/tox.ini: comfy_timeout 'x': must be a number" in result.stderr.str()


def test_unused_golden_runs_are_those_of_each_project(project):
    package(project, A)
    package(project, B, 2)
    for folder in (A, B):
        GoldenStore(project.root / folder / "golden").write("gone/default", recorded(workflow="workflows/gone.json"))
    lines = section_of(project.run(), "comfy")
    assert lines[1] == "golden runs unused: 2 (packages/a/golden/gone/default, packages/b/golden/gone/default)"
    result = project.run(A, "--comfy-unused", "remove")
    result.assert_outcomes(passed=1)
    assert project.files(f"{A}/golden") == ["txt2img/default/9.images.0.png", "txt2img/default/run.json"]
    assert "gone/default/run.json" in project.files(f"{B}/golden")


def test_golden_runs_of_a_project_without_workflows(project):
    package(project, A, marker="pytest.ini")
    shutil.rmtree(project.root / A / "workflows")
    lines = section_of(project.run(), "comfy")
    assert lines == [
        "golden runs without a workflow: 1, as comfy_workflows (workflows/**/*.json, packages/a/workflows/**/*.json) "
        "matches no file"
    ]


def test_with_workers(project):
    package(project, A)
    package(project, B, 2, "pytest.ini")
    GoldenStore(project.root / A / "golden").write("gone/default", recorded(workflow="workflows/gone.json"))
    project.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -p no:recording -p no:asyncio\n")
    result = project.run_apart("-n", "2", "--comfy-unused", "remove")
    result.assert_outcomes(passed=2)
    assert "golden runs removed: 1" in section_of(result, "comfy")
    assert not (project.root / A / "golden/gone").exists()


def test_a_session_without_an_ini_started_below_its_project(project, monkeypatch):
    (project.root / "pytest.ini").unlink()
    package(project, "app")
    monkeypatch.chdir(project.root / "app/workflows")
    project.run(".", *PLAIN).assert_outcomes(passed=1)


def test_a_server_that_a_package_names(project, serve):
    package(project, A)
    server = serve(recorded(graph(color=1)))
    project.write(f"{A}/comfy.toml", f'[servers.gpu]\nurl = "{server.url}"\n')
    result = project.run(A, "--comfy-url", "gpu")
    result.assert_outcomes(passed=1)
    assert len(server.prompts) == 1


def test_fixtures_replay_the_golden_runs_of_their_project(project):
    package(project, A, 1)
    package(project, B, 2)
    for folder in (A, B):
        project.write(f"{folder}/tests/test_{folder[-1]}.py", FIXTURES)
    project.run().assert_outcomes(passed=4)


FIXTURES = """
import pathlib

HERE = pathlib.Path(__file__).parents[1]

def test_them(comfy_run, comfy_server):
    assert comfy_run("txt2img.json").outputs[0].data in {png.read_bytes() for png in HERE.glob("golden/*/*/*.png")}
"""
