"""`pytest-comfy report merge`: the reports of a CI run's shards are one."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import document, entry, kept, lay_report, lay_workflow, tree
from projects import png

from pytest_comfy.commands.__main__ import main
from pytest_comfy.report.approving import approve, load_report
from pytest_comfy.report.merging import merge
from pytest_comfy.report.reading import Refused


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The current folder, with workflows blur and grain, and the reports a (of blur) and b (of grain)."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for shard, name in (("a", "blur"), ("b", "grain")):
        lay_workflow(folder, name)
        shard_of(folder, shard, name, passed=2)
    return folder


def shard_of(root, shard, name, more=None, **session):
    """Write a report with one case."""
    case = {**entry(root, name, run=kept(name), report=root / shard), **(more or {})}
    lay_report(root / shard, [case], **session)
    (root / shard / case["folder"] / "9.images.0.actual.png").write_bytes(png(2))


def merged(root, *shards, more=()):
    assert main(["report", "merge", *shards, "-o", "all", *more]) == 0
    return load_report(root / "all")


def refused(capsys, *arguments):
    assert main(["report", "merge", *arguments]) == 1
    return capsys.readouterr().err


def test_cases_and_counts_of_all(root, capsys):
    found = merged(root, "a", "b")
    assert [case["folder"] for case in found["cases"]] == ["blur/default", "grain/default"]
    assert found["counts"]["cases"] == {"passed": 4, "failed": 2, "error": 0, "approved": 0, "xfailed": 0}
    assert (found["counts"]["outputs"]["different"], found["counts"]["outputs"]["identical"]) == (2, 4)
    assert capsys.readouterr().out == "all: 4 passed, 2 failed\n"


def test_folders_of_the_cases(root):
    merged(root, "a", "b")
    for shard, name in (("a", "blur"), ("b", "grain")):
        assert tree(root / "all" / name) == tree(root / shard / name)
    assert (root / "all/.gitignore").read_text() == "*\n"
    assert "blur/default" in (root / "all/index.html").read_text()


def test_what_was_merged_can_be_approved(root):
    for case in merged(root, "a", "b")["cases"]:
        approve(root / "all", case, root, "why")
        assert (root / "golden" / case["key"] / "9.images.0.png").read_bytes() == png(2)


def test_the_same_as_one_report_of_all(root):
    whole = document([entry(root, name, run=kept(name)) for name in ("blur", "grain")], passed=4)
    found = merged(root, "b", "a")
    assert {**found, "by": whole["by"]} == whole


def test_rerun_replaces_its_case(root):
    shard_of(root, "again", "blur", {"started": "2026-11-26T08:00:00Z", "headline": "later", "outcome": "error"})
    for shards in (("a", "b", "again"), ("again", "a", "b")):
        found = merged(root, *shards)
        assert [case["headline"] for case in found["cases"]] == ["later", "softer"]
        assert found["counts"]["cases"] == {"passed": 4, "failed": 1, "error": 1, "approved": 0, "xfailed": 0}
        assert found["counts"]["outputs"]["different"] == 2


def test_what_cases_share_over_all_reports(root):
    def told(failing, passing, having):
        row = {"difference": "torch 2 -> 3", "failing": failing, "passing": having, "cause": "likely"}
        return {"failing": failing, "passing": passing, "differences": [row] if failing or having else []}

    environment = {"golden": "torch 2", "actual": "torch 3", "differences": ["torch 2 -> 3"]}
    shard_of(root, "c", "blur", {"environment": environment}, causes=told(1, 4, 1))
    shard_of(root, "d", "grain", {"environment": environment}, causes=told(1, 8, 0))
    assert merged(root, "c", "d")["causes"] == {
        "failing": 2, "passing": 12,
        "differences": [{"difference": "torch 2 -> 3", "failing": 2, "passing": 1, "cause": "possible"}],
    }  # fmt: skip
    later = {"environment": environment, "started": "2026-11-26T08:00:00Z"}
    shard_of(root, "e", "blur", later, causes=told(1, 0, 0))  # the same case once more
    assert merged(root, "c", "e")["causes"]["failing"] == 1


def test_checks_of_one_test_stay_together(root):
    """A test may check several runs, each with a folder of its own; a rerun of it replaces them all."""
    for shard, names, started in (("t1", ("one", "two"), "07"), ("t2", ("one",), "08")):
        cases = [{**entry(root, name), "node_id": "tests/test_a.py::test_it", "folder": f"tests/test_a/{name}",
                  "started": f"2026-11-26T{started}:00:00Z"} for name in names]  # fmt: skip
        lay_report(root / shard, cases)
    assert [case["folder"] for case in merged(root, "t1", "t2")["cases"]] == ["tests/test_a/one"]
    assert [case["folder"] for case in merged(root, "t1")["cases"]] == ["tests/test_a/one", "tests/test_a/two"]


def test_commits(root, capsys):
    shard_of(root, "a", "blur", commit="a" * 40)
    assert merged(root, "a", "b")["commit"] == "a" * 40
    shard_of(root, "b", "grain", commit="b" * 40)
    before = tree(root)
    told = "b: is a report of commit bbbbbbbbbbb…, and a of aaaaaaaaaaa…: merge what is of one commit, or add --force"
    assert told in refused(capsys, "a", "b", "-o", "all")
    assert tree(root) == before
    assert merged(root, "a", "b", more=["--force"])["commit"] is None


def test_session_that_was_interrupted(root):
    shard_of(root, "b", "grain", interrupted=True, mode="offline", servers=["http://127.0.0.1:2"])
    found = merged(root, "a", "b")
    assert (found["interrupted"], found["mode"]) == (True, "live")
    assert found["servers"] == ["http://127.0.0.1:1 (ComfyUI 0.8.0)", "http://127.0.0.1:2"]


def test_earlier_report_is_replaced(root):
    merged(root, "a")
    assert [case["key"] for case in merged(root, "b")["cases"]] == ["grain/default"]
    assert not (root / "all/blur").exists()


def test_into_one_of_those_merged(root):
    assert main(["report", "merge", "a", "b", "-o", "a"]) == 0
    assert len(load_report(root / "a")["cases"]) == 2
    assert sorted(path.name for path in root.iterdir()) == ["a", "b", "golden", "workflows"]


def test_folder_of_something_else_is_left_alone(root, capsys):
    before = tree(root)
    for target in ("workflows", "workflows/blur.json"):
        assert "is left alone: name another with -o" in refused(capsys, "a", "b", "-o", target)
    assert tree(root) == before


def test_link_in_place_of_the_folder(root, tmp_path, capsys):
    (tmp_path / "away").mkdir()
    (root / "all").symlink_to(tmp_path / "away")
    assert "is left alone" in refused(capsys, "a", "b", "-o", "all")
    assert list((tmp_path / "away").iterdir()) == []


def test_links_are_not_copied(root, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (root / "a/blur/default/9.images.0.golden.png").symlink_to(tmp_path / "secret.txt")
    (root / "a/blur/default/run/previews").symlink_to(tmp_path)
    merged(root, "a", "b")
    assert sorted(tree(root / "all/blur/default")) == [
        "9.images.0.actual.png", "case.json", "run", "run/9.images.0.png", "run/run.json"
    ]  # fmt: skip


def test_pages_of_strangers_are_not_copied(root):
    (root / "a/index.html").write_text("<script>")
    (root / "a/blur/default/case.html").write_text("<script>evil")
    merged(root, "a", "b")
    assert "evil" not in "".join(path.read_text() for path in (root / "all").rglob("*.html"))


def test_two_cases_with_one_folder(root, capsys):
    shard_of(root, "b", "grain", {"folder": "blur/default", "run": None})
    assert "have one folder in the report, blur/default" in refused(capsys, "a", "b", "-o", "all")


def test_report_that_is_none(root, capsys):
    before = tree(root)
    assert "report.json: is not there" in refused(capsys, "a", "golden", "-o", "all")
    assert tree(root) == before


def test_disk_that_is_full(root, capsys, monkeypatch):
    merged(root, "a")
    before = tree(root)

    def full(*args, **more):
        raise OSError(28, "No space left on device", "all")

    monkeypatch.setattr("pytest_comfy.report.merging.shutil.copyfile", full)
    assert "all: cannot be written (No space left on device)" in refused(capsys, "a", "b", "-o", "all")
    assert tree(root) == before


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["../x", "/x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@settings(max_examples=40)
@given(data=st.data())
def test_hostile_documents(tmp_path_factory, data):
    """Nothing is written but the new report, and no error but a sentence."""
    root = tmp_path_factory.mktemp("hostile") / "project"  # beside it is nothing of other tests to be read
    root.mkdir()
    lay_workflow(root, "blur")
    shard_of(root, "a", "blur")
    told = json.loads((root / "a/report.json").read_bytes())
    changed = copy.deepcopy(told)
    (case,) = changed["cases"]
    at = data.draw(st.sampled_from([changed, changed["counts"], case, case["outputs"][0]]))
    at[data.draw(st.sampled_from(sorted(at)))] = data.draw(VALUE)
    (root / "a/report.json").write_text(json.dumps(changed))
    before = tree(root.parent)
    try:
        merge([root / "a"], root / "all")
    except Refused as error:
        assert str(error)
    after = {name: data for name, data in tree(root.parent).items() if f"{root.name}/all" not in name}
    assert after == before
