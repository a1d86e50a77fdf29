"""Each approval keeps when, why, the environment, and how far the run was from what it replaced."""

from __future__ import annotations

import re

import pytest
from projects import graph, png, recorded

from pytest_comfy.commands.__main__ import main

RUN = "golden/txt2img/default/run.json"
LATER = {"torch": "2.14.0"}


@pytest.fixture
def live(serve):
    """Start a server whose run is another one: live(outputs) -> its address."""

    def start(outputs=None, prompt=None, **environment):
        return serve(recorded(prompt, outputs or {"9": {"images": [png(2)]}}, environment=environment)).url

    return start


def approvals(project):
    return project.read(RUN)["approvals"]


def test_first_approval_has_nothing_to_be_far_from(project, live):
    project.workflow()
    project.run("workflows", "--comfy-url", live(), "--comfy-update", "--comfy-reason=first").assert_outcomes(passed=1)
    (one,) = approvals(project)
    assert one.keys() == {"at", "by", "reason", "environment"}
    assert one["environment"] == "ComfyUI 0.8.0, torch 2.13.0, cpu"


def test_later_approval_tells_distance_and_what_changed(project, live):
    project.both(outputs={"9": {"images": [png(1), png(5)]}})
    url = live({"9": {"images": [png(1, shift=4), png(5)]}}, **LATER)
    project.run("workflows", "--comfy-url", url, "--comfy-update=all", "--comfy-reason=lighter")
    last = approvals(project)[-1]
    assert last["changed"] == ["torch 2.13.0 -> 2.14.0"]
    ((name, moved),) = last["distance"].items()
    assert name == "9.images.0" and moved["verdict"] in ("within tolerance", "different")
    assert 0 < moved["distance"] < 10


def test_approval_of_what_is_identical_says_so(project, live):
    project.both()
    project.run("workflows", "--comfy-url", live({"9": {"images": [png()]}}), "--comfy-update=all")
    last = approvals(project)[-1]
    assert (last["changed"], last["distance"]) == ([], {})


def test_outputs_that_came_and_went(project, live):
    prompt = graph(saves=("9", "10"))
    project.both(prompt=prompt)
    project.run("workflows", "--comfy-url", live({"10": {"images": [png()]}}, prompt), "--comfy-update")
    assert approvals(project)[-1]["distance"] == {
        "9.images.0": {"verdict": "missing", "distance": None},
        "10.images.0": {"verdict": "unexpected", "distance": None},
    }


def test_damaged_golden_run_cannot_be_compared(project, live):
    project.both()
    (project.root / "golden/txt2img/default/9.images.0.png").write_bytes(b"broken")
    project.run("workflows", "--comfy-url", live(), "--comfy-update").assert_outcomes(passed=1)
    assert approvals(project)[-1].keys() == {"at", "by", "environment", "changed"}


def test_golden_run_of_before_keeps_its_approvals(project, live):
    before = [{"at": "2026-01-02T03:04:05Z", "by": "somebody", "reason": "first"}]
    project.workflow()
    project.golden(approvals=before)
    project.run("workflows").assert_outcomes(passed=1)
    project.run("workflows", "--comfy-url", live(), "--comfy-update").assert_outcomes(passed=1)
    assert approvals(project)[:-1] == before


def test_python_test_keeps_it_as_well(project, live):
    project.workflow()
    project.write("test_a.py", "def test_it(comfy_golden, comfy_run): comfy_golden.check(comfy_run('txt2img.json'))\n")
    for seed in (2, 3):
        url = live({"9": {"images": [png(seed)]}})
        project.run("test_a.py", "--comfy-url", url, "--comfy-update").assert_outcomes(passed=1)
    last = project.read("golden/test_a/test_it/default/run.json")["approvals"][-1]
    assert last["distance"]["9.images.0"]["verdict"] == "different"


def test_approval_of_a_report_tells_the_same_as_of_the_live_run(project, live, capsys):
    project.both()
    url = live(**LATER)
    project.run("workflows", "--comfy-url", url).assert_outcomes(failed=1)
    assert main(["approve", "--reason", "new", "--root", str(project.root)]) == 0
    by_report = approvals(project)[-1]
    project.golden()
    project.run("workflows", "--comfy-url", url, "--comfy-update", "--comfy-reason=new").assert_outcomes(passed=1)
    by_update = approvals(project)[-1]
    assert {**by_report, "at": ""} == {**by_update, "at": ""}
    assert by_update["distance"]["9.images.0"]["verdict"] == "different"


def test_renewed_fingerprints_leave_history_alone(project, live):
    project.both()
    project.run("workflows", "--comfy-url", live(), "--comfy-update")
    before = approvals(project)
    assert main(["renew", "--all", str(project.root / "golden")]) == 0
    assert approvals(project) == before


def test_secrets_in_an_environment_are_not_kept_with_the_approval(project, live):
    project.both()
    project.ini("comfy_redact = RTX \\d+")
    url = live(devices=[{"name": "cuda:0 RTX 4090", "type": "cuda"}])
    project.run("workflows", "--comfy-url", url, "--comfy-update").assert_outcomes(passed=1)
    assert "RTX 4090" not in (project.root / RUN).read_text()


def test_log_tells_it(project, live, capsys):
    project.workflow()
    for seed, more in ((2, {}), (3, LATER)):
        url = live({"9": {"images": [png(seed)]}}, **more)
        project.run("workflows", "--comfy-url", url, "--comfy-update", f"--comfy-reason=look {seed}")
    capsys.readouterr()
    assert main(["log", "txt2img", "--root", str(project.root)]) == 0
    rows = [
        re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d", "2026-11-26 10:00", row) for row in capsys.readouterr().out.splitlines()
    ]
    assert rows[2:] == [
        "2026-11-26 10:00  -           ComfyUI 0.8.0, torch      look 2",
        "                              2.13.0, cpu",
        "2026-11-26 10:00  18          torch 2.13.0 -> 2.14.0    look 3",
    ]
