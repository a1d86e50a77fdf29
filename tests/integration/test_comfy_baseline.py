"""--comfy-baseline: golden runs of a kind of machine."""

from __future__ import annotations

import pytest
from projects import png, recorded


def picture_of(seed):
    return {"9": {"images": [png(seed)]}}


def test_own_run_of_the_baseline_comes_first(project, serve):
    project.both()
    project.golden(baseline="rtx", outputs=picture_of(2))
    server = serve(recorded(outputs=picture_of(2)))
    project.run("workflows", "--comfy-url", server.url, "--comfy-baseline=rtx").assert_outcomes(passed=1)
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)


def test_plain_run_serves_where_the_baseline_has_none(project, serve):
    project.both()
    server = serve(recorded())
    project.run("workflows", "--comfy-url", server.url, "--comfy-baseline=rtx").assert_outcomes(passed=1)


def test_approval_writes_the_baseline_and_leaves_the_plain_run(project, serve):
    project.both()
    server = serve(recorded(outputs=picture_of(2)))
    result = project.run("workflows", "--comfy-url", server.url, "--comfy-baseline=rtx", "--comfy-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  golden/txt2img/default+rtx"])
    assert (project.root / "golden/txt2img/default+rtx/9.images.0.png").read_bytes() == png(2)
    assert (project.root / "golden/txt2img/default/9.images.0.png").read_bytes() == png(1)


def test_by_ini_and_offline(project):
    project.ini("comfy_baseline = rtx")
    project.workflow()
    project.golden(baseline="rtx")
    project.run("workflows").assert_outcomes(passed=1)


def test_command_that_approves_names_the_baseline(project):
    project.workflow()
    result = project.run("workflows", "--comfy-baseline=rtx")
    result.stdout.fnmatch_lines(["approve with: pytest * --comfy-update=changed --comfy-baseline rtx --comfy-reason *"])


def test_runs_of_baselines_are_not_unused(project):
    project.both()
    project.golden(baseline="rtx")
    result = project.run("workflows")
    result.assert_outcomes(passed=1)
    assert "golden runs unused" not in result.stdout.str()


@pytest.mark.parametrize("name", ["a/b", "..+", "a b"])
def test_name_that_is_no_folder_is_a_usage_error(project, name):
    result = project.run("--comfy-baseline", name)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: comfy_baseline {name!r}: use letters, digits, '-', '_' and '.'"])
