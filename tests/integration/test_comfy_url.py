"""--comfy-url: live runs, and servers that fail."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest
import requests
import websocket
from projects import failure_of, graph, png, recorded, section_of

from pytest_comfy.server import faults

HEAD = "txt2img.json [default]"


class StopAfterFirst:
    """Stops the server once the first item is done."""

    def __init__(self, server):
        self.server = server

    def pytest_runtest_logfinish(self, nodeid):
        self.server.stop()


def test_same_picture_is_identical(project, serve):
    project.both()
    server = serve(recorded())
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(passed=1)
    assert section_of(result, "comfy") == [
        "outputs: 1 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"
    ]
    assert len(server.prompts) == 1


def test_url_of_the_environment_and_of_the_ini(project, serve, monkeypatch):
    project.both()
    by_ini, by_environment, by_flag = serve(recorded()), serve(recorded()), serve(recorded())
    project.ini(f"comfy_url = {by_ini.url}")
    project.run("workflows").assert_outcomes(passed=1)
    assert [len(one.prompts) for one in (by_ini, by_environment, by_flag)] == [1, 0, 0]
    monkeypatch.setenv("COMFY_URL", by_environment.url)
    project.run("workflows").assert_outcomes(passed=1)
    assert [len(one.prompts) for one in (by_ini, by_environment, by_flag)] == [1, 1, 0]
    project.run("workflows", "--comfy-url", by_flag.url).assert_outcomes(passed=1)
    assert [len(one.prompts) for one in (by_ini, by_environment, by_flag)] == [1, 1, 1]


def test_url_without_a_scheme(project, serve):
    project.both()
    url = serve(recorded()).url.removeprefix("http://")
    project.run("workflows", "--comfy-url", url).assert_outcomes(passed=1)


def test_another_picture_fails_with_verdict_node_and_measure_first(project, serve):
    project.both()
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    lines = failure_of(result, HEAD)
    assert lines[0].startswith("different: node 9 'Save Image' images 0: another picture (")
    assert lines[0].endswith(", normal allows 4.5)")
    assert lines[1:] == [
        "  actual: comfy-report/txt2img/default/9.images.0.actual.png",
        "  golden: comfy-report/txt2img/default/9.images.0.golden.png",
        "  difference: comfy-report/txt2img/default/9.images.0.difference.png",
        "same environment as the golden run's: ComfyUI 0.8.0, torch 2.13.0, cpu",
        f"approve with: pytest workflows/txt2img.json::default --comfy-url {server.url} --comfy-update=changed "
        '--comfy-reason "why"',
    ]


def test_difference_of_the_environments_is_said(project, serve):
    project.both(environment={"comfyui": "0.3.64", "devices": [{"name": "cuda:0 RTX 4090", "type": "cuda"}]})
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    lines = failure_of(project.run("workflows", "--comfy-url", server.url), HEAD)
    assert "golden: ComfyUI 0.3.64, device cuda:0 RTX 4090; now: ComfyUI 0.8.0, device cpu" in lines


def test_size_comes_before_the_fingerprint(project, serve):
    project.both()
    server = serve(recorded(outputs={"9": {"images": [png(size=(64, 32))]}}))
    lines = failure_of(project.run("workflows", "--comfy-url", server.url), HEAD)
    assert lines[0].startswith("different: node 9 'Save Image' images 0: size is 64x32, was 64x64")


def test_lost_alpha_is_a_difference(project, serve):
    project.both(outputs={"9": {"images": [png(mode="RGBA")]}})
    server = serve(recorded())
    lines = failure_of(project.run("workflows", "--comfy-url", server.url), HEAD)
    assert lines[0].startswith("different: node 9 'Save Image' images 0: ")
    assert "alpha" in lines[0]


def test_missing_and_unexpected_outputs(project, serve):
    prompt = graph(saves=("9", "10"))
    project.both(prompt=prompt)
    server = serve(recorded(prompt, {"10": {"images": [png()]}}))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    lines = failure_of(result, HEAD)
    assert lines[:3] == [
        "missing: node 9 'Save Image' images 0: the run made 10.images.0",
        "unexpected: node 10 'Save 10' images 0: the golden run has no such output",
        "  actual: comfy-report/txt2img/default/10.images.0.actual.png",
    ]
    assert section_of(result, "comfy")[:-2] == [
        "outputs: 0 identical, 0 within tolerance, 0 different, 1 missing, 1 unexpected",
        "changed outputs: 2 (with their distances, of which 1 is the limit)",
        "  missing",
        "        -  workflows/txt2img.json::default: node 9 'Save Image' images 0",
        "  unexpected",
        "        -  workflows/txt2img.json::default: node 10 'Save 10' images 0",
    ]


def test_smaller_batch_is_missing_its_last_picture(project, serve):
    project.both(outputs={"9": {"images": [png(1), png(2), png(3)]}})
    server = serve(recorded(outputs={"9": {"images": [png(1), png(2)]}}))
    lines = failure_of(project.run("workflows", "--comfy-url", server.url), HEAD)
    assert (
        lines[0] == "missing: node 9 'Save Image' images 2: picture 3 of 3 is missing; the others are there, in order"
    )
    assert "other outputs: 2 identical" in lines


def test_text_outputs_are_compared_line_by_line(project, serve):
    project.both(outputs={"9": {"text": ["a cat\na hat"]}})
    server = serve(recorded(outputs={"9": {"text": ["a cat\na bat"]}}))
    lines = failure_of(project.run("workflows", "--comfy-url", server.url), HEAD)
    assert lines[0] == """different: node 9 'Save Image' text 0: line 2 is "a bat", was "a hat\""""


def test_temp_outputs_are_judged(project, serve):
    project.both(types={"9": "temp"})
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}, types={"9": "temp"}))
    project.run("workflows", "--comfy-url", server.url).assert_outcomes(failed=1)


def test_run_without_outputs_is_not_green(project, serve):
    project.both(outputs={})
    result = project.run("workflows", "--comfy-url", serve(recorded(outputs={})).url)
    result.assert_outcomes(failed=1)
    assert failure_of(result, HEAD)[0] == "missing: the run made no output to compare"


def test_missing_golden_run_fails_keeps_the_picture_and_says_the_command(project, serve):
    project.workflow()
    server = serve(recorded())
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    assert failure_of(result, HEAD) == [
        "missing: no golden run for workflows/txt2img.json::default",
        "unexpected: node 9 'Save Image' images 0: there is no golden run to compare with",
        "  actual: comfy-report/txt2img/default/9.images.0.actual.png",
        f"approve with: pytest workflows/txt2img.json::default --comfy-url {server.url} --comfy-update=changed "
        '--comfy-reason "why"',
    ]
    assert (project.root / "comfy-report/txt2img/default/9.images.0.actual.png").read_bytes() == png()
    assert not (project.root / "golden").exists()


def test_changed_workflow_is_named_where_the_picture_differs(project, serve):
    project.both()
    project.workflow(prompt=graph(8))
    server = serve(recorded(graph(8), {"9": {"images": [png(2)]}}))
    lines = failure_of(project.run("workflows", "--comfy-url", server.url), HEAD)
    assert "the workflow changed since: node 3 EmptyImage.color is 8, was 7" in lines


def test_node_that_raises(project, serve):
    project.both()
    server = serve(recorded(outputs={}, error={
        "exception_type": "torch.OutOfMemoryError", "exception_message": "CUDA out of memory\n",
        "traceback": ['  File "/opt/ComfyUI/nodes.py", line 12, in empty\n    raise Oom()\n'],
    }))  # fmt: skip
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    lines = failure_of(result, HEAD)
    assert lines[0] == "node 3 'Canvas' (EmptyImage) failed: torch.OutOfMemoryError: CUDA out of memory"
    assert "raise Oom()" in lines[-1]


def test_refused_prompt_fails_with_the_servers_words(project, serve):
    project.both()
    server = serve(recorded(graph(8)))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    assert failure_of(result, HEAD)[0].startswith("prompt refused: No golden run answers this prompt. ")


def test_cached_run_is_run_again_and_said_so(project, serve):
    """Two workflows of the same prompt: the server has the second one cached."""
    project.both("a")
    project.both("b")
    server = serve(recorded())
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(passed=2)
    assert len(server.prompts) == 3
    result.stdout.fnmatch_lines(
        ["cache: 1 workflow was run twice, *: the second time every node ran, but those that load models"]
    )


def test_unreachable_server_is_an_error_of_every_item_in_one_sentence(project, dead_url):
    for name in "abcd":
        project.both(name)
    result = project.run("workflows", "--comfy-url", dead_url)
    result.assert_outcomes(errors=4)
    told = f"server unreachable: {dead_url}/system_stats: connection refused: is ComfyUI running there?"
    for name in "abcd":
        assert failure_of(result, f"ERROR at setup of {name}.json [default]") == [told]


def test_address_that_is_none_is_an_error_in_one_sentence(project):
    project.both()
    result = project.run("workflows", "--comfy-url", "http://")
    result.assert_outcomes(errors=1)
    (line,) = failure_of(result, f"ERROR at setup of {HEAD}")
    assert "is no server address: write it like http://127.0.0.1:8188" in line


def test_server_that_is_no_comfyui(project, serve):
    project.both()
    url = serve(recorded()).url + "/api/nothing/here"
    result = project.run("workflows", "--comfy-url", url)
    result.assert_outcomes(errors=1)
    assert failure_of(result, f"ERROR at setup of {HEAD}")[0].startswith(f"server unreachable: {url}/system_stats: ")


def test_server_that_dies_during_the_session_is_an_error_of_what_follows(project, serve):
    project.both("a")
    project.both("b")
    server = serve(recorded())
    words = ("--comfy-url", server.url, "--comfy-lookahead", "0")  # else b's run may be over by then
    result = project.run("workflows", "-v", *words, plugins=[StopAfterFirst(server)])
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["workflows/a.json::default PASSED*", "workflows/b.json::default ERROR*"])
    lines = next(
        lines for title in ("ERROR at setup of b.json [default]", "b.json [default]")
        if (lines := failure_or_none(result, title))
    )  # fmt: skip
    assert server_words(lines)
    assert "Traceback" not in result.stdout.str()


def failure_or_none(result, title):
    try:
        return failure_of(result, title)
    except StopIteration:
        return None


def server_words(lines):
    return len(lines) == 1 and "127.0.0.1" in lines[0] and "connection refused" in lines[0]


def test_server_that_dies_during_a_run_is_an_error(project, serve, monkeypatch):
    """It goes down as soon as it tells everyone that a prompt is queued."""
    monkeypatch.setattr("pytest_comfy.client.finish._GONE", 0.5)  # the patience with a server that is away
    project.both()
    slow = recorded()
    for at, row in enumerate(slow.document["events"][2:], 2):
        row[0] = 3600.0 + at
    server = serve()
    server.speed = 1.0
    server.reset([slow])
    server_url = server.url
    listener = websocket.create_connection(f"ws{server.url[4:]}/ws", timeout=60)

    def stop_when_queued():
        while '"queue_remaining": 1' not in str(listener.recv()):
            pass
        server.stop()

    killer = threading.Thread(target=stop_when_queued)
    killer.start()
    result = project.run("workflows", "--comfy-url", server.url)
    killer.join()
    listener.close()
    result.assert_outcomes(errors=1)
    (line,) = failure_of(result, f"ERROR at setup of {HEAD}")
    assert line.startswith(f"the server died in the middle of the run (no node was running): {server_url}/")
    assert line.endswith("connection refused: is ComfyUI running there?")


@pytest.mark.parametrize("again", [1, 2])
def test_two_servers_one_after_the_other_do_not_mix(project, serve, again):
    """What a first session left in comfy-report and caches does not reach the second one."""
    project.both()
    project.run("workflows", "--comfy-url", serve(recorded(outputs={"9": {"images": [png(2)]}})).url)
    for _ in range(again):
        project.run("workflows", "--comfy-url", serve(recorded()).url).assert_outcomes(passed=1)
    assert project.files("comfy-report") == [".gitignore"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that could be listened to")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_session_that_is_told_to_end_takes_its_prompt_off_the_server(project, serve, number):
    project.workflow()
    server = serve(recorded())
    hold = server.faults.add(faults.hold("executing"))
    command = [sys.executable, "-m", "pytest", "workflows", "--comfy-url", server.url]
    with subprocess.Popen(
        command,
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # As in a terminal: what runs in the background of a shell has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as session:
        try:
            assert hold.reached.wait(60)
            session.send_signal(number)
            told = session.communicate(timeout=60)[0].decode()
        finally:
            session.kill()
    assert session.returncode == pytest.ExitCode.INTERRUPTED, told
    assert "KeyboardInterrupt" in told
    while not (history := requests.get(f"{server.url}/history").json()):
        pass
    (entry,) = history.values()
    assert [kind for kind, _ in entry["status"]["messages"]][-1] == "execution_interrupted"
