"""report.json, the documents of the cases, and the runs that are kept: what a session leaves to look at."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest
from projects import INI, WITH_XDIST, Item, graph, png, recorded, section_of
from reports import (
    CASE,
    DOCUMENT,
    ENVIRONMENT,
    GOLDEN,
    GRAPH,
    OUTPUT,
    PART,
    TIMING,
    case_of,
    report_of,
    texts_of,
)
from reports import (
    ERROR as ERROR_SHAPE,
)
from ui_form import nested

from pytest_comfy.golden import GoldenError, GoldenRun, GoldenStore
from pytest_comfy.golden.approved import approved
from pytest_comfy.golden.record import approve

KEY = "txt2img/default"
ERROR = {
    "exception_type": "ValueError", "exception_message": "no such colour\n",
    "traceback": ['  File "/opt/ComfyUI/nodes.py", line 7, in make\n', "    raise ValueError\n"],
}  # fmt: skip


def other(seed=2, **more):
    return recorded(outputs={"9": {"images": [png(seed)]}}, **more)


@pytest.fixture
def changed(project, serve):
    """A session in which the only case became another picture, on another PyTorch."""
    project.golden(run=recorded(approvals=[{"at": "2026-01-02T03:04:05Z", "by": "somebody", "reason": "first"}]))
    project.workflow()
    project.server = serve(other(environment={"torch": "2.14.0"}))
    project.run("workflows", "--comfy-url", project.server.url).assert_outcomes(failed=1)
    return project


class TestDocument:
    def test_session(self, changed):
        document = report_of(changed)
        assert (document["schema"], document["mode"], document["interrupted"]) == (1, "live", False)
        assert document["servers"] == [f"{changed.server.url} (ComfyUI 0.8.0, torch 2.14.0, cpu)"]
        assert document["counts"] == {
            "cases": {"passed": 0, "failed": 1, "error": 0, "approved": 0, "xfailed": 0},
            "outputs": {"identical": 0, "within tolerance": 0, "different": 1, "missing": 0, "unexpected": 0,
                        "ignored": 0},
            "drift": {"new": 0, "changed": 0, "known": 0, "fixed": 0},
        }  # fmt: skip
        assert (document["commit"], document["ci"]) == (None, None)

    def test_case(self, changed):
        case = case_of(changed)
        assert (case["key"], case["source"], case["case"], case["folder"]) == (
            KEY, "workflows/txt2img.json", "default", KEY
        )  # fmt: skip
        assert (case["outcome"], case["mode"], case["failure"], case["error"]) == ("failed", "live", None, None)
        assert case["headline"] == "another picture: node 9 'Save Image' images 0"
        assert case["text"].startswith("different: node 9 'Save Image' images 0: another picture (")
        assert case["environment"] == {
            "golden": "ComfyUI 0.8.0, torch 2.13.0, cpu", "actual": "ComfyUI 0.8.0, torch 2.14.0, cpu",
            "differences": ["torch 2.13.0 -> 2.14.0"],
        }  # fmt: skip
        assert case["approve"] == (
            f"pytest workflows/txt2img.json::default --comfy-url {changed.server.url} --comfy-update=changed "
            '--comfy-reason "why"'
        )
        assert (case["refused"], case["doubts"], case["server_log"]) == (None, [], None)

    def test_golden_run_that_was_judged(self, changed):
        run = changed.root / "golden" / KEY / "run.json"
        assert case_of(changed)["golden"] == {
            "folder": f"golden/{KEY}", "digest": hashlib.sha256(run.read_bytes()).hexdigest(),
            "approved": "2026-01-02T03:04:05Z", "reason": "first",
        }  # fmt: skip

    def test_graph(self, changed):
        assert case_of(changed)["graph"] == {
            "nodes": [{"id": "3", "title": "Canvas", "class_type": "EmptyImage"},
                      {"id": "9", "title": "Save Image", "class_type": "SaveImage"}],
            "links": [["3", 0, "9", "images"]],
        }  # fmt: skip

    def test_timings_of_both_runs_node_by_node(self, changed):
        rows = case_of(changed)["timings"]
        assert [(row["node"], row["title"], row["golden"], row["cached"]) for row in rows] == [
            ("3", "Canvas", 0.001, False), ("9", "Save Image", 0.002, False)
        ]  # fmt: skip
        assert all(row["actual"] is not None for row in rows)

    def test_output(self, changed):
        (output,) = case_of(changed)["outputs"]
        assert (output["name"], output["node"], output["key"], output["index"]) == ("9.images.0", "9", "images", 0)
        assert (output["kind"], output["media_type"], output["size"]) == ("image", "image/png", [64, 64])
        assert (output["verdict"], output["group"], output["tolerance"]) == ("different", "another picture", "normal")
        assert output["distance"] > 1 and output["kinds"][0] == "structure" and output["text"] is None
        assert max(part["distance"] for part in output["parts"]) == output["distance"]
        assert output["files"] == {what: f"{KEY}/9.images.0.{what}.png" for what in ("actual", "golden", "difference")}

    def test_infinity_is_a_word(self, project, serve):
        project.both()
        server = serve(recorded(outputs={"9": {"images": [png(size=(32, 32))]}}))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
        (output,) = case_of(project)["outputs"]
        assert output["distance"] == "inf" and output["size"] == [32, 32]

    def test_texts(self, project, serve):
        prompt = graph(saves=("9", "5"))
        project.both(prompt=prompt, outputs={"9": {"images": [png()]}, "5": {"text": ["a red fox"]}})
        server = serve(recorded(prompt, {"9": {"images": [png()]}, "5": {"text": ["a red\nbox"]}}))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
        picture, text = case_of(project)["outputs"]
        assert (picture["verdict"], picture["files"], picture["group"]) == ("identical", {}, None)
        assert (text["kind"], text["text"]) == ("text", {"golden": "a red fox", "actual": "a red\nbox"})

    def test_long_text_is_cut(self, project, serve):
        prompt = graph(saves=("9", "5"))
        project.both(prompt=prompt, outputs={"9": {"images": [png()]}, "5": {"text": ["a" * 2**17]}})
        server = serve(recorded(prompt, {"9": {"images": [png()]}, "5": {"text": ["b" * 2**17]}}))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
        assert {len(text) for text in case_of(project)["outputs"][1]["text"].values()} == {2**16}

    def test_data_that_is_no_file(self, project, serve):
        prompt = graph(saves=("9", "5"))
        project.both(prompt=prompt, outputs={"9": {"images": [png()]}, "5": {"camera": [Item({"fov": 35})]}})
        server = serve(recorded(prompt, {"9": {"images": [png()]}, "5": {"camera": [Item({"fov": 50})]}}))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
        output = case_of(project)["outputs"][1]
        assert (output["kind"], output["media_type"]) == ("data", "application/json")
        assert output["text"] == {"golden": '{"fov": 35}', "actual": '{"fov": 50}'}

    def test_missing_and_unexpected_outputs(self, project, serve):
        prompt = graph(saves=("9", "5"))
        project.both(prompt=prompt)
        server = serve(recorded(prompt, {"5": {"images": [png()]}}))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
        missing, unexpected = case_of(project)["outputs"]
        assert (missing["verdict"], missing["group"], missing["media_type"], missing["files"]) == (
            "missing", "missing", "image/png", {}
        )  # fmt: skip
        assert (unexpected["verdict"], unexpected["group"], list(unexpected["files"])) == (
            "unexpected", "unexpected", ["actual"]
        )  # fmt: skip

    def test_prompt_that_changed(self, project, serve):
        project.both()
        project.workflow(prompt=graph(color=8))
        server = serve(recorded(graph(color=8), {"9": {"images": [png(2)]}}))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
        assert case_of(project)["prompt_differences"] == ["node 3 EmptyImage.color is 8, was 7"]

    def test_offline_a_changed_prompt_has_no_run(self, project):
        project.both()
        project.workflow(prompt=graph(color=8))
        project.run("workflows").assert_outcomes(failed=1)
        case = case_of(project)
        assert report_of(project)["mode"] == case["mode"] == "offline"
        assert case["failure"].startswith("different: workflows/txt2img.json::default is not what its golden run")
        assert (case["run"], case["refused"], case["outputs"]) == (None, "there is no run to approve", [])
        assert case["prompt_differences"] == ["node 3 EmptyImage.color is 8, was 7"]
        assert [row["golden"] for row in case["timings"]] == [0.001, 0.002]
        assert {row["actual"] for row in case["timings"]} == {None}

    def test_missing_golden_run(self, project, serve):
        project.workflow()
        project.run("workflows", "--comfy-url", serve(recorded()).url).assert_outcomes(failed=1)
        case = case_of(project)
        assert case["failure"] == "missing: no golden run for workflows/txt2img.json::default"
        assert (case["golden"], case["run"], case["refused"]) == (None, f"{KEY}/run", None)
        assert case["outputs"][0]["files"] == {"actual": f"{KEY}/9.images.0.actual.png"}

    def test_commit_of_the_project(self, changed, serve):
        changed.write(".git/HEAD", "ref: refs/heads/main\n")
        changed.write(".git/refs/heads/main", "1234567890" * 4 + "\n")
        changed.run("workflows", "--comfy-url", serve(other()).url).assert_outcomes(failed=1)
        assert report_of(changed)["commit"] == "1234567890" * 4

    def test_ci_run(self, changed, serve, monkeypatch):
        for name, value in {
            "ACTIONS": "true",
            "SERVER_URL": "https://github.com",
            "REPOSITORY": "a/b",
            "RUN_ID": "7",
        }.items():
            monkeypatch.setenv(f"GITHUB_{name}", value)
        changed.run("workflows", "--comfy-url", serve(other()).url).assert_outcomes(failed=1)
        assert report_of(changed)["ci"] == {
            "name": "GitHub Actions", "url": "https://github.com/a/b/actions/runs/7"
        }  # fmt: skip


class TestErrors:
    def test_node_that_raises(self, project, serve):
        project.both()
        project.run("workflows", "--comfy-url", serve(recorded(outputs={}, error=ERROR)).url).assert_outcomes(failed=1)
        case = case_of(project)
        assert (case["outcome"], case["run"], case["outputs"]) == ("failed", None, [])
        assert case["error"] == {
            "type": "ValueError", "message": "no such colour", "node": "3", "title": "Canvas",
            "class_type": "EmptyImage",
            "traceback": '  File "…/nodes.py", line 7, in make\n    raise ValueError\n',
        }  # fmt: skip
        assert case["headline"].startswith("node 3 'Canvas' (EmptyImage) failed: ValueError: no such colour")
        assert case["environment"]["actual"] == "ComfyUI 0.8.0, torch 2.13.0, cpu"
        assert [node["id"] for node in case["graph"]["nodes"]] == ["3", "9"]

    def test_prompt_that_is_refused(self, project, live):
        project.workflow(prompt=graph(color="blue"))
        project.run("workflows", "--comfy-url", live.url, "--comfy-preflight=off").assert_outcomes(failed=1)
        error = case_of(project)["error"]
        assert (error["type"], error["node"], error["title"]) == ("prompt_outputs_failed_validation", "3", "Canvas")
        assert "input 'color'" in error["message"] and error["traceback"] is None

    def test_prompt_of_which_it_is_known_before(self, project, live):
        project.workflow(prompt=graph(color="blue"))
        project.run("workflows", "--comfy-url", live.url).assert_outcomes(failed=1)
        error = case_of(project)["error"]
        assert (error["type"], error["node"], error["title"]) == ("PreflightFailed", "3", "Canvas")
        assert "input 'color'" in error["message"] and error["traceback"] is None

    def test_case_that_cannot_be_judged_keeps_its_run(self, project, serve):
        project.golden()
        project.workflow(sidecar='[outputs."9"]\nignore = true\n')
        project.run("workflows", "--comfy-url", serve(other()).url).assert_outcomes(errors=1)
        case = case_of(project)
        assert (case["outcome"], case["error"]["type"], case["run"]) == ("error", "NotJudged", f"{KEY}/run")
        assert case["refused"] == "the run made no output to compare later: nothing was approved"

    def test_server_that_is_not_there(self, project, dead_url):
        project.both()
        project.run("workflows", "--comfy-url", dead_url).assert_outcomes(errors=1)
        document = report_of(project)
        (case,) = document["cases"]
        assert (case["outcome"], case["error"]["type"]) == ("error", "Failed")
        assert case["headline"].startswith("server unreachable: ")
        assert document["counts"]["cases"]["error"] == 1

    def test_golden_run_that_is_broken(self, project):
        project.both()
        project.write(f"golden/{KEY}/run.json", "{")
        project.run("workflows").assert_outcomes(errors=1)
        case = case_of(project)
        assert (case["outcome"], case["error"]["type"]) == ("error", "GoldenError")
        assert case["error"]["message"].startswith(f"golden/{KEY}/run.json: broken JSON")

    def test_workflow_that_cannot_be_read(self, project):
        project.write("workflows/broken.json", "{")
        project.run("workflows").assert_outcomes(errors=1)
        case = case_of(project, "workflows/broken.json::cannot be read")
        assert (case["outcome"], case["source"], case["case"]) == ("error", "workflows/broken.json", "")
        assert case["text"].startswith("workflows/broken.json:1:2: broken JSON")

    def test_fixture_of_a_user_that_fails(self, project):
        project.both()
        project.write(
            "conftest.py", "import pytest\n@pytest.fixture(autouse=True)\ndef bad():\n    raise OSError('no disk')\n"
        )
        project.run("workflows").assert_outcomes(errors=1)
        case = case_of(project)
        assert (case["outcome"], case["error"]["type"], case["text"]) == ("error", "OSError", "no disk")

    def test_skipped_and_expected_failures_without_a_run_are_none(self, project):
        project.both("a")
        project.both("b")
        project.write("workflows/a.toml", 'skip = "why"\n')
        project.write("conftest.py", "import pytest\ndef pytest_collection_modifyitems(items):\n"
                      "    items[1].add_marker(pytest.mark.xfail(run=False))\n")  # fmt: skip
        project.run("workflows").assert_outcomes(skipped=1, xfailed=1)
        assert not (project.root / "comfy-report").exists()


class TestPython:
    CHECK = "def test_canvas(comfy_run, comfy_golden):\n    comfy_golden.check(comfy_run('txt2img.json'))\n"
    NODE = "test_a.py::test_canvas"

    def test_check_that_fails(self, project, serve):
        project.workflow()
        project.golden("test_a/test_canvas/default")
        project.write("test_a.py", self.CHECK)
        project.run("test_a.py", "--comfy-url", serve(other()).url).assert_outcomes(failed=1)
        case = case_of(project, self.NODE)
        assert (case["key"], case["source"], case["case"]) == ("test_a/test_canvas/default", "test_a.py", "test_canvas")
        assert case["run"] == "test_a/test_canvas/default/run" and case["outputs"][0]["verdict"] == "different"

    def test_check_that_cannot_be_judged(self, project, serve):
        project.workflow()
        project.golden("test_a/test_canvas/default")
        project.write("golden/test_a/test_canvas/default/run.json", "{")
        project.write("test_a.py", self.CHECK)
        project.run("test_a.py", "--comfy-url", serve(other()).url).assert_outcomes(failed=1)
        case = case_of(project, self.NODE)
        assert (case["outcome"], case["error"]["type"]) == ("error", "GoldenError")

    def test_run_that_raises_before_the_check(self, project, serve):
        project.workflow()
        project.golden("test_a/test_canvas/default")
        project.write("test_a.py", self.CHECK)
        url = serve(recorded(outputs={}, error=ERROR)).url
        project.run("test_a.py", "--comfy-url", url).assert_outcomes(failed=1)
        case = case_of(project, self.NODE)
        assert (case["error"]["type"], case["error"]["node"], case["error"]["title"]) == ("ValueError", "3", "Canvas")
        assert case["golden"]["folder"] == "golden/test_a/test_canvas/default"

    def test_run_that_raises_after_a_check_that_passed(self, project, serve):
        project.workflow()
        project.golden("test_a/test_canvas/default")
        project.write("test_a.py", self.CHECK + "    comfy_run({'1': {'class_type': 'Gone', 'inputs': {}}})\n")
        project.run("test_a.py", "--comfy-url", serve(recorded()).url).assert_outcomes(failed=1)
        case = case_of(project, self.NODE)
        assert (case["key"], case["case"]) == ("test_a/test_canvas/error", "test_canvas error")
        assert case["error"]["message"].startswith("prompt refused: ")

    def test_assertion_of_the_test_is_no_case(self, project):
        project.both()
        project.write(
            "test_a.py", "def test_canvas(comfy_run, comfy_golden):\n    assert not comfy_run('txt2img.json')\n"
        )
        project.run("test_a.py").assert_outcomes(failed=1)
        assert not (project.root / "comfy-report").exists()

    def test_several_checks_of_one_test(self, project, serve):
        project.workflow()
        project.write(
            "test_a.py",
            self.CHECK.replace("))", "), 'a')") + "    comfy_golden.check(comfy_run('txt2img.json'), 'b')\n",
        )
        project.golden("test_a/test_canvas/a", outputs={"9": {"images": [png(2, shift=1)]}})
        project.golden("test_a/test_canvas/b")
        project.run("test_a.py", "--comfy-url", serve(other()).url).assert_outcomes(failed=1)
        assert [(case["key"], case["outcome"]) for case in report_of(project)["cases"]] == [
            ("test_a/test_canvas/a", "passed"), ("test_a/test_canvas/b", "failed")
        ]  # fmt: skip


class TestKeptRun:
    def kept(self, project, key=KEY):
        """The kept run as whoever approves it reads it: with its files, which are those that it names."""
        run = GoldenRun.load(project.root / "comfy-report" / key / "run")
        blobs = {output.file: approved(run, output) for output in run.outputs if output.file}
        return GoldenRun(run.document, run.folder, blobs)

    def test_it_is_the_golden_run_that_an_approval_writes(self, changed):
        fresh = approve(self.kept(changed), "me", "looked at it")
        changed.run(
            "workflows", "--comfy-url", changed.server.url, "--comfy-update=changed", "--comfy-reason=looked at it"
        )
        written = changed.read(f"golden/{KEY}/run.json")

        def lasting(document):
            """Without what is another in every run: seconds, names of files, and who approved it when."""
            events = [event for _, event in document["events"]]
            own = {
                name: value for name, value in document.items() if name not in ("events", "approvals", "status", "ui")
            }
            return {**own, "events": [event["type"] for event in events]}

        assert lasting(fresh.document) == lasting(written)
        assert [one["reason"] for one in fresh.document["approvals"]] == ["first", "looked at it"]
        assert [one["reason"] for one in written["approvals"]] == ["first", "looked at it"]
        assert fresh.blobs == {"9.images.0.png": png(2)}

    def test_approved_without_a_server_it_is_green_offline(self, changed):
        GoldenStore(changed.root / "golden").write(KEY, approve(self.kept(changed), "me", "why"))
        result = changed.run("workflows")
        result.assert_outcomes(passed=1)
        assert changed.read(f"golden/{KEY}/run.json")["approvals"][-1]["by"] == "me"
        assert changed.files("comfy-report") == [".gitignore"]

    def test_it_waits_for_one_approval(self, changed):
        run = self.kept(changed)
        assert run.document["approvals"][-1] == {
            "environment": "ComfyUI 0.8.0, torch 2.14.0, cpu",
            "changed": ["torch 2.13.0 -> 2.14.0"],
            "distance": {"9.images.0": {"verdict": "different", "distance": 22.0}},
        }
        with pytest.raises(GoldenError, match="is approved already"):
            approve(approve(run, "me"), "me")

    def test_run_that_must_not_be_approved_says_why(self, project, serve):
        project.both()
        black = png(edit=lambda picture: picture.paste((0, 0, 0), (0, 0, 64, 64)))
        server = serve(recorded(outputs={"9": {"images": [black]}}))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
        case = case_of(project)
        assert case["run"] == f"{KEY}/run"
        assert case["refused"].startswith("output 9.images.0 of 'Save Image' is black: nothing was approved")

    def test_approved_run_is_none_to_approve(self, changed):
        changed.run("workflows", "--comfy-url", changed.server.url, "--comfy-update").assert_outcomes(passed=1)
        case = case_of(changed)
        assert (case["outcome"], case["run"], case["approve"]) == ("approved", None, None)
        assert case["outputs"][0]["verdict"] == "different"
        assert report_of(changed)["counts"]["cases"] == {
            "passed": 0, "failed": 0, "error": 0, "approved": 1, "xfailed": 0
        }  # fmt: skip

    def test_baseline_is_approved_to_its_own_folder(self, project, serve):
        project.both()
        args = ["workflows", "--comfy-url", serve(other()).url, "--comfy-baseline=cuda"]
        project.run(*args).assert_outcomes(failed=1)
        case = case_of(project)
        assert (case["golden"]["folder"], case["target"]) == (f"golden/{KEY}", f"golden/{KEY}+cuda")

    def test_workflow_in_ui_form_is_converted_by_the_run_that_was_approved(self, project, live):
        project.workflow(prompt=nested())
        project.run("workflows", "--comfy-url", live.url).assert_outcomes(failed=1)
        case = case_of(project)
        assert (case["failure"], case["refused"]) == (
            "missing: no golden run for workflows/txt2img.json::default", None
        )  # fmt: skip
        GoldenStore(project.root / "golden").write(KEY, approve(self.kept(project), "me", "why"))
        project.run("workflows").assert_outcomes(passed=1)

    def test_nodes_from_the_cache_are_a_doubt(self, project, live):
        """The second workflow begins as the first, and the server does not run that again."""
        for number in (1, 2):
            inverts = {"51": "3", "52": "51"}
            prompt = graph(**{
                node: {"class_type": "ImageInvert", "inputs": {"image": [inverts[node], 0]}}
                for node in [*inverts][:number]
            })  # fmt: skip
            prompt["9"]["inputs"]["images"] = [f"5{number}", 0]
            project.workflow(f"w{number}", prompt)
        project.run("workflows", "--comfy-url", live.url).assert_outcomes(failed=2)
        first, second = report_of(project)["cases"]
        assert (first["doubts"], first["refused"], second["refused"]) == ([], None, None)
        assert second["doubts"] == ["nodes that the server took from its cache, of which nothing was recorded: 3, 51"]
        GoldenStore(project.root / "golden").write("w2/default", approve(self.kept(project, "w2/default"), "me", "why"))
        result = project.run("workflows/w2.json")
        result.assert_outcomes(passed=1)
        assert "run twice" not in result.stdout.str()

    def test_secrets_are_in_none_of_it(self, project, serve):
        secret = "sk-" + "a1b2c3d4" * 4
        prompt = graph()
        prompt["9"]["inputs"]["api_key"] = secret
        prompt["9"]["_meta"]["title"] = f"Save {secret}"
        project.golden(run=recorded(prompt, {"9": {"images": [png()]}}))
        project.workflow(prompt=prompt)
        server = serve(recorded(prompt, {"9": {"images": [png(2)], "text": [f"by {secret}"]}}))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
        files = [path for path in (project.root / "comfy-report").rglob("*") if path.is_file()]
        assert len(files) > 5 and not [path for path in files if secret.encode() in path.read_bytes()]
        assert "<redacted>" in texts_of(project.root / "comfy-report")


class TestSession:
    def test_stale_report_is_removed_when_all_is_identical(self, changed, serve):
        changed.write("comfy-report/index.html", "of the session before")
        changed.write("comfy-report/assets/report.css", "as well")
        changed.write("comfy-report/decisions.json", "as well")
        changed.run("workflows").assert_outcomes(passed=1)
        assert changed.files("comfy-report") == [".gitignore"]

    def test_session_without_cases_leaves_it_alone(self, changed):
        before = changed.files("comfy-report")
        changed.write("test_plain.py", "def test_plain():\n    pass\n")
        changed.run("test_plain.py").assert_outcomes(passed=1)
        changed.run("workflows", "--collect-only")
        assert changed.files("comfy-report") == before

    def test_rerun_replaces_its_case(self, project, serve):
        """The first try of `a` fails and the second passes; `b` stays bad."""
        project.both("a")
        project.both("b")
        project.write("conftest.py", (
            "import pathlib, pytest\n"
            "@pytest.fixture(autouse=True)\n"
            "def later(request):\n"
            "    run = pathlib.Path('golden/a/default/run.json')\n"
            "    yield\n"
            "    pathlib.Path('good.json').exists() and pathlib.Path('good.json').replace(run)\n"
        ))  # fmt: skip
        run = project.root / "golden/a/default/run.json"
        run.rename(project.root / "good.json")
        project.write("golden/b/default/run.json", "{")
        project.write("pytest.ini", INI)
        project.run_apart("workflows", "--reruns=1").assert_outcomes(passed=1, errors=1)
        document = report_of(project)
        assert [case["key"] for case in document["cases"]] == ["b/default"]
        assert document["counts"]["cases"] == {"passed": 1, "failed": 0, "error": 1, "approved": 0, "xfailed": 0}
        assert [name for name in project.files("comfy-report") if name.startswith("a/")] == []

    def test_expected_failure(self, project, serve):
        project.both()
        project.write("workflows/txt2img.toml", 'xfail = "why"\n')
        project.run("workflows", "--comfy-url", serve(other()).url).assert_outcomes(xfailed=1)
        document = report_of(project)
        assert document["cases"][0]["outcome"] == "xfailed"
        assert document["counts"]["cases"] == {"passed": 0, "failed": 0, "error": 0, "approved": 0, "xfailed": 1}

    def test_workers_make_one_report(self, project, serve):
        project.write("pytest.ini", WITH_XDIST)
        for name in "abcd":
            project.both(name, graph(color=ord(name)))
        server = serve(*(
            recorded(graph(color=ord(name)), {"9": {"images": [png(1 if name == "d" else 2)]}}) for name in "abcd"
        ))  # fmt: skip
        alone = self.told(project, "--comfy-url", server.url)
        together = self.told(project, "--comfy-url", server.url, "-n2")
        assert [case["key"] for case in together["cases"]] == ["a/default", "b/default", "c/default"]
        assert together == alone

    def told(self, project, *args):
        project.run_apart("workflows", *args).assert_outcomes(passed=1, failed=3)
        document = report_of(project)
        del document["created"]
        for case in document["cases"]:
            for name in ("prompt_id", "started", "seconds", "timings", "golden"):
                del case[name]
        return document

    @pytest.mark.parametrize("args", [("-x",), ("-x", "-n2")])
    def test_stopped_at_the_first_failure(self, project, serve, args):
        project.write("pytest.ini", WITH_XDIST)
        for name in "abcdef":
            project.both(name)
        result = project.run_apart("workflows", "--comfy-url", serve(other()).url, *args)
        assert result.ret != 0
        document = report_of(project)
        assert document["interrupted"] is True
        assert 1 <= len(document["cases"]) < 6

    def test_interrupted_by_the_keyboard(self, project, serve):
        for name in "abc":
            project.both(name)
        project.write("conftest.py", (
            "def pytest_runtest_setup(item):\n"
            "    if item.path.name == 'b.json':\n"
            "        raise KeyboardInterrupt\n"
        ))  # fmt: skip
        result = project.run_apart("workflows", "--comfy-url", serve(other()).url)
        assert result.ret == pytest.ExitCode.INTERRUPTED
        document = report_of(project)
        assert document["interrupted"] is True
        assert [case["key"] for case in document["cases"]] == ["a/default"]

    def test_worker_that_crashes_keeps_the_others(self, project, serve):
        project.write("pytest.ini", WITH_XDIST)
        for name in "ab":
            project.both(name)
        project.write("test_crash.py", "import os\ndef test_crash():\n    os._exit(1)\n")
        project.run_apart("-n1", "--comfy-url", serve(other()).url, "workflows", "test_crash.py")
        assert [case["key"] for case in report_of(project)["cases"]] == ["a/default", "b/default"]


class TestHostile:
    @pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
    @pytest.mark.parametrize("name", ["report.json", f"{KEY}/case.json", f"{KEY}/run"])
    def test_links_in_the_report_are_not_followed(self, project, serve, tmp_path_factory, name):
        outside = tmp_path_factory.mktemp("outside")
        (outside / "precious").write_text("of years")
        project.both()
        link = project.root / "comfy-report" / name
        link.parent.mkdir(parents=True)
        link.symlink_to(outside / "precious" if name.endswith(".json") else outside)
        project.run("workflows", "--comfy-url", serve(other()).url).assert_outcomes(failed=1)
        assert {path.name: path.read_text() for path in outside.iterdir()} == {"precious": "of years"}
        assert case_of(project)["run"] == f"{KEY}/run" and not link.is_symlink()

    @pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
    def test_report_that_is_a_link(self, project, serve, tmp_path_factory):
        outside = tmp_path_factory.mktemp("outside")
        project.both()
        (project.root / "comfy-report").symlink_to(outside)
        result = project.run("workflows", "--comfy-url", serve(other()).url)
        result.assert_outcomes(failed=1)
        assert list(outside.iterdir()) == []
        assert any("comfy-report: cannot be written (it is a link" in line for line in result.outlines)

    @pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
    def test_old_document_behind_a_link_stays_when_all_is_well(self, project, tmp_path_factory):
        outside = tmp_path_factory.mktemp("outside")
        (outside / "report.json").write_text("{}")
        project.both()
        (project.root / "comfy-report").symlink_to(outside)
        project.run("workflows").assert_outcomes(passed=1)
        assert (outside / "report.json").read_text() == "{}"

    def test_what_a_server_says_changes_nothing_but_the_text(self, project, serve):
        bad = "\x1b[31m</script>\u202egnp\x00" + "x" * 2**20
        project.both()
        error = {"exception_type": bad, "exception_message": bad, "traceback": [bad], "node_id": bad}
        project.run("workflows", "--comfy-url", serve(recorded(outputs={}, error=error)).url).assert_outcomes(failed=1)
        raw = (project.root / "comfy-report/report.json").read_bytes()
        assert len(raw) < 2**19
        told = texts_of(project.root / "comfy-report")
        assert "</script>gnpxxx" in told and not any(char in told for char in "\x1b\u202e\x00")

    def test_case_file_that_somebody_broke_is_told(self, project, serve):
        project.both()
        project.write("conftest.py", (
            "import pytest\n"
            "@pytest.hookimpl(tryfirst=True)\n"
            "def pytest_sessionfinish(session):\n"
            f"    (session.config.rootpath / 'comfy-report/{KEY}/case.json').write_text('[]')\n"
        ))  # fmt: skip
        result = project.run("workflows", "--comfy-url", serve(other()).url)
        assert json.loads((project.root / "comfy-report/report.json").read_bytes())["cases"] == []
        assert f"report: {KEY}/case.json: cannot be read (no object)" in section_of(result, "comfy")


def test_page_has_every_key():
    page = (Path(__file__).parents[2] / "docs/report.md").read_text(encoding="utf-8")
    shapes = (DOCUMENT, CASE, GOLDEN, ENVIRONMENT, TIMING, GRAPH, ERROR_SHAPE, OUTPUT, PART)
    assert [key for shape in shapes for key in shape if f"`{key}`" not in page] == []
