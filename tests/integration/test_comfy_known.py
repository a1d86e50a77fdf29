"""--comfy-known FILE: failures that a report of before has as well are told apart, and fail nothing."""

from __future__ import annotations

import io
import json
import shutil
from html import unescape

import numpy as np
import pytest
from PIL import Image
from projects import failure_of, graph, png, recorded, section_of
from reports import case_of, report_of
from ui_form import definitions

from pytest_comfy.commands.__main__ import main

NAMES = ("blur", "edge", "flat")
FLAG = ("--comfy-known", "before")
TEST = """
def test_two(comfy_run, comfy_golden):
    run = comfy_run("txt2img.json")
    comfy_golden.check(run, "one")
    comfy_golden.check(run, "two")
    {last}
"""


@pytest.fixture
def machine(project, serve):
    """Three workflows with golden runs, and servers that make what is asked for: seed 1 is as approved."""
    for color, name in enumerate(NAMES):
        prompt = graph(color)
        project.workflow(name, prompt)
        project.golden(f"{name}/default", run=recorded(prompt, workflow=f"workflows/{name}.json"))

    def start(*seeds, **outputs):
        """A server; `outputs` has what a workflow makes instead of a picture of its seed."""
        runs = []
        for color, (name, seed) in enumerate(zip(NAMES, seeds, strict=True)):
            error = seed if isinstance(seed, dict) else None
            made = {} if error else outputs.get(name, {"9": {"images": [png(seed)]}})
            runs.append(recorded(graph(color), made, error=error))
        return serve(*runs)

    return start


@pytest.fixture
def before(project, machine):
    """The report of a session in which two of three failed, laid where --comfy-known finds it."""
    project.run("--comfy-url", machine(2, 3, 1).url).assert_outcomes(failed=2, passed=1)
    shutil.move(project.root / "comfy-report", project.root / "before")
    return dated(project, "before/report.json", "2026-11-20T07:00:00Z")


def dated(project, name, created):
    document = {**project.read(name), "created": created}
    project.write(name, document)
    return document


def drift_of(project, folder="comfy-report"):
    return {case["key"].partition("/")[0]: case["drift"] for case in report_of(project, folder)["cases"]}


def told(result):
    """The lines of the closing section that tell of drift."""
    lines = section_of(result, "comfy")
    start = next(at for at, line in enumerate(lines) if line.startswith("failures beside "))
    return [
        line
        for line in lines[start:]
        if line.startswith(("failures beside ", "  new", "  changed", "  known", "  fixed"))
    ]


def error(message="no memory"):
    return {"exception_message": message, "exception_type": "RuntimeError", "traceback": []}


def test_known_failures_fail_nothing(project, machine, before):
    result = project.run("-rx", "--comfy-url", machine(2, 3, 1).url, *FLAG)
    result.assert_outcomes(xfailed=2, passed=1)
    assert result.ret == 0
    assert told(result) == [
        "failures beside before of 2026-11-20: 0 new, 0 changed, 2 known, 0 fixed; what is known fails nothing",
        "  known since 2026-11-20: workflows/blur.json::default",
        "  known since 2026-11-20: workflows/edge.json::default",
    ]
    (line,) = [line for line in result.outlines if line.startswith("XFAIL workflows/blur.json")]
    assert "known since 2026-11-20: another picture" in line
    document = report_of(project)
    assert document["known"] == {"file": "before", "created": "2026-11-20T07:00:00Z"}
    assert document["counts"]["drift"] == {"new": 0, "changed": 0, "known": 2, "fixed": 0}
    assert document["counts"]["cases"] == {"passed": 1, "failed": 0, "error": 0, "approved": 0, "xfailed": 2}
    case = case_of(project, "workflows/blur.json::default")
    assert (case["outcome"], case["drift"], case["known_since"]) == ("xfailed", "known", "2026-11-20")
    assert case["outputs"][0]["drift"] == "known"
    assert "likely cause" not in "\n".join(result.outlines)
    page = (project.root / "comfy-report/index.html").read_text(encoding="utf-8")
    assert "known since 2026-11-20" in page
    assert "<dt>Beside before</dt>" in page
    assert "Nothing new: 2 of 3 cases failed as expected" in page


def test_the_next_break_is_seen(project, machine, before):
    result = project.run("--comfy-url", machine(2, 5, 4).url, *FLAG)
    result.assert_outcomes(xfailed=1, failed=2)
    assert result.ret == 1
    assert drift_of(project) == {"blur": "known", "edge": "changed", "flat": "new"}
    assert told(result)[1:] == [
        "  new: workflows/flat.json::default",
        "  changed since 2026-11-20: workflows/edge.json::default",
        "  known since 2026-11-20: workflows/blur.json::default",
    ]


def test_what_was_mended_is_told(project, machine, before):
    result = project.run("--comfy-url", machine(2, 1, 1).url, *FLAG)
    result.assert_outcomes(xfailed=1, passed=2)
    assert told(result)[0].endswith(": 0 new, 0 changed, 1 known, 1 fixed; what is known fails nothing")
    assert told(result)[-1] == "  fixed since 2026-11-20: workflows/edge.json::default"


def test_what_was_mended_is_in_a_report_of_all(project, machine, before):
    project.run("--comfy-url", machine(2, 1, 1).url, *FLAG, "--comfy-report-all")
    assert drift_of(project) == {"blur": "known", "edge": "fixed", "flat": None}
    assert report_of(project)["counts"]["drift"] == {"new": 0, "changed": 0, "known": 1, "fixed": 1}


def test_the_file_alone_knows_what_is_the_very_same(project, machine, before):
    project.write("ci/known.json", before)
    shutil.rmtree(project.root / "before")
    result = project.run("--comfy-url", machine(2, 3, 1).url, "--comfy-known", "ci/known.json")
    result.assert_outcomes(xfailed=2, passed=1)


def nearly(seed):
    """A picture that differs from that of the seed by a level in one corner, as another machine makes it."""
    pixels = np.asarray(Image.open(io.BytesIO(png(seed)))).copy()
    pixels[:4, :4] += 1
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return {"9": {"images": [stream.getvalue()]}}


def test_kept_runs_know_what_is_nearly_the_same(project, machine, before):
    server = machine(2, 3, 1, blur=nearly(2))
    result = project.run("--comfy-url", server.url, *FLAG)
    result.assert_outcomes(xfailed=2, passed=1)
    shutil.rmtree(project.root / "before/blur/default/run")
    server = machine(2, 3, 1, blur=nearly(2))
    project.run("--comfy-url", server.url, *FLAG).assert_outcomes(failed=1, xfailed=1, passed=1)
    assert drift_of(project)["blur"] == "changed"


def test_known_from_report_to_report(project, machine, before):
    project.run("--comfy-url", machine(2, 3, 1).url, *FLAG)
    shutil.move(project.root / "comfy-report", project.root / "later")
    dated(project, "later/report.json", "2026-11-25T07:00:00Z")
    result = project.run("--comfy-url", machine(2, 3, 1).url, "--comfy-known", "later")
    result.assert_outcomes(xfailed=2, passed=1)
    assert "  known since 2026-11-20: workflows/blur.json::default" in told(result)


def test_the_ini(project, machine, before):
    project.ini("comfy_known = before")
    project.run("--comfy-url", machine(2, 3, 1).url).assert_outcomes(xfailed=2, passed=1)


def test_a_replay_says_nothing_of_live_runs(project, machine, before):
    result = project.run(*FLAG)
    result.assert_outcomes(passed=3)
    assert told(result)[1:] == []


def test_another_golden_run_is_another_failure(project, machine, before):
    project.golden("blur/default", run=recorded(graph(0), {"9": {"images": [png(9)]}}, workflow="workflows/blur.json"))
    project.run("--comfy-url", machine(2, 3, 1).url, *FLAG).assert_outcomes(failed=1, xfailed=1, passed=1)
    assert drift_of(project)["blur"] == "changed"


def test_one_more_output_that_fails_is_no_known_failure(project, machine, before):
    server = machine(2, 3, 1, blur={"9": {"images": [png(2)], "text": ["more"]}})
    project.run("--comfy-url", server.url, *FLAG).assert_outcomes(failed=1, xfailed=1, passed=1)
    outputs = case_of(project, "workflows/blur.json::default")["outputs"]
    assert [(one["verdict"], one["drift"]) for one in outputs] == [("different", "known"), ("unexpected", "new")]


def test_missing_golden_runs(project, machine, serve):
    project.workflow("new", graph(9))
    runs = [recorded(graph(color)) for color in range(3)]
    for drift, folder in ((None, "before"), ("known", "comfy-report")):
        flags = FLAG if drift else ()
        project.run("--comfy-url", serve(*runs, recorded(graph(9))).url, *flags)
        if drift is None:
            shutil.move(project.root / "comfy-report", project.root / folder)
    assert drift_of(project) == {"new": "known"}


class TestErrors:
    def test_the_same_error_of_a_node_is_known(self, project, machine):
        project.run("--comfy-url", machine(error(), 1, 1).url).assert_outcomes(failed=1, passed=2)
        shutil.move(project.root / "comfy-report", project.root / "before")
        result = project.run("--comfy-url", machine(error(), 1, 1).url, *FLAG)
        result.assert_outcomes(xfailed=1, passed=2)
        assert result.ret == 0
        project.run("--comfy-url", machine(error("another"), 1, 1).url, *FLAG).assert_outcomes(failed=1, passed=2)
        assert drift_of(project) == {"blur": "changed"}

    def test_what_is_sure_to_break_is_known(self, project, live_with):
        for width, outcome in ((99999, "failed"), (99999, "xfailed"), (99998, "failed")):
            prompt = graph()
            prompt["3"]["inputs"]["width"] = width
            project.workflow(prompt=prompt)
            flags = FLAG if (project.root / "before").exists() else ()
            result = project.run("--comfy-url", live_with(definitions()).url, *flags)
            result.assert_outcomes(**{outcome: 1})
            if not flags:
                shutil.move(project.root / "comfy-report", project.root / "before")
        assert drift_of(project) == {"txt2img": "changed"}

    def test_what_cannot_be_judged_is_never_known(self, project, machine, before):
        project.write("golden/blur/default/run.json", "{")
        document = project.read("before/report.json")
        for case in document["cases"]:
            case["outcome"] = "error"
        project.write("before/report.json", document)
        result = project.run("--comfy-url", machine(2, 3, 1).url, *FLAG)
        assert result.ret == 1
        assert "known" not in drift_of(project).values()


class TestPythonTests:
    @pytest.fixture
    def checks(self, project, serve):
        project.workflow()
        project.write("test_a.py", TEST.format(last="pass"))
        for name in ("one", "two"):
            project.golden(f"test_a/test_two/{name}", run=recorded())

        def run(seed, *flags):
            server = serve(recorded(outputs={"9": {"images": [png(seed)]}}))
            return project.run("test_a.py", "--comfy-url", server.url, *flags)

        run(2).assert_outcomes(failed=1)
        shutil.move(project.root / "comfy-report", project.root / "before")
        return run

    def test_the_test_goes_on_after_a_known_failure(self, project, checks):
        result = checks(2, *FLAG)  # the second check never came to its verdict before, and so is new
        result.assert_outcomes(failed=1)
        assert report_of(project)["counts"]["drift"] == {"new": 1, "changed": 0, "known": 1, "fixed": 0}
        assert report_of(project)["counts"]["cases"]["xfailed"] == 1

    def test_a_test_of_known_failures_alone_fails_as_expected(self, project, checks):
        project.golden("test_a/test_two/two", run=recorded(outputs={"9": {"images": [png(2)]}}))
        result = checks(2, *FLAG)
        result.assert_outcomes(xfailed=1)
        assert result.ret == 0

    def test_what_the_test_says_itself_is_no_known_failure(self, project, checks):
        project.golden("test_a/test_two/two", run=recorded(outputs={"9": {"images": [png(2)]}}))
        project.write("test_a.py", TEST.format(last="raise AssertionError('mine')"))
        result = checks(2, *FLAG)
        result.assert_outcomes(failed=1)
        assert any("AssertionError: mine" in line for line in failure_of(result, "test_two"))

    def test_an_error_of_the_run(self, project, serve):
        project.workflow()
        project.write("test_a.py", TEST.format(last="pass"))
        for known in (False, True):
            server = serve(recorded(outputs={}, error=error()))
            result = project.run("test_a.py", "--comfy-url", server.url, *(FLAG if known else ()))
            result.assert_outcomes(**{"xfailed" if known else "failed": 1})
            if not known:
                shutil.move(project.root / "comfy-report", project.root / "before")


class TestOtherPlugins:
    def test_workers(self, project, machine, before):
        project.write("pytest.ini", "[pytest]\naddopts = -p no:randomly\n")
        result = project.run_apart("-n2", "--comfy-url", machine(2, 5, 1).url, *FLAG)
        result.assert_outcomes(xfailed=1, failed=1, passed=1)
        assert drift_of(project) == {"blur": "known", "edge": "changed"}
        assert report_of(project)["counts"]["drift"] == {"new": 0, "changed": 1, "known": 1, "fixed": 0}

    def test_reruns(self, project, machine, before):
        result = project.run("--comfy-url", machine(2, 5, 1).url, *FLAG, "--reruns=1")
        result.assert_outcomes(xfailed=1, failed=1, passed=1)
        assert report_of(project)["counts"]["drift"] == {"new": 0, "changed": 1, "known": 1, "fixed": 0}

    def test_first_failure_is_no_known_one(self, project, machine, before):
        result = project.run("-x", "--comfy-url", machine(2, 3, 1).url, *FLAG)
        result.assert_outcomes(xfailed=2, passed=1)

    def test_strict_marks(self, project, machine, before):
        project.write("workflows/blur.toml", 'xfail = { reason = "mine", strict = true }')
        project.run("--comfy-url", machine(2, 3, 1).url, *FLAG).assert_outcomes(xfailed=2, passed=1)

    def test_runxfail_knows_nothing(self, project, machine, before):
        result = project.run("--runxfail", "--comfy-url", machine(2, 3, 1).url, *FLAG)
        result.assert_outcomes(failed=2, passed=1)
        assert report_of(project)["known"] is None

    def test_junit(self, project, machine, before):
        project.run("--comfy-url", machine(2, 3, 1).url, *FLAG, "--junitxml=junit.xml")
        junit = (project.root / "junit.xml").read_text(encoding="utf-8")
        assert 'failures="0"' in junit
        assert 'skipped="2"' in junit
        assert "known since 2026-11-20" in junit

    def test_the_summary_on_github(self, project, machine, before, monkeypatch):
        path = project.root / "summary.md"
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
        project.run("--comfy-url", machine(2, 5, 1).url, *FLAG)
        told = unescape(path.read_text(encoding="utf-8"))
        assert "ComfyUI workflows: 1 of 3 cases failed" in told
        assert "Failures beside before of 2026-11-20: 0 new, 1 changed, 1 known, 0 fixed." in told

    def test_shards_are_joined(self, project, machine, before, monkeypatch):
        for shard, name in (("s1", "blur"), ("s2", "edge")):
            flags = ("--comfy-report", shard, *FLAG)
            project.run(f"workflows/{name}.json", "--comfy-url", machine(2, 5, 1).url, *flags)
        monkeypatch.chdir(project.root)
        assert main(["report", "merge", "s1", "s2", "-o", "all"]) == 0
        assert drift_of(project, "all") == {"blur": "known", "edge": "changed"}
        found = project.read("all/report.json")
        assert found["counts"]["drift"] == {"new": 0, "changed": 1, "known": 1, "fixed": 0}
        assert found["known"]["created"] == "2026-11-20T07:00:00Z"


class TestRefused:
    @pytest.fixture
    def refused(self, project):
        project.both()

        def run(*flags):
            result = project.run(*flags)
            assert result.ret == 4
            return result.errlines[0]

        return run

    def test_no_file(self, refused):
        assert refused("--comfy-known", "no.json") == (
            "ERROR: --comfy-known: no.json: is not there: name the folder of a report, as --comfy-report wrote it"
        )

    def test_folder_without_a_report(self, project, refused):
        (project.root / "empty").mkdir()
        assert "--comfy-known: empty/report.json: is not there" in refused("--comfy-known", "empty")

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            ("{", "broken JSON"),
            ("[]", "of schema version null"),
            ('{"schema": 2}', "of schema version 2, and this version of pytest-comfy reads 1"),
            ('{"schema": 1}', "created is null"),
        ],
    )
    def test_broken(self, project, refused, content, sentence):
        project.write("known.json", content)
        line = refused("--comfy-known", "known.json")
        assert line.startswith("ERROR: --comfy-known: known.json: ")
        assert sentence in line

    def test_where_the_report_of_this_session_goes(self, project, machine, refused):
        project.run("--comfy-url", machine(2, 1, 1).url)
        for name in ("comfy-report", "comfy-report/report.json"):
            assert "is where the report of this session goes: copy it elsewhere" in refused("--comfy-known", name)


class TestHostile:
    def test_kept_runs_through_a_link_are_not_looked_at(self, project, machine, before):
        shutil.move(project.root / "before/blur/default/run", project.root / "elsewhere")
        (project.root / "before/blur/default/run").symlink_to(project.root / "elsewhere")
        server = machine(2, 3, 1, blur=nearly(2))
        project.run("--comfy-url", server.url, *FLAG).assert_outcomes(failed=1, xfailed=1, passed=1)

    @pytest.mark.parametrize("actual", [None, 5, {}, {"sha256": 5}, {"pixels_sha256": None, "sha256": None}])
    def test_hashes_that_are_none(self, project, machine, before, actual):
        for case in before["cases"]:
            for output in case["outputs"]:
                output["actual"] = actual
        project.write("known.json", json.dumps(before))
        result = project.run("--comfy-url", machine(2, 3, 1).url, "--comfy-known", "known.json")
        result.assert_outcomes(failed=2, passed=1)

    def test_reports_of_earlier_versions_know_by_their_kept_runs(self, project, machine, before):
        for case in before["cases"]:
            for output in case["outputs"]:
                del output["actual"], output["drift"]
            del case["drift"], case["known_since"]
        project.write("before/report.json", before)
        project.run("--comfy-url", machine(2, 3, 1).url, *FLAG).assert_outcomes(xfailed=2, passed=1)
