"""comfy_golden_files = false: fingerprints without pictures."""

from __future__ import annotations

import pytest
from projects import failure_of, png, recorded


@pytest.fixture
def bare(project, serve):
    project.ini("comfy_golden_files = false")
    project.workflow()
    project.run("workflows", "--comfy-url", serve(recorded()).url, "--comfy-update").assert_outcomes(passed=1)
    return project


def test_no_picture_is_written(bare):
    assert bare.files("golden") == ["txt2img/default/run.json"]


def test_same_picture_passes_live(bare, serve):
    bare.run("workflows", "--comfy-url", serve(recorded()).url).assert_outcomes(passed=1)


def test_near_picture_is_within_tolerance_live(bare, serve):
    server = serve(recorded(outputs={"9": {"images": [png(shift=1)]}}))
    result = bare.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["outputs: 0 identical, 1 within tolerance, *"])


def test_other_picture_fails_live_and_the_actual_one_is_kept(bare, serve):
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = bare.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    lines = failure_of(result, "txt2img.json [default]")
    assert lines[0].startswith("different: node 9 'Save Image' images 0: another picture (")
    assert [line for line in lines if line.startswith("  ")] == [
        "  actual: comfy-report/txt2img/default/9.images.0.actual.png"
    ]


def test_offline_is_an_error(bare):
    result = bare.run("workflows")
    result.assert_outcomes(errors=1)
    assert "keeps no output files, so it cannot be replayed" in result.stdout.str()
