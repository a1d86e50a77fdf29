"""The status line of live runs, on a pseudo terminal: there while a run goes, and gone without a trace."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from projects import WITH_XDIST, png, recorded
from terminals import Terminal

from pytest_comfy.server import FakeComfyServer, faults

GOLDEN = Path(__file__).parents[2] / "golden/sampling"
WORKFLOWS = Path(__file__).parents[2] / "workflows/sampling"


@pytest.fixture
def terminal(project):
    """Start pytest in the project, on a terminal of some size."""
    started = []

    def start(*words, columns=80, rows=24, **environment):
        environment = {"CI": None, "BUILD_NUMBER": None, "NO_COLOR": "1", **environment}
        started.append(Terminal(words, project.root, columns, rows, **environment))
        return started[-1]

    yield start
    for one in started:
        one.close()


def unhurried(project, name, **more):
    """Write a case whose first node took so long that no time that a test takes is longer than it was."""
    run = recorded(**more)
    for row in run.document["events"][3:]:
        row[0] += 600.0
    project.workflow(name)
    project.golden(f"{name}/default", run=run)


@pytest.fixture
def held(project, serve):
    """Two cases, and a server that holds the first run before its second node; `release` lets it go on."""
    for name in "ab":
        unhurried(project, name)
    server = serve(recorded())
    hold = faults.hold("executing", nth=2)
    server.faults.add(hold)
    return server, hold


def words_of(screen):
    """The lines of a screen without the durations of the last one."""
    return [line.partition(" in ")[0] for line in screen.text().splitlines()]


@pytest.mark.parametrize("columns", [80, 40])
def test_status_stands_below_the_letters_and_leaves_no_debris(project, terminal, held, columns):
    server, hold = held
    words = ["workflows", "--comfy-url", server.url]
    running = terminal(*words, columns=columns)
    running.until(r"\n1/2  a\.json  \d+ s  Canvas")
    (status,) = running.screen.below()
    assert len(status) < columns
    hold.release()
    assert running.end() == 0
    plain = terminal(*words, columns=columns, CI="1")
    assert plain.end() == 0
    assert words_of(running.screen) == words_of(plain.screen)
    assert "\x1b7" in running.raw and "\x1b7" not in plain.raw


def test_step_of_steps_and_what_is_left(project, terminal):
    shutil.copytree(WORKFLOWS, project.root / "workflows/sampling")
    shutil.copytree(GOLDEN, project.root / "golden/sampling")
    with FakeComfyServer(project.root / "golden") as server:
        hold = server.faults.add(faults.hold("progress", nth=3))
        running = terminal("workflows", "--comfy-url", server.url, "-k", "txt2img")
        running.until(r"1/2  txt2img\.json  \d+ s  KSampler  2/8  about \d+ s left")
        hold.release()
        assert running.end() == 0
    assert running.screen.below() == []


@pytest.mark.parametrize("rows", [24, 9])
def test_terminal_that_scrolls(project, terminal, held, rows):
    server, hold = held
    running = terminal("workflows", "--comfy-url", server.url, "-v", rows=rows)
    running.until(r"a\.json::default\s*\n1/2  a\.json  \d+ s  Canvas")
    hold.release()
    assert running.end() == 0
    assert "Canvas" not in running.screen.text()
    assert running.screen.below() == []


def test_letters_of_a_failure_and_minus_x(project, terminal, serve):
    unhurried(project, "a", outputs={"9": {"images": [png(5)]}})
    unhurried(project, "b")
    server = serve(recorded())
    hold = server.faults.add(faults.hold("executing", nth=2))
    running = terminal("workflows", "--comfy-url", server.url, "-x")
    running.until("Canvas")
    hold.release()
    assert running.end() == 1
    text = running.screen.text()
    assert "workflows/a.json F" in text and "stopping after 1 failures" in text
    assert "1/2" not in text and "Canvas" not in text


def test_interrupted_by_a_person(terminal, held):
    server, _ = held
    running = terminal("workflows", "--comfy-url", server.url)
    running.until("Canvas")
    running.interrupt()
    assert running.end() == 2
    assert "KeyboardInterrupt" in running.screen.text()
    assert "Canvas" not in running.screen.text() and running.screen.below() == []


def test_a_line_for_each_worker(project, terminal, serve):
    project.write("pytest.ini", WITH_XDIST)
    for name in "ab":
        project.both(name)
    servers = [serve(recorded()), serve(recorded())]
    holds = [server.faults.add(faults.hold("executing", nth=2)) for server in servers]
    urls = [word for server in servers for word in ("--comfy-url", server.url)]
    running = terminal("workflows", *urls, "-n2", "--dist=loadfile")
    address = [server.url.partition("://")[2] for server in servers]
    running.until(
        rf"gw0  [ab]\.json  \d+ s  Canvas  {address[0]}\ngw1  [ab]\.json  \d+ s  Canvas  {address[1]}\n0/2 done"
    )
    for hold in holds:
        hold.release()
    assert running.end() == 0
    text = running.screen.text()
    assert "Canvas" not in text and "done" not in text and running.screen.below() == []


def test_workers_that_are_interrupted(project, terminal, held):
    project.write("pytest.ini", WITH_XDIST)
    server, hold = held
    running = terminal("workflows", "--comfy-url", server.url, "-n2")
    running.until(r"gw\d  [ab]\.json  \d+ s  Canvas")
    running.interrupt()
    hold.release()
    assert running.end() == 2
    assert not any(word in running.screen.text() for word in ("Canvas", "gw0  ", "done"))
    assert running.screen.below() == []


@pytest.mark.parametrize(
    ("words", "environment"), [(["-q"], {}), ([], {"CI": "true"}), ([], {"TERM": "dumb"}), (["-p", "no:terminal"], {})]
)
def test_where_nobody_looks_nothing_is_drawn(terminal, held, words, environment):
    server, hold = held
    running = terminal("workflows", "--comfy-url", server.url, *words, **environment)
    assert hold.reached.wait(60)
    hold.release()
    assert running.end() == 0
    assert "\x1b7" not in running.raw and "Canvas" not in running.raw


def test_no_terminal_and_nothing_is_drawn(project, held):
    server, hold = held
    hold.release()
    result = project.run_apart("workflows", "--comfy-url", server.url)
    result.assert_outcomes(passed=2)
    assert "\x1b7" not in result.stdout.str() and "Canvas" not in result.stdout.str()


def test_offline_there_is_nothing_to_wait_for(project, terminal):
    project.both()
    running = terminal("workflows")
    assert running.end() == 0
    assert "\x1b7" not in running.raw


SPEAKER = """
import logging, pathlib, threading, pytest

@pytest.fixture(autouse=True)
def speak(request):
    def wait_and_speak():
        pathlib.Path("word").read_text()
        logging.getLogger().warning("said meanwhile")
    if request.node.path.name == "a.json":
        threading.Thread(target=wait_and_speak, daemon=True).start()
    yield
"""


def test_live_log_goes_above_it(project, terminal, held):
    """pytest writes what is logged while the run goes on, through its own terminal writer."""
    server, hold = held
    project.write("conftest.py", SPEAKER)
    os.mkfifo(project.root / "word")
    running = terminal("workflows", "--comfy-url", server.url, "--log-cli-level=WARNING")
    running.until(r"a\.json::default\s*\n1/2  a\.json  \d+ s  Canvas")
    (project.root / "word").write_text("now")
    running.until(r"said meanwhile\s*\n1/2  a\.json  \d+ s  Canvas")
    hold.release()
    assert running.end() == 0
    assert running.screen.text().count("said meanwhile") == 1 and "Canvas" not in running.screen.text()


@pytest.mark.parametrize("words", [[], ["-s"]])
def test_run_of_a_python_test(project, terminal, held, words):
    """Where what a test prints is not captured, nothing is drawn between it."""
    server, hold = held
    project.write("test_own.py", "def test_own(comfy_run):\n    comfy_run('workflows/a.json')\n    print('printed')\n")
    running = terminal("test_own.py", "--comfy-url", server.url, *words)
    if words:
        assert hold.reached.wait(60)
    else:
        running.until(r"test_own\.py\s*\ntest_own\.py::test_own  \d+ s  Canvas")
    hold.release()
    assert running.end() == 0
    assert "Canvas" not in (running.raw if words else running.screen.text())


def test_title_of_a_node_cannot_draw(project, terminal, serve):
    prompt = recorded().prompt
    prompt["3"]["_meta"]["title"] = "Can\x1b[2J\x1b]0;own\x07vas\n\u202eevil"
    project.both("a", prompt=prompt)
    server = serve(recorded(prompt))
    hold = server.faults.add(faults.hold("executing", nth=2))
    running = terminal("workflows", "--comfy-url", server.url)
    running.until(r"1/1  a\.json  \d+ s  Canvas evil")
    hold.release()
    assert running.end() == 0
