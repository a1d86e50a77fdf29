"""The keeper of a server: a process between pytest and ComfyUI, which ends the server when pytest is gone.

It is run as a file, by `python -I`, and so it imports nothing of ours. What it is told and what it tells are lines.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "PYTEST_COMFY_STARTED"
"""In the environment of a server and of all that it starts: the folder of the server."""
LOG = "comfyui.log"
GRACE = 5.0
"""Seconds that a server has to end before it is killed."""
_LOOK = 0.2
_MOST_ROUNDS = 100


def end_all(pid: int, folder: Path) -> None:
    """End a server, which leads a group of processes of its own, and all that it started."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True, check=False)
        return
    _signal_group(pid, signal.SIGTERM)
    until = time.monotonic() + GRACE
    while time.monotonic() < until and _group_lives(pid):
        time.sleep(0.05)
    _signal_group(pid, signal.SIGKILL)
    kill_marked(folder)


def kill_marked(folder: Path) -> int:
    """Kill the processes that have the folder in their environment, whatever group they went to (on Linux); returns how
    many there were."""
    killed: set[int] = set()
    for _ in range(_MOST_ROUNDS):
        found = set(_marked(folder))
        if not found:
            break
        killed |= found
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)  # they may have started others meanwhile
    return len(killed)


def _marked(folder: Path) -> Iterator[int]:
    wanted = f"{MARK}={folder}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                yield int(path.parent.name)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _group_lives(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # what has ended must not be taken for alive
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _tell(what: str, value: object) -> None:
    with contextlib.suppress(OSError):  # nobody may be left to hear it
        sys.stdout.write(json.dumps([what, value]) + "\n")
        sys.stdout.flush()


def _start(folder: Path, cwd: str, words: list[str]) -> subprocess.Popen[bytes]:
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, MARK: str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _until_parent_is_gone(server: subprocess.Popen[bytes], gone: threading.Event, parent: int) -> None:
    """Wait until pytest closed its end, or is there no more: what it forked may keep that open."""
    told = False
    while not gone.wait(_LOOK) and os.getppid() == parent:
        if not told and server.poll() is not None:
            told = True
            _tell("ended", server.returncode)


def main(arguments: list[str]) -> int:
    """Keep one server: FOLDER CWD PARENT WORD... on the command line; returns the exit status."""
    folder, cwd, parent, *words = arguments
    gone = threading.Event()
    if os.name != "nt":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, frame: gone.set())

    def read() -> None:
        while sys.stdin.buffer.read(1):
            pass
        gone.set()

    threading.Thread(target=read, daemon=True).start()
    try:
        server = _start(Path(folder), cwd, words)
    except OSError as error:
        _tell("problem", error.strerror or str(error))
        return 1
    _tell("pid", server.pid)
    try:
        _until_parent_is_gone(server, gone, int(parent))
    finally:
        end_all(server.pid, Path(folder))
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
