"""GITHUB_ACTIONS: annotations and a summary of the step."""

from __future__ import annotations

import re

import pytest
from projects import WITH_XDIST, graph, png, recorded

from pytest_comfy.golden import GoldenStore

HOSTILE = "Save\n::add-mask::x\n##[group]<img src=x onerror=alert(1)>|`[a](http://evil)"


@pytest.fixture
def github(monkeypatch, tmp_path_factory, project):
    """GitHub's environment; the file of the step's summary."""
    path = tmp_path_factory.mktemp("runner") / "summary.md"
    for name, value in {
        "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(path), "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "ann/flows", "GITHUB_RUN_ID": "7", "GITHUB_WORKSPACE": str(project.root),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return path


def commands_of(result):
    """The lines that GitHub's runner takes for commands."""
    return [line for line in result.outlines if re.match(r"\s*::|.*##\[", line)]


def fails(project, serve, *names, prompt=None, args=()):
    for name in names:
        project.both(name, prompt)
    server = serve(recorded(prompt, outputs={"9": {"images": [png(2)]}}))
    return project.run("workflows", "--comfy-url", server.url, *args)


def test_annotation_of_a_case(project, serve, github):
    result = fails(project, serve, "a")
    (command,) = commands_of(result)
    assert command.startswith(
        "::error file=workflows/a.json,title=workflows/a.json%3A%3Adefault::node 9 'Save Image' images 0: "
        "another picture ("
    )
    assert re.search(r"\(distance [\d.]+\)$", command)


def test_file_is_told_from_the_root_of_the_checkout(project, serve, github, monkeypatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.root.parent))
    (command,) = commands_of(fails(project, serve, "a"))
    assert command.startswith(f"::error file={project.root.name}/workflows/a.json,")


def test_file_of_a_project_below_the_root(project, serve, github):
    project.write("packages/one/comfy.toml", "")
    project.workflow("a", folder="packages/one/workflows")
    GoldenStore(project.root / "packages/one/golden").write("a/default", recorded())
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = project.run("packages", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    (command,) = commands_of(result)
    assert command.startswith("::error file=packages/one/workflows/a.json,title=packages/one/workflows/a.json%3A%3A")


def test_summary(project, serve, github):
    github.write_text("before\n")
    fails(project, serve, "a", "b")
    text = github.read_text()
    assert text.startswith("before\n### ComfyUI workflows: 2 of 2 cases failed\n\nOutputs: 2 different. Live on http")
    assert "\n- another picture in 2 cases\n" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[:2] == ["| case | output | what changed | distance |", "| --- | --- | --- | ---: |"]
    assert [row.split(" | ")[:2] for row in rows[2:]] == [
        [f"| workflows/{name}.json&#58;&#58;default", "node 9 &#39;Save Image&#39; images 0"] for name in "ab"
    ]
    assert text.endswith(
        "The pictures are in the folder comfy-report: look for it among the [artifacts of this run]"
        "(https://github.com/ann/flows/actions/runs/7#artifacts), if the job uploads it.\n\n"
    )


def test_summary_says_how_to_approve(project, serve, github):
    fails(project, serve, "a")
    assert '\n\nWhat is right: pytest-comfy approve DIR --reason "why", in a checkout' in github.read_text()


def test_case_that_is_an_error(project, github, dead_url):
    project.both()
    result = project.run("workflows", "--comfy-url", dead_url)
    result.assert_outcomes(errors=1)
    (command,) = commands_of(result)
    assert "::server unreachable: " in command
    assert "| workflows/txt2img.json&#58;&#58;default |  | server unreachable" in github.read_text()


def test_session_that_was_interrupted(project, serve, github):
    fails(project, serve, "a", "b", args=("-x",))
    assert github.read_text().startswith("### ComfyUI workflows: 1 of 1 case failed, and the session was interrupted\n")


def test_all_is_well(project, github):
    project.both()
    result = project.run("workflows")
    result.assert_outcomes(passed=1)
    assert commands_of(result) == []
    assert github.read_text() == "### ComfyUI workflows: 1 case, none failed\n\nOutputs: 1 identical.\n\n\n"


def test_session_without_cases_says_nothing(project, github):
    project.pytester.makepyfile("def test_plain(): assert False")
    result = project.run()
    result.assert_outcomes(failed=1)
    assert commands_of(result) == [] and not github.exists()


def test_elsewhere_nothing_is_told(project, serve, github, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert commands_of(fails(project, serve, "a")) == [] and not github.exists()


def test_github_shows_ten_of_a_kind_and_the_last_counts_the_rest(project, serve, github):
    result = fails(project, serve, *"abcdefghijkl")
    commands = commands_of(result)
    assert len(commands) == 10
    assert commands[-1] == "::error title=ComfyUI::and 3 more cases: they are in the summary of the run"
    assert github.read_text().count("| workflows/") == 12


def test_worst_come_first(project, serve, github):
    project.both("a")
    project.both("b", graph(color=8))
    near = recorded(outputs={"9": {"images": [png(shift=12)]}})
    server = serve(near, recorded(graph(color=8), {"9": {"images": [png(2)]}}))
    commands = commands_of(project.run("workflows", "--comfy-url", server.url))
    assert [re.search(r"file=workflows/(.)", one)[1] for one in commands] == ["b", "a"]
    rows = [row for row in github.read_text().splitlines() if row.startswith("| workflows/")]
    assert [row[len("| workflows/")] for row in rows] == ["b", "a"]


def test_workers_leave_it_to_the_controller(project, serve, github):
    project.write("pytest.ini", WITH_XDIST)
    for name in "ab":
        project.both(name)
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = project.run_apart("workflows", "--comfy-url", server.url, "-n2")
    result.assert_outcomes(failed=2)
    assert len(commands_of(result)) == 2
    assert github.read_text().count("### ") == 1


@pytest.mark.parametrize("words", [(), ("-v",), ("-rA",), ("--durations=0", "--durations-min=0")])
def test_hostile_title_is_no_command_and_no_markup(project, serve, github, words):
    prompt = graph()
    prompt["9"]["_meta"]["title"] = HOSTILE
    result = fails(project, serve, "a", prompt=prompt, args=words)
    result.assert_outcomes(failed=1)
    assert [command.partition(" ")[0] for command in commands_of(result)] == ["::error"]
    text = github.read_text()
    assert "<" not in text and "`" not in text and "](http://evil" not in text and "::add-mask" not in text


def test_hostile_error_is_no_command(project, serve, github):
    project.both()
    error = {"exception_type": "E", "exception_message": "boom\n::stop-commands::t\n  ::add-mask::x ##[group]",
             "traceback": ["::error::no\n"]}  # fmt: skip
    server = serve(recorded(error=error))
    result = project.run("workflows", "--comfy-url", server.url)
    assert [command.partition(" ")[0] for command in commands_of(result)] == ["::error"]
    assert "boom" in result.stdout.str()


def test_summary_stays_below_what_github_takes(project, serve, github):
    github.write_text("x" * (2**20 - 5300))
    fails(project, serve, *"abcdefghij")
    text = github.read_text()
    assert len(text.encode()) < 2**20
    assert "of 10 cases failed" in text and re.search(r"\nand \d rows more, which are in the report\n", text)
    before = github.stat().st_size
    fails(project, serve, "k")
    assert github.stat().st_size - before < 2**12


def test_summary_that_cannot_be_written_costs_no_verdict(project, serve, github):
    github.mkdir()
    result = fails(project, serve, "a")
    result.assert_outcomes(failed=1)
    assert "what CI is to show cannot be written (Is a directory)" in result.stdout.str()
