"""Readers and writers of one golden run at once, each a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_comfy.golden import GoldenRun, GoldenStore

WRITER = """
import sys
from pytest_comfy.golden import GoldenRun, GoldenStore
sys.path.insert(0, sys.argv[3])
from golden.test_store_at_once import made
store = GoldenStore(sys.argv[1])
for number in range(int(sys.argv[4])):
    store.write("a/default", made(f"{sys.argv[2]}{number}"))
print("done")
"""

READER = """
import sys
from pytest_comfy.golden import GoldenStore
print("begun", flush=True)
print(GoldenStore(sys.argv[1]).load_whole("a/default").document["workflow"])
"""


def made(word):
    """A golden run of three files, all of which tell whose it is."""
    from hashlib import sha256

    blobs = {f"9.text.{index}.txt": f"{word} {index}".encode() * 200 for index in range(3)}
    outputs = [
        {"node": "9", "key": "text", "index": index, "title": "T", "media_type": "text/plain", "type": "output",
         "sha256": sha256(data).hexdigest(), "file": name}
        for index, (name, data) in enumerate(blobs.items())
    ]  # fmt: skip
    document = {"format": 1, "workflow": word, "case": "default", "prompt": {}, "outputs": outputs, "approvals": []}
    return GoldenRun(document, None, blobs)


def test_readers_see_one_approval_and_writers_wait_for_each_other(tmp_path):
    root = tmp_path / "golden"
    store = GoldenStore(root)
    store.write("a/default", made("first"))
    command = [sys.executable, "-c", WRITER, str(root)]
    tests = str(Path(__file__).parents[1])
    with (
        subprocess.Popen([*command, "x", tests, "150"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as one,
        subprocess.Popen([*command, "y", tests, "150"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as other,
    ):
        seen = set()
        while one.poll() is None or other.poll() is None:
            run = store.load_whole("a/default")
            assert run is not None
            word = run.document["workflow"]
            assert [data.split()[0].decode() for data in run.blobs.values()] == [word] * 3
            seen.add(word[0])
        assert (one.communicate()[0], other.communicate()[0]) == (b"done\n", b"done\n")
    assert len(seen) > 1
    assert [path.name for path in (root / "a").iterdir()] == ["default"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="locks of folders are POSIX's")
def test_reader_waits_while_one_run_takes_the_place_of_another(tmp_path):
    """Between the two moves nothing is at the place of the run; a reader must neither miss it nor undo the first."""
    store = GoldenStore(tmp_path / "golden")
    folder = store.write("a/default", made("old"))
    fresh = tmp_path / "fresh"
    GoldenStore(fresh).write("a/default", made("new"))
    with store._locked():
        folder.rename(folder.with_name(".default.previous"))
        reader = subprocess.Popen([sys.executable, "-c", READER, str(store.root)], stdout=subprocess.PIPE, text=True)
        assert reader.stdout is not None and reader.stdout.readline() == "begun\n"
        (fresh / "a/default").rename(folder)
    assert reader.communicate()[0] == "new\n"
    assert [path.name for path in folder.parent.iterdir()] == ["default"]


def test_run_that_is_gone_for_good_is_told(tmp_path):
    store = GoldenStore(tmp_path / "golden")
    assert store.load_whole("a/default") is None
    store.write("a/default", made("x"))
    store.remove(store.folder("a/default"))
    assert store.load_whole("a/default") is None
    assert not (tmp_path / "golden/a").exists()
