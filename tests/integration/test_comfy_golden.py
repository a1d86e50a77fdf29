"""The fixtures for Python tests: comfy_golden, comfy_run, comfy_workflow, comfy_client, comfy_server."""

from __future__ import annotations

import pytest
from projects import failure_of, graph, png, recorded, section_of

ONE = """
def test_canvas(comfy_run, comfy_golden):
    comfy_golden.check(comfy_run("txt2img.json"))
"""


@pytest.fixture
def python(project):
    """A workflow with its golden run, which the fake server of offline tests replays."""
    project.both()
    return project


@pytest.fixture
def other(serve):
    return serve(recorded(outputs={"9": {"images": [png(2)]}}))


class TestGolden:
    def test_missing(self, python):
        python.write("test_a.py", ONE)
        result = python.run("test_a.py")
        result.assert_outcomes(failed=1)
        assert failure_of(result, "test_canvas") == [
            "missing: no golden run for test_a.py::test_canvas",
            "unexpected: node 9 'Save Image' images 0: there is no golden run to compare with",
            "  actual: comfy-report/test_a/test_canvas/default/9.images.0.actual.png",
            "approve with: pytest test_a.py::test_canvas --comfy-url http://YOUR-COMFYUI:8188 --comfy-update=changed "
            '--comfy-reason "why"',
        ]

    def test_approved_then_green_offline(self, python, serve):
        python.write("test_a.py", ONE)
        url = serve(recorded()).url
        result = python.run("test_a.py", "--comfy-url", url, "--comfy-update=missing", "--comfy-reason=first")
        result.assert_outcomes(passed=1)
        assert section_of(result, "comfy") == ["approved: 1", "  golden/test_a/test_canvas/default"]
        run = python.read("golden/test_a/test_canvas/default/run.json")
        assert (run["workflow"], run["case"]) == ("test_a.py", "test_canvas")
        assert run["approvals"][0]["reason"] == "first"
        result = python.run("test_a.py")
        result.assert_outcomes(passed=1)
        assert section_of(result, "comfy") == [
            "outputs: 1 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"
        ]

    def test_own_golden_run_is_enough_to_replay(self, python, serve):
        python.write("test_a.py", ONE)
        python.run("test_a.py", "--comfy-url", serve(recorded()).url, "--comfy-update").assert_outcomes(passed=1)
        (python.root / "golden/txt2img/default/run.json").unlink()
        python.run("test_a.py").assert_outcomes(passed=1)

    def test_different(self, python, serve, other):
        python.write("test_a.py", ONE)
        python.run("test_a.py", "--comfy-url", serve(recorded()).url, "--comfy-update")
        result = python.run("test_a.py", "--comfy-url", other.url)
        result.assert_outcomes(failed=1)
        lines = failure_of(result, "test_canvas")
        assert lines[0].startswith("different: node 9 'Save Image' images 0: another picture (")
        assert lines[-1] == (
            f"approve with: pytest test_a.py::test_canvas --comfy-url {other.url} --comfy-update=changed "
            '--comfy-reason "why"'
        )

    def test_check_returns_the_verdict(self, python, serve):
        python.write(
            "test_a.py",
            """
def test_canvas(comfy_run, comfy_golden):
    verdict = comfy_golden.check(comfy_run("txt2img.json"))
    assert verdict.passed
    assert [one.name for one in verdict.outputs] == ["9.images.0"]
    assert dict(verdict.counts) == {"identical": 1}
""",
        )
        url = serve(recorded()).url
        python.golden("test_a/test_canvas/default", recorded(workflow="test_a.py", case="test_canvas"))
        python.run("test_a.py", "--comfy-url", url).assert_outcomes(passed=1)

    def test_named_checks_have_folders_of_their_own(self, python, serve):
        python.write(
            "test_a.py",
            """
def test_two(comfy_run, comfy_golden):
    run = comfy_run("txt2img.json")
    comfy_golden.check(run, "first")
    comfy_golden.check(run, name="second look")
""",
        )
        python.run("test_a.py", "--comfy-url", serve(recorded()).url, "--comfy-update").assert_outcomes(passed=1)
        folders = {name.split("/")[2] for name in python.files("golden") if name.startswith("test_a/test_two/")}
        assert len(folders) == 2
        assert "first" in folders
        result = python.run("test_a.py", "--comfy-unused=fail")
        assert result.ret == 0
        assert section_of(result, "comfy")[0].startswith("outputs: 2 identical, ")

    def test_parameters_have_folders_of_their_own(self, python, serve):
        python.write(
            "test_a.py",
            """
import pytest
@pytest.mark.parametrize("name", ["a", "b/c", "b:c"])
def test_many(comfy_run, comfy_golden, name):
    comfy_golden.check(comfy_run("txt2img.json"))
""",
        )
        python.run("test_a.py", "--comfy-url", serve(recorded()).url, "--comfy-update").assert_outcomes(passed=3)
        assert len([name for name in python.files("golden/test_a") if name.endswith("run.json")]) == 3
        python.run("test_a.py", "--comfy-unused=fail").assert_outcomes(passed=3)

    def test_method_of_a_class(self, python, serve):
        python.write(
            "test_a.py",
            """
class TestCanvas:
    def test_it(self, comfy_run, comfy_golden):
        comfy_golden.check(comfy_run("txt2img.json"))
""",
        )
        python.run("test_a.py", "--comfy-url", serve(recorded()).url, "--comfy-update").assert_outcomes(passed=1)
        python.run("test_a.py").assert_outcomes(passed=1)

    @pytest.mark.parametrize(("given", "outcome"), [
        ('check(run, tolerance="exact")', "failed"),
        ('check(run, tolerance="loose")', "passed"),
        ("check(run)", "passed"),
    ])  # fmt: skip
    def test_tolerance_of_a_check(self, python, serve, given, outcome):
        python.write("test_a.py", f"def test_it(comfy_run, comfy_golden):\n    run = comfy_run('txt2img.json')\n"
                                  f"    comfy_golden.{given}\n")  # fmt: skip
        python.golden("test_a/test_it/default", recorded(workflow="test_a.py", case="test_it"))
        server = serve(recorded(outputs={"9": {"images": [png(shift=1)]}}))
        python.run("test_a.py", "--comfy-url", server.url).assert_outcomes(**{outcome: 1})

    def test_tolerance_of_a_check_leaves_the_flags_as_they_are(self, python, serve):
        black = png(edit=lambda picture: picture.paste((0, 0, 0), (0, 0, *picture.size)))
        python.write("test_a.py", "def test_it(comfy_run, comfy_golden):\n    run = comfy_run('txt2img.json')\n"
                                  "    comfy_golden.check(run, tolerance='strict')\n")  # fmt: skip
        url = serve(recorded(outputs={"9": {"images": [black]}})).url
        update = ("test_a.py", "--comfy-url", url, "--comfy-update")
        python.run(*update).assert_outcomes(failed=1)
        python.run(*update, "--comfy-allow-blank").assert_outcomes(passed=1)

    def test_tolerance_of_the_mark_and_of_the_command_line(self, python, serve):
        python.write("test_a.py", "import pytest\n@pytest.mark.comfy(tolerance='exact')" + ONE)
        python.golden("test_a/test_canvas/default", recorded(workflow="test_a.py", case="test_canvas"))
        shifted = {"9": {"images": [png(shift=1)]}}
        python.run("test_a.py", "--comfy-url", serve(recorded(outputs=shifted)).url).assert_outcomes(failed=1)
        python.run("test_a.py", "--comfy-url", serve(recorded(outputs=shifted)).url, "--comfy-tolerance=normal"
                   ).assert_outcomes(passed=1)  # fmt: skip

    def test_broken_golden_run_fails_in_one_sentence(self, python):
        python.write("test_a.py", ONE)
        python.write("golden/test_a/test_canvas/default/run.json", "{")
        result = python.run("test_a.py")
        result.assert_outcomes(failed=1)
        (line,) = failure_of(result, "test_canvas")
        assert "golden/test_a/test_canvas/default/run.json: broken JSON (" in line

    def test_properties_reach_junit(self, python, serve):
        python.write("test_a.py", ONE)
        python.golden("test_a/test_canvas/default", recorded(workflow="test_a.py", case="test_canvas"))
        python.run("test_a.py", "--junit-xml=out.xml")
        text = (python.root / "out.xml").read_text()
        assert '<property name="comfy_golden" value="test_a/test_canvas/default"' in text
        assert '<property name="comfy_verdict" value="passed"' in text


class TestRun:
    def test_values_and_images(self, python):
        python.golden("eight/default", prompt=graph(8), outputs={"9": {"images": [png(8)]}})
        python.write(
            "test_a.py",
            """
def test_it(comfy_run):
    run = comfy_run("txt2img.json", {"Canvas.color": 8})
    assert [image.size for image in run.images] == [(64, 64)]
    assert run.outputs[0].title == "Save Image"
    assert run.prompt["3"]["inputs"]["color"] == 8
""",
        )
        python.run("test_a.py").assert_outcomes(passed=1)

    def test_workflow_and_prompt_are_taken_too(self, python):
        python.write(
            "test_a.py",
            """
def test_it(comfy_run, comfy_workflow):
    workflow = comfy_workflow("txt2img.json")
    assert len(comfy_run(workflow).images) == 1
    assert len(comfy_run(workflow.prompt()).images) == 1
""",
        )
        python.run("test_a.py").assert_outcomes(passed=1)

    def test_unanswered_prompt_raises_prompt_rejected(self, python):
        python.write(
            "test_a.py",
            """
import pytest
from pytest_comfy.client import PromptRejected
def test_it(comfy_run):
    with pytest.raises(PromptRejected, match="color is 9, was 7"):
        comfy_run("txt2img.json", {"Canvas.color": 9})
""",
        )
        python.run("test_a.py").assert_outcomes(passed=1)

    def test_unreachable_server_is_an_error_not_a_failure(self, python, dead_url):
        python.write("test_a.py", 'def test_it(comfy_run):\n    comfy_run("txt2img.json")\n')
        result = python.run("test_a.py", "--comfy-url", dead_url)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([f"*ServerUnreachable: {dead_url}: connection refused: is ComfyUI running there?"])

    def test_failing_assertion_stays_a_failure(self, python):
        python.write("test_a.py", 'def test_it(comfy_run):\n    assert not comfy_run("txt2img.json").images\n')
        python.run("test_a.py").assert_outcomes(failed=1)

    def test_tests_are_independent_of_each_other(self, python):
        python.write(
            "test_a.py",
            """
import pytest
@pytest.mark.parametrize("n", range(3))
def test_it(comfy_run, comfy_server, n):
    assert comfy_run("txt2img.json").cache_bust is None
    assert len(comfy_server.prompts) == 1
""",
        )
        python.run("test_a.py").assert_outcomes(passed=3)


class TestWorkflow:
    def test_found_beside_the_test_first(self, python):
        python.workflow("txt2img", prompt=graph(50), folder="sub")
        python.write(
            "sub/test_a.py",
            """
def test_it(comfy_workflow):
    assert comfy_workflow("txt2img.json").prompt()["3"]["inputs"]["color"] == 50
    assert comfy_workflow("workflows/txt2img.json").prompt()["3"]["inputs"]["color"] == 7
    assert comfy_workflow("txt2img.json", {"EmptyImage.color": 3}).prompt()["3"]["inputs"]["color"] == 3
""",
        )
        python.run("sub").assert_outcomes(passed=1)

    def test_file_that_is_not_there(self, python):
        python.write(
            "test_a.py",
            """
import pytest
from pytest_comfy import WorkflowError
def test_it(comfy_workflow):
    with pytest.raises(WorkflowError, match="nowhere.json: cannot be read"):
        comfy_workflow("nowhere.json")
""",
        )
        python.run("test_a.py").assert_outcomes(passed=1)


class TestServerAndClient:
    def test_server_is_fresh_and_answers_over_http(self, python):
        python.write(
            "test_a.py",
            """
import json, urllib.request
def test_it(comfy_server):
    with urllib.request.urlopen(comfy_server.url + "/system_stats") as reply:
        assert json.load(reply)["system"]["comfyui_version"] == "0.8.0"
    assert comfy_server.prompts == []
""",
        )
        python.run("test_a.py").assert_outcomes(passed=1)

    def test_client_asks_the_tests_server_offline(self, python):
        python.write(
            "test_a.py",
            """
def test_it(comfy_client, comfy_server):
    assert comfy_client.url == comfy_server.url
""",
        )
        python.run("test_a.py").assert_outcomes(passed=1)

    def test_client_asks_the_live_server(self, python, serve):
        server = serve(recorded())
        python.write(
            "test_a.py",
            f"""
def test_it(comfy_client, comfy_server):
    assert comfy_client.url == {server.url!r}
    assert comfy_server.url != comfy_client.url
""",
        )
        python.run("test_a.py", "--comfy-url", server.url).assert_outcomes(passed=1)

    def test_timeout_of_mark_and_command_line(self, python):
        python.write(
            "test_a.py",
            """
import pytest
def test_default(comfy_client):
    assert comfy_client.timeout == 30
@pytest.mark.comfy(timeout=5)
def test_mark(comfy_client):
    assert comfy_client.timeout == 5
""",
        )
        python.ini("comfy_timeout = 30")
        python.run("test_a.py").assert_outcomes(passed=2)
        python.run("test_a.py", "--comfy-timeout=7").assert_outcomes(failed=2)

    def test_server_without_any_golden_run(self, project):
        project.write("test_a.py", "def test_it(comfy_server):\n    assert comfy_server.unused == []\n")
        project.run("test_a.py").assert_outcomes(passed=1)
