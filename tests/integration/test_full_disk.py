"""Approving where nothing can be written, or not all of it: what was approved stays, and one sentence says so."""

from __future__ import annotations

import errno
import io
import os
import tempfile

import pytest
from PIL import Image
from projects import lines_of, png, recorded

# A process may write no file above this size: what a full disk does, at a file's middle. The terminal's stays below.
LIMIT = 100_000
CONFTEST = f"""
import resource

resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
"""


def noise():
    """A picture that no compression makes smaller than the limit."""
    into = io.BytesIO()
    Image.frombytes("RGB", (256, 256), os.urandom(256 * 256 * 3)).save(into, "PNG")
    assert len(into.getvalue()) > LIMIT
    return into.getvalue()


def everything(project):
    return {name: (project.root / "golden" / name).read_bytes() for name in project.files("golden")}


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file's size")
@pytest.mark.parametrize("approved", [True, False], ids=["changed", "new"])
def test_disk_that_is_full_in_the_middle_of_a_file(project, serve, approved):
    if approved:
        project.both()
    else:
        project.workflow()
    before = everything(project)
    project.write("conftest.py", CONFTEST)
    server = serve(recorded(outputs={"9": {"images": [noise()]}}))
    result = project.run_apart("workflows", "--comfy-url", server.url, "--comfy-update", "--comfy-reason=new")
    assert result.ret == 1
    told = "\n".join(lines_of(result))
    assert "golden/txt2img/default: cannot be written (File too large)" in told
    assert "Traceback" not in told
    assert everything(project) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file's size")
def test_report_on_a_full_disk(project, serve):
    project.both()
    before = everything(project)
    project.write("conftest.py", CONFTEST)
    server = serve(recorded(outputs={"9": {"images": [noise()]}}))
    result = project.run_apart("workflows", "--comfy-url", server.url, "--comfy-report=out")
    told = "\n".join(lines_of(result))
    assert "different: node 9 'Save Image' images 0: size is 256x256, was 64x64" in told
    assert "report: out/txt2img/default: cannot be written (File too large)" in told
    assert "Traceback" not in told
    assert not [name for name in project.files("out") if (project.root / "out" / name).stat().st_size >= LIMIT]
    assert everything(project) == before


def test_golden_folder_that_is_read_only(project, serve, monkeypatch):
    project.both()
    before = everything(project)
    make = tempfile.mkdtemp

    def mkdtemp(suffix=None, prefix=None, dir=None):
        if dir is not None and "golden" in str(dir):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(dir))
        return make(suffix, prefix, dir)

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    project.run("workflows").assert_outcomes(passed=1)
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = project.run("workflows", "--comfy-url", server.url, "--comfy-update")
    assert any("golden/txt2img/default: cannot be written (Read-only file system)" in line for line in lines_of(result))
    assert result.ret == 1
    assert everything(project) == before
