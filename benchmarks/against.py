"""What `--comfy-against` costs beside a session on each of the two servers: it should be no more than both together.

`python benchmarks/against.py NEW OLD [FOLDER]` runs the workflows of a folder (this project's own sampling) three times
on each server and on both, in turn, and prints the medians. Each session asks for models to be loaded anew, so that no
run finds what the one before left in the server's cache.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROUNDS = 3
ROOT = Path(__file__).parent.parent


def main() -> None:
    """Print seconds of each kind of session, and the ratio."""
    new, old, *more = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch)
        shutil.copytree(more[0] if more else ROOT / "workflows/sampling", project / "workflows")
        (project / "pytest.ini").write_text("[pytest]\nmarkers = sampling\n")
        kinds = {"new": [new], "old": [old], "both": [new, "--comfy-against", old]}
        taken: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for kind, words in kinds.items():
                taken[kind].append(seconds(project, words))
    found = {kind: median(times) for kind, times in taken.items()}
    print(", ".join(f"{kind} {time:.2f} s" for kind, time in found.items()))
    print(f"both, beside one after the other: {found['both'] / (found['new'] + found['old']):.2f}")


def seconds(project: Path, words: list[str]) -> float:
    """Return the seconds that pytest tells of a session, its start and end left out."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "--comfy-fresh", "--comfy-url", *words]
    told = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False).stdout
    found = re.search(r" in ([\d.]+)s", told)
    if found is None:
        sys.exit(told)
    return float(found[1])


if __name__ == "__main__":
    main()
