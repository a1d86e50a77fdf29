"""--comfy-server-log: what the server's log gained during a case is kept with it."""

from __future__ import annotations

import os

import pytest
from projects import graph, png, recorded, section_of
from reports import case_of, report_of

WRITES = """
import pytest

@pytest.fixture(autouse=True)
def server_that_writes_its_log(request, monkeypatch):
    from pytest_comfy.judging.check import Check

    run = Check.run
    def logging(self, *args, **more):
        with open("comfy.log", "a{mode}") as log:
            log.write({text})
        return run(self, *args, **more)

    monkeypatch.setattr(Check, "run", logging)
"""


@pytest.fixture
def logged(project, serve):
    """Run a session in which the server writes `text`, an expression, to its log while each case runs."""

    def start(text, *args, names=("txt2img",), mode="", **more):
        for name in names:
            project.both(name, graph(color=ord(name[0])))
        project.write("conftest.py", WRITES.format(text=text, mode=mode))
        runs = [recorded(graph(color=ord(name[0])), {"9": {"images": [png(2)]}}) for name in names]
        words = (
            *(args or ("--comfy-server-log=comfy.log",)),
            "--comfy-lookahead=0",
        )  # what is patched runs at its turn
        result = project.run("workflows", "--comfy-url", serve(*runs).url, *words)
        result.assert_outcomes(failed=len(names))
        return result

    return start


def test_what_it_gained_during_the_case_and_no_more(project, logged):
    project.write("comfy.log", "of yesterday\n")
    logged("f'got prompt of {request.node.path.stem}\\n'", names=("a", "b"))
    assert [case["server_log"] for case in report_of(project)["cases"]] == ["got prompt of a\n", "got prompt of b\n"]


def test_by_ini(project, logged):
    project.ini("comfy_server_log = comfy.log")
    logged("'a line\\n'", "-q")
    assert case_of(project)["server_log"] == "a line\n"


def test_without_it_nothing_is_known(project, logged):
    logged("'a line\\n'", "-q")
    assert case_of(project)["server_log"] is None


def test_case_in_which_it_gained_nothing(project, logged):
    project.write("comfy.log", "of yesterday\n")
    logged("''")
    assert case_of(project)["server_log"] == ""


def test_last_64_kib_in_whole_lines(project, logged):
    logged("''.join(f'line {number:06}\\n' for number in range(20_000))")
    lines = case_of(project)["server_log"].splitlines()
    assert lines[-1] == "line 019999"
    assert all(line.startswith("line ") and len(line) == 11 for line in lines[1:])
    assert 5_000 < len(lines) <= 2**16 // 12 + 1


def test_one_line_without_an_end(project, logged):
    logged("'x' * 200_000")
    assert case_of(project)["server_log"] == "x" * 2**16


def test_file_that_was_rotated_meanwhile(project, logged):
    project.write("comfy.log", "of yesterday\n" * 100)
    logged("(log.truncate(0), 'after the rotation\\n')[1]")
    assert case_of(project)["server_log"] == "after the rotation\n"


def test_bytes_that_are_no_text(project, logged):
    logged("b'caf\\xe9 \\xff\\n'", mode="b")
    assert case_of(project)["server_log"] == "caf\ufffd \ufffd\n"


def test_escapes_secrets_and_folders_are_taken_out(project, logged):
    logged("'\\x1b[31mkey sk-' + 'a1b2c3d4' * 4 + ' in /home/somebody/ComfyUI/main.py\\x07\\n'")
    assert case_of(project)["server_log"] == "key <redacted> in …/main.py\n"


@pytest.mark.parametrize("after", ["\\n", " "])
@pytest.mark.parametrize("within", [10, 30, 60])
def test_secret_at_the_cut_is_not_told_in_part(logged, project, after, within):
    """Escapes, which are taken out, leave room for what stands before the cut."""
    secret = "sk-" + "a1b2c3d4" * 8
    rest = 2**16 + 4096 - 1 - within - 20_000
    logged(f"'y' * 500 + {secret!r} + '{after}' + '\\x1b[0m' * 5_000 + 'x' * {rest}")
    told = case_of(project)["server_log"]
    assert "c3d4" not in told and told.endswith("x" * 40_000)


def test_file_that_is_not_there_is_told_once(project, logged):
    result = logged("''", "--comfy-server-log=gone.log", names=("a", "b"))
    told = "the server's log gone.log: cannot be read (No such file or directory)"
    assert section_of(result, "comfy").count(told) == 1
    assert {case["server_log"] for case in report_of(project)["cases"]} == {None}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_pipe_is_not_waited_for(project, logged):
    os.mkfifo(project.root / "pipe")
    result = logged("''", "--comfy-server-log=pipe")
    assert "the server's log pipe: cannot be read (is no file)" in section_of(result, "comfy")


def test_error_has_it(project, serve):
    project.both()
    project.write("conftest.py", WRITES.format(text="'Exception in node 3\\n'", mode=""))
    error = {"exception_type": "ValueError", "exception_message": "no", "traceback": []}
    url = serve(recorded(graph(), {}, error=error)).url
    project.run("workflows", "--comfy-url", url, "--comfy-server-log=comfy.log", "--comfy-lookahead=0").assert_outcomes(
        failed=1
    )
    assert case_of(project)["server_log"] == "Exception in node 3\n"


def test_python_test_has_it_from_its_beginning(project, serve):
    project.workflow()
    project.golden("test_a/test_canvas/default")
    project.write("test_a.py", (
        "def test_canvas(comfy_golden, comfy_run):\n"
        "    with open('comfy.log', 'a') as log:\n"
        "        log.write('of the test\\n')\n"
        "    comfy_golden.check(comfy_run('txt2img.json'))\n"
    ))  # fmt: skip
    url = serve(recorded(outputs={"9": {"images": [png(2)]}})).url
    project.run("test_a.py", "--comfy-url", url, "--comfy-server-log=comfy.log", "--comfy-lookahead=0").assert_outcomes(
        failed=1
    )
    assert case_of(project, "test_a.py::test_canvas")["server_log"] == "of the test\n"


EXECUTES = """
from pytest_comfy.pool.member import Member

executes = Member.executes

def logging(self, flight, **more):
    executes(self, flight, **more)
    with open("comfy.log", "a") as log:
        log.write(f"runs {flight.prepared.subject.key}\\n")

Member.executes = logging
"""


def test_cases_that_are_queued_ahead_have_what_it_gained_from_when_each_began(project, serve):
    """By then none of them may have had its turn: its log has ended, and the next one's has not begun."""
    names = "abcd"
    for name in names:
        project.both(name, graph(color=ord(name)))
    project.write("comfy.log", "of yesterday\n")
    project.write("conftest.py", EXECUTES)
    server = serve(*(recorded(graph(color=ord(name)), {"9": {"images": [png(2)]}}) for name in names))
    result = project.run("workflows", "--comfy-url", server.url, "--comfy-server-log=comfy.log")
    result.assert_outcomes(failed=len(names))
    assert [case["server_log"] for case in report_of(project)["cases"]] == [f"runs {name}/default\n" for name in names]
