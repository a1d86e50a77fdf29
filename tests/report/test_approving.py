"""The run that a report kept becomes the golden run: no server, the same files, and refused where that is not right."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from kept import FIRST, KEY, entry, kept, lay_all, lay_workflow, tree, write_json
from projects import graph, png, recorded
from ui_form import definitions, plain

from pytest_comfy.golden import GoldenRun, GoldenStore
from pytest_comfy.report.approving import Refused, approve, candidate, undo
from pytest_comfy.secrecy import take_out


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def refusal(root, case, report=None, **more):
    """Why a case is not approved; nothing is written then."""
    before = tree(root.parent)
    with pytest.raises(Refused) as refused:
        approve(report or root / "comfy-report", case, root, "why", **more)
    assert tree(root.parent) == before
    return str(refused.value)


def lay_ui_form(root):
    """A workflow in UI form without golden run, and a report of it; returns the entry."""
    lay_workflow(root, prompt=plain(), golden=False)
    known = {name: definitions()[name] for name in ("EmptyImage", "SaveImage")}
    return entry(root, run=kept(earlier=(), definitions=known))


class TestApprove:
    def test_golden_run_is_the_kept_run(self, root):
        case = lay_all(root)
        approved = approve(root / "comfy-report", case, root, "as it should be")
        assert approved.folder == root / "golden" / KEY
        written = json.loads((root / f"golden/{KEY}/run.json").read_text())
        run = json.loads((root / f"comfy-report/{KEY}/run/run.json").read_text())
        first, last = written.pop("approvals")
        assert first == FIRST
        assert last["reason"] == "as it should be" and last["by"].startswith("pytest-comfy ") and last["at"] > "2026"
        assert run.pop("approvals") == [FIRST, {}] and written == run
        assert (approved.folder / "9.images.0.png").read_bytes() == png(2)

    def test_only_the_golden_run_is_written(self, root):
        case = lay_all(root)
        lay_workflow(root, "other")
        before = tree(root.parent)
        approve(root / "comfy-report", case, root, "why")
        after = tree(root.parent)
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        assert changed == {f"project/golden/{KEY}/run.json", f"project/golden/{KEY}/9.images.0.png"}

    def test_by_whom(self, root):
        approve(root / "comfy-report", lay_all(root), root, None, "somebody")
        last = GoldenRun.load(root / f"golden/{KEY}").document["approvals"][-1]
        assert last["by"] == "somebody" and "reason" not in last

    def test_secret_in_the_reason(self, root):
        approve(root / "comfy-report", lay_all(root), root, "with hf_" + "a1B2" * 8)
        assert GoldenRun.load(root / f"golden/{KEY}").document["approvals"][-1]["reason"] == "with <redacted>"

    def test_first_run_of_a_case(self, root):
        lay_workflow(root, golden=False)
        case = entry(root, run=kept(earlier=()))
        approve(root / "comfy-report", case, root, "why")
        assert len(GoldenRun.load(root / f"golden/{KEY}").document["approvals"]) == 1

    def test_run_that_its_socket_told_nothing_of_stays_marked(self, root):
        lay_workflow(root)
        run = kept()
        run.document["approvals"][-1]["events"] = "history"
        approve(root / "comfy-report", entry(root, run=run), root, "why")
        assert GoldenRun.load(root / f"golden/{KEY}").document["approvals"][-1]["events"] == "history"

    def test_pictures_that_came_by_the_socket(self, root):
        prompt = graph(saves=())
        prompt["5"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["3", 0]}, "_meta": {"title": "Send"}}
        lay_workflow(root, prompt=prompt, golden=False)
        run = kept(earlier=(), prompt=graph())
        run.document["prompt"] = prompt
        run.document["events"].append([0.1, {"binary": 4, "data": {}, "file": "previews/0.png"}])
        run.blobs["previews/0.png"] = png(5)
        approve(root / "comfy-report", entry(root, run=run), root, "why")
        assert (root / f"golden/{KEY}/previews/0.png").read_bytes() == png(5)

    def test_baseline_of_a_case_that_was_judged_by_the_plain_run(self, root):
        plain = lay_workflow(root)
        before = tree(plain)
        target = root / f"golden/{KEY}+comfyui-0.30"
        case = entry(root, run=kept(), target=target)
        assert approve(root / "comfy-report", case, root, "why").folder == target
        assert tree(plain) == before and (target / "9.images.0.png").read_bytes() == png(2)

    def test_baseline_that_came_meanwhile(self, root):
        lay_workflow(root)
        case = entry(root, run=kept(), target=root / f"golden/{KEY}+new")
        lay_workflow(root, baseline="new")
        assert "the golden run changed since" in refusal(root, case)

    def test_report_that_lies_elsewhere(self, root, tmp_path):
        case = lay_all(root)
        away = shutil.move(root / "comfy-report", tmp_path / "downloaded")
        approve(Path(away), case, root, "why")
        assert (root / f"golden/{KEY}/9.images.0.png").read_bytes() == png(2)

    def test_folder_of_golden_runs_by_the_ini(self, root):
        lay_all(root)
        (root / "pytest.ini").write_text("[pytest]\ncomfy_golden_dir = approved\n")
        (root / "golden").rename(root / "approved")
        case = entry(root, run=kept(), golden=root / "approved" / KEY)
        assert approve(root / "comfy-report", case, root, "why").folder == root / "approved" / KEY

    def test_project_below_the_root(self, root):
        package = root / "packages/a"
        case = lay_all(package)
        (root / "pytest.ini").write_text("[pytest]\n")
        (package / "pytest.ini").write_text("[pytest]\n")
        nested_case = {
            **case, "project": "packages/a", "node_id": f"packages/a/{case['node_id']}",
            "target": f"packages/a/golden/{KEY}",
            "golden": {**case["golden"], "folder": f"packages/a/golden/{KEY}"},
        }  # fmt: skip
        report = package / "comfy-report"
        assert "is not of the project" in refusal(root, {**nested_case, "project": "packages"}, report).replace(
            "is not there", "is not of the project"
        )
        assert approve(report, nested_case, root, "why").folder == package / "golden" / KEY

    def test_workflow_in_ui_form(self, root):
        """Its conversion is done again by the definitions that were recorded."""
        case = lay_ui_form(root)
        write_json(root / "workflows/txt2img.json", plain(color=8))
        assert "EmptyImage.color is 8, was 7" in refusal(root, case)
        write_json(root / "workflows/txt2img.json", {**plain(), "extra": {"moved": True}})
        assert approve(root / "comfy-report", case, root, "why").doubts == ()

    def test_ui_form_whose_conversion_a_conftest_has_a_say_in(self, root):
        case = lay_ui_form(root)
        write_json(root / "workflows/txt2img.json", plain(color=8))
        hook = "def pytest_comfy_widgets(class_type, definition):\n    return None\n"
        (root / "conftest.py").write_text(f"{hook}raise SystemExit('which is not run')\n")
        (doubt,) = approve(root / "comfy-report", case, root, "why").doubts
        assert "known to the hook pytest_comfy_widgets alone" in doubt

    def test_input_that_was_uploaded(self, root):
        prompt = graph()
        prompt["3"] = {"class_type": "LoadImage", "inputs": {"image": "cat.png"}, "_meta": {"title": "Load"}}
        lay_workflow(root, prompt=prompt, golden=False)
        (root / "workflows/inputs").mkdir()
        (root / "workflows/inputs/cat.png").write_bytes(png(8))
        queued = copy.deepcopy(prompt)
        queued["3"]["inputs"]["image"] = f"pytest-comfy/cat-{hashlib.sha256(png(8)).hexdigest()[:12]}.png"
        case = entry(root, run=kept(earlier=(), prompt=queued))
        approve(root / "comfy-report", case, root, "why")
        shutil.rmtree(root / "golden")
        (root / "workflows/inputs/cat.png").write_bytes(png(9))
        assert "LoadImage.image is" in refusal(root, case)

    def test_doubts_are_told(self, root):
        doubts = ["nodes that the server took from its cache: 3", "\x1b[31mred"]
        approved = approve(root / "comfy-report", lay_all(root, doubts=doubts), root, "why")
        assert approved.doubts == (doubts[0], "red")


class TestRefused:
    def test_golden_run_that_changed_since(self, root):
        case = lay_all(root)
        GoldenStore(root / "golden").write(KEY, recorded(outputs={"9": {"images": [png(3)]}}))
        assert refusal(root, case) == f"golden/{KEY}: the golden run changed since the case was judged: run again"

    def test_golden_run_that_is_gone(self, root):
        case = lay_all(root)
        shutil.rmtree(root / "golden")
        assert "the golden run that the case was judged by is gone" in refusal(root, case)

    def test_golden_run_that_came_meanwhile(self, root):
        case = {**lay_all(root), "golden": None}
        assert "had no golden run when it was judged, and has one now" in refusal(root, case)

    def test_golden_run_that_had_become_another_one_when_it_was_told(self, root):
        case = lay_all(root)
        assert "changed since" in refusal(root, {**case, "golden": {**case["golden"], "digest": ""}})

    def test_golden_run_that_changes_at_the_very_end(self, root, monkeypatch):
        case = lay_all(root)
        found = candidate(root / "comfy-report", case, root)
        GoldenStore(root / "golden").write(KEY, recorded(outputs={"9": {"images": [png(3)]}}))
        monkeypatch.setattr("pytest_comfy.report.approving.candidate", lambda *args, **more: found)
        assert "the golden run is another one by now" in refusal(root, case)

    def test_pointer_of_git_lfs(self, root):
        case = lay_all(root)
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n"
        (root / f"golden/{KEY}/run.json").write_text(pointer)
        assert "git lfs pull" in refusal(root, case)

    def test_offline_run(self, root):
        assert "only live runs are approved" in refusal(root, {**lay_all(root), "mode": "offline"})

    def test_case_without_a_run(self, root):
        lay_workflow(root)
        assert refusal(root, entry(root)) == "there is no run to approve"
        assert refusal(root, {**entry(root), "refused": None}) == "there is no run to approve"

    def test_run_that_the_session_refused(self, root):
        case = {**lay_all(root), "refused": "the socket dropped during the run"}
        assert refusal(root, case, allow_blank=True) == "the socket dropped during the run"

    def test_outputs_that_show_nothing(self, root):
        case = {**lay_all(root), "refused": "output 9.images.0 is black", "unless": "--allow-blank"}
        assert refusal(root, case) == "output 9.images.0 is black (--allow-blank)"
        approve(root / "comfy-report", case, root, "night", allow_blank=True)

    def test_workflow_that_is_gone(self, root):
        case = lay_all(root)
        (root / "workflows/txt2img.json").unlink()
        assert refusal(root, case).startswith("workflows/txt2img.json: is not there")

    def test_workflow_that_changed(self, root):
        case = lay_all(root)
        write_json(root / "workflows/txt2img.json", graph(color=8))
        told = "the workflow changed since: node 3 EmptyImage.color is 8, was 7: run again"
        assert refusal(root, case) == told

    def test_case_whose_values_changed(self, root):
        case = lay_all(root)
        (root / "workflows/txt2img.toml").write_text('[set]\n"3.color" = 9\n')
        assert "EmptyImage.color is 9, was 7" in refusal(root, case)

    def test_case_that_is_gone(self, root):
        case = lay_all(root)
        (root / "workflows/txt2img.toml").write_text("[cases.red]\n")
        assert "has no case 'default' any more" in refusal(root, case)

    @pytest.mark.parametrize("content", ["{", "[]", "{}", '{"1": 2}'])
    def test_workflow_that_is_none_any_more(self, root, content):
        case = lay_all(root)
        (root / "workflows/txt2img.json").write_text(content)
        assert "workflows/txt2img.json" in refusal(root, case)

    def test_masks_that_changed_are_fine(self, root):
        case = lay_all(root)
        (root / "workflows/txt2img.toml").write_text('[outputs."9"]\nmasks = [[0, 0, 8, 8]]\n')
        approve(root / "comfy-report", case, root, "why")

    def test_file_of_the_run_that_was_exchanged(self, root):
        case = lay_all(root)
        (root / f"comfy-report/{KEY}/run/9.images.0.png").write_bytes(png(7))
        assert "is not the file that was approved" in refusal(root, case)

    @pytest.mark.parametrize("name", ["run.json", "9.images.0.png"])
    def test_file_of_the_run_that_is_gone(self, root, name):
        case = lay_all(root)
        (root / f"comfy-report/{KEY}/run/{name}").unlink()
        assert "not there" in refusal(root, case)

    def test_run_of_another_case(self, root):
        lay_workflow(root)
        assert "and not of this case" in refusal(root, entry(root, run=kept("other")))

    def test_run_that_is_approved_already(self, root):
        lay_workflow(root)
        run = kept()
        run.document["approvals"][-1] = FIRST
        assert "does not wait for an approval" in refusal(root, entry(root, run=run))

    def test_history_of_a_report_is_not_taken(self, root):
        lay_workflow(root)
        case = entry(root, run=kept(earlier=[{"at": "2020-01-01T00:00:00Z", "by": "evil", "reason": "trust me"}]))
        approve(root / "comfy-report", case, root, "why")
        assert GoldenRun.load(root / f"golden/{KEY}").document["approvals"][0] == FIRST

    @pytest.mark.parametrize(
        ("distance", "told"),
        [({"9.images.0": {"verdict": "fine", "distance": 1}}, "tells of no distance of 9.images.0"),
         ({"9.images.0": {"verdict": "different", "distance": -1}}, "tells of no distance of 9.images.0"),
         ("far", "is no object"), ({"8.images.0": {"verdict": "missing"}}, "is no output of it")],
    )  # fmt: skip
    def test_distance_that_no_comparison_tells(self, root, distance, told):
        lay_workflow(root)
        run = kept()
        run.document["approvals"][-1]["distance"] = distance
        assert told in refusal(root, entry(root, run=run))

    def test_environment_of_an_approval_is_that_of_the_run(self, root):
        lay_workflow(root)
        run = kept(environment={"torch": "2.14.0"})
        far = {"9.images.0": {"verdict": "different", "distance": 2.5}}
        run.document["approvals"][-1].update(environment="trust me", changed=["nothing"], distance=far)
        approve(root / "comfy-report", entry(root, run=run), root, "why")
        last = GoldenRun.load(root / f"golden/{KEY}").document["approvals"][-1]
        assert last["environment"] == "ComfyUI 0.8.0, torch 2.14.0, cpu"
        assert last["changed"] == ["torch 2.13.0 -> 2.14.0"] and last["distance"] == far

    @pytest.mark.parametrize("name", ["deeper/run.json", "deeper/a.png", "run.json", "../run.json", "/etc/passwd"])
    def test_file_that_would_be_another_golden_run(self, root, name):
        lay_workflow(root)
        GoldenStore(root / "golden").write(f"{KEY}/deeper", recorded())
        case = entry(root, run=kept())
        run = root / "comfy-report" / KEY / "run"
        document = json.loads((run / "run.json").read_bytes())
        document["events"].append([0.1, {"binary": 1, "data": {}, "file": name}])
        write_json(run / "run.json", document)
        (run / "deeper").mkdir()
        for planted in ("run.json", "a.png"):
            (run / "deeper" / planted).write_bytes((run / "run.json").read_bytes())
        assert "no file of a run" in refusal(root, case) or "outside its folder" in refusal(root, case)

    def test_secret_that_comes_back_in(self, root):
        lay_workflow(root)
        run = kept()
        run.document["status"]["messages"].append(["x", {"told": "hf_" + "a1B2" * 8}])
        assert "holds what looks like a secret" in refusal(root, entry(root, run=run))

    def test_what_the_project_redacts(self, root):
        lay_workflow(root)
        run = kept()
        run.document["status"]["messages"].append(["x", {"told": "by ticket-1234"}])
        case = entry(root, run=run)
        (root / "pytest.ini").write_text("[pytest]\ncomfy_redact = ticket-[0-9]+\n")
        try:
            assert "holds what looks like a secret" in refusal(root, case)
        finally:
            take_out(())

    def test_ini_that_is_wrong(self, root):
        case = lay_all(root)
        (root / "pytest.ini").write_text("[pytest]\ncomfy_tolerance = any\n")
        assert "pytest.ini: comfy_tolerance 'any': must be one of" in refusal(root, case)

    @pytest.mark.parametrize("key", ["project", "source", "key", "folder", "run", "target"])
    @pytest.mark.parametrize("value", ["../evil", "/etc/passwd", "a/../../b", "..", "a\0b", "a\\..\\b", "", "x" * 3000])
    def test_paths_that_lead_elsewhere(self, root, key, value):
        case = lay_all(root)
        if (key, value) != ("project", ""):
            assert refusal(root, {**case, key: value})

    @pytest.mark.parametrize("target", ["golden/other/default", "workflows", f"golden/{KEY}/deeper", f"golden/{KEY}+"])
    def test_another_golden_run_is_not_replaced(self, root, target):
        assert "is not where the golden run of" in refusal(root, {**lay_all(root), "target": target})

    def test_key_of_another_workflow(self, root):
        case = lay_all(root)
        lay_workflow(root, "other")
        other = {**case, "key": "other/default", "target": "golden/other/default"}
        assert "is not where the golden run of" in refusal(root, other)

    def test_key_of_another_test(self, root):
        lay_workflow(root)
        (root / "test_a.py").write_text("")
        run = kept(earlier=(), workflow="test_a.py", case="test_one")
        case = entry(root, run=run, golden=root / "golden/test_a/test_one/default", node_id="test_a.py::test_one",
                     source="test_a.py", case="test_one", key="test_a/test_one/default")  # fmt: skip
        for key in ("test_a/test_two/default", "test_a/test_one/more"):
            assert "is not where the golden run of" in refusal(root, {**case, "key": key, "target": f"golden/{key}"})
        approve(root / "comfy-report", case, root, "why")

    @pytest.mark.parametrize(
        "what", [f"comfy-report/{KEY}/run", f"comfy-report/{KEY}", f"golden/{KEY}", "golden/txt2img"]
    )
    def test_links(self, root, tmp_path, what):
        case = lay_all(root)
        shutil.move(root / what, tmp_path / "away")
        (root / what).symlink_to(tmp_path / "away")
        assert "links are not followed" in refusal(root, case)

    @pytest.mark.parametrize("name", ["run.json", "9.images.0.png"])
    def test_links_in_the_run(self, root, tmp_path, name):
        case = lay_all(root)
        shutil.move(root / f"comfy-report/{KEY}/run/{name}", tmp_path / "away")
        (root / f"comfy-report/{KEY}/run/{name}").symlink_to(tmp_path / "away")
        assert "link" in refusal(root, case)

    def test_huge_run(self, root):
        case = lay_all(root)
        with (root / f"comfy-report/{KEY}/run/9.images.0.png").open("r+b") as file:
            file.truncate(3 * 10**9)  # which takes no room on the disk
        with pytest.raises(Refused, match="holds 3 GB, more than the 2 GB that one run may be"):
            approve(root / "comfy-report", case, root, "why")


class TestUndo:
    def test_bytes_that_were_there(self, root, tmp_path):
        case = lay_all(root)
        (root / f"golden/{KEY}/run.json").write_bytes((root / f"golden/{KEY}/run.json").read_bytes() + b"\r\n\n")
        (root / f"golden/{KEY}/notes.txt").write_text("of somebody")
        (root / f"golden/{KEY}/previews").mkdir()
        (root / f"golden/{KEY}/previews/0.jpg").write_bytes(b"jpg")
        case = entry(root, run=kept())
        before = tree(root)
        approved = approve(root / "comfy-report", case, root, "why", keep=tmp_path)
        assert tree(root) != before
        undo(approved)
        assert tree(root) == before

    def test_what_was_not_there_is_gone_again(self, root, tmp_path):
        lay_workflow(root, golden=False)
        case = entry(root, run=kept(earlier=()))
        before = tree(root)
        undo(approve(root / "comfy-report", case, root, "why", keep=tmp_path))
        assert {**tree(root), "golden": None} == {**before, "golden": None}

    def test_and_again(self, root, tmp_path):
        case = lay_all(root)
        before = tree(root)
        for _ in range(2):
            undo(approve(root / "comfy-report", case, root, "why", keep=tmp_path))
            assert tree(root) == before

    @pytest.mark.parametrize("name", ["run.json", "9.images.0.png", "new.txt"])
    def test_golden_run_that_changed_again(self, root, tmp_path, name):
        approved = approve(root / "comfy-report", lay_all(root), root, "why", keep=tmp_path)
        (approved.folder / name).write_bytes(b"{}")
        before = tree(root)
        with pytest.raises(Refused, match="not undone: the golden run changed since it was approved"):
            undo(approved)
        assert tree(root) == before

    def test_golden_run_that_is_gone(self, root, tmp_path):
        approved = approve(root / "comfy-report", lay_all(root), root, "why", keep=tmp_path)
        shutil.rmtree(approved.folder)
        with pytest.raises(Refused, match="not undone"):
            undo(approved)

    def test_what_was_not_kept(self, root):
        with pytest.raises(Refused, match="restore it from version control"):
            undo(approve(root / "comfy-report", lay_all(root), root, "why"))
