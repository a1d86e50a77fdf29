"""Decisions, over real sockets: golden runs follow them, each can be undone, and they are there after a restart."""

from __future__ import annotations

import json
import shutil

import pytest
from kept import FIRST, entry, kept, lay_report, lay_workflow, tree, write_json
from projects import png, recorded

from pytest_comfy.golden import GoldenRun, GoldenStore
from pytest_comfy.report.reading import Refused
from pytest_comfy.report.review import Desk

from .desks import SECRET, lay, output, pictures, reviewing, version_of


def approvals(root, name="garden"):
    return GoldenRun.load(root / f"golden/{name}/default").document["approvals"]


def kept_decisions(root):
    return json.loads((root / "comfy-report/decisions.json").read_bytes())


class TestApprove:
    def test_golden_run_is_the_kept_run_and_says_why(self, root, asker):
        status, told = asker.decide("garden-default", reason="the new sampler")
        now = told["cases"]["garden-default"]
        assert (status, now["state"], now["written"]) == (200, "approved", "golden/garden/default")
        assert pictures(root) == [2, 1, 1]
        first, last = approvals(root)
        assert first == FIRST and last["reason"] == "the new sampler"

    def test_case_is_written_once_every_output_that_differs_is_approved(self, root, asker):
        _, told = asker.decide("batch-default", output="9.images.1", reason="one")
        assert told["cases"]["batch-default"]["state"] == "partly" and pictures(root) == [1, 1, 1]
        _, told = asker.decide("batch-default", output="9.images.0", reason="another")
        assert told["cases"]["batch-default"]["state"] == "approved" and pictures(root) == [1, 2, 1]
        assert approvals(root, "batch")[-1]["reason"] == "9.images.0: another; 9.images.1: one"

    def test_rejected_output_keeps_the_case_red(self, root, asker):
        asker.decide("batch-default", output="9.images.0", decision="rejected", reason="a seam")
        _, told = asker.decide("batch-default", output="9.images.1")
        now = told["cases"]["batch-default"]
        assert now["state"] == "rejected" and now["outputs"] == {"9.images.0": "rejected", "9.images.1": "approved"}
        assert pictures(root) == [1, 1, 1]

    def test_case_that_was_approved_is_put_back_when_it_is_rejected(self, root, asker):
        before = tree(root / "golden")
        asker.decide("garden-default")
        _, told = asker.decide("garden-default", "rejected")
        assert told["cases"]["garden-default"]["state"] == "rejected" and tree(root / "golden") == before

    def test_output_that_was_rejected_and_is_approved_after_all(self, root, asker):
        asker.decide("batch-default", "rejected")
        _, told = asker.decide("batch-default")
        assert told["cases"]["batch-default"]["state"] == "approved" and pictures(root) == [1, 2, 1]

    def test_twice_is_once(self, root, asker):
        asker.decide("garden-default", reason="why")
        _, told = asker.decide("garden-default", reason="again")
        assert len(told["decisions"]) == 1 and len(approvals(root)) == 2

    def test_case_without_a_golden_run(self, tmp_path):
        lay_workflow(tmp_path, "new", golden=False)
        case = entry(tmp_path, "new", run=kept("new", earlier=()), outputs=[], failure="missing: no golden run")
        lay_report(tmp_path / "comfy-report", [case])
        with reviewing(tmp_path) as asker:
            assert asker.decide("new-default")[0] == 200
            assert pictures(tmp_path, ["new"]) == [2]
            asker.undo(1)
        assert not (tmp_path / "golden/new").exists()

    def test_outputs_of_one_name_are_told_apart(self, tmp_path):
        lay(tmp_path, ["batch"])
        report = tmp_path / "comfy-report/report.json"
        document = json.loads(report.read_bytes())
        document["cases"][0]["outputs"][1]["name"] = "9.images.0"
        write_json(report, document)
        with reviewing(tmp_path) as asker:
            outputs = asker.state()["cases"]["batch-default"]["outputs"]
            assert len(outputs) == 2
            for name in outputs:
                assert asker.decide("batch-default", output=name)[0] == 200
            assert pictures(tmp_path, ["batch"]) == [2]

    def test_more_outputs_than_the_page_shows(self, tmp_path):
        lay(tmp_path, ["batch"], outputs=503)
        with reviewing(tmp_path) as asker:
            assert len(asker.state()["cases"]["batch-default"]["outputs"]) == 503
            asker.decide("batch-default")
        assert pictures(tmp_path, ["batch"]) == [2]


class TestRefused:
    """What cannot be approved is told in a sentence, and nothing is decided."""

    def is_refused(self, root, asker, name, sentence):
        before = tree(root)
        status, told = asker.decide(name)
        assert status == 409 and sentence in told
        assert tree(root) == before and asker.state()["decisions"] == []

    def test_golden_run_that_moved_on(self, root, asker):
        other = recorded(outputs={"9": {"images": [png(5)]}}, workflow="workflows/garden.json")
        GoldenStore(root / "golden").write("garden/default", other)
        self.is_refused(root, asker, "garden-default", "the golden run changed since the case was judged: run again")
        assert "changed since" in asker.post("check", case="garden-default")[1]["refused"]
        assert asker.post("check", case="street-default")[1]["refused"] is None

    def test_one_output_of_several_of_such_a_case(self, root, asker):
        shutil.rmtree(root / "golden/batch")
        status, told = asker.decide("batch-default", output="9.images.0")
        assert status == 409 and "is gone" in told and asker.state()["decisions"] == []

    def test_golden_run_that_moved_on_after_it_was_approved_is_not_undone(self, root, asker):
        asker.decide("garden-default")
        (root / "golden/garden/default/9.images.0.png").write_bytes(png(5))
        before = tree(root)
        status, told = asker.undo(1)
        assert status == 409 and "changed since it was approved" in told and tree(root) == before
        assert asker.state()["cases"]["garden-default"]["state"] == "approved"

    def test_case_that_another_session_runs_anew(self, root, asker):
        case = root / "comfy-report/garden/default/case.json"
        write_json(case, {**json.loads(case.read_bytes()), "started": "2026-11-26T08:00:00Z"})
        self.is_refused(root, asker, "garden-default", "a session has run the case anew")

    def test_page_of_an_earlier_report(self, root, asker):
        report = root / "comfy-report/report.json"
        document = json.loads(report.read_bytes())
        write_json(report, {**document, "created": "2026-11-26T09:00:00Z"})
        self.is_refused(root, asker, "garden-default", "a session wrote the report anew: reload the page")
        asker.version = version_of(asker.get("/index.html")[2].decode())
        assert asker.decide("garden-default")[0] == 200

    def test_two_cases_of_one_folder(self, root):
        report = root / "comfy-report/report.json"
        document = json.loads(report.read_bytes())
        write_json(report, {**document, "cases": [*document["cases"], document["cases"][0]]})
        with reviewing(root) as asker:
            for name in ("garden-default", "garden-default-2"):
                self.is_refused(root, asker, name, "two cases of the report have this folder")

    def test_case_without_a_run(self, tmp_path):
        lay_workflow(tmp_path, "broken")
        lay_report(tmp_path / "comfy-report", [entry(tmp_path, "broken", outcome="error", outputs=[])])
        with reviewing(tmp_path) as asker:
            self.is_refused(tmp_path, asker, "broken-default", "there is no run to approve")
            assert asker.decide("broken-default", "rejected", reason="known")[0] == 200

    @pytest.mark.parametrize("what", ["case", "output"])
    def test_what_is_not_in_the_report(self, asker, what):
        case, named = ("nobody", None) if what == "case" else ("garden-default", "9.images.7")
        status, told = asker.decide(case, output=named)
        assert status == 409 and "reload the page" in told

    def test_decisions_that_lie_in_the_way(self, root, asker):
        (root / "comfy-report/decisions.json").mkdir()
        self.is_refused(root, asker, "garden-default", "decisions.json: cannot be written")


class TestUndo:
    def test_each_decision_in_any_order(self, root, asker):
        before = tree(root / "golden")
        for name in ("garden-default", "street-default", "batch-default"):
            asker.decide(name)
        for number, left in ((2, [2, 2, 1]), (1, [1, 2, 1]), (3, [1, 1, 1])):
            assert asker.undo(number)[0] == 200 and pictures(root) == left
        assert tree(root / "golden") == before
        assert asker.state()["decisions"] == [] and kept_decisions(root)["decisions"] == []

    def test_one_output_of_a_case_that_was_written(self, root, asker):
        asker.decide("batch-default", output="9.images.0")
        asker.decide("batch-default", output="9.images.1")
        _, told = asker.undo(1)
        assert told["cases"]["batch-default"]["outputs"] == {"9.images.0": None, "9.images.1": "approved"}
        assert pictures(root) == [1, 1, 1]

    def test_rejection_over_an_approval(self, root, asker):
        asker.decide("garden-default", reason="why")
        asker.decide("garden-default", "rejected")
        _, told = asker.undo(2)
        assert told["cases"]["garden-default"]["state"] == "approved" and pictures(root) == [2, 1, 1]
        assert approvals(root)[-1]["reason"] == "why"

    def test_what_was_never_decided(self, asker):
        status, told = asker.undo(7)
        assert status == 409 and "not there any more" in told


class TestRestart:
    def test_decisions_are_there_with_reason_and_time(self, root):
        with reviewing(root) as asker:
            asker.decide("garden-default", reason="the new sampler")
            asker.decide("street-default", "rejected", reason="too grey")
            before = asker.state()
        with reviewing(root) as asker:
            after = asker.state()
        assert after["cases"] == before["cases"]
        assert [one["reason"] for one in after["decisions"]] == ["too grey", "the new sampler"]
        assert all(one["at"].endswith("Z") for one in after["decisions"])
        # What it takes to put a golden run back is gone; a rejection only has to be forgotten.
        assert [one["undo"] for one in after["decisions"]] == [True, False]

    def test_approval_of_an_earlier_session_is_not_undone(self, root):
        with reviewing(root) as asker:
            asker.decide("garden-default")
        with reviewing(root) as asker:
            before = tree(root)
            for status, told in (asker.undo(1), asker.decide("garden-default", "rejected")):
                assert status == 409 and "golden/garden/default: was approved in an earlier session" in told
            assert tree(root) == before

    def test_decisions_on_an_earlier_run_say_nothing_of_a_new_one(self, root):
        with reviewing(root) as asker:
            asker.decide("garden-default")
            asker.decide("street-default", "rejected")
        cases = [entry(root, "garden", run=kept("garden", seed=3, earlier=approvals(root)), started="2026-11-27")]
        lay_report(root / "comfy-report", cases)
        with reviewing(root) as asker:
            state = asker.state()
            assert state["decisions"] == [] and state["cases"]["garden-default"]["state"] == "undecided"
            assert asker.decide("garden-default")[0] == 200
        assert pictures(root, ["garden"]) == [3]

    @pytest.mark.parametrize(
        "content",
        [b"{", b"[]", b'{"schema": 2}', b'{"schema": 1, "decisions": [7], "written": {}}',
         b'{"schema": 1, "decisions": [], "written": {"a": 7}}', b"[" * 100_000],
    )  # fmt: skip
    def test_decisions_that_are_none(self, root, tmp_path, content):
        (root / "comfy-report/decisions.json").write_bytes(content)
        with pytest.raises(Refused, match=r"decisions.json: holds no decisions .*: remove it"):
            Desk(root / "comfy-report", root, SECRET, tmp_path)

    def test_decisions_that_are_a_link(self, root, tmp_path):
        (tmp_path / "elsewhere").write_text("{}")
        (root / "comfy-report/decisions.json").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(Refused, match="links are not followed"):
            Desk(root / "comfy-report", root, SECRET, tmp_path)


def test_live_run_on_a_changed_server_is_approved_and_green_offline(project, serve):
    project.golden(run=recorded(approvals=[FIRST]))
    project.workflow()
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)
    server.stop()
    with reviewing(project.root) as asker:
        assert asker.decide("txt2img-default", output="9.images.0", reason="as it should be")[0] == 200
    project.run("workflows").assert_outcomes(passed=1)
    assert approvals(project.root, "txt2img")[-1]["reason"] == "as it should be"


def test_reason_loses_its_control_characters(root, asker):
    asker.decide("garden-default", "rejected", reason="red\x1b[31m\u202e and <b>bold</b>\x07 ")
    assert kept_decisions(root)["decisions"][0]["reason"] == "red and <b>bold</b>"


def test_only_cases_that_are_red_and_can_be_green_wait_for_a_decision(tmp_path):
    for name in ("a", "b", "c", "d"):
        lay_workflow(tmp_path, name)
    cases = [
        entry(tmp_path, "a", run=kept("a")),
        entry(tmp_path, "b", run=kept("b"), outcome="passed", verdict="within tolerance"),
        entry(tmp_path, "c", outcome="error"),
        entry(tmp_path, "d", run=kept("d"), mode="offline"),
    ]
    lay_report(tmp_path / "comfy-report", cases)
    with reviewing(tmp_path) as asker:
        needs = {name: one["needs"] for name, one in asker.state()["cases"].items()}
    assert needs == {"a-default": True, "b-default": False, "c-default": False, "d-default": False}


def test_report_is_not_written_to_but_for_decisions(root):
    before = tree(root)
    with reviewing(root) as asker:
        for path in ("/", "/index.html", "/assets/report.css", "/assets/review.js", "/-/state"):
            assert asker.get(path)[0] == 200
        asker.post("check", case="garden-default")
        assert tree(root) == before
        asker.decide("garden-default", "rejected")
    assert tree(root).keys() - before.keys() == {"comfy-report/decisions.json"}


def test_assets_are_ours_whatever_lies_in_the_report(root, asker):
    (root / "comfy-report/assets").mkdir()
    (root / "comfy-report/assets/core.js").write_text("alert(1)")
    (root / "comfy-report/index.html").write_text("<script>alert(1)</script>")
    assert b"alert(1)" not in asker.get("/assets/core.js")[2]
    assert b"alert(1)" not in asker.get("/index.html")[2]


def test_details_of_cases_with_pages_of_their_own(root, monkeypatch):
    monkeypatch.setattr("pytest_comfy.report.html.render.MOST_DETAILS", 0)
    with reviewing(root) as asker:
        status, _, page = asker.get("/garden/default/case.html")
        assert status == 200 and b'data-root="../../"' in page and b'data-decide="approved"' in page
    assert not (root / "comfy-report/garden/default/case.html").exists()


def test_output_names_files_that_are_there(root, asker):
    for path in output("garden/default", 0)["files"].values():
        assert asker.get(f"/{path}")[0] == 200
