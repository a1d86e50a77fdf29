"""Workflow files as pytest items: node ids, selection, reports of pytest's own."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from projects import failure_of, graph, png, recorded


@pytest.fixture
def two(project):
    """One case that passes, one that fails as nothing was approved."""
    project.both("txt2img")
    project.workflow("unapproved")
    return project


def test_passing_case_has_file_and_case_as_node_id(project):
    project.both()
    result = project.run("workflows", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["workflows/txt2img.json::default PASSED*"])


def test_file_in_subfolder_keeps_its_folders(project):
    project.both("deep/er/txt2img")
    result = project.run("workflows", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["workflows/deep/er/txt2img.json::default PASSED*"])


def test_node_id_runs_that_case_alone(two):
    result = two.run("workflows/txt2img.json::default")
    result.assert_outcomes(passed=1)


def test_unknown_case_in_node_id_is_a_usage_error(two):
    result = two.run("workflows/txt2img.json::upscaled")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: not found: *workflows/txt2img.json::upscaled"])


def test_collect_only_lists_node_ids_and_runs_nothing(two):
    result = two.run("workflows", "--collect-only", "-q")
    assert result.ret == 0
    assert [line for line in result.outlines if "::" in line] == [
        "workflows/txt2img.json::default",
        "workflows/unapproved.json::default",
    ]
    assert "comfy -" not in result.stdout.str()


@pytest.mark.parametrize("words", ["txt2img", "default and not unapproved"])
def test_keyword_selects(two, words):
    two.run("workflows", "-k", words).assert_outcomes(passed=1, deselected=1)


def test_mark_comfy_tells_workflows_from_other_tests(two):
    two.write("test_plain.py", "def test_plain(): pass\n")
    two.run("-m", "comfy").assert_outcomes(passed=1, failed=1, deselected=1)
    two.run("-m", "not comfy").assert_outcomes(passed=1, deselected=2)


def test_last_failed_runs_the_failed_case_again(two):
    two.run("workflows").assert_outcomes(passed=1, failed=1)
    result = two.run("workflows", "--lf", "-v")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["workflows/unapproved.json::default FAILED*"])


def test_exitfirst_stops_at_the_first_failure(project):
    project.workflow("a")
    project.both("b")
    result = project.run("workflows", "-x")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


def test_failure_is_headed_by_file_and_case(two):
    lines = failure_of(two.run("workflows"), "unapproved.json [default]")
    assert lines[0] == "missing: no golden run for workflows/unapproved.json::default"


def test_no_workflows_and_no_golden_runs_nothing_is_said(project):
    project.write("test_plain.py", "def test_plain(): pass\n")
    result = project.run()
    result.assert_outcomes(passed=1)
    assert "comfy:" not in result.stdout.str()
    assert "- comfy -" not in result.stdout.str()


class TestJUnit:
    def cases(self, project, *args):
        project.run("workflows", "--junit-xml=out.xml", *args)
        tree = ET.parse(project.root / "out.xml")
        return {case.get("classname"): case for case in tree.iter("testcase")}

    def properties(self, case):
        return {one.get("name"): one.get("value") for one in case.iter("property")}

    def test_pass_has_properties(self, two):
        case = self.cases(two)["workflows.txt2img.json"]
        assert case.get("name") == "default"
        assert [child.tag for child in case] == ["properties"]
        found = self.properties(case)
        assert found["comfy_verdict"] == "passed"
        assert found["comfy_mode"] == "offline"
        assert found["comfy_golden"] == "txt2img/default"
        assert found["comfy_verdicts"] == '{"identical": 1}'

    def test_missing_golden_run_is_a_failure_with_the_verdict_first(self, two):
        failure = self.cases(two)["workflows.unapproved.json"].find("failure")
        assert (
            failure.get("message")
            .splitlines()[0]
            .endswith("missing: no golden run for workflows/unapproved.json::default")
        )

    def test_different_picture_says_verdict_and_output(self, project, serve):
        project.both()
        server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
        case = self.cases(project, "--comfy-url", server.url)["workflows.txt2img.json"]
        first = case.find("failure").get("message").splitlines()[0]
        assert "different: node 9 'Save Image' images 0: another picture (" in first
        found = self.properties(case)
        assert found["comfy_verdict"] == "failed"
        assert found["comfy_mode"] == "live"
        assert found["comfy_output_9.images.0"].startswith("different: node 9 'Save Image' images 0: another picture")
        assert found["comfy_server"] == f"{server.url} (ComfyUI 0.8.0, torch 2.13.0, cpu)"

    def test_unreachable_server_is_an_error_not_a_failure(self, project, dead_url):
        project.both()
        case = self.cases(project, "--comfy-url", dead_url)["workflows.txt2img.json"]
        assert case.find("failure") is None
        assert "server unreachable: " in case.find("error").get("message")

    def test_two_cases_are_two_testcases(self, project):
        project.workflow(sidecar="[cases.red]\n[cases.blue]\n")
        project.run("workflows", "--junit-xml=out.xml")
        names = [case.get("name") for case in ET.parse(project.root / "out.xml").iter("testcase")]
        assert names == ["red", "blue"]


def test_several_outputs_are_one_item(project, serve):
    prompt = graph(saves=("9", "10", "11"))
    outputs = {node: {"images": [png(int(node))]} for node in ("9", "10", "11")}
    project.both(prompt=prompt, outputs=outputs)
    server = serve(recorded(prompt, {**outputs, "10": {"images": [png(50)]}, "11": {"images": [png(51)]}}))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    lines = failure_of(result, "txt2img.json [default]")
    assert lines[0].startswith("different: node 10 'Save 10' images 0: ")
    assert [line.split(":")[0] for line in lines if "node 1" in line] == ["different", "different"]
    assert "other outputs: 1 identical" in lines
