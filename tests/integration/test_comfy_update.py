"""--comfy-update and --comfy-reason: approving."""

from __future__ import annotations

import pytest
from projects import graph, png, recorded, section_of

from pytest_comfy.server import faults

RUN = "golden/txt2img/default/run.json"


def pictures(project):
    return (project.root / "golden/txt2img/default/9.images.0.png").read_bytes()


@pytest.fixture
def other(serve):
    """A live server whose picture is not the approved one."""
    return serve(recorded(outputs={"9": {"images": [png(2)]}}))


@pytest.fixture
def same(serve):
    return serve(recorded())


def test_missing_is_recorded_and_green_offline(project, same):
    project.workflow()
    result = project.run("workflows", "--comfy-url", same.url, "--comfy-update=missing")
    result.assert_outcomes(passed=1)
    assert "  golden/txt2img/default" in section_of(result, "comfy")
    assert project.files("golden") == ["txt2img/default/9.images.0.png", "txt2img/default/run.json"]
    assert pictures(project) == png()
    result = project.run("workflows")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["outputs: 1 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"])


def test_missing_leaves_a_changed_one_alone_and_fails(project, other):
    project.both()
    result = project.run("workflows", "--comfy-url", other.url, "--comfy-update=missing")
    result.assert_outcomes(failed=1)
    assert pictures(project) == png()


@pytest.mark.parametrize("flag", ["--comfy-update", "--comfy-update=changed"])
def test_changed_approves_what_differs(project, other, flag):
    project.both()
    result = project.run("workflows", "--comfy-url", other.url, flag)
    result.assert_outcomes(passed=1)
    assert pictures(project) == png(2)
    assert "  golden/txt2img/default" in section_of(result, "comfy")


def test_changed_records_what_is_missing(project, same):
    project.workflow()
    project.run("workflows", "--comfy-url", same.url, "--comfy-update").assert_outcomes(passed=1)
    assert pictures(project) == png()


def test_changed_leaves_identical_and_tolerable_runs_as_they_are(project, serve):
    project.both()
    before = (project.root / RUN).read_bytes()
    server = serve(recorded(outputs={"9": {"images": [png(shift=1)]}}))
    result = project.run("workflows", "--comfy-url", server.url, "--comfy-update")
    result.assert_outcomes(passed=1)
    assert (project.root / RUN).read_bytes() == before
    assert "approved" not in result.stdout.str()


def test_changed_approves_a_changed_workflow_with_the_same_picture(project, serve):
    project.both()
    project.workflow(prompt=graph(8))
    server = serve(recorded(graph(8)))
    project.run("workflows", "--comfy-url", server.url, "--comfy-update").assert_outcomes(passed=1)
    assert project.read(RUN)["prompt"]["3"]["inputs"]["color"] == 8
    project.run("workflows").assert_outcomes(passed=1)


def test_all_writes_identical_runs_too(project, same):
    project.both()
    project.run("workflows", "--comfy-url", same.url, "--comfy-update=all").assert_outcomes(passed=1)
    assert len(project.read(RUN)["approvals"]) == 1


def test_path_after_the_bare_flag_is_a_path(project, other):
    project.both()
    result = project.run("--comfy-update", "workflows", "--comfy-url", other.url)
    result.assert_outcomes(passed=1)
    assert pictures(project) == png(2)


def test_reason_is_kept_and_approvals_add_up(project, serve, same):
    project.workflow()
    project.run("workflows", "--comfy-url", same.url, "--comfy-update", "--comfy-reason", "first look")
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    project.run("workflows", "--comfy-url", server.url, "--comfy-update", "--comfy-reason=new sampler")
    approvals = project.read(RUN)["approvals"]
    assert [one["reason"] for one in approvals] == ["first look", "new sampler"]
    assert all(one["by"].startswith("pytest-comfy ") and one["at"].endswith("Z") for one in approvals)


def test_golden_run_is_what_the_server_did(project, same):
    project.workflow()
    project.run("workflows", "--comfy-url", same.url, "--comfy-update")
    run = project.read(RUN)
    assert run["format"] == 1
    assert (run["workflow"], run["case"]) == ("workflows/txt2img.json", "default")
    assert run["prompt"] == graph()
    assert run["environment"]["comfyui"] == "0.8.0"
    assert run["events"][0][1]["type"] == "execution_start"
    assert "<prompt_id>" in str(run["events"])
    (output,) = run["outputs"]
    assert (output["node"], output["title"], output["key"], output["index"]) == ("9", "Save Image", "images", 0)
    assert output["size"] == [64, 64]


def test_failed_run_replaces_nothing(project, serve):
    project.both()
    before = (project.root / RUN).read_bytes()
    server = serve(recorded(outputs={}, error={"exception_type": "ValueError", "exception_message": "no\n",
                                               "traceback": []}))  # fmt: skip
    result = project.run("workflows", "--comfy-url", server.url, "--comfy-update=all")
    result.assert_outcomes(failed=1)
    assert (project.root / RUN).read_bytes() == before


def test_old_files_of_the_golden_run_are_gone(project, serve):
    prompt = graph(saves=("9", "10"))
    project.both(prompt=prompt, outputs={"9": {"images": [png()]}, "10": {"images": [png(3)]}})
    project.workflow()
    project.run("workflows", "--comfy-url", serve(recorded()).url, "--comfy-update").assert_outcomes(passed=1)
    assert project.files("golden") == ["txt2img/default/9.images.0.png", "txt2img/default/run.json"]


def test_only_selected_cases_are_approved(project, other):
    project.both("a")
    project.both("b")
    project.run("workflows", "-k", "a.json", "--comfy-url", other.url, "--comfy-update").assert_outcomes(
        passed=1, deselected=1
    )
    assert (project.root / "golden/b/default/9.images.0.png").read_bytes() == png()


def test_the_printed_command_approves(project, other):
    project.both()
    result = project.run("workflows", "--comfy-url", other.url)
    (line,) = [line for line in result.outlines if line.startswith("approve with: ")]
    assert line == (
        f"approve with: pytest workflows/txt2img.json::default --comfy-url {other.url} --comfy-update=changed "
        '--comfy-reason "why"'
    )
    import shlex

    project.run(*shlex.split(line.removeprefix("approve with: pytest "))).assert_outcomes(passed=1)
    assert pictures(project) == png(2)
    assert project.read(RUN)["approvals"][-1]["reason"] == "why"


def test_command_quotes_what_a_shell_would_take_apart(project):
    project.workflow("my flow", sidecar='[cases."a = 1"]\n')
    result = project.run("workflows")
    result.stdout.fnmatch_lines(["approve with: pytest 'workflows/my flow.json::a = 1' --comfy-url *"])


def test_update_without_a_server_is_a_usage_error(project):
    project.both()
    result = project.run("workflows", "--comfy-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([
        "ERROR: --comfy-update=changed approves a live run: give the server with --comfy-url, such as "
        "--comfy-url http://127.0.0.1:8188"
    ])  # fmt: skip


def test_unknown_mode_is_a_usage_error_that_names_the_nearest(project):
    result = project.run("--comfy-url", "http://127.0.0.1:1", "--comfy-update=chnaged")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([
        "ERROR: --comfy-update 'chnaged': must be one of none, missing, changed, all (did you mean 'changed'?)"
    ])  # fmt: skip


def test_update_by_ini_addopts(project, other):
    project.ini()
    project.both()
    text = (project.root / "pytest.ini").read_text().replace("addopts =", "addopts = --comfy-update")
    project.write("pytest.ini", text)
    project.run("workflows", "--comfy-url", other.url).assert_outcomes(passed=1)
    assert pictures(project) == png(2)


@pytest.mark.parametrize("after", ["execution_start", "execution_success"])
def test_run_of_which_the_socket_tells_no_end_is_approved_from_history(project, serve, monkeypatch, after):
    """Behind some proxies frames never come; the run is known to have ended, and how."""
    monkeypatch.setattr("pytest_comfy.client.finish._POLL", 0.1)
    project.workflow()
    server = serve(recorded())
    server.faults.add(faults.silent_socket(after))
    result = project.run("workflows", "--comfy-url", server.url, "--comfy-update", "--comfy-reason", "first")
    result.assert_outcomes(passed=1)
    run = project.read("golden/txt2img/default/run.json")
    assert (run["approvals"][0]["events"], run["approvals"][0]["reason"]) == ("history", "first")
    assert [event["type"] for _, event in run["events"]] == [
        "execution_start", "execution_cached", "execution_success"
    ]  # fmt: skip
    assert all(at >= 0 for at, _ in run["events"])
    project.run("workflows").assert_outcomes(passed=1)


def test_run_whose_socket_dropped_is_not_approved(project, serve, monkeypatch):
    monkeypatch.setattr("pytest_comfy.client.finish._POLL", 0.1)
    project.workflow()
    server = serve(recorded())
    server.faults.add(faults.close_socket("execution_start"))
    result = project.run("workflows", "--comfy-url", server.url, "--comfy-update")
    result.assert_outcomes(errors=1)
    assert "the socket dropped during the run, so the recording has gaps: nothing was approved" in result.stdout.str()
    assert project.files("golden") == []


@pytest.fixture
def again(project, serve, monkeypatch):
    """A server that has one node of c cached from b, so that c is run once more, as run 4, and recorded whole."""
    monkeypatch.setattr("pytest_comfy.client.finish._POLL", 0.1)
    prompt = graph(saves=("10", "11"))
    for node in ("10", "11"):
        prompt[node]["inputs"]["filename_prefix"] = f"other{node}"
    for name, asked in (("a", prompt), ("b", graph()), ("c", prompt)):
        project.workflow(name, asked)
    return serve(recorded(), recorded(prompt, outputs={"10": {"images": [png(3)]}, "11": {"images": [png(4)]}}))


def test_run_that_is_made_again_to_be_recorded_must_keep_its_socket_too(project, again):
    again.faults.add(faults.close_socket("execution_start", run=4))
    result = project.run("workflows", "--comfy-url", again.url, "--comfy-update")
    result.assert_outcomes(passed=2, errors=1)
    assert "the socket dropped during the run, so the recording has gaps: nothing was approved" in result.stdout.str()
    assert {name.partition("/")[0] for name in project.files("golden")} == {"a", "b"}


def test_run_that_is_made_again_to_be_recorded_leaves_out_what_is_ignored(project, again):
    for name in ("a", "c"):
        project.write(f"workflows/{name}.toml", '[outputs."10"]\nignore = true\n')
    asked = again.faults.add(faults.slow(0, path="/view", times=0))
    project.run("workflows", "--comfy-url", again.url, "--comfy-update").assert_outcomes(passed=3)
    assert len(again.prompts) == 4
    assert asked.fired == 4  # one picture a run
