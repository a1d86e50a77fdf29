"""The command itself, whatever its subcommand."""

from __future__ import annotations

import subprocess
import sys

import pytest
from projects import png


@pytest.mark.skipif(sys.platform == "win32", reason="pipes that break are POSIX's")
def test_output_that_nobody_reads_any_more_is_no_error(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "b.png").write_bytes(png(2))
    command = [sys.executable, "-m", "pytest_comfy.commands", "diff", "a.png", "b.png"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141
