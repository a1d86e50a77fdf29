"""A program that stands for ComfyUI's main.py: a fake server on the port that it is given, and a child beside it.

It is started by --comfy-start, with ComfyUI's own flags, and with words of its own that say what goes wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

LOG_OF_FAILED_IMPORT = """Traceback (most recent call last):
  File "/opt/ComfyUI/nodes.py", line 2130, in load_custom_node
    module_spec.loader.exec_module(module)
  File "{pack}/__init__.py", line 3, in <module>
    import nothing_of_that_name
ModuleNotFoundError: No module named 'nothing_of_that_name'

Cannot import {pack} module for custom nodes: No module named 'nothing_of_that_name'
"""


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen")
    parser.add_argument("--port", type=int)
    parser.add_argument("--base-directory", type=Path)
    parser.add_argument("--extra-model-paths-config", type=Path)
    for name in ("input", "output", "temp", "user"):
        parser.add_argument(f"--{name}-directory", type=Path)
    parser.add_argument("--database-url")
    parser.add_argument("--golden", help="the golden runs that it replays")
    parser.add_argument("--told", type=Path, help="a folder where it writes what it was started with")
    parser.add_argument("--dies", help="what it says before it ends")
    parser.add_argument("--silent", action="store_true", help="it never listens")
    parser.add_argument("--says", help="a line of its log")
    return parser.parse_args()


def broken_packs(base):
    """The packs in its custom_nodes whose __init__.py says that it is broken."""
    folder = base / "custom_nodes" if base else None
    for pack in sorted(folder.iterdir()) if folder else ():
        init = pack / "__init__.py"
        if init.exists() and "nothing_of_that_name" in init.read_text():
            yield pack


def definitions(base):
    """Classes of ComfyUI, and those that the packs in its custom_nodes name, a line each of their nodes.txt."""
    found = {"EmptyImage": {"input": {}, "output": ["IMAGE"], "output_node": False, "python_module": "nodes"},
             "SaveImage": {"input": {}, "output": [], "output_node": True, "python_module": "nodes"}}  # fmt: skip
    for path in sorted(base.glob("custom_nodes/*/nodes.txt")) if base else ():
        for name in path.read_text().split():
            found[name] = {"input": {}, "output": ["IMAGE"], "output_node": name.startswith("Save"),
                           "python_module": f"custom_nodes.{path.parent.name}"}  # fmt: skip
    return found


def main():
    given = arguments()
    child = subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(1)"], start_new_session=True)
    if given.told:
        told = {"pid": os.getpid(), "child": child.pid, "argv": sys.argv[1:], "cwd": os.getcwd()}
        (given.told / f"{os.getpid()}.json").write_text(json.dumps(told))
    if given.dies:
        sys.exit(given.dies)
    for pack in broken_packs(given.base_directory):
        print(LOG_OF_FAILED_IMPORT.format(pack=pack), flush=True)
    if given.says:
        print(given.says, flush=True)
    if not given.silent:
        from pytest_comfy.server import FakeComfyServer

        runs = given.golden if given.golden else ()
        FakeComfyServer(runs, port=given.port, synthesize=definitions(given.base_directory)).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
