"""An approval that is killed in the middle: the old golden run or the new one, never a mixture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kept import FIRST, KEY, lay_all
from projects import png

from pytest_comfy.golden import GoldenStore
from pytest_comfy.report.approving import approve

TESTS = Path(__file__).parent.parent

KILLED = """
import os, pathlib, shutil, sys
sys.path[:0] = [{tests!r}]
step, calls = int(sys.argv[1]), 0

def deadly(function):
    def call(*args, **more):
        global calls
        calls += 1
        if calls == step:
            os._exit(9)
        return function(*args, **more)
    return call

from pytest_comfy.report.approving import approve, load_report, undo
root = pathlib.Path(sys.argv[2])
(case,) = load_report(root / "comfy-report")["cases"]
keep = root.parent / "keep"
approved = approve(root / "comfy-report", case, root, "why", keep=keep) if sys.argv[3] == "undo" else None
for name in ("rename", "replace", "unlink", "mkdir", "rmdir", "chmod"):
    setattr(os, name, deadly(getattr(os, name)))
pathlib.Path.write_bytes = deadly(pathlib.Path.write_bytes)
undo(approved) if approved else approve(root / "comfy-report", case, root, "why")
"""


def state_of(root):
    """What a reader finds: the pictures of the golden run, whole or not at all."""
    run = GoldenStore(root / "golden").load_whole(KEY)
    return (len(run.document["approvals"]), run.blobs["9.images.0.png"]) if run else None


@pytest.mark.parametrize(("what", "old"), [("approve", (1, png(1))), ("undo", (1, png(1))), ("undo", None)])
def test_killed_at_every_step(tmp_path, what, old):
    """There is the old golden run or the new one, whole; and approving goes on as if nothing had been."""
    script = KILLED.format(tests=str(TESTS))
    new = (2 if old else 1, png(2))
    found = []
    for step in range(1, 40):
        root = tmp_path / str(step) / "project"
        root.mkdir(parents=True)
        (root.parent / "keep").mkdir()
        case = lay_all(root, earlier=[FIRST] if old else [])
        done = subprocess.run([sys.executable, "-c", script, str(step), str(root), what], check=False)
        found.append(state_of(root))
        if done.returncode == 0:
            break
        assert done.returncode == 9
        if what == "approve" and found[-1] == old:
            approve(root / "comfy-report", case, root, "why")
            assert state_of(root) == new
    first, last = (old, new) if what == "approve" else (new, old)
    assert len(found) > 4 and set(found) == {first, last}
    assert found == sorted(found, key=[first, last].index)  # and never back
