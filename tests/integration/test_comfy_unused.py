"""--comfy-unused: golden runs that no case claims."""

from __future__ import annotations

import pytest
from projects import recorded, section_of


@pytest.fixture
def leftover(project):
    """A workflow with its golden run, and the golden run of one that is no more."""
    project.both()
    project.golden("gone/default")
    return project


def told(result):
    return [line for line in result.outlines if line.startswith(("golden runs", "  no case"))]


UNUSED = [
    "golden runs unused: 1 (golden/gone/default)",
    "  no case claims them; remove them with --comfy-unused=remove",
]


@pytest.mark.parametrize("args", [(), ("workflows",), ("--comfy-unused=warn",)])
def test_warn_is_the_default_and_fails_nothing(leftover, args):
    result = leftover.run(*args)
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    assert section_of(result, "comfy")[1:] == UNUSED


def test_fail_fails_the_session(leftover):
    result = leftover.run("--comfy-unused=fail")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert told(result) == UNUSED


def test_fail_by_ini_and_flag_over_ini(leftover):
    leftover.ini("comfy_unused = fail")
    assert leftover.run().ret == pytest.ExitCode.TESTS_FAILED
    assert leftover.run("--comfy-unused=warn").ret == 0


def test_remove_removes_that_run_alone(leftover):
    result = leftover.run("--comfy-unused=remove")
    assert result.ret == 0
    assert told(result) == ["golden runs to remove: 1 (golden/gone/default)", "golden runs removed: 1"]
    assert leftover.files("golden") == ["txt2img/default/9.images.0.png", "txt2img/default/run.json"]
    assert not (leftover.root / "golden/gone").exists()
    assert told(leftover.run()) == []


def test_removed_run_leaves_foreign_files(leftover):
    leftover.write("golden/gone/default/notes.txt", "mine")
    leftover.run("--comfy-unused=remove")
    assert "gone/default/notes.txt" in leftover.files("golden")
    assert "gone/default/run.json" not in leftover.files("golden")


def test_case_that_is_no_more(project):
    project.both()
    project.golden("txt2img/old")
    assert told(project.run())[0] == "golden runs unused: 1 (golden/txt2img/old)"


def test_all_used_says_nothing(project):
    project.both()
    assert told(project.run("--comfy-unused=fail")) == []


@pytest.mark.parametrize(
    "selection", [("-k", "nothing"), ("-m", "not comfy"), ("--deselect", "workflows/txt2img.json")]
)
def test_deselected_case_claims_its_run(project, selection):
    project.both()
    result = project.run("--comfy-unused=fail", *selection)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert told(result) == []


def test_deselection_still_finds_what_is_left_over(leftover):
    result = leftover.run("--comfy-unused=fail", "-k", "txt2img")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert told(result) == UNUSED


@pytest.mark.parametrize("args", [("workflows/other.json",), ("workflows/sub",), ("workflows/txt2img.json::default",),
                                  ("--ignore=workflows/sub",)])  # fmt: skip
def test_partial_collection_judges_nothing(leftover, args):
    leftover.both("other")
    leftover.both("sub/third")
    result = leftover.run("--comfy-unused=remove", *args)
    assert result.ret == 0
    assert told(result) == []
    assert (leftover.root / "golden/gone/default/run.json").exists()


def test_collection_error_judges_nothing(leftover):
    leftover.write("workflows/broken.json", "{")
    result = leftover.run("--comfy-unused=remove", "--continue-on-collection-errors")
    result.assert_outcomes(passed=1, errors=1)
    assert told(result) == []
    assert (leftover.root / "golden/gone/default/run.json").exists()


def test_broken_sidecar_does_not_make_its_runs_unused(project):
    project.both()
    project.write("workflows/txt2img.toml", "tolerence = 1\n")
    result = project.run("--comfy-unused=remove", "--continue-on-collection-errors")
    result.assert_outcomes(errors=1)
    assert (project.root / "golden/txt2img/default/run.json").exists()


def test_collect_only_removes_nothing(leftover):
    leftover.run("--collect-only", "--comfy-unused=remove")
    assert (leftover.root / "golden/gone/default/run.json").exists()


def test_skipped_case_claims_its_run(project):
    project.both()
    project.write("workflows/txt2img.toml", 'skip = "later"\n')
    assert told(project.run()) == []


def test_exitfirst_judges_as_all_was_collected(leftover):
    leftover.workflow("unapproved")
    result = leftover.run("-x", "--comfy-unused=warn")
    assert told(result) == UNUSED


def test_run_of_a_baseline_goes_with_its_case(project):
    project.both()
    project.golden("gone/default", baseline="rtx")
    assert told(project.run())[0] == "golden runs unused: 1 (golden/gone/default+rtx)"


def test_broken_golden_run_is_not_removed(leftover):
    (leftover.root / "golden/gone/default/run.json").write_text("{")
    leftover.run("--comfy-unused=remove")
    assert (leftover.root / "golden/gone/default/run.json").exists()


def test_unknown_mode_names_the_nearest(project):
    result = project.run("--comfy-unused=warm")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: comfy_unused 'warm': must be one of warn, fail, remove (did you mean 'warn'?)"]
    )


TEST = """
def test_canvas(comfy_run, comfy_golden, comfy_workflow):
    comfy_golden.check(comfy_run("txt2img.json"))
"""


class TestOfPythonTests:
    @pytest.fixture
    def python(self, project, serve):
        project.both()
        project.write("test_nodes.py", TEST + "\n\ndef test_other(): pass\n")
        project.run("test_nodes.py", "--comfy-url", serve(recorded()).url, "--comfy-update").assert_outcomes(passed=2)
        assert "test_nodes/test_canvas/default/run.json" in project.files("golden")
        return project

    def test_claimed_run_is_used(self, python):
        assert told(python.run()) == []

    def test_run_of_a_removed_test_is_unused(self, python):
        python.write("test_nodes.py", "def test_other(): pass\n")
        result = python.run()
        assert told(result)[0] == "golden runs unused: 1 (golden/test_nodes/test_canvas/default)"

    def test_run_of_a_removed_file_is_unused(self, python):
        (python.root / "test_nodes.py").unlink()
        result = python.run()
        assert told(result)[0] == "golden runs unused: 1 (golden/test_nodes/test_canvas/default)"

    def test_file_that_was_not_collected_is_not_judged(self, python):
        python.write("test_nodes.py", "def test_other(): pass\n")
        assert told(python.run("workflows")) == []

    def test_one_test_of_a_file_judges_none_of_the_others(self, python):
        result = python.run("test_nodes.py::test_other", "--comfy-unused=remove")
        result.assert_outcomes(passed=1)
        assert told(result) == []
        assert "test_nodes/test_canvas/default/run.json" in python.files("golden")

    def test_last_failed_judges_no_file_of_tests(self, python):
        python.write("test_nodes.py", TEST + "\n\ndef test_other(): assert False\n")
        python.run("test_nodes.py").assert_outcomes(passed=1, failed=1)
        result = python.run("test_nodes.py", "--lf", "--comfy-unused=remove")
        result.assert_outcomes(failed=1)
        assert told(result) == []
        assert "test_nodes/test_canvas/default/run.json" in python.files("golden")

    def test_deselected_test_claims_its_run(self, python):
        assert told(python.run("-k", "other")) == []

    def test_no_named_check_is_removed_while_its_test_is_there(self, python):
        """A named check that was not reached, as an earlier one failed, is no leftover."""
        python.write("test_nodes.py", TEST.replace("check(", 'check(name="first", run='))
        result = python.run("test_nodes.py", "--comfy-unused=warn")
        result.assert_outcomes(failed=1)
        assert told(result) == []


NOT_REMOVED = "  not removed: "
FAILED = "a test or case failed, or the session ended early"
PART = "not everything that was collected was run"


@pytest.mark.parametrize(
    ("other", "words", "why"),
    [
        ("def test_it(): assert False", (), FAILED),
        ("import pytest\n@pytest.fixture\ndef no(): raise ValueError\ndef test_it(no): pass", (), FAILED),
        ("import pytest\ndef test_it(): pytest.exit('enough')", (), FAILED),
        ("def test_it(request): request.session.shouldstop = 'enough'", (), FAILED),
        ("def test_it(): pass", ("-k", "default"), PART),
        ("def test_it(): pass", ("--deselect", "test_other.py::test_it"), PART),
    ],
)
def test_what_may_be_used_all_the_same_is_not_removed(leftover, other, words, why):
    leftover.write("test_other.py", other)
    result = leftover.run("workflows", "test_other.py", "--comfy-unused=remove", *words)
    lines = section_of(result, "comfy")
    assert {"golden runs unused: 1 (golden/gone/default)", f"{NOT_REMOVED}{why}"} <= set(lines)
    assert (leftover.root / "golden/gone/default/run.json").exists()


def test_nothing_is_removed_behind_a_link(leftover, tmp_path_factory):
    away = tmp_path_factory.mktemp("away") / "golden"
    (leftover.root / "golden").rename(away)
    (leftover.root / "golden").symlink_to(away)
    result = leftover.run("--comfy-unused=remove")
    assert section_of(result, "comfy")[-1] == f"{NOT_REMOVED}golden is a link"
    assert (away / "gone/default/run.json").exists()


def test_run_that_cannot_be_removed_is_told(leftover, outside_folder):
    run = leftover.read("golden/gone/default/run.json")
    run["outputs"][0]["file"] = "sub/9.images.0.png"
    leftover.write("golden/gone/default/run.json", run)
    (leftover.root / "golden/gone/default/sub").symlink_to(outside_folder)
    result = leftover.run("--comfy-unused=remove")
    assert "INTERNALERROR" not in result.stdout.str()
    lines = section_of(result, "comfy")[-2:]
    assert lines[0] == "golden runs removed: 0"
    assert "golden/gone/default" in lines[1] and "cannot be removed (it is a link" in lines[1]
    assert (outside_folder / "9.images.0.png").exists()


@pytest.fixture
def outside_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "9.images.0.png").write_bytes(b"precious")
    return folder


GONE = '{"3": {"inputs": {}, "_meta": {}}}'


@pytest.mark.parametrize("content", ["{}", "[]", GONE, '{"nodes": 3}', "null", "7"])
@pytest.mark.parametrize("words", [(), ("--comfy-unused=remove",)])
def test_workflow_that_vanished_is_an_error_and_keeps_its_golden_runs(leftover, content, words):
    leftover.write("workflows/txt2img.json", content)
    result = leftover.run(*words)
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["workflows/txt2img.json: is no workflow any more, and has 1 golden run in golden/txt2img: restore the file *"]
    )
    assert "txt2img/default/run.json" in leftover.files("golden")


def test_json_that_never_was_a_workflow_is_left_alone(leftover):
    leftover.write("workflows/notes.json", "{}")
    leftover.write("workflows/txt2img/default.json", "{}")  # whose golden runs would be another level down
    leftover.run().assert_outcomes(passed=1)


ORPHANS = "golden runs without a workflow: 2, as comfy_workflows (workflows/**/*.json) matches no file"


@pytest.mark.parametrize(("words", "status"), [((), 0), (("--comfy-unused=fail",), 1), (("--comfy-unused=remove",), 0)])
def test_globs_that_match_nothing_are_told(leftover, words, status):
    (leftover.root / "workflows/txt2img.json").unlink()
    leftover.write("test_other.py", "def test_it(): pass")
    result = leftover.run("test_other.py", *words)
    result.assert_outcomes(passed=1)
    assert result.ret == status
    assert section_of(result, "comfy") == [ORPHANS]
    assert len(leftover.files("golden")) == 4


def test_globs_that_match_nothing_in_a_session_without_tests(leftover):
    (leftover.root / "workflows/txt2img.json").unlink()
    assert leftover.run().ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert leftover.run("--comfy-unused=fail").ret == pytest.ExitCode.TESTS_FAILED


def test_golden_runs_of_tests_need_no_workflow(project):
    project.golden("tests/test_it/test_one/default", workflow="tests/test_it.py")
    project.write("test_other.py", "def test_it(): pass")
    assert told(project.run("test_other.py", "--comfy-unused=fail"))[:1] != [ORPHANS]
