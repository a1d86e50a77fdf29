"""--comfy-report-inline: the report's page is one file; and the page of a session at all."""

from __future__ import annotations

import json

import pytest
from projects import png, recorded
from report.pages import Page


def different(project, serve, *args):
    project.both()
    url = serve(recorded(outputs={"9": {"images": [png(2)]}})).url
    project.run("workflows", "--comfy-url", url, *args).assert_outcomes(failed=1)
    return Page(project.root / "comfy-report/index.html")


def test_page_tells_what_the_session_found(project, serve):
    page = different(project, serve)
    assert "1 of 1 case is not as approved" in page.text
    assert "another picture (luma" in page.text
    folder = "txt2img/default/9.images.0"
    assert {f"{folder}.{role}.png" for role in ("golden", "actual", "difference")} <= set(page.addresses)
    assert all((project.root / "comfy-report" / one["src"]).is_file() for one in (*page.of("img"), *page.of("script")))


@pytest.mark.parametrize("by_ini", [False, True])
def test_one_file_has_it_all(project, serve, by_ini):
    if by_ini:
        project.ini("comfy_report_inline = true")
    page = different(project, serve, *([] if by_ini else ["--comfy-report-inline"]))
    assert not (project.root / "comfy-report/assets").exists()
    assert page.of("img") and all(address.startswith(("data:", "#")) for address in page.addresses)


def test_page_of_an_earlier_session_goes_when_all_is_well(project, serve):
    different(project, serve)
    project.run("workflows").assert_outcomes(passed=1)
    assert not (project.root / "comfy-report/index.html").exists()
    assert not (project.root / "comfy-report/assets").exists()


def test_page_is_that_of_report_json(project, serve):
    page = different(project, serve)
    document = json.loads((project.root / "comfy-report/report.json").read_text(encoding="utf-8"))
    assert [one["id"] for one in page.of("article", class_="case")] == [
        case["key"].replace("/", "-") for case in document["cases"]
    ]


def test_page_that_cannot_be_written_costs_no_verdict_and_is_told(project, serve):
    (project.root / "comfy-report").mkdir()
    (project.root / "comfy-report/assets").write_text("in the way")
    project.both()
    url = serve(recorded(outputs={"9": {"images": [png(2)]}})).url
    result = project.run("workflows", "--comfy-url", url)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*report: comfy-report/index.html: cannot be written (File exists)"])
    assert (project.root / "comfy-report/assets").read_text() == "in the way"
    assert (project.root / "comfy-report/report.json").is_file()
