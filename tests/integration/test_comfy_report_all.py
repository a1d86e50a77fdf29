"""--comfy-report-all: identical cases are kept in the report as well."""

from __future__ import annotations

import pytest
from projects import graph, png, recorded
from reports import case_of, report_of

KEY = "txt2img/default"


@pytest.mark.parametrize("by_ini", [False, True])
def test_identical_case_is_kept_with_both_pictures_and_its_run(project, serve, by_ini):
    project.both()
    if by_ini:
        project.ini("comfy_report_all = true")
    words = ["--comfy-url", serve(recorded()).url, *([] if by_ini else ["--comfy-report-all"])]
    project.run("workflows", *words).assert_outcomes(passed=1)
    case = case_of(project)
    assert (case["outcome"], case["headline"], case["run"], case["approve"]) == ("passed", "", f"{KEY}/run", None)
    (output,) = case["outputs"]
    assert (output["verdict"], output["group"], output["distance"]) == ("identical", None, 0.0)
    assert output["files"] == {what: f"{KEY}/9.images.0.{what}.png" for what in ("actual", "golden")}
    assert report_of(project)["counts"]["cases"]["passed"] == 1


def test_offline_there_is_no_run_to_keep(project):
    project.both()
    project.run("workflows", "--comfy-report-all").assert_outcomes(passed=1)
    case = case_of(project)
    assert (case["mode"], case["server"], case["run"]) == ("offline", "replay", None)
    assert case["refused"] == "the run is a replay of what was recorded, and only live runs are approved"
    assert {row["actual"] for row in case["timings"]} == {None}
    assert list(case["outputs"][0]["files"]) == ["actual", "golden"]


def test_good_outputs_of_a_failed_case_have_their_files(project, serve):
    prompt = graph(saves=("9", "5"))
    project.both(prompt=prompt, outputs={"9": {"images": [png()]}, "5": {"images": [png()]}})
    url = serve(recorded(prompt, {"9": {"images": [png(shift=1)]}, "5": {"images": [png(2)]}})).url
    project.run("workflows", "--comfy-url", url, "--comfy-report-all").assert_outcomes(failed=1)
    good, bad = case_of(project)["outputs"]
    assert (good["verdict"], list(good["files"])) == ("within tolerance", ["actual", "golden"])
    assert (bad["verdict"], list(bad["files"])) == ("different", ["actual", "golden", "difference"])


def test_ignored_outputs_have_none(project, serve):
    prompt = graph(saves=("9", "5"))
    project.workflow(prompt=prompt, sidecar='[outputs."5"]\nignore = true\n')
    outputs = {"9": {"images": [png()]}, "5": {"images": [png()]}}
    project.golden(prompt=prompt, outputs=outputs)
    url = serve(recorded(prompt, outputs)).url
    project.run("workflows", "--comfy-url", url, "--comfy-report-all").assert_outcomes(passed=1)
    assert [(one["verdict"], list(one["files"])) for one in case_of(project)["outputs"]] == [
        ("identical", ["actual", "golden"]), ("ignored", [])
    ]  # fmt: skip


def test_without_it_an_identical_case_leaves_nothing(project, serve):
    project.both("a")
    project.both("b", graph(color=8), outputs={"9": {"images": [png(3)]}})
    url = serve(recorded(), recorded(graph(color=8))).url
    project.run("workflows", "--comfy-url", url).assert_outcomes(passed=1, failed=1)
    assert [case["key"] for case in report_of(project)["cases"]] == ["b/default"]
    assert not (project.root / "comfy-report/a").exists()
