"""Flags and ini values that are wrong, and those that bound a run."""

from __future__ import annotations

import pytest
from projects import failure_of, recorded


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--comfy-tolerance=norml", "comfy_tolerance 'norml': must be one of exact, strict, normal, loose "
                                    "(did you mean 'normal'?)"),
        ("--comfy-timeout=soon", "comfy_timeout 'soon': must be a number of seconds above 0"),
        ("--comfy-timeout=0", "comfy_timeout '0': must be a number of seconds above 0"),
        ("--comfy-timeout=-3", "comfy_timeout '-3': must be a number of seconds above 0"),
        ("--comfy-timeout=nan", "comfy_timeout 'nan': must be a number of seconds above 0"),
    ],
)  # fmt: skip
def test_wrong_flag_is_a_usage_error(project, flag, told):
    result = project.run(flag)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {told}" in result.errlines
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize("line", ["comfy_tolerance = norml", "comfy_timeout = soon", "comfy_unused = warm",
                                  "comfy_stall_timeout = 0"])  # fmt: skip
def test_wrong_ini_value_is_a_usage_error_that_names_the_key(project, line):
    project.ini(line)
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {line.split()[0]} " in result.stderr.str()


@pytest.fixture
def slow(serve):
    """A server that replays a recording which holds its first node for an hour, at its own speed."""
    recording = recorded()
    for at, row in enumerate(recording.document["events"][2:], 2):
        row[0] = 3600.0 + at
    server = serve()
    server.speed = 1.0
    server.reset([recording])
    return server


def told(result, headline="txt2img.json [default]", **outcomes):
    result.assert_outcomes(**outcomes or {"failed": 1})
    return failure_of(result, headline)


def test_run_past_its_limit_fails_and_is_taken_off_the_server(project, slow):
    project.both()
    assert told(project.run("workflows", "--comfy-url", slow.url, "--comfy-timeout=0.3")) == [
        "not over within its limit of 0.3 s: no node was running; raise the limit with --comfy-timeout or `timeout` in "
        "the sidecar"
    ]
    import requests

    queue = requests.get(f"{slow.url}/queue", timeout=10).json()
    assert queue == {"queue_running": [], "queue_pending": []}


def test_limit_of_a_sidecar(project, slow):
    project.both()
    project.write("workflows/txt2img.toml", "timeout = 0.3\n")
    (line,) = told(project.run("workflows", "--comfy-url", slow.url))
    assert line.startswith("not over within its limit of 0.3 s: ")


@pytest.mark.parametrize("where", ["sidecar", "ini"])
def test_limit_of_how_long_nothing_may_move(project, slow, where):
    project.both()
    if where == "ini":
        project.ini("comfy_stall_timeout = 0.3")
    else:
        project.write("workflows/txt2img.toml", "stall_timeout = 0.3\n")
    result = project.run("workflows", "--comfy-url", slow.url)
    (line,) = told(result, "ERROR at setup of txt2img.json [default]", errors=1)
    assert line.startswith("the run did not move for 0.3 s: ")


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [("timeout", "not over within its limit of 0.3 s: "), ("stall_timeout", "the run did not move for 0.3 s: ")],
)
def test_limits_of_the_mark(project, slow, limit, sentence):
    project.workflow()
    project.write(
        "test_a.py",
        f"import pytest\n@pytest.mark.comfy({limit}=0.3)\ndef test_it(comfy_run): comfy_run('txt2img.json')\n",
    )
    result = project.run("test_a.py", "--comfy-url", slow.url)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert sentence in result.stdout.str()


def test_marker_is_registered(project):
    result = project.run("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.comfy(timeout, stall_timeout, tolerance, allow_node_errors): *"])


def test_help_lists_every_flag(project):
    text = project.run("--help").stdout.str()
    for flag in ("url", "update", "reason", "baseline", "report", "unused", "timeout", "tolerance"):
        assert f"--comfy-{flag}" in text
    for name in ("comfy_workflows", "comfy_golden_dir", "comfy_golden_files", "comfy_golden_previews"):
        assert name in text
