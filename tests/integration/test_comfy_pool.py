"""Several --comfy-url are a pool: every case is judged once, whatever becomes of its servers."""

from __future__ import annotations

import threading

import pytest
import requests
from projects import WITH_XDIST, failure_of, graph, lines_of, png, recorded, section_of
from queues import Watching

from pytest_comfy.server import faults

GPU = {"devices": [{"name": "cuda:0 NVIDIA RTX 4090", "type": "cuda", "vram_total": 25_757_220_864}]}


@pytest.fixture
def fleet(project, serve):
    """Write cases, and start so many servers that make them."""

    def make(servers, names="abcdef", **more):
        for name in names:
            project.both(name, graph(color=ord(name)))
        runs = [recorded(graph(color=ord(name)), {"9": {"images": [png(1)]}}, **more) for name in names]
        return [serve(*runs) for _ in range(servers)]

    return make


@pytest.fixture
def quick(monkeypatch):
    """Servers that are gone are noticed at once."""
    monkeypatch.setattr("pytest_comfy.pool.opening._GONE", (0.6, 0.2))
    monkeypatch.setattr("pytest_comfy.pool.member._LOOK_AGAIN", 0.05)
    monkeypatch.setattr("pytest_comfy.client.finish._POLL", 0.1)


def words_of(servers):
    return [word for server in servers for word in ("--comfy-url", getattr(server, "url", server))]


def ran_on(server):
    """How many runs came to their end on a server. What waits on one that is slow may be given to another, and may have
    run all the same by the time that it is taken off; that run is judged by nobody."""
    entries = requests.get(f"{server.url}/history", timeout=60).json().values()
    return sum(entry["status"]["status_str"] == "success" for entry in entries)


def judged(result):
    """The cases in the order in which they were judged."""
    return [line.split("::")[0].removeprefix("workflows/").removesuffix(".json") for line in lines_of(result)
            if line.startswith("workflows/") and "%]" in line]  # fmt: skip


def test_cases_are_spread_and_each_is_judged_once(project, fleet):
    servers = fleet(3)
    result = project.run("workflows", "-v", *words_of(servers))
    result.assert_outcomes(passed=6)
    assert sorted(judged(result)) == [*"abcdef"]
    assert sum(map(ran_on, servers)) >= 6
    assert all(server.prompts for server in servers)


def test_without_lookahead_each_server_has_one_at_a_time(project, fleet):
    servers = fleet(2)
    project.run("workflows", *words_of(servers), "--comfy-lookahead=0").assert_outcomes(passed=6)
    assert sum(map(ran_on, servers)) == 6


def test_server_that_is_not_there_is_left_out(project, fleet, dead_url):
    (server,) = fleet(1)
    result = project.run("workflows", *words_of([dead_url, server]))
    result.assert_outcomes(passed=6)
    assert len(server.prompts) == 6
    told = section_of(result, "comfy")
    assert "servers that were gone while cases ran, which others took over: 1" in told
    assert any(line.startswith(f"  {dead_url}: ") and "connection refused" in line for line in told)


def test_none_is_there(project, fleet, dead_url):
    fleet(0)
    result = project.run("workflows", *words_of([dead_url, dead_url]))
    result.assert_outcomes(errors=6)
    assert failure_of(result, "ERROR at setup of a.json [default]")[0].startswith(f"server unreachable: {dead_url}/")


@pytest.mark.parametrize("way", ["stop", "silent"])
def test_server_that_is_gone_loses_its_runs_to_the_other(project, fleet, quick, way):
    dying, other = fleet(2)
    url = dying.url
    hold = dying.faults.add(faults.hold("execution_success"))
    if way == "silent":
        dying.faults.add(faults.slow(30, path="/history/*"))
        dying.faults.add(faults.silent_socket("execution_cached"))
        result = project.run("workflows", "-v", *words_of([dying, other]))
    else:
        watching = Watching(dying, 1, lambda: (hold.reached.wait(20), dying.stop()))
        result = project.run("workflows", "-v", *words_of([dying, other]))
        watching.close()
    result.assert_outcomes(passed=6)
    assert sorted(judged(result)) == [*"abcdef"]
    assert any(line.startswith(f"  {url}: ") for line in section_of(result, "comfy"))
    hold.release()


def test_server_that_comes_back_is_given_cases_again(project, fleet, quick):
    """It has three of eight when it restarts; the other one stands still until it has some again."""
    returning, other = fleet(2, "abcdefgh")
    stopped = other.faults.add(faults.hold("execution_success"))
    restarting = returning.faults.add(faults.restart("executing", down=0.5))
    came_back = threading.Event()

    def wait_for_it():
        restarting.reached.wait(20)
        again = returning.faults.add(faults.hold("queue"))
        if again.reached.wait(20):
            came_back.set()
        again.release()
        stopped.release()

    thread = threading.Thread(target=wait_for_it)
    thread.start()
    result = project.run("workflows", "-v", *words_of([returning, other]))
    thread.join()
    result.assert_outcomes(passed=8)
    assert sorted(judged(result)) == [*"abcdefgh"]
    assert came_back.is_set()


class TestRequires:
    def test_case_goes_to_the_server_that_has_it(self, project, fleet, serve):
        (plain,) = fleet(1, "ab")
        runs = [recorded(graph(color=ord(name)), environment=GPU) for name in "ab"]
        gpu = serve(*runs)
        project.workflow("a", graph(color=ord("a")), sidecar='requires = { vram_gb = 24, device = "cuda" }\n')
        project.workflow("b", graph(color=ord("b")), sidecar='requires = { device = "cpu" }\n')
        result = project.run("workflows", *words_of([plain, gpu]))
        result.assert_outcomes(passed=2)
        assert [len(server.prompts) for server in (plain, gpu)] == [1, 1]

    @pytest.mark.parametrize(
        ("needs", "reason"),
        [
            ("vram_gb = 24", "requires 24 GB of VRAM, and it has 0 GB"),
            ('device = "cuda"', "requires device 'cuda', and it has cpu"),
            ('comfyui = ">=0.30"', "requires ComfyUI >=0.30, and it is 0.8.0"),
            ('comfyui = ">=0.3,<0.8"', "requires ComfyUI <0.8, and it is 0.8.0"),
            ('models = ["big.safetensors"]', "requires model big.safetensors, which it does not have"),
        ],
    )
    def test_what_no_server_has_is_skipped_with_the_reason(self, project, fleet, needs, reason):
        (server,) = fleet(1, "ab")
        project.workflow("a", graph(color=ord("a")), sidecar=f"requires = {{ {needs} }}\n")
        result = project.run("workflows", "-rs", "--comfy-url", server.url)
        result.assert_outcomes(passed=1, skipped=1)
        (line,) = [line for line in lines_of(result) if line.startswith("SKIPPED")]
        assert line.endswith(f"{server.url}: {reason}")

    def test_offline_nothing_is_required(self, project, fleet):
        fleet(0, "a")
        project.workflow("a", graph(color=ord("a")), sidecar="requires = { vram_gb = 24 }\n")
        project.run("workflows").assert_outcomes(passed=1)

    def test_of_a_folder(self, project, fleet):
        (server,) = fleet(1, "ab")
        project.write("workflows/comfy.toml", 'requires = { device = "cuda" }\n')
        project.run("workflows", "--comfy-url", server.url).assert_outcomes(skipped=2)

    @pytest.mark.parametrize(
        "needs", ["{ vram = 24 }", '{ vram_gb = "much" }', '{ comfyui = "new" }', '{ models = "a" }']
    )
    def test_what_is_not_understood(self, project, fleet, needs):
        fleet(0, "a")
        project.workflow("a", graph(color=ord("a")), sidecar=f"requires = {needs}\n")
        result = project.run("workflows")
        result.assert_outcomes(errors=1)
        assert "a.toml: requires" in "\n".join(lines_of(result))


@pytest.mark.parametrize("words", [("-n2",), ("-n1",), ("-n2", "--dist=loadgroup"), ("-n2", "--dist=worksteal")])
def test_workers_share_the_servers(project, fleet, words):
    project.write("pytest.ini", WITH_XDIST)
    servers = fleet(2)
    result = project.run_apart("workflows", *words, *words_of(servers))
    result.assert_outcomes(passed=6)
    assert sum(map(ran_on, servers)) >= 6
    assert all(server.prompts for server in servers)


def test_worker_whose_server_is_not_there_uses_the_others(project, fleet, dead_url):
    project.write("pytest.ini", WITH_XDIST)
    (server,) = fleet(1)
    project.run_apart("workflows", "-n2", *words_of([server, dead_url])).assert_outcomes(passed=6)
    assert len(server.prompts) == 6


def test_lane_of_a_python_test_is_of_the_server_that_its_worker_uses(project, fleet):
    """As the fixture comfy_client is."""
    project.write("pytest.ini", WITH_XDIST)
    for name in "ab":
        project.write(f"tests/test_{name}.py", (
            "def test(comfy_lane, comfy_client):\n"
            "    with open('asked.txt', 'a') as file:\n"
            "        print(comfy_lane.client.url, comfy_client.url, file=file)\n"
        ))  # fmt: skip
    servers = fleet(2)
    project.run_apart("tests", "-n2", "--dist=loadfile", *words_of(servers)).assert_outcomes(passed=2)
    asked = [line.split() for line in (project.root / "asked.txt").read_text().splitlines()]
    assert sorted(asked) == sorted([server.url, server.url] for server in servers)


def test_worker_keeps_all_its_servers_busy(project, fleet):
    """Also those behind the item that comes next, which is all that pytest itself tells it of."""
    project.write("pytest.ini", WITH_XDIST)
    servers = fleet(3, "abcdefghijklmnopqrstuvwx")  # of which a worker is told a quarter at first
    holds = [server.faults.add(faults.hold("execution_success", nth=1)) for server in servers]
    at_once = threading.Event()

    def release():
        if all(hold.reached.wait(20) for hold in holds):
            at_once.set()
        for hold in holds:
            hold.release()

    thread = threading.Thread(target=release)
    thread.start()
    project.run_apart("workflows", "-n1", *words_of(servers)).assert_outcomes(passed=24)
    thread.join()
    assert at_once.is_set()
