"""Which files are collected, and what is said of the others."""

from __future__ import annotations

import pytest
from projects import failure_of, graph, recorded

BROKEN = '{\n "3": {"class_type": "EmptyImage",\n  "inputs": }\n}\n'
UI = {"nodes": [{"id": 3, "type": "EmptyImage", "inputs": [], "outputs": [], "widgets_values": []}], "links": [],
      "version": 0.4, "last_node_id": 3, "last_link_id": 0}  # fmt: skip


def test_file_outside_the_globs_is_left_alone(project):
    project.both()
    project.workflow("other", folder="elsewhere")
    project.run().assert_outcomes(passed=1)


def test_file_outside_the_globs_runs_when_named(project):
    project.workflow("other", folder="elsewhere")
    project.golden("elsewhere/other/default", workflow="elsewhere/other.json")
    result = project.run("elsewhere/other.json", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["elsewhere/other.json::default PASSED*"])


def test_globs_by_ini(project):
    project.ini("comfy_workflows =", "    flows/*.json", "    more/**/*.api.json")
    project.workflow("a", folder="flows")
    project.workflow("deep/b", folder="flows")
    project.workflow("x/c.api", folder="more")
    project.workflow("x/d", folder="more")
    project.workflow("e")
    result = project.run("--collect-only", "-q")
    assert [line for line in result.outlines if "::" in line] == ["flows/a.json::default", "more/x/c.api.json::default"]


def test_json_that_is_no_workflow_is_left_alone(project):
    project.both()
    project.write("workflows/package.json", {"name": "x"})
    project.write("workflows/list.json", [1, 2])
    result = project.run("workflows")
    result.assert_outcomes(passed=1)
    assert "package.json" not in result.stdout.str()


def test_json_that_is_no_workflow_is_said_to_be_when_named(project):
    project.write("workflows/package.json", {"name": "x"})
    result = project.run("workflows/package.json")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines([
        "*ComfyWarning: workflows/package.json: JSON, but no ComfyUI workflow (neither nodes with a class_type nor a "
        "list of nodes with links): left alone"
    ])  # fmt: skip


def test_broken_json_is_an_error_of_its_own_with_line_and_column(project):
    project.both()
    project.write("workflows/broken.json", BROKEN)
    result = project.run("workflows")
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert failure_of(result, "ERROR at setup of broken.json") == [
        "workflows/broken.json:3:13: broken JSON at line 3 column 13: Expecting value"
    ]
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize("words", [("-k", "default"), ("-m", "gpu"), ("-k", "nothing")])
def test_what_cannot_be_read_is_an_error_whatever_is_selected(project, words):
    """Its cases may have had that mark or name: without it a green run would be no proof."""
    project.both()
    project.write("workflows/txt2img.toml", "toleranse = 3\n")
    project.ini("markers =", "    gpu")
    result = project.run("workflows", *words)
    result.assert_outcomes(errors=1)


def test_what_cannot_be_read_can_be_deselected_by_name(project):
    project.both()
    project.write("workflows/broken.json", BROKEN)
    project.run("workflows", "--deselect", "workflows/broken.json").assert_outcomes(passed=1, deselected=1)


def test_text_in_another_encoding_is_a_collection_error(project):
    project.write("workflows/latin.json", '{"3": {"class_type": "Größe"}}'.encode("latin-1"))
    result = project.run("workflows")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["workflows/latin.json: not UTF-8 text (byte 24): save the workflow again as JSON"])


def test_node_without_class_type_fails_in_one_sentence(project):
    project.both(prompt=graph())
    project.workflow(prompt={**graph(), "12": {"inputs": {}}})
    result = project.run("workflows")
    result.assert_outcomes(failed=1)
    assert failure_of(result, "txt2img.json [default]") == [
        "workflows/txt2img.json: node '12' has no class_type: export the workflow from ComfyUI again"
    ]


def test_ui_form_is_collected_and_says_what_is_missing(project):
    project.workflow(prompt=UI)
    result = project.run("workflows", "-v")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["workflows/txt2img.json::default FAILED*"])
    assert failure_of(result, "txt2img.json [default]")[0] == (
        "missing: no golden run for workflows/txt2img.json::default"
    )


def test_ui_form_that_cannot_be_converted_fails_with_one_sentence(project):
    project.workflow(prompt={**UI, "nodes": [{"id": 3, "type": "Elsewhere"}]})
    project.golden()
    result = project.run("workflows")
    result.assert_outcomes(failed=1)
    assert failure_of(result, "txt2img.json [default]") == [
        "workflows/txt2img.json: its golden run has no definition of 'Elsewhere': record it live"
    ]


@pytest.mark.parametrize("key", ["api", "prompt"])
def test_graph_under_a_key_is_read(project, key):
    project.workflow(prompt={key: graph(), "name": "saved by another tool"})
    project.golden()
    project.run("workflows").assert_outcomes(passed=1)


def test_byte_order_mark_is_read(project):
    path = project.workflow()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    project.golden()
    project.run("workflows").assert_outcomes(passed=1)


def test_golden_folder_is_not_collected(project):
    project.ini("comfy_workflows = **/*.json")
    project.workflow()
    project.golden("workflows/txt2img/default", run=recorded())
    result = project.run("--collect-only", "-q")
    assert [line for line in result.outlines if "::" in line] == ["workflows/txt2img.json::default"]


def test_golden_run_named_on_the_command_line_is_said_to_be_none(project):
    project.golden()
    result = project.run("golden/txt2img/default/run.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*run.json: belongs to a golden run or a report, and is no workflow to run"])


def test_golden_folder_by_ini(project):
    project.ini("comfy_golden_dir = approved")
    project.both()
    (project.root / "golden").rename(project.root / "approved")
    result = project.run("workflows")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["comfy: offline, replaying approved/ (recorded with ComfyUI 0.8.0, *"])


def test_two_files_with_one_golden_folder_are_an_error(project):
    project.ini("comfy_workflows =", "    a/*.json", "    b/*.json")
    project.workflow("same", folder="a")
    project.workflow("same", folder="b")
    result = project.run()
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines([
        "b/same.json: its golden runs would lie in the folder of a/same.json's (same): rename one of them"
    ])  # fmt: skip


def test_node_ids_of_another_save_do_not_matter(project):
    """ComfyUI renumbers nodes when a workflow is rebuilt; what they do is what counts."""
    renumbered = graph(saves=())
    canvas = renumbered.pop("3")
    renumbered["14"] = canvas
    renumbered["20"] = {**graph()["9"], "inputs": {"images": ["14", 0], "filename_prefix": "out"}}
    project.workflow(prompt=renumbered)
    project.golden()
    project.run("workflows").assert_outcomes(passed=1)
