"""--comfy-lookahead: the next cases are queued while one runs, and nothing else changes."""

from __future__ import annotations

import pytest
from projects import ENVIRONMENT, failure_of, graph, lines_of, png, recorded, section_of
from queues import Watching, is_emptied

from pytest_comfy.server import faults


@pytest.fixture
def cases(project, serve):
    """Write cases of different pictures, and start a server that makes them; those of `bad` come out differently."""

    def make(names="abcd", bad=""):
        for name in names:
            project.both(name, graph(color=ord(name)))
        runs = [
            recorded(graph(color=ord(name)), {"9": {"images": [png(2 if name in bad else 1)]}}, workflow=f"{name}.json")
            for name in names
        ]
        return serve(*runs)

    return make


@pytest.fixture
def held(request):
    """Have the first run of a server stand until its queue is so long: held(server, 3)."""

    def hold(server, length, **at):
        stopped = server.faults.add(faults.hold("execution_success", **(at or {"nth": 1})))

        def release():
            stopped.reached.wait(20)
            stopped.release()

        watching = Watching(server, length, release)
        request.addfinalizer(watching.close)
        request.addfinalizer(stopped.release)
        return watching

    return hold


@pytest.mark.parametrize(("words", "length"), [((), 3), (("--comfy-lookahead", "1"), 2), (("--comfy-lookahead=9",), 4)])
def test_next_cases_are_queued_while_one_runs(project, cases, held, words, length):
    server = cases()
    watching = held(server, length)
    project.run("workflows", "--comfy-url", server.url, *words).assert_outcomes(passed=4)
    assert watching.most == length
    assert len(server.prompts) == 4


def test_none_are(project, cases, held):
    server = cases()
    watching = held(server, 1)
    project.ini("comfy_lookahead = 0")
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=4)
    assert watching.most == 1


@pytest.mark.parametrize("value", ["-1", "some", "1.5", "1001"])
def test_what_is_no_number_of_cases(project, cases, value):
    project.both()
    result = project.run("workflows", "--comfy-url", "http://127.0.0.1:1", f"--comfy-lookahead={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"comfy_lookahead '{value}': must be a number of cases" in result.stderr.str()


def test_verdicts_come_in_the_order_of_the_session(project, cases):
    server = cases(bad="bd")
    result = project.run("workflows", "-v", "--comfy-url", server.url)
    result.assert_outcomes(passed=2, failed=2)
    told = [line.split()[:2] for line in lines_of(result) if line.startswith("workflows/") and "%" in line]
    assert told == [[f"workflows/{name}.json::default", "FAILED" if name in "bd" else "PASSED"] for name in "abcd"]


class TestSessionThatEnds:
    """What was queued ahead and will not be judged is taken off the server, also what runs by then."""

    @pytest.mark.parametrize("words", [("-x",), ("--maxfail=1",)])
    def test_at_the_first_failure(self, project, cases, held, words):
        server = cases(bad="a")
        held(server, 3)
        server.faults.add(faults.hold("execution_cached", nth=2))
        result = project.run("workflows", "--comfy-url", server.url, *words)
        result.assert_outcomes(failed=1)
        assert len(server.prompts) == 3
        assert is_emptied(server)

    def test_by_ctrl_c(self, project, cases, held):
        server = cases()
        held(server, 3)
        server.faults.add(faults.hold("execution_cached", nth=2))

        class Impatient:
            def pytest_runtest_logfinish(self, nodeid):
                raise KeyboardInterrupt

        words = ("workflows", "--comfy-url", server.url)
        result = project.pytester.runpytest_inprocess(*words, plugins=[Impatient()], no_reraise_ctrlc=True)
        assert result.ret == pytest.ExitCode.INTERRUPTED
        assert len(server.prompts) == 3
        assert is_emptied(server)


def test_case_that_a_hook_skips_is_taken_off(project, cases, held):
    server = cases("abc")
    held(server, 3)
    project.write("conftest.py", (
        "import pytest\n"
        "def pytest_runtest_setup(item):\n"
        "    if item.nodeid.startswith('workflows/b.'):\n"
        "        pytest.skip('not today')\n"
    ))  # fmt: skip
    server.faults.add(faults.hold("execution_cached", nth=2))
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=2, skipped=1)
    assert is_emptied(server)


def test_case_that_is_to_be_skipped_is_not_queued(project, cases):
    server = cases("abc")
    project.workflow("b", graph(color=ord("b")), sidecar='skip = "broken"\n')
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=2, skipped=1)
    assert len(server.prompts) == 2


class TestFixturesOfTheProject:
    """A case is not queued before a fixture of its own was set up: it may well change the server."""

    CODE = (
        "import pytest, requests\n"
        "@pytest.fixture(autouse=True{scope})\n"
        "def counted(request):\n"
        "    told = requests.get({url!r} + '/history').json()\n"
        "    queue = requests.get({url!r} + '/queue').json()\n"
        "    there = len(told) + len(queue['queue_running']) + len(queue['queue_pending'])\n"
        "    with open('there.txt', 'a') as file:\n"
        "        file.write(f'{{there}} ')\n"
        "    yield\n"
    )

    def test_of_a_function(self, project, cases):
        server = cases("abc")
        project.write("conftest.py", self.CODE.format(scope="", url=server.url))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=3)
        assert (project.root / "there.txt").read_text() == "0 1 2 "

    def test_of_a_session(self, project, cases, held):
        server = cases("abc")
        watching = held(server, 3)
        project.write("conftest.py", self.CODE.format(scope=", scope='session'", url=server.url))
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=3)
        assert (project.root / "there.txt").read_text() == "0 "
        assert watching.most == 3

    def test_python_test_between_cases(self, project, cases):
        """It finds the server as the cases before it left it."""
        server = cases("ab")
        project.write("workflows/test_between.py", (
            "def test_between(comfy_client):\n"
            "    assert len(comfy_client.history()) == 2 and not len(comfy_client.queue().running)\n"
        ))  # fmt: skip
        project.both("z", graph(color=ord("z")))
        project.run("workflows", "--comfy-url", server.url, "-p", "no:randomly").assert_outcomes(passed=3, failed=1)


def test_time_limit_counts_from_when_the_run_begins(project, cases):
    """b waits behind a for longer than it may take itself."""
    server = cases("ab")
    server.speed = 1.0
    slow = recorded(graph(color=ord("a")))
    slow.document["events"][-1][0] = 0.8
    slow.document["events"][-2][0] = 0.8
    server.reset([slow, recorded(graph(color=ord("b")))])
    project.workflow("b", graph(color=ord("b")), sidecar="timeout = 0.6\n")
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=2)


def test_run_that_takes_too_long_is_ended_while_others_wait(project, cases, held):
    server = cases("abc")
    project.workflow("b", graph(color=ord("b")), sidecar="timeout = 0.2\n")
    held(server, 3)
    server.faults.add(faults.hold("execution_cached", nth=2))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(passed=2, failed=1)
    assert failure_of(result, "b.json [default]")[0].startswith("not over within its limit of 0.2 s")


def test_case_that_is_refused_is_told_at_its_turn(project, cases, held):
    server = cases("abc")
    held(server, 2)
    server.faults.add(faults.http_status(400, path="/prompt", nth=2))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(passed=2, failed=1)
    assert failure_of(result, "b.json [default]")[0].startswith("the server answers 400 to the prompt")


def test_reruns_are_runs_of_their_own(project, cases):
    project.write("pytest.ini", "[pytest]\naddopts = -p no:randomly -p no:recording -p no:xdist -p no:asyncio\n")
    server = cases("abc", bad="b")
    result = project.run("workflows", "--comfy-url", server.url, "--reruns", "1")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*1 rerun*"])
    assert len(server.prompts) in (4, 5)  # what the server still had in its cache is run twice


@pytest.mark.parametrize("kind", ["json", "golden"])
def test_file_that_is_broken_is_told_at_its_turn(project, cases, kind):
    server = cases("abc")
    project.write("workflows/b.json" if kind == "json" else "golden/b/default/run.json", "{")
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(passed=2, errors=1)


def test_run_made_before_models_were_loaded_anew_is_made_again(project, serve):
    """Which of them it was made with is not known."""
    facts = {"folder": "vae", "size": 5, "modified": "2026-11-26T00:27:57.123Z"}
    now = {**facts, "size": 4}

    def run_of(models, color, cached=()):
        prompt = graph(color=color, **{"5": {"class_type": "VAELoader", "inputs": {"vae_name": "v.safetensors"},
                                             "_meta": {"title": "VAE"}}})  # fmt: skip
        run = recorded(prompt, environment={**ENVIRONMENT, "models": {"v.safetensors": models}},
                       definitions={"VAELoader": {"output_node": False, "output": ["VAE"]}})  # fmt: skip
        run.document["events"][1][1]["data"]["nodes"] = list(cached)
        return run

    for color in (7, 8):
        project.workflow(f"c{color}", run_of(now, color).prompt)
        project.golden(f"c{color}/default", run=run_of(facts, color))
    server = serve(run_of(now, 7, ["5"]), run_of(now, 7), run_of(now, 8, ["5"]))
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(passed=2)


def test_summary_is_that_of_one_after_the_other(project, cases):
    server = cases(bad="c")
    together = section_of(project.run("workflows", "--comfy-url", server.url), "comfy")
    alone = section_of(project.run("workflows", "--comfy-url", cases(bad="c").url, "--comfy-lookahead=0"), "comfy")
    assert together[0] == alone[0] == "outputs: 3 identical, 0 within tolerance, 1 different, 0 missing, 0 unexpected"
