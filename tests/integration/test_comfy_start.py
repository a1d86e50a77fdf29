"""--comfy-start: a ComfyUI for the session, which ends with it, whatever becomes of pytest."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from installed import STANDIN, files_below, install, lives, pack, told_in, wait_for_end
from projects import INI, WITH_XDIST, failure_of, graph, lines_of, recorded, section_of
from reports import case_of, report_of

from pytest_comfy.starting.keeper import MARK
from pytest_comfy.starting.orphans import PREFIX

LINUX = sys.platform == "linux"
on_linux = pytest.mark.skipif(not LINUX, reason="looks into /proc")


@pytest.fixture
def comfy(project, tmp_path, monkeypatch):
    """An installation in the project's folder, whose golden runs it replays; its temporary folders are the test's."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    folder = install(project.root / "ComfyUI")
    (project.root / "told").mkdir()
    return folder


@pytest.fixture
def started(project, comfy):
    """Words for --comfy-start: the installation, with what it replays and where it tells of itself."""
    told, golden = project.root / "told", project.root / "golden"
    return f"--comfy-start=ComfyUI --told {shlex.quote(str(told))} --golden {shlex.quote(str(golden))}"


def told_to(result):
    """The lines that pytest writes where it gives up."""
    return [line for line in result.errlines if line]


def left_behind(project):
    """What servers of the test left: processes that are still there, and folders."""
    pids = [one[key] for one in told_in(project.root / "told") for key in ("pid", "child")]
    return [pid for pid in pids if lives(pid)], list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def test_cases_run_on_it_and_it_ends_with_the_session(project, started):
    project.both()
    result = project.run("workflows", started)
    result.assert_outcomes(passed=1)
    assert f"comfy: live, starts a ComfyUI for this session: {started.partition('=')[2]}" in lines_of(result)
    (line,) = [line for line in lines_of(result) if line.startswith("comfy: http://127.0.0.1:")]
    assert line.endswith("s: ComfyUI 0.8.0, torch 2.13.0, cpu")
    (one,) = told_in(project.root / "told")
    assert left_behind(project) == ([], [])
    assert one["argv"][one["argv"].index("--listen") + 1] == "127.0.0.1"


def test_it_has_folders_of_its_own_and_nothing_is_written_where_it_is_installed(project, comfy, started):
    project.both()
    before = files_below(comfy)
    project.run("workflows", started).assert_outcomes(passed=1)
    (one,) = told_in(project.root / "told")
    words = dict(zip(one["argv"], one["argv"][1:], strict=False))
    own = Path(words["--base-directory"])
    assert own.parent.name.startswith(PREFIX) and not own.is_relative_to(project.root)
    for name, path in {"input": own / "input", "output": own / "output", "temp": own, "user": own / "user"}.items():
        assert words[f"--{name}-directory"] == str(path)
    assert words["--database-url"] == f"sqlite:///{own}/user/comfyui.db"
    assert one["cwd"] == str(own.parent)
    assert files_below(comfy) == before


def test_by_ini_with_words_behind_it(project, started):
    project.both()
    project.ini(f"comfy_start = {started.partition('=')[2]}")
    project.run("workflows").assert_outcomes(passed=1)
    assert len(told_in(project.root / "told")) == 1


def test_path_with_spaces(project, comfy):
    project.both()
    comfy.rename(project.root / "my ComfyUI, new")
    assert project.run("workflows", "--comfy-start=my ComfyUI, new").ret == pytest.ExitCode.TESTS_FAILED
    project.run("workflows", "--comfy-start='my ComfyUI, new' --golden golden/").assert_outcomes(failed=1)
    words = shlex.join(["my ComfyUI, new", "--golden", str(project.root / "golden")])
    project.run("workflows", "--comfy-start", words).assert_outcomes(passed=1)


@pytest.mark.parametrize("name", ["main.py", "."])
def test_main_py_itself_is_named(project, comfy, name):
    project.both()
    words = f"{comfy / name} --golden {project.root / 'golden'}"
    project.run("workflows", "--comfy-start", words).assert_outcomes(passed=1)


def test_python_of_its_virtual_environment(project, comfy, started):
    project.both()
    (comfy / ".venv/bin").mkdir(parents=True)
    (comfy / ".venv/bin/python").write_text(f'#!/bin/sh\nVENV=own exec {sys.executable} "$@" --says "of its venv"\n')
    (comfy / ".venv/bin/python").chmod(0o755)
    project.run("workflows", started).assert_outcomes(passed=1)
    (one,) = told_in(project.root / "told")
    assert one["argv"][-2:] == ["--says", "of its venv"]


def test_command_that_says_itself_where_port_and_folder_go(project, comfy):
    project.both()
    told = project.root / "told"
    words = [sys.executable, str(STANDIN), "--port={port}", "--user-directory", "{folder}/user", "--golden", "golden"]
    result = project.run("workflows", "--comfy-start", shlex.join([*words, "--told", str(told)]))
    result.assert_outcomes(passed=1)
    (one,) = told_in(told)
    assert "--listen" not in one["argv"] and one["cwd"] == str(project.root)


def test_command_of_an_unknown_version_gets_the_flags_that_all_have(project, comfy):
    project.both()
    pack(project.root / "mine", "Mine")
    project.ini("comfy_custom_nodes = mine")
    told = project.root / "told"
    words = [sys.executable, str(STANDIN), "--golden", "golden", "--told", str(told)]
    project.run("workflows", "--comfy-start", shlex.join(words)).assert_outcomes(passed=1)
    (one,) = told_in(told)
    assert "--base-directory" not in one["argv"] and "--extra-model-paths-config" in one["argv"]


def test_python_tests_have_it_and_it_is_live(project, started):
    project.both()
    project.write("test_live.py", (
        "from pytest_comfy.collect import STATE\n"
        "def test_run(comfy_run, request):\n"
        "    assert len(comfy_run('workflows/txt2img.json').images) == 1\n"
        "    assert request.config.stash[STATE].settings.live\n"
        "def test_lane(comfy_lane, comfy_client):\n"
        "    assert comfy_lane.url == comfy_client.url\n"
    ))  # fmt: skip
    project.run("test_live.py", started).assert_outcomes(passed=2)
    assert len(told_in(project.root / "told")) == 1


def test_fixture_that_is_asked_for_late(project, started):
    project.both()
    project.write("test_late.py", "def test_it(request):\n    request.getfixturevalue('comfy_client').system_stats()\n")
    project.run("test_late.py", started).assert_outcomes(passed=1)


@pytest.mark.parametrize("args", [["test_plain.py"], ["workflows", "--collect-only"], ["workflows", "-k", "nothing"]])
def test_nothing_is_started_where_nothing_needs_it(project, started, args):
    project.both()
    project.write("test_plain.py", "def test_plain(): pass\n")
    project.run(*args, started)
    assert told_in(project.root / "told") == []


def test_its_log_is_kept_with_a_case(project, started):
    project.both()
    project.run("workflows", f"{started} --says hello", "--comfy-report-all").assert_outcomes(passed=1)
    assert case_of(project)["server_log"] == ""
    project.write("conftest.py", (
        "import pytest\n"
        "from pytest_comfy.collect import STATE\n"
        "@pytest.fixture(autouse=True)\n"
        "def said(request, comfy_lane, monkeypatch):\n"
        "    from pytest_comfy.judging.check import Check\n"
        "    run = Check.run\n"
        "    def logging(self, *args, **more):\n"
        "        with open(request.config.stash[STATE].settings.server_log, 'a') as log:\n"
        "            log.write('got prompt\\n')\n"
        "        return run(self, *args, **more)\n"
        "    monkeypatch.setattr(Check, 'run', logging)\n"
    ))  # fmt: skip
    project.run("workflows", started, "--comfy-report-all", "--comfy-lookahead=0").assert_outcomes(passed=1)
    assert case_of(project)["server_log"] == "got prompt\n"


def test_how_to_approve_names_the_start_and_no_port(project, comfy, started):
    project.workflow()
    project.golden(run=recorded(graph(color=99)))
    result = project.run("workflows", "--comfy-start=ComfyUI")
    (told,) = [line for line in lines_of(result) if line.startswith("approve with: ")]
    assert "--comfy-start ComfyUI --comfy-update=changed" in told and "127.0.0.1" not in told


def test_approves_what_it_made(project, comfy):
    project.workflow()
    project.run("workflows", "--comfy-start=ComfyUI", "--comfy-update").assert_outcomes(passed=1)
    assert (project.root / "golden/txt2img/default/run.json").exists()


def test_it_is_held_against_an_old_server(project, started, serve):
    project.both()
    url = serve(recorded(environment={"torch": "2.12.0"})).url
    result = project.run("workflows", started, "--comfy-against", url)
    result.assert_outcomes(passed=1)
    assert any(line.startswith(f"comfy: against {url}: ") for line in lines_of(result))


# Who says where runs are made


def test_flag_and_comfy_url_flag_are_one_too_many(project, comfy, dead_url):
    result = project.run("--comfy-start=ComfyUI", "--comfy-url", dead_url)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = "ERROR: --comfy-url and --comfy-start: a session asks servers that run, or starts one: give one"
    assert told in told_to(result)


def test_flag_beats_inis_and_environment(project, started, dead_url, monkeypatch):
    project.both()
    project.ini(f"comfy_url = {dead_url}", "comfy_start = nowhere")
    monkeypatch.setenv("COMFY_URL", dead_url)
    project.run("workflows", started).assert_outcomes(passed=1)


def test_ini_beats_the_ini_of_comfy_url(project, started, dead_url):
    project.both()
    project.ini(f"comfy_url = {dead_url}", f"comfy_start = {started.partition('=')[2]}")
    project.run("workflows").assert_outcomes(passed=1)


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_ini_gives_way_to_a_server_that_is_named(project, comfy, serve, monkeypatch, by):
    project.both()
    project.ini("comfy_start = ComfyUI")
    url = serve(recorded()).url
    if by == "environment":
        monkeypatch.setenv("COMFY_URL", url)
    result = project.run("workflows", *(["--comfy-url", url] if by == "flag" else []))
    result.assert_outcomes(passed=1)
    assert f"comfy: live, {url}: ComfyUI 0.8.0, torch 2.13.0, cpu" in lines_of(result)


# What goes wrong


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("nowhere", "comfy_start 'nowhere': is neither a folder with ComfyUI's main.py nor a command that is found"),
        ("workflows", "comfy_start 'workflows': {root}/workflows has no main.py: name the folder that ComfyUI is in"),
        ("'unclosed", 'comfy_start "\'unclosed": No closing quotation'),
    ],
)
def test_wrong_path(project, comfy, words, told):
    project.both()
    result = project.run("workflows", f"--comfy-start={words}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert any(line.startswith("ERROR: " + told.format(root=project.root)) for line in told_to(result))


def test_ini_of_comfyui_that_pytest_took_for_the_projects(project, comfy, tmp_path):
    """ComfyUI has a pytest.ini, and pytest looks for its own above all words that are paths."""
    elsewhere = install(tmp_path / "elsewhere")
    (elsewhere / "pytest.ini").write_text(INI)
    result = project.run("--comfy-start", elsewhere)
    (told,) = told_to(result)
    assert told.startswith(f"ERROR: comfy_start: pytest took {elsewhere}/pytest.ini for its ini")
    assert told.endswith(": write --comfy-start=PATH")
    assert project.run(f"--comfy-start={elsewhere}").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_server_that_dies_at_its_start(project, comfy):
    project.both()
    result = project.run("workflows", "--comfy-start=ComfyUI --dies 'no torch here'")
    result.assert_outcomes()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert told_to(result)[-2:] == [
        "ERROR: comfy_start: ComfyUI --dies 'no torch here' ended (exit status 1); the last lines of its log:",
        "  no torch here",
    ]
    assert left_behind(project) == ([], [])


def test_command_that_cannot_be_run(project, comfy):
    project.both()
    project.write("no-program", "")
    (project.root / "no-program").chmod(0o755)
    result = project.run("workflows", f"--comfy-start={project.root}/no-program")
    assert told_to(result)[-1].endswith("no-program cannot be started (Exec format error)")


def test_server_that_never_answers(project, started):
    project.both()
    project.ini("comfy_start_timeout = 1")
    result = project.run("workflows", f"{started} --silent --says 'loading a lot'")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert " does not answer at http://127.0.0.1:" in told_to(result)[-2]
    assert told_to(result)[-2].endswith(" after 1 s (comfy_start_timeout); the last lines of its log:")
    assert told_to(result)[-1] == "  loading a lot"
    assert left_behind(project) == ([], [])


def test_port_that_is_taken_meanwhile(project, comfy):
    """The program that takes it says so as ComfyUI does, and ends."""
    project.both()
    result = project.run("workflows", "--comfy-start=ComfyUI --dies '[Errno 98] address already in use'")
    assert told_to(result)[-1] == "  [Errno 98] address already in use"


def test_other_comfyui_at_the_port_is_not_taken_for_it(project, comfy, serve, monkeypatch):
    """One that is started with flags of its own tells so."""
    from pytest_comfy.starting import own

    project.both()
    other = serve(recorded(environment={"argv": ["main.py", "--port", "1"]}))
    taken, held = int(other.url.rpartition(":")[2]), socket.socket()
    monkeypatch.setattr(own, "_free_port", lambda: (held, taken))
    monkeypatch.setattr(type(other), "url", other.url, raising=False)
    project.ini("comfy_start_timeout = 1")
    result = project.run("workflows", "--comfy-start=ComfyUI --silent")
    assert any(f"does not answer at http://127.0.0.1:{taken} after 1 s" in line for line in told_to(result))


@pytest.mark.parametrize("value", ["soon", "0"])
def test_wrong_timeout(project, comfy, value):
    project.ini(f"comfy_start_timeout = {value}")
    result = project.run("--comfy-start=ComfyUI")
    assert f"ERROR: comfy_start_timeout '{value}': must be a number of seconds above 0" in told_to(result)


def test_server_that_dies_between_two_cases(project, started):
    for name in "ab":
        project.both(name)
    project.write("conftest.py", (
        "import json, os, pathlib, signal, pytest\n"
        "@pytest.fixture(autouse=True)\n"
        "def ended(request, comfy_lane):\n"
        "    yield\n"
        "    from pytest_comfy.collect import STATE\n"
        "    (told,) = pathlib.Path('told').glob('*.json')\n"
        "    os.kill(json.loads(told.read_text())['pid'], signal.SIGKILL)\n"
        "    while not request.config.stash[STATE].own._process.ended:\n"
        "        pass\n"
    ))  # fmt: skip
    result = project.run("workflows", f"{started} --says 'out of memory'")
    result.assert_outcomes(passed=1, errors=1)
    lines = failure_of(result, "ERROR at setup of b.json [default]")
    assert lines[0].endswith(" ended (signal 9); the last lines of its log:")
    assert lines[1:] == ["  out of memory"]
    assert left_behind(project) == ([], [])


# How it ends

SLOW = """
import pytest

@pytest.fixture(autouse=True)
def in_the_middle(comfy_lane):
    open("there", "w").close()
    import time
    while True:
        time.sleep(0.01)
"""


@pytest.fixture
def in_the_middle(project, started):
    """A session of its own process, which stands in the middle of a case: (process, its server's told)."""
    project.both()
    project.write("conftest.py", SLOW)
    sessions = []

    def begin(*more):
        command = [sys.executable, "-m", "pytest", "workflows", started, *more]
        session = subprocess.Popen(
            command,
            cwd=project.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # As in a terminal: what runs in the background of a shell has it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        sessions.append(session)
        while not (project.root / "there").exists():
            assert session.poll() is None, session.communicate()[0].decode()
        return session, told_in(project.root / "told")

    yield begin
    for session in sessions:
        session.kill()
        session.wait()
        session.stdout.close()


@on_linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_session_that_is_told_to_end_ends_it(project, in_the_middle, number):
    session, servers = in_the_middle()
    assert [pid for one in servers for pid in (one["pid"], one["child"]) if not lives(pid)] == []
    session.send_signal(number)
    session.wait(60)
    assert session.returncode == pytest.ExitCode.INTERRUPTED
    assert left_behind(project) == ([], [])


@on_linux
def test_session_that_is_killed_leaves_nothing(project, in_the_middle):
    session, (one,) = in_the_middle()
    session.kill()
    session.wait()
    wait_for_end([one["pid"], one["child"]])
    while left_behind(project)[1]:
        pass


@on_linux
def test_session_that_is_killed_with_its_keeper_leaves_nothing_after_the_next_start(project, in_the_middle, started):
    session, (one,) = in_the_middle()
    keeper = int(Path(f"/proc/{one['pid']}/stat").read_text().rpartition(")")[2].split()[1])
    # The keeper first: it would end the server, had it a moment.
    subprocess.run(["kill", "-KILL", str(keeper), str(session.pid)], check=True)
    session.wait()
    wait_for_end([keeper])
    assert lives(one["pid"]) and lives(one["child"])
    (folder,) = left_behind(project)[1]
    (project.root / "conftest.py").unlink()
    project.run("workflows", started).assert_outcomes(passed=1)
    wait_for_end([one["pid"], one["child"]])
    assert not folder.exists() and left_behind(project) == ([], [])


@on_linux
def test_keeper_that_is_killed_is_done_without(project, in_the_middle):
    session, (one,) = in_the_middle()
    keeper = int(Path(f"/proc/{one['pid']}/stat").read_text().rpartition(")")[2].split()[1])
    subprocess.run(["kill", "-KILL", str(keeper)], check=True)
    session.send_signal(signal.SIGINT)
    session.wait(60)
    wait_for_end([one["pid"], one["child"]])
    assert left_behind(project) == ([], [])


@on_linux
def test_sessions_beside_it_are_left_alone(project, in_the_middle, started):
    """What looks for orphans sees the folder of one that lives, and one that somebody else made up."""
    _, (one,) = in_the_middle()
    (project.root / "conftest.py").unlink()
    made_up = Path(tempfile.gettempdir()) / f"{PREFIX}made-up"
    made_up.mkdir()
    project.run("workflows", started).assert_outcomes(passed=1)
    assert lives(one["pid"]) and lives(one["child"])
    assert made_up.exists()


@on_linux
def test_mark_in_the_environment_is_of_the_server_alone(project, in_the_middle):
    session, (one,) = in_the_middle()
    assert MARK.encode() in Path(f"/proc/{one['child']}/environ").read_bytes()
    assert MARK.encode() not in Path(f"/proc/{session.pid}/environ").read_bytes()


def test_first_failure_ends_it_as_well(project, started):
    for name in "ab":
        project.both(name)
    project.golden("a/default", recorded(graph(), case="default", workflow="workflows/a.json", outputs={}))
    project.run("workflows", started, "-x").assert_outcomes(failed=1)
    assert left_behind(project) == ([], [])


# pytest-xdist


@pytest.fixture
def spread(project, comfy):
    project.write("pytest.ini", WITH_XDIST)
    return project


def test_each_worker_has_its_own(spread, started):
    for name in "abcd":
        spread.both(name)
    spread.run_apart("workflows", started, "-n2").assert_outcomes(passed=4)
    servers = told_in(spread.root / "told")
    ports = {one["argv"][one["argv"].index("--port") + 1] for one in servers}
    assert len(servers) == len(ports) == 2
    assert left_behind(spread) == ([], [])


@on_linux
def test_controller_that_is_killed_leaves_nothing_of_its_workers(spread, in_the_middle):
    session, servers = in_the_middle("-n1")
    session.kill()
    session.wait()
    wait_for_end([one[key] for one in servers for key in ("pid", "child")])
    assert servers


def test_start_that_fails_in_workers_fails_their_cases(spread, started):
    for name in "ab":
        spread.both(name)
    result = spread.run_apart("workflows", f"{started} --dies 'no torch here'", "-n1")
    result.assert_outcomes(errors=2)
    assert lines_of(result).count("  no torch here") == 1
    assert sum(line.endswith("(told above)") for line in lines_of(result) if line.startswith("comfy_start: ")) == 1


# Packs under test


def test_pack_is_linked_beside_those_that_are_installed(project, comfy, started):
    project.both()
    pack(project.root / "mine", "Mine")
    project.ini("comfy_custom_nodes = mine")
    project.write("test_nodes.py", (
        "from pytest_comfy.collect import STATE\n"
        "def test_it(comfy_client, request):\n"
        "    assert 'Mine' in comfy_client.object_info()\n"
        "    folder = request.config.stash[STATE].own._folder / 'base'\n"
        "    assert sorted(path.name for path in (folder / 'custom_nodes').iterdir()) == ['installed', 'mine']\n"
        "    assert (folder / 'models/checkpoints').is_dir()\n"
    ))  # fmt: skip
    project.run("test_nodes.py", started).assert_outcomes(passed=1)


def test_pack_that_is_installed_too_is_there_once(project, comfy, started):
    pack(comfy / "custom_nodes/mine", "Mine")
    project.ini("comfy_custom_nodes = ComfyUI/custom_nodes/mine")
    project.write("test_nodes.py", "def test_it(comfy_client): assert 'Mine' in comfy_client.object_info()\n")
    project.run("test_nodes.py", started).assert_outcomes(passed=1)


def test_project_is_the_pack(project, comfy, started):
    project.both()
    project.write("__init__.py", "")
    project.write("nodes.txt", "Mine")
    project.ini("comfy_custom_nodes = .")
    result = project.run("workflows", started, "--import-mode=importlib")
    assert f"nodes of {project.root.name}: 0 of 1 ran; never: Mine" in section_of(result, "comfy")


def test_pack_that_cannot_be_imported_fails_the_session_before_any_case(project, started):
    project.both()
    pack(project.root / "mine", broken=True)
    project.ini("comfy_custom_nodes = mine")
    result = project.run("workflows", started)
    result.assert_outcomes()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert told_to(result)[-1] == (
        "ERROR: the server cannot import mine: ModuleNotFoundError: No module named 'nothing_of_that_name' "
        "(__init__.py, line 3)"
    )


@pytest.mark.parametrize(
    ("names", "told"),
    [("gone", "there is no such folder ({root}/gone)"), ("gone.py", "there is no such file ({root}/gone.py)"),
     ("mine other/mine", "is the second pack that is called mine: rename one")],
)  # fmt: skip
def test_pack_that_is_not_there(project, comfy, names, told):
    for name in ("mine", "other/mine"):
        pack(project.root / name)
    project.ini("comfy_custom_nodes =", *(f"    {name}" for name in names.split()))
    result = project.run("--comfy-start=ComfyUI")
    last = names.split()[-1]
    assert f"ERROR: comfy_custom_nodes {last!r}: {told.format(root=project.root)}" in told_to(result)


def test_version_that_keeps_its_user_folder_to_itself_is_refused(project, comfy):
    project.both()
    install(project.root / "old", without=("--base-directory", "--user-directory"))
    result = project.run("workflows", "--comfy-start=old")
    assert "old: ComfyUI there knows no --user-directory" in told_to(result)[-1]


def test_version_without_a_base_directory_has_packs_by_a_file_of_paths(project, comfy):
    project.both()
    old = install(project.root / "it's old", without=("--base-directory",))
    pack(project.root / "mine", "Mine")
    project.ini("comfy_custom_nodes = mine")
    before = files_below(old)
    words = f'"it\'s old" --golden {project.root}/golden --told {project.root}/told'
    project.run("workflows", f"--comfy-start={words}").assert_outcomes(passed=1)
    (one,) = told_in(project.root / "told")
    path = Path(one["argv"][one["argv"].index("--extra-model-paths-config") + 1])
    assert path.name == "extra_model_paths.yaml" and "--base-directory" not in one["argv"]
    assert files_below(old) == before


# Which classes of a pack no case ran


@pytest.fixture
def covered(project, comfy, started):
    """A pack of three classes, of which two cases use one each, and a test another."""
    pack(project.root / "mine", "Ours", "SaveOurs", "Unused")
    project.ini("comfy_custom_nodes = mine")
    started = started.partition(" --golden")[0]
    ours = graph()
    ours["3"] = {"class_type": "Ours", "inputs": {}, "_meta": {"title": "Ours"}}
    saves = {"3": graph()["3"], "9": {**graph()["9"], "class_type": "SaveOurs"}}
    project.workflow("a", ours)
    project.workflow("b", saves)
    return started


def test_classes_that_no_case_ran(project, covered):
    result = project.run("workflows/a.json", covered)
    assert "nodes of mine: 1 of 3 ran; never: SaveOurs, Unused" in section_of(result, "comfy")
    result = project.run("workflows", covered)
    assert "nodes of mine: 2 of 3 ran; never: Unused" in section_of(result, "comfy")


def test_classes_that_python_tests_ran_count(project, covered):
    project.write("test_a.py", (
        "def test_a(comfy_client):\n"
        "    prompt = {'1': {'class_type': 'Unused', 'inputs': {}},\n"
        "              '2': {'class_type': 'SaveImage', 'inputs': {'images': ['1', 0], 'filename_prefix': 'x'}}}\n"
        "    comfy_client.run(prompt)\n"
        "def test_b(comfy_run):\n"
        "    comfy_run('workflows/a.json')\n"
    ))  # fmt: skip
    result = project.run("test_a.py", covered)
    assert "nodes of mine: 2 of 3 ran; never: SaveOurs" in section_of(result, "comfy")


def test_all_ran(project, covered):
    (project.root / "mine/nodes.txt").write_text("Ours")
    assert "nodes of mine: 1 of 1 ran" in section_of(project.run("workflows/a.json", covered), "comfy")


def test_workers_are_put_together(project, covered):
    project.write("pytest.ini", WITH_XDIST + "comfy_custom_nodes = mine\n")
    result = project.run_apart("workflows", covered, "-n2")
    assert "nodes of mine: 2 of 3 ran; never: Unused" in section_of(result, "comfy")


def test_report_says_where_runs_were_made(project, covered):
    project.run("workflows/a.json", covered, "--comfy-report-all")
    assert json.dumps(report_of(project)).count("http://127.0.0.1:") >= 1
