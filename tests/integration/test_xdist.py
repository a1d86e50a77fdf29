"""pytest-xdist: workers share nothing that breaks, and the controller tells the whole."""

from __future__ import annotations

import pytest
from projects import WITH_XDIST, failure_of, png, recorded, section_of


@pytest.fixture
def spread(project):
    """Six workflows, the last of which was never approved; all plugins that are installed."""
    project.write("pytest.ini", WITH_XDIST)
    for name in "abcde":
        project.both(name, outputs={"9": {"images": [png(ord(name))]}})
    project.workflow("unapproved")
    return project


def test_outcomes_and_summary_are_those_of_one_process(spread):
    alone = spread.run_apart("workflows")
    together = spread.run_apart("workflows", "-n2")
    for result in (alone, together):
        result.assert_outcomes(passed=5, failed=1)
        assert section_of(result, "comfy")[:-1] == [
            "outputs: 5 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"
        ]
    assert failure_of(together, "unapproved.json [default]")[-2:] == failure_of(alone, "unapproved.json [default]")


def test_unused_golden_runs_are_merged(spread):
    spread.golden("gone/default")
    result = spread.run_apart("workflows", "-n2", "--comfy-unused=remove")
    assert section_of(result, "comfy")[-2] == "  not removed: a test or case failed, or the session ended early"
    (spread.root / "workflows/unapproved.json").unlink()
    result = spread.run_apart("workflows", "-n2", "--comfy-unused=remove", "-k", "not d.json")
    assert section_of(result, "comfy")[-1] == "  not removed: not everything that was collected was run"
    result = spread.run_apart("workflows", "-n2", "--comfy-unused=remove")
    assert section_of(result, "comfy")[1:] == [
        "golden runs to remove: 1 (golden/gone/default)", "golden runs removed: 1"
    ]  # fmt: skip
    assert not (spread.root / "golden/gone").exists()
    assert len([name for name in spread.files("golden") if name.endswith("run.json")]) == 5


def test_unused_fails_the_session(spread):
    spread.golden("gone/default")
    (spread.root / "workflows/unapproved.json").unlink()
    result = spread.run_apart("workflows", "-n2", "--comfy-unused=fail")
    result.assert_outcomes(passed=5)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_collection_error_judges_no_golden_run_unused(spread):
    spread.golden("gone/default")
    spread.write("workflows/broken.json", "{")
    spread.run_apart("workflows", "-n2", "--comfy-unused=remove", "--continue-on-collection-errors")
    assert (spread.root / "golden/gone/default/run.json").exists()


def test_several_servers_are_spread_over_the_workers(spread, serve):
    runs = [recorded(outputs={"9": {"images": [png()]}})]
    for name in "abcde":
        spread.both(name)
    (spread.root / "workflows/unapproved.json").unlink()
    servers = [serve(*runs), serve(*runs)]
    urls = [word for server in servers for word in ("--comfy-url", server.url)]
    result = spread.run_apart("workflows", "-n2", "--dist=loadfile", *urls)
    result.assert_outcomes(passed=5)
    asked = [{body["client_id"] for body in server.prompts} for server in servers]
    assert [len(clients) for clients in asked] == [1, 1]


def test_approval_by_workers(spread, serve):
    for name in "abcde":
        (spread.root / f"workflows/{name}.json").unlink()
    for name in "vwxyz":
        spread.workflow(name)
    (spread.root / "workflows/unapproved.json").unlink()
    result = spread.run_apart("workflows", "-n2", "--comfy-url", serve(recorded()).url, "--comfy-update")
    result.assert_outcomes(passed=5)
    assert section_of(result, "comfy")[:6] == ["approved: 5", *(f"  golden/{name}/default" for name in "vwxyz")]
    assert [line for line in result.outlines if line.startswith("golden runs unused: 5 ")]


def test_header_is_said_once(spread):
    result = spread.run_apart("workflows", "-n2")
    assert len([line for line in result.outlines if line.startswith("comfy: offline")]) == 1
