"""--comfy-thumbnails: pictures of what changed, on a terminal with colours."""

from __future__ import annotations

import re
import struct
import sys
import zlib

import pytest
from projects import png, recorded
from terminals import Terminal

CELL = re.compile(r"\x1b\[38;(?:2;\d+;\d+;\d+|5;\d+);48;(?:2;\d+;\d+;\d+|5;\d+)m▄")


@pytest.fixture
def terminal(project, serve):
    """Run a session in which a picture changed, on a terminal; returns what was written and shown."""

    def run(*words, columns=80, hide=False, **environment):
        project.both()
        server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
        if hide:
            project.write("rich_pixels_hidden.py", "import sys\nsys.modules['rich_pixels'] = None\n")
            words = ("-p", "rich_pixels_hidden", *words)
        own = {
            "CI": "1",
            "NO_COLOR": None,
            "PY_COLORS": None,
            "COLORTERM": "truecolor",
            "PYTHONPATH": _path(project),
            **environment,
        }
        running = Terminal(["workflows", "--comfy-url", server.url, *words], project.root, columns, 60, **own)
        try:
            assert running.end() == 1
        finally:
            running.close()
        return running.raw, running.screen.text()

    return run


def _path(project):
    return ":".join([str(project.root), *(entry for entry in sys.path if entry)])


def with_size(data, side):
    """A PNG that says that it is larger than it is."""
    head = b"IHDR" + struct.pack(">II", side, side) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


class TestDrawn:
    @pytest.fixture(autouse=True)
    def library(self):
        pytest.importorskip("rich_pixels")

    @pytest.mark.parametrize(("columns", "width"), [(80, 28), (40, 13)])
    def test_golden_and_actual_side_by_side(self, terminal, columns, width):
        raw, shown = terminal("--comfy-thumbnails", columns=columns)
        rows = [line for line in shown.splitlines() if "▄" in line]
        assert set(rows) == {" " * 11 + "▄" * width + "  " + "▄" * width}
        assert len(rows) == (width + 1) // 2
        assert len(CELL.findall(raw)) > 10

    def test_by_ini(self, project, terminal):
        project.ini("comfy_thumbnails = true")
        assert "▄" in terminal()[1]

    def test_few_colours(self, terminal):
        raw, _ = terminal("--comfy-thumbnails", COLORTERM="", TERM="xterm-256color")
        assert "38;5;" in raw and "38;2;" not in raw

    @pytest.mark.parametrize("words", [(), ("--comfy-thumbnails", "--color=no")])
    def test_only_where_asked_for_and_where_colours_are_wanted(self, terminal, words):
        assert "▄" not in terminal(*words)[1]

    def test_what_is_no_picture_is_left_out(self, project, serve):
        from pytest_comfy.report.thumbnails import drawn

        project.write("report/a.txt", "no picture")
        project.write("report/b.png", png()[:60])
        assert list(drawn(project.root / "report", {"golden": "a.txt", "actual": "b.png"}, 80, 4)) == []
        assert list(drawn(project.root / "report", {"golden": "gone.png", "actual": "../pytest.ini"}, 80, 4)) == []

    def test_picture_that_would_take_much_memory_is_left_out(self, project):
        from pytest_comfy.report.thumbnails import drawn

        for number, side in enumerate((9000, 100_000)):
            project.write(f"report/{number}.png", with_size(png(), side))
        assert list(drawn(project.root / "report", {"golden": "0.png", "actual": "1.png"}, 80, 4)) == []

    def test_transparent_and_deep_pictures(self, project):
        from pytest_comfy.report.thumbnails import drawn

        project.write("report/a.png", png(mode="RGBA"))
        project.write("report/b.png", png(mode="L"))
        lines = list(drawn(project.root / "report", {"golden": "a.png", "actual": "b.png"}, 80, 4))
        assert len(lines) == 14 and all(line.startswith("    \x1b") for line in lines)


def test_library_that_is_not_installed_is_told_of(terminal):
    raw, _ = terminal("--comfy-thumbnails", hide=True)
    assert 'thumbnails: not drawn, as rich-pixels is not installed: pip install "pytest-comfy[thumbnails]"' in raw


def test_no_terminal_and_no_pictures(project, serve):
    project.both()
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = project.run("workflows", "--comfy-url", server.url, "--comfy-thumbnails")
    assert "▄" not in result.stdout.str() and "thumbnails" not in result.stdout.str()
