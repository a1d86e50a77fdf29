"""--comfy-report: what differs, to look at; report.json has a file of its own."""

from __future__ import annotations

import io

from PIL import Image
from projects import failure_of, png, recorded

from pytest_comfy.report.html.assets import SCRIPTS

CASE = [
    ".gitignore",
    "txt2img/default/9.images.0.actual.png",
    "txt2img/default/9.images.0.difference.png",
    "txt2img/default/9.images.0.golden.png",
    "txt2img/default/case.json",
    "txt2img/default/run/9.images.0.png",
    "txt2img/default/run/run.json",
]
ASSETS = [f"assets/{name}" for name in ("report.css", *(f"{name}.js" for name in SCRIPTS))]
FILES = sorted([*CASE, *ASSETS, "index.html", "report.json"])


def different(project, serve, *args):
    project.both()
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = project.run("workflows", "--comfy-url", server.url, *args)
    result.assert_outcomes(failed=1)
    return result


def test_actual_golden_and_difference_are_written(project, serve):
    different(project, serve)
    assert project.files("comfy-report") == FILES
    folder = project.root / "comfy-report/txt2img/default"
    assert (folder / "9.images.0.actual.png").read_bytes() == png(2)
    assert (folder / "9.images.0.golden.png").read_bytes() == png(1)
    with Image.open(io.BytesIO((folder / "9.images.0.difference.png").read_bytes())) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 3 * 64  # golden, actual and heat map side by side


def test_folder_is_kept_out_of_commits(project, serve):
    different(project, serve)
    assert (project.root / "comfy-report/.gitignore").read_text() == "*\n"


def test_what_a_person_wrote_there_stays(project, serve):
    (project.root / "comfy-report").mkdir()
    (project.root / "comfy-report/.gitignore").write_text("*.png\n")
    different(project, serve)
    assert (project.root / "comfy-report/.gitignore").read_text() == "*.png\n"


def test_folder_by_flag(project, serve):
    result = different(project, serve, "--comfy-report=out/pictures")
    assert project.files("out/pictures") == FILES
    assert not (project.root / "comfy-report").exists()
    assert "  actual: out/pictures/txt2img/default/9.images.0.actual.png" in failure_of(
        result, "txt2img.json [default]"
    )


def test_folder_by_ini(project, serve):
    project.ini("comfy_report = pictures")
    different(project, serve)
    assert project.files("pictures") == FILES


def test_folder_outside_the_project(project, serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    result = different(project, serve, f"--comfy-report={folder}")
    assert f"  actual: {folder}/txt2img/default/9.images.0.actual.png" in failure_of(result, "txt2img.json [default]")


def test_nothing_is_written_when_all_is_well(project):
    project.both()
    project.run("workflows").assert_outcomes(passed=1)
    assert not (project.root / "comfy-report").exists()


def test_next_run_clears_what_the_last_one_left_of_the_case(project, serve):
    different(project, serve)
    project.run("workflows").assert_outcomes(passed=1)
    assert project.files("comfy-report") == [".gitignore"]


def test_folder_of_a_case_that_did_not_run_stays(project, serve):
    different(project, serve)
    project.both("other")
    project.run("workflows", "-k", "other").assert_outcomes(passed=1, deselected=1)
    assert project.files("comfy-report") == CASE


def test_case_within_tolerance_is_kept_without_pictures_of_what_differs(project, serve):
    project.both()
    server = serve(recorded(outputs={"9": {"images": [png(shift=1)]}}))
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=1)
    assert project.files("comfy-report") == [name for name in FILES if "9.images.0." not in name or "/run/" in name]


def test_report_is_no_place_for_workflows(project, serve):
    project.ini("comfy_workflows = **/*.json")
    project.workflow("a", folder="comfy-report")
    project.workflow("b")
    result = project.run("--collect-only", "-q")
    assert [line for line in result.outlines if "::" in line] == ["workflows/b.json::default"]


def test_report_that_cannot_be_written_is_told_and_changes_no_verdict(project, serve):
    project.both()
    project.write("comfy-report", "a file in its place")
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    lines = failure_of(result, "txt2img.json [default]")
    assert lines[0].startswith("different: node 9 'Save Image' images 0: another picture")
    assert [line for line in lines if line.startswith("report: ")] == [
        "report: comfy-report/txt2img/default: cannot be written (Not a directory)"
    ]
    assert "Traceback" not in result.stdout.str()
