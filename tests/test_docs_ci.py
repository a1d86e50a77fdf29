"""The examples of docs/ci.md: parsed, held to what keeps them safe, and run as far as that needs no network."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from projects import png, recorded

from pytest_comfy.commands.__main__ import main
from pytest_comfy.report.approving import load_report

PAGE = (Path(__file__).parent.parent / "docs/ci.md").read_text(encoding="utf-8")
FILES = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
ON_GITHUB = {one["name"]: one for one in FILES if "jobs" in one}
ON_GITLAB = {name: job for one in FILES if "jobs" not in one for name, job in one.items()}
STEPS = [
    pytest.param(step, id=f"{name}-{number}")
    for name, file in ON_GITHUB.items()
    for job in file["jobs"].values()
    for number, step in enumerate(job["steps"], 1)
]
SCRIPTS = [pytest.param(param.values[0]["run"], id=param.id) for param in STEPS if "run" in param.values[0]]
PYTESTS = sorted(
    {param.values[0] for param in SCRIPTS if param.values[0].startswith("pytest ")}
    | {line for job in ON_GITLAB.values() for line in job.get("script", ()) if line.startswith("pytest ")}
)
BASH = shutil.which("bash")


def test_page_has_the_files_that_it_tells_of():
    assert list(ON_GITHUB) == ["workflows", "live", "shards", "approve"]
    assert list(ON_GITLAB) == [".pytest", "offline", "live", "shard", "report"]
    assert len(PYTESTS) == 3 and len(SCRIPTS) == 12


@pytest.mark.parametrize("name", ON_GITHUB)
def test_token_may_no_more_than_it_must(name):
    file = ON_GITHUB[name]
    written = {"contents": "write"} if name == "approve" else {}
    for job in file["jobs"].values():
        may = {**file["permissions"], **job.get("permissions", {})}
        assert {what: how for what, how in may.items() if how != "read"} == written
        assert job["timeout-minutes"] <= 90


@pytest.mark.parametrize("step", STEPS)
def test_step_is_an_action_of_a_version_or_a_script(step):
    assert ("run" in step) != ("uses" in step)
    assert "run" in step or re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_is_put_together_of_what_others_say(script):
    assert "${{" not in script


@pytest.mark.skipif(not BASH, reason="no bash")
@pytest.mark.parametrize("script", SCRIPTS)
def test_script_is_one(script):
    subprocess.run([BASH, "-n"], input=script, text=True, check=True)


def test_job_that_may_write_runs_nothing_of_the_branch():
    (job,) = ON_GITHUB["approve"]["jobs"].values()
    words = " ".join(step.get("run", "") for step in job["steps"])
    assert not re.search(r"pip install (?!\"pytest-comfy\[)|(?<![\w./-])pytest(?!-comfy)|\bmake\b|\./", words)
    condition = job["if"]
    assert "author_association" in condition and "issue.pull_request" in condition
    assert ON_GITHUB["approve"].get("on") is None  # YAML's own word for yes, as which the key is read
    assert list(ON_GITHUB["approve"][True]) == ["issue_comment"]


def test_live_job_is_not_for_forks():
    (job,) = ON_GITHUB["live"]["jobs"].values()
    assert "head.repo.full_name == github.repository" in job["if"]
    secret = [name for step in job["steps"] for name in step.get("env", {})]
    assert secret == ["COMFY_URL", "COMFY_HEADERS"]
    assert "secrets." not in json.dumps(ON_GITHUB["workflows"])


@pytest.mark.parametrize("file", ["workflows", "live"])
def test_report_is_uploaded_also_of_a_failure(file):
    (job,) = ON_GITHUB[file]["jobs"].values()
    upload = job["steps"][-1]
    assert upload["if"] == "${{ !cancelled() }}" and "comfy-report" in upload["with"]["path"]


@pytest.mark.parametrize("line", PYTESTS)
@pytest.mark.parametrize("live", [False, True])
def test_pytest_of_a_job(project, serve, monkeypatch, line, live):
    """It fails where a picture changed, and leaves what the jobs upload."""
    project.both()
    project.both("same")
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    program, *words = shlex.split(line)
    assert program == "pytest"
    if live:
        monkeypatch.setenv("COMFY_URL", server.url)
        monkeypatch.setenv("COMFY_HEADERS", "Authorization: Bearer not-a-word-4711")
    result = project.run(*words)
    result.assert_outcomes(**({"failed": 2} if live else {"passed": 2}))
    uploaded = [word.partition("=")[2] for word in words if "=" in word] + ["comfy-report/report.json"] * live
    assert [name for name in uploaded if not (project.root / name).is_file()] == []
    assert "not-a-word" not in "".join(path.read_text() for path in map(Path, uploaded) if path.is_file())


def merge_of(lines):
    """Return the words of the command among lines that joins reports, after its own name."""
    (line,) = [line for line in lines if line.startswith("pytest-comfy report merge")]
    assert "shards/*" in line
    words = line.replace("shards/*", " ".join(sorted(f"shards/{one.name}" for one in Path("shards").iterdir())))
    return shlex.split(words)[1:]


@pytest.fixture
def sharded(project, serve, monkeypatch):
    """Eight cases of which none is as approved, on the server of COMFY_URL."""
    for name in "abcdefgh":
        project.both(name)
    monkeypatch.setenv("COMFY_URL", serve(recorded(outputs={"9": {"images": [png(2)]}})).url)
    monkeypatch.chdir(project.root)
    return project


def test_shards_on_github(sharded, monkeypatch):
    """Together they run all, and what they upload is joined from where it is downloaded to."""
    jobs = ON_GITHUB["shards"]["jobs"]
    shards = jobs["shard"]["strategy"]["matrix"]["shard"]
    *_, run, upload = jobs["shard"]["steps"]
    for shard in shards:
        told = run["env"]["COMFY_SHARD"].replace("${{ matrix.shard }}", str(shard))
        monkeypatch.setenv("COMFY_SHARD", told.replace("${{ strategy.job-total }}", str(len(shards))))
        sharded.run(*shlex.split(run["run"])[1:])
        if Path(upload["with"]["path"]).exists():
            name = upload["with"]["name"].replace("${{ matrix.shard }}", str(shard))
            assert fnmatch(name, jobs["report"]["steps"][2]["with"]["pattern"])
            shutil.move(upload["with"]["path"], Path(jobs["report"]["steps"][2]["with"]["path"], name))
    assert main(merge_of(step.get("run", "") for step in jobs["report"]["steps"])) == 0
    assert {case["source"] for case in load_report(Path("comfy-report"))["cases"]} == {
        f"workflows/{name}.json" for name in "abcdefgh"
    }


@pytest.mark.skipif(not BASH, reason="no bash")
def test_shards_on_gitlab(sharded):
    job = ON_GITLAB["shard"]
    (line,) = job["script"]
    for shard in range(1, job["parallel"] + 1):
        told = {"CI_NODE_INDEX": str(shard), "CI_NODE_TOTAL": str(job["parallel"])}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        subprocess.run([BASH, "-c", line], env={**os.environ, **told, "PATH": path}, check=False)
    assert job["artifacts"]["paths"] == ["shards"] and ON_GITLAB["report"]["needs"] == ["shard"]
    assert main(merge_of(ON_GITLAB["report"]["script"])) == 0
    assert len(load_report(Path("comfy-report"))["cases"]) == 8


GH = """#!/bin/sh
case "$*" in
  *collaborators*) echo "${MAY-write}" ;;
  *isCrossRepository*) echo "${FORK-false}" ;;
  *headRefOid*) echo 0a1b ;;
  *headRefName*) echo change ;;
  "run list"*) echo "$RUN" ;;
  "run download"*) echo "$*" > downloaded ;;
  *) exit 9 ;;
esac
"""


@pytest.mark.skipif(not BASH, reason="no bash")
@pytest.mark.parametrize(
    ("answers", "goes_on"),
    [
        ({"RUN": "77"}, True),
        ({"RUN": ""}, False),
        ({"RUN": "77", "FORK": "true"}, False),
        ({"RUN": "77", "MAY": "read"}, False),
    ],
)
def test_run_is_taken_of_members_and_branches_alone(tmp_path, answers, goes_on):
    """With a `gh` that says what GitHub's would; Actions has bash stop at what fails."""
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    (job,) = ON_GITHUB["approve"]["jobs"].values()
    script = next(step["run"] for step in job["steps"] if step.get("name") == "Find the run that was looked at")
    told = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_ENV": "env", "RUNNER_TEMP": "/tmp/runner", "NUMBER": "5",
        "SAID_AT": "2026-01-02T03:04:05Z", "GH_REPO": "ann/flows", "MEMBER": "ann", **answers,
    }  # fmt: skip
    done = subprocess.run([BASH, "-e", "-o", "pipefail", "-c", script], cwd=tmp_path, env=told, check=False)
    assert (done.returncode == 0) is goes_on
    assert (tmp_path / "downloaded").is_file() is goes_on
    if goes_on:
        assert (tmp_path / "env").read_text() == "HEAD_SHA=0a1b\nBRANCH=change\n"
        assert (tmp_path / "downloaded").read_text() == (
            "run download 77 --name comfy-report --dir /tmp/runner/comfy-report\n"
        )
