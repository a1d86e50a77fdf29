"""Golden runs on disk: written whole, found, read, removed, and never a file outside their folder."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import pytest

from pytest_comfy.golden import GoldenError, GoldenRun, GoldenStore, find_runs
from pytest_comfy.golden.run import dumps, is_own_name
from pytest_comfy.golden.unused import unclaimed, unused_runs

OUTPUT = {
    "node": "9",
    "title": "Save Image",
    "key": "images",
    "index": 0,
    "type": "output",
    "media_type": "image/png",
    "size": [8, 4],
    "sha256": "ab",
    "pixels_sha256": "cd",
    "fingerprint": {"v": 1},
    "masks": [[1, 2, 3, 4]],
    "file": "9.images.0.png",
}
DOCUMENT = {
    "workflow": "workflows/w.json",
    "format": 1,
    "case": "default",
    "prompt": {"9": {"class_type": "SaveImage", "inputs": {"text": "zwei äöü"}}},
    "environment": {"comfyui": "0.8.0"},
    "events": [[0.1, {"type": "execution_start", "data": {}}], [0.2, {"type": "executing", "data": {"b": 1, "a": 2}}]],
    "outputs": [OUTPUT],
}


def run(workflow="workflows/w.json", **more) -> GoldenRun:
    document = {**copy.deepcopy(DOCUMENT), "workflow": workflow, **more}
    return GoldenRun(document, None, {"9.images.0.png": b"png", "previews/3.0.jpg": b"jpg"})


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def store(tmp_path) -> GoldenStore:
    return GoldenStore(tmp_path / "golden")


def test_round_trip(store):
    folder = store.write("w/default", run())
    assert folder == store.root / "w" / "default"
    assert files(store.root) == [
        "w/default/9.images.0.png", "w/default/previews/3.0.jpg", "w/default/run.json",
    ]  # fmt: skip
    loaded = store.load("w/default")
    assert loaded.document == DOCUMENT
    assert loaded.prompt == DOCUMENT["prompt"]
    assert loaded.events == DOCUMENT["events"]
    assert loaded.environment == {"comfyui": "0.8.0"}
    assert loaded.digest == run().digest
    (output,) = loaded.outputs
    assert output.name == "9.images.0"
    assert output.size == (8, 4)
    assert output.masks == ((1, 2, 3, 4),)
    assert output.to_json() == OUTPUT
    assert loaded.read("9.images.0.png") == b"png"
    assert loaded.read("previews/3.0.jpg") == b"jpg"
    with pytest.raises(FileNotFoundError):
        loaded.read("gone.png")


def test_a_run_not_yet_written_is_read_from_memory():
    assert run().read("9.images.0.png") == b"png"
    with pytest.raises(FileNotFoundError):
        run().read("gone.png")


def test_run_json_is_sorted_with_one_event_a_line():
    text = dumps(DOCUMENT)
    lines = text.splitlines()
    assert json.loads(text) == DOCUMENT
    tops = [line.split('"')[1] for line in lines if line.startswith('  "')]
    assert tops == sorted(DOCUMENT)
    assert '    [0.1, {"data": {}, "type": "execution_start"}],' in lines
    assert '    [0.2, {"data": {"a": 2, "b": 1}, "type": "executing"}]' in lines
    assert "zwei äöü" in text
    assert text.endswith("}\n")
    assert dumps(dict(reversed(DOCUMENT.items()))) == text
    assert json.loads(dumps({"format": 1, "events": [], "outputs": []})) == {"format": 1, "events": [], "outputs": []}


def test_text_that_is_no_unicode_survives(store):
    prompt = {"1": {"class_type": "Text", "inputs": {"text": "half \ud83d of a pair"}}}
    folder = store.write("w/default", run(prompt=prompt))
    (folder / "run.json").read_text(encoding="utf-8")
    assert store.load("w/default").prompt == prompt


def test_the_same_run_is_the_same_file(store):
    first = (store.write("w/default", run()) / "run.json").read_bytes()
    assert (store.write("w/default", run()) / "run.json").read_bytes() == first
    assert b"\r" not in first


def test_a_write_replaces_the_whole_run(store):
    store.write("w/default", run())
    folder = store.write("w/default", GoldenRun({**DOCUMENT, "case": "new", "outputs": []}))
    assert files(store.root) == ["w/default/run.json"]
    assert store.load("w/default").document["case"] == "new"
    assert [path.name for path in folder.parent.iterdir()] == ["default"]


def test_a_failed_write_leaves_the_old_run(store, monkeypatch):
    store.write("w/default", run())
    before = files(store.root)

    def full(self, *args, **more):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(GoldenError, match=r"default: cannot be written \(No space left on device\)"):
            store.write("w/default", run(case="new"))
    assert files(store.root) == before
    assert store.load("w/default").document["case"] == "default"


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_move_that_fails_leaves_the_old_run(store, monkeypatch, failing):
    """The moves of a write: the old run aside, the new one into its place, a nested one back into it."""
    store.write("w", run())
    store.write("w/nested", run())
    moves = []
    rename = Path.rename

    def counted(self, target):
        moves.append(self)
        if len(moves) == failing:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", counted)
        with pytest.raises(GoldenError, match="cannot be written"):
            store.write("w", run(case="new"))
    assert len(moves) == failing
    assert store.load("w").document["case"] == ("new" if failing == 3 else "default")
    assert store.load("w").read("9.images.0.png") == b"png"
    assert store.load("w/nested").document["case"] == "default"
    assert [path.name for path in store.root.iterdir()] == ["w"]


def test_a_document_that_cannot_be_written_leaves_the_old_run(store):
    store.write("w/default", run())
    with pytest.raises(TypeError):
        store.write("w/default", run(case=object()))
    assert store.load("w/default").document["case"] == "default"
    assert [path.name for path in (store.root / "w").iterdir()] == ["default"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "golden").write_text("a file")
    with pytest.raises(GoldenError, match=r"golden.*cannot be written"):
        GoldenStore(tmp_path / "golden").write("w/default", run())


def test_a_write_cut_off_before_the_new_run_came_is_undone(store):
    folder = store.write("w/default", run())
    folder.rename(folder.with_name(".default.previous"))
    assert store.find("w/default") == folder
    assert store.load("w/default").read("9.images.0.png") == b"png"
    assert [path.name for path in folder.parent.iterdir()] == ["default"]


def test_a_write_cut_off_after_the_new_run_came_is_finished(store):
    folder = store.write("w/default", run(case="old"))
    store.write("w/default/nested", run())
    folder.rename(folder.with_name(".default.previous"))
    folder.mkdir()
    (folder / "run.json").write_text(dumps({**DOCUMENT, "case": "new"}), encoding="utf-8")
    assert store.load("w/default").document["case"] == "new"
    assert store.load("w/default/nested") is not None
    assert [path.name for path in folder.parent.iterdir()] == ["default"]


def test_runs_below_a_case_survive_its_replacement(store):
    store.write("w", run())
    store.write("w/nested/deep", run(case="deep"))
    store.write("w", run(case="new"))
    assert store.load("w/nested/deep").document["case"] == "deep"
    assert store.load("w").document["case"] == "new"
    assert [path.relative_to(store.root).as_posix() for path in find_runs(store.root)] == ["w", "w/nested/deep"]


def test_leftovers_are_no_runs(store):
    folder = store.write("w/default", run())
    folder.rename(folder.with_name(".default.previous"))
    assert list(find_runs(store.root)) == []
    assert list(find_runs(store.root / "nowhere")) == []


def test_a_baseline_goes_before_the_plain_run(tmp_path):
    plain, gpu = GoldenStore(tmp_path), GoldenStore(tmp_path, "gpu")
    plain.write("w/default", run(case="plain"))
    assert gpu.find("w/default") == tmp_path / "w" / "default"
    assert gpu.load("w/default").document["case"] == "plain"
    assert gpu.write("w/default", run(case="gpu")) == tmp_path / "w" / "default+gpu"
    assert gpu.load("w/default").document["case"] == "gpu"
    assert plain.load("w/default").document["case"] == "plain"
    assert gpu.load("w/other") is gpu.find("w/other") is None


def test_remove_takes_the_run_and_what_is_empty_then(store):
    store.write("other/default", run())
    store.remove(store.write("w/default", run()))
    assert [path.name for path in store.root.iterdir()] == ["other"]
    store.remove(store.root / "other" / "default")
    assert list(store.root.iterdir()) == []


@pytest.mark.parametrize("link", ["w", "w/default"])
def test_nothing_is_written_or_removed_behind_a_link(store, tmp_path, link):
    """Whoever asks: that what calls it looked before does not count."""
    store.write("w/default", run())
    path = store.root / link
    outside = path.rename(tmp_path / "outside")
    path.symlink_to(outside)
    before = files(outside)
    with pytest.raises(GoldenError, match="it is a link"):
        store.write("w/default", run(case="other"))
    with pytest.raises(GoldenError, match="cannot be removed"):
        store.remove(store.root / "w/default")
    assert files(outside) == before
    assert path.is_symlink()


def test_remove_takes_runs_that_keep_no_files(store):
    bare = {**OUTPUT}
    del bare["file"]
    folder = store.write("w/default", GoldenRun({**DOCUMENT, "outputs": [bare]}))
    store.remove(folder)
    assert files(store.root) == []


def test_remove_keeps_foreign_files_and_other_runs(store):
    folder = store.write("w", run())
    store.write("w/nested", run())
    (folder / "notes.txt").write_text("mine")
    store.remove(folder)
    assert files(store.root) == [
        "w/nested/9.images.0.png", "w/nested/previews/3.0.jpg", "w/nested/run.json", "w/notes.txt",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["../x", "/x", "a/../x", "a\\x", "C:x", "", ".", "..", "a/b/c", "a//b", "x\0"])
def test_names_outside_the_folder_are_refused(store, name):
    assert not is_own_name(name)
    folder = store.write("w/default", run())
    (store.root / "x").write_text("outside")
    with pytest.raises(GoldenError, match="names a file outside its folder"):
        GoldenRun.load(folder).read(name)
    (folder / "run.json").write_text(json.dumps({**DOCUMENT, "outputs": [{**OUTPUT, "file": name}]}))
    with pytest.raises(GoldenError, match=r"run\.json: malformed golden run .*names a file outside its folder"):
        GoldenRun.load(folder)
    with pytest.raises(GoldenError, match="names a file outside its folder"):
        store.write("w/default", GoldenRun(DOCUMENT, None, {name: b"evil"}))
    assert (store.root / "x").read_text() == "outside"


def test_names_inside_the_folder():
    assert is_own_name("9.images.0.png")
    assert is_own_name("previews/3..0.jpg")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", r"broken JSON \(.*restore it from version control"),
        ("[" * 100_000, r"broken JSON \("),
        ("[]", "golden run of format None, this version reads 1: update pytest-comfy"),
        ("{}", "golden run of format None"),
        ('{"format": 2}', "golden run of format 2, this version reads 1"),
        ('{"format": 1}', r"malformed golden run \('prompt'\): record the run again"),
        ('{"format": 1, "prompt": []}', r"malformed golden run \(prompt is no object\)"),
    ],
)
def test_documents_of_another_kind(tmp_path, text, words):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(GoldenError, match=rf"run\.json: .*{words}"):
        GoldenRun.load(tmp_path)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "run.json").write_bytes(b'{"format": "\xff\xfe"}')
    with pytest.raises(GoldenError, match="broken JSON"):
        GoldenRun.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"outputs": 5}, {"outputs": None}, {"outputs": ["x"]}, {"outputs": [{}]}, {"events": 5}, {"environment": 5},
     *({"outputs": [{**OUTPUT, **wrong}]} for wrong in (
         {"index": "x"}, {"index": math.inf}, {"index": None}, {"size": [1]}, {"size": {"a": 1}}, {"size": 5},
         {"masks": [5]}, {"masks": [[1, 2, 3]]}, {"masks": 5}, {"file": 5}))],
)  # fmt: skip
def test_malformed_runs(tmp_path, change):
    (tmp_path / "run.json").write_text(json.dumps({**DOCUMENT, **change}))
    with pytest.raises(GoldenError, match=r"run\.json: malformed golden run \(.*\): record the run again"):
        GoldenRun.load(tmp_path)


def test_a_run_that_is_not_there(tmp_path):
    with pytest.raises(GoldenError, match=r"run\.json: cannot be read \(No such file"):
        GoldenRun.load(tmp_path)


class TestUnused:
    """Golden runs that no case claims."""

    @pytest.fixture
    def golden(self, tmp_path) -> Path:
        store = GoldenStore(tmp_path / "golden")
        for key, source in (
            ("w/default", "workflows/w.json"),
            ("w/old", "workflows/w.json"),
            ("w/default+gpu", "workflows/w.json"),
            ("w/old+gpu", "workflows/w.json"),
            ("t/one", "tests/test_t.py"),
            ("gone/one", "tests/test_gone.py"),
        ):
            store.write(key, run(source))
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "test_t.py").touch()
        return store.root

    def unused(self, golden, claimed=(), test_files=(), complete=True):
        found = unused_runs(unclaimed(golden, claimed), golden.parent, test_files, complete)
        return [path.relative_to(golden).as_posix() for path in found]

    def test_what_nothing_claims(self, golden):
        claimed = {"w/default", "t/one"}
        assert self.unused(golden, claimed, {"tests/test_t.py"}) == ["gone/one", "w/old", "w/old+gpu"]

    def test_runs_of_test_files_not_collected_whole_are_not_judged(self, golden):
        assert "t/one" not in self.unused(golden, {"w/default"})
        assert "t/one" in self.unused(golden, {"w/default"}, {"tests/test_t.py"})

    def test_workflows_are_judged_only_when_all_were_collected(self, golden):
        assert self.unused(golden, complete=False) == ["gone/one"]

    def test_runs_that_cannot_be_read_are_not_judged(self, golden):
        (golden / "w" / "old" / "run.json").write_text("{")
        assert "w/old" not in self.unused(golden)

    def test_names_with_a_plus_are_claimed(self, golden):
        store = GoldenStore(golden, "gpu")
        for key in ("flux+lora/default", "w/a+b"):
            store.write(key, run())
            GoldenStore(golden).write(key, run())
        claimed = {"w/default", "w/old", "flux+lora/default", "w/a+b"}
        assert self.unused(golden, claimed) == ["gone/one"]
        assert "flux+lora/default+gpu" in self.unused(golden, {"flux"})
