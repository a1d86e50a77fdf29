"""What importing the plugin adds to pytest's start, in ms, and which heavy modules it loads."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

HEAVY = ("PIL", "numpy", "requests", "aiohttp", "imagehash", "jinja2", "websocket", "scipy")
PROGRAM = """
import json, sys, time
import pytest, _pytest.python, _pytest.terminal  # loaded by pytest in any case
start = time.perf_counter()
import pytest_comfy.plugin
took = time.perf_counter() - start
print(json.dumps([took * 1000, [name for name in {heavy!r} if name in sys.modules]]))
"""

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Installed packages have their bytecode; without it every start would compile."""


def main() -> None:
    """Print the median of 15 fresh interpreters."""
    runs = []
    heavy: set[str] = set()
    for _ in range(15):
        command = [sys.executable, "-c", PROGRAM.format(heavy=HEAVY)]
        took, loaded = json.loads(
            subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout
        )
        runs.append(took)
        heavy.update(loaded)
    print(f"import of pytest_comfy.plugin: median {statistics.median(runs):.1f} ms, best {min(runs):.1f} ms")
    print(f"heavy modules loaded: {', '.join(sorted(heavy)) or 'none'}")


if __name__ == "__main__":
    main()
