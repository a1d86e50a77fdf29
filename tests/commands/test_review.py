"""`pytest-comfy review`: one address, until Ctrl-C; whatever ends it, golden runs are whole."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys

import pytest
import requests
from kept import KEY, lay_all, tree
from projects import png

from pytest_comfy.golden import GoldenStore
from pytest_comfy.report.review.decisions import read

COMMAND = (sys.executable, "-m", "pytest_comfy.commands", "review")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    lay_all(folder)
    (tmp_path / "temporary").mkdir()
    return folder


@contextlib.contextmanager
def reviewed(root, *words, command=COMMAND, end=signal.SIGINT, **environment):
    """A running command: what it printed first, and in the end all that it said."""
    bare = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    bare |= {"TMPDIR": str(root.parent / "temporary"), **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, *words], cwd=root, env=bare, **pipes) as process:
        told = {"first": process.stdout.readline(), "pid": process.pid}
        try:
            yield told
        finally:
            if end is not None:
                process.send_signal(end)
            told["out"], told["err"] = process.communicate(timeout=60)
            told["code"] = process.returncode


class Page:
    """What a browser has of the page: cookie, key and version."""

    def __init__(self, address):
        self.session = requests.Session()
        self.url = address.partition("/?")[0]
        text = self.session.get(address, timeout=30).text
        self.key, self.version = (re.search(rf'data-{name}="([\w-]+)"', text)[1] for name in ("key", "version"))

    def post(self, what, **body):
        headers = {"Origin": self.url, "X-Comfy-Review": self.key}
        told = {"version": self.version, **body}
        return self.session.post(f"{self.url}/-/{what}", json=told, headers=headers, timeout=60)

    def approve(self):
        return self.post("decide", case="txt2img-default", output=None, decision="approved", reason="why")


def wrong(root, *words):
    done = subprocess.run([*COMMAND, *words], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_one_address_until_it_is_ended(root, end):
    with reviewed(root, end=end) as told:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}\n", told["first"])
        page = Page(told["first"].strip())
        assert page.approve().status_code == 200
        # The connection of the browser is still open when it ends.
        assert page.session.get(f"{page.url}/-/state", timeout=30).json()["cases"]["txt2img-default"]["state"]
    assert told["code"] == 0 and told["err"] == "" and told["out"] == "1 approved, 0 rejected, 0 to decide\n"
    assert GoldenStore(root / "golden").load_whole(KEY).blobs["9.images.0.png"] == png(2)
    assert list((root.parent / "temporary").iterdir()) == []


def test_what_is_replaced_is_kept_for_nobody_else(root):
    with reviewed(root) as told:
        Page(told["first"].strip()).approve()
        (keep,) = (root.parent / "temporary").iterdir()
        assert stat.S_IMODE(keep.stat().st_mode) == 0o700
        assert [path.read_bytes() for path in keep.rglob("*.png")] == [png(1)]


def test_report_that_lies_elsewhere_and_a_port_of_ones_own(root):
    (root / "comfy-report").rename(root.parent / "downloaded")
    (root / "below").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["../../downloaded", "--port", str(port), "--root", ".."]
    with reviewed(root / "below", *words, TMPDIR=str(root.parent / "temporary")) as told:
        assert f"http://127.0.0.1:{port}/" in told["first"]
        assert Page(told["first"].strip()).approve().status_code == 200
    assert GoldenStore(root / "golden").load_whole(KEY).blobs["9.images.0.png"] == png(2)


class TestBrowser:
    @pytest.fixture
    def browser(self, tmp_path):
        """A command that writes down what it was asked to open."""
        script, opened = tmp_path / "browser", tmp_path / "opened"
        script.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
        script.chmod(0o755)
        return {"BROWSER": f"{script} %s", "opened": opened}

    @pytest.mark.parametrize(
        ("words", "display"), [([], {"DISPLAY": ":0"}), (["--no-open"], {"DISPLAY": ":0"}), ([], {})]
    )
    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
    def test_is_opened_where_it_can_be_seen(self, root, browser, words, display):
        opened = browser.pop("opened")
        with reviewed(root, *words, **browser, **display) as told:
            page = Page(told["first"].strip())  # it answers once the browser was started
            assert page.session.get(f"{page.url}/", timeout=30).status_code == 200
        assert told["code"] == 0 and told["err"] == ""
        is_opened = display and not words
        assert opened.exists() == bool(is_opened)
        if is_opened:
            address = opened.read_text()
            # Others can read command lines: what stands in one is another word, and good for once.
            assert address.startswith(f"{page.url}/?token=") and address != told["first"].strip()


class TestWrongUsage:
    def test_no_report(self, tmp_path):
        assert "comfy-report: is no folder: name that of a report" in wrong(tmp_path)

    def test_report_that_is_none(self, root):
        (root / "comfy-report/report.json").write_text("{")
        assert "broken JSON" in wrong(root)

    def test_decisions_that_are_none(self, root):
        (root / "comfy-report/decisions.json").write_text("{")
        assert "decisions.json: holds no decisions" in wrong(root)

    def test_root_that_is_none(self, root):
        assert "nowhere: is no folder: name the project's with --root" in wrong(root, "--root", "nowhere")

    @pytest.mark.parametrize("port", ["x", "-1", "65536", "8.5", "\u0663"])
    def test_port_that_is_none(self, root, port):
        assert "is no port" in wrong(root, f"--port={port}")

    def test_port_that_is_taken(self, root):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            assert f"127.0.0.1:{port}: cannot be listened on" in wrong(root, "--port", str(port))


KILLED = """
import os, pathlib, sys
from pytest_comfy.commands.__main__ import main
import pytest_comfy.report.review.desk as desk
left = int(sys.argv[1])
def deadly(act):
    def acted(*words, **more):
        global left
        left -= armed
        if left == 0:
            os._exit(9)
        return act(*words, **more)
    return acted
armed = 0
approve = desk.approve
def approving(*words, **more):
    global armed
    armed = 1
    return approve(*words, **more)
desk.approve = approving
for name in ("rename", "replace", "unlink", "mkdir", "rmdir", "chmod"):
    setattr(os, name, deadly(getattr(os, name)))
sys.exit(main(["review", "--no-open"]))
"""
"""The command, killed at the n-th step on the disk after an approval began."""


@pytest.mark.parametrize("step", range(1, 13))
def test_killed_while_it_approves(root, step):
    """There is the old golden run or the new one, whole, and the next review goes on from there."""
    old = tree(root / "golden")
    command = (sys.executable, "-c", KILLED, str(step))
    with reviewed(root, command=command, end=None if step < 99 else signal.SIGINT) as told:
        page = Page(told["first"].strip())
        try:
            answered = page.approve().status_code
        except requests.ConnectionError:
            answered = None
        if answered is not None:  # there are fewer steps than that
            os.kill(told["pid"], signal.SIGKILL)
    assert told["code"] == (9 if answered is None else -9)
    run = GoldenStore(root / "golden").load_whole(KEY)
    is_new = len(run.document["approvals"]) == 2
    assert run.blobs["9.images.0.png"] == png(2 if is_new else 1)
    if not is_new:
        assert {name: old[name] for name in old} == {name: tree(root / "golden")[name] for name in old}
    decided = read(root / "comfy-report").decisions
    assert len(decided) <= is_new
    with reviewed(root) as told:
        page = Page(told["first"].strip())
        state = page.session.get(f"{page.url}/-/state", timeout=30).json()["cases"]["txt2img-default"]["state"]
        assert state == ("approved" if decided else "undecided")
        if not is_new:
            assert page.approve().status_code == 200
    assert json.loads((root / f"golden/{KEY}/run.json").read_bytes())["approvals"][-1]["reason"] == "why"
