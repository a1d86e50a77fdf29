"""ComfyUI as it is installed, as far as --comfy-start looks: a main.py that stands for it, and what knows its flags."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

STANDIN = Path(__file__).parent / "standin.py"
FLAGS = ("--listen", "--port", "--base-directory", "--extra-model-paths-config", "--input-directory",
         "--output-directory", "--temp-directory", "--user-directory", "--database-url")  # fmt: skip


def install(folder, without=(), flags=FLAGS):
    """Make a folder with a main.py that is the stand-in; `without` names flags that its version does not have."""
    (folder / "comfy").mkdir(parents=True)
    (folder / "custom_nodes/installed").mkdir(parents=True)
    (folder / "models/checkpoints").mkdir(parents=True)
    declared = "\n".join(f'parser.add_argument("{flag}")' for flag in flags if flag not in without)
    (folder / "comfy/cli_args.py").write_text(declared)
    (folder / "main.py").write_text(f"import runpy\nrunpy.run_path({str(STANDIN)!r}, run_name='__main__')\n")
    return folder


def pack(folder, *classes, broken=False):
    """Make a node pack, whose classes the stand-in reads from a list."""
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("import nothing_of_that_name\n" if broken else "")
    (folder / "nodes.txt").write_text("\n".join(classes))
    return folder


def told_in(folder):
    """What the servers that were started with --told tell of themselves."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def lives(pid):
    """Whether a process is there, and has not ended."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_for_end(pids):
    """Wait until the processes have ended; the limit of the test session bounds it."""
    while any(map(lives, pids)):
        time.sleep(0.01)


def files_below(folder):
    """Path -> what tells whether a file was written, of all that a folder holds."""
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in sorted(folder.rglob("*"))}
