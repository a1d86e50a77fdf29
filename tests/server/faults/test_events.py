"""Faults of messages, sockets and runs, and what our own client makes of them."""

from __future__ import annotations

import contextlib
import threading

import pytest
import requests
import websocket

from pytest_comfy.client import (
    ComfyClient,
    ExecutionError,
    RunInterrupted,
    RunLost,
    RunStalled,
    RunTimeout,
    finish,
)
from pytest_comfy.server import FakeComfyServer, faults

from ..conftest import PNG, PROMPT, document, idle, is_end, short, write

USUAL = [
    "execution_start", "execution_cached", "progress_state", "executing 1", "progress", "progress_state",
    "progress_state", "executing 2", "executed 2", "progress_state", "execution_success", "executing None",
]  # fmt: skip


@pytest.fixture(autouse=True)
def quick_poll(monkeypatch):
    """Queue and history are asked after little silence."""
    monkeypatch.setattr(finish, "_POLL", 0.05)


@pytest.fixture
def client(server):
    with ComfyClient(server.url, timeout=10, stall_timeout=5) as one:
        yield one


class Running:
    """A run of a client in a thread of its own."""

    def __init__(self, client, **more):
        self.result = None
        self.error = None
        self._thread = threading.Thread(target=self._run, args=(client, more))
        self._thread.start()

    def _run(self, client, more):
        try:
            self.result = client.run(PROMPT, **more)
        except Exception as error:
            self.error = error

    @property
    def over(self):
        return not self._thread.is_alive()

    def wait(self):
        self._thread.join(20)
        assert self.over
        if self.error is not None:
            raise self.error
        return self.result


def told(run):
    return [short({"type": event.type, "data": event.data}) for event in run.events]


def reached(fault):
    assert fault.reached.wait(20)


def without(*names):
    return [name for name in USUAL if name not in names]


def test_what_a_run_usually_tells(client):
    assert told(client.run(PROMPT)) == USUAL


# What is sent


SENT = {
    "no execution_success": (lambda: faults.drop("execution_success"), without("execution_success")),
    "no executing null": (lambda: faults.drop("executing", node="null"), without("executing None")),
    "no end at all": (
        lambda: faults.drop("e*", nth=6, times=0),  # the sixth of these is execution_success
        without("execution_success", "executing None"),
    ),
    "no executed": (lambda: faults.drop("executed"), without("executed 2")),
    "no executing": (lambda: faults.drop("executing", times=2), without("executing 1", "executing 2")),
    "nothing": (lambda: faults.drop("*", times=0), []),
    "executed twice": (lambda: faults.duplicate("executed"), [*USUAL[:9], "executed 2", *USUAL[9:]]),
    "the end twice": (lambda: faults.duplicate("execution_success"), [*USUAL[:11], "execution_success", USUAL[11]]),
    "progress before executing": (
        lambda: faults.reorder("executing", node="1"),
        [*USUAL[:3], "progress", "executing 1", *USUAL[5:]],
    ),
    "executing after executed": (
        lambda: faults.reorder("executing", nth=2),
        [*USUAL[:7], "executed 2", "executing 2", *USUAL[9:]],
    ),
    "late": (lambda: faults.delay(0.05, "progress*", times=0), USUAL),
}


@pytest.mark.parametrize("name", SENT)
def test_a_client_gets_over(server, client, name):
    make, events = SENT[name]
    fault = server.faults.add(make())
    # A picture with metadata stands between executing and progress, and is no event.
    server.faults.add(faults.drop("preview", times=0))
    run = client.run(PROMPT)
    assert fault.reached.is_set()
    assert told(run) == events
    assert [output.data for output in run.outputs] == [PNG]
    assert run.status["status_str"] == "success"


def test_a_message_that_is_late_reaches_only_those_it_is_for(server, connect):
    """Nobody is told `executing` of a prompt without owner, and everybody `progress`."""
    server.faults.add(faults.reorder("executing", node="1"))
    peer = connect(server)
    requests.post(server.url + "/prompt", json={"prompt": PROMPT}, timeout=10)
    names = [short(one) for one in peer.until(idle)]
    assert "progress" in names
    assert "executing 1" not in names


def test_the_last_message_waits_for_the_next_run(server, connect):
    server.faults.add(faults.reorder("executing", node="null"))
    peer = connect(server)
    first = peer.post().json()["prompt_id"]
    seen = peer.until(idle)
    assert not [one for one in seen if isinstance(one, dict) and is_end(one)]
    second = peer.post().json()["prompt_id"]
    names = [one["data"]["prompt_id"] for one in peer.until_end() if isinstance(one, dict) and is_end(one)]
    names += [one["data"]["prompt_id"] for one in peer.until_end() if isinstance(one, dict) and is_end(one)]
    assert names == [first, second]


def test_faults_count_what_the_server_says_not_what_others_make_of_it(server, connect):
    twice, none = faults.duplicate("executing"), faults.drop("executing", nth=2)
    server.faults.add(twice, none)
    names = [short(one) for one in connect(server).run()[1]]
    assert [name for name in names if name.startswith("executing")] == ["executing 1", "executing 1", "executing None"]
    server.faults.clear()
    first, second = faults.drop("progress_state"), faults.drop("progress_state", nth=2)
    server.faults.add(first, second)
    with_nonce = {**PROMPT, "1": {**PROMPT["1"], "inputs": {**PROMPT["1"]["inputs"], "_pytest_comfy_nonce": 1}}}
    names = [short(one) for one in connect(server, "d").run(with_nonce)[1]]
    assert names.count("progress_state") == USUAL.count("progress_state") - 2


WITH_PICTURE = [*USUAL[:4], "BIN4", *USUAL[4:]]
AIMS = [
    ({"event": "executing", "node": "2"}, ["executing 2"]),
    ({"event": "executing", "node": "null"}, ["executing None"]),
    ({"event": "executing", "node": "9"}, []),
    ({"event": "executing", "times": 0}, ["executing 1", "executing 2", "executing None"]),
    ({"event": "executing", "nth": 2}, ["executing 2"]),
    ({"event": "exec*", "nth": 2, "times": 2}, ["execution_cached", "executing 1"]),
    ({"event": "execut[ei]*", "node": "2", "times": 0}, ["executing 2", "executed 2"]),
    ({"event": "execution_start", "run": 1}, ["execution_start"]),
    ({"event": "execution_start", "run": 2}, []),
    ({"event": "preview"}, ["BIN4"]),
    ({"event": "preview", "node": "1"}, ["BIN4"]),
    ({"event": "preview", "node": "2"}, []),
    ({"event": "status", "times": 0}, ["ST(1)", "ST(1)", "ST(2)", "ST(1)"]),
    ({"event": "status", "nth": 3}, ["ST(2)"]),
]


@pytest.mark.parametrize(("aim", "lost"), AIMS)
def test_aiming_at_messages(server, connect, aim, lost):
    peer = connect(server, flags={"supports_preview_metadata": True})
    fault = faults.drop(**aim)
    begin, following = faults.hold("run", run=1), faults.hold("queue", run=2)
    server.faults.add(fault, begin, following)
    peer.post()
    reached(begin)
    peer.post()
    begin.release()
    reached(following)
    server.faults.remove(fault)
    requests.post(server.url + "/queue", json={"clear": True}, timeout=10)
    seen = [short(one) for one in peer.until(idle)]
    expected = ["ST(1)", "ST(1)", "ST(2)", *WITH_PICTURE[:-1], "ST(1)", WITH_PICTURE[-1], "ST(0)"]
    for name in lost:
        expected.remove(name)
    assert seen == expected
    assert fault.fired == len(lost)


def test_a_plain_picture_is_of_the_node_that_is_executing(server, connect):
    fault = server.faults.add(faults.drop("preview", node="1"))
    assert "BIN1" not in [short(one) for one in connect(server).run()[1]]
    assert fault.fired == 1


# Where a run stops


def test_a_held_run_stands_there_until_it_is_released(server, client, connect):
    hold = server.faults.add(faults.hold(event="executing", nth=2, run=1))
    running = Running(client)
    reached(hold)
    queue = requests.get(server.url + "/queue", timeout=10).json()
    assert len(queue["queue_running"]) == 1
    assert not running.over
    hold.release()
    assert told(running.wait()) == USUAL


@pytest.mark.parametrize(
    ("event", "running", "pending"), [("queue", 0, 1), ("run", 1, 0), ("execution_start", 1, 0), ("execut*", 1, 0)]
)
def test_where_a_held_prompt_is(server, client, event, running, pending):
    hold = server.faults.add(faults.hold(event))
    run = Running(client)
    reached(hold)
    queue = requests.get(server.url + "/queue", timeout=10).json()
    assert (len(queue["queue_running"]), len(queue["queue_pending"])) == (running, pending)
    server.faults.remove(hold)
    assert told(run.wait()) == USUAL


def test_the_end_of_a_run_can_be_held_when_history_has_it(server, client):
    hold = server.faults.add(faults.hold("executing", node="null"))
    run = Running(client)
    reached(hold)
    [entry] = requests.get(server.url + "/history", timeout=10).json().values()
    assert entry["status"]["completed"] is True
    hold.release()
    assert told(run.wait()) == USUAL


def test_a_hold_released_before_it_is_reached_holds_nobody(server, client):
    hold = server.faults.add(faults.hold("executing"))
    hold.release()
    assert told(client.run(PROMPT)) == USUAL
    assert hold.reached.is_set()


def test_an_interrupt_ends_a_hold_and_the_run(server, client):
    hold = server.faults.add(faults.hold("executing", node="2"))
    run = Running(client)
    reached(hold)
    requests.post(server.url + "/interrupt", json={}, timeout=10)
    with pytest.raises(RunInterrupted, match="interrupted the run at node 1"):
        run.wait()


def test_an_interrupt_ends_a_delay(server, client):
    slow = server.faults.add(faults.delay(3600, "executing", node="2"))
    run = Running(client)
    reached(slow)
    requests.post(server.url + "/interrupt", json={}, timeout=10)
    with pytest.raises(RunInterrupted):
        run.wait()


def test_two_holds_at_one_message_are_released_one_by_one(server, client):
    first, second = faults.hold("executed"), faults.hold("executed")
    server.faults.add(first, second)
    run = Running(client)
    reached(first)
    first.release()
    reached(second)
    assert not run.over
    second.release()
    assert told(run.wait()) == USUAL


def test_a_fault_removed_while_another_holds_does_not_act(server, client):
    hold, error = faults.hold("executing"), faults.execution_error()
    server.faults.add(hold, error)
    run = Running(client)
    reached(hold)
    server.faults.remove(error)
    hold.release()
    assert told(run.wait()) == USUAL
    assert error.fired == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (faults.stuck_queue, r"queue did not move for 0\.3 s .*running: nothing"),
        (faults.stuck_run, r"run did not move for 0\.3 s: it had not started"),
        (lambda: faults.hold("progress"), r"run did not move for 0\.3 s: it was at node 1 'Canvas'"),
    ],
)
def test_what_stands_still_is_given_up(server, client, make, words):
    server.faults.add(make())
    with pytest.raises(RunStalled, match=words):
        client.run(PROMPT, stall_timeout=0.3)
    # What is left behind is not ours: the queue is empty, or will be when the worker goes on.
    server.faults.clear()
    assert [output.data for output in client.run(PROMPT).outputs] == [PNG]


@pytest.mark.parametrize("make", [faults.stuck_queue, faults.stuck_run, lambda: faults.delay(3600, "executed")])
def test_no_run_takes_longer_than_its_limit(server, client, make):
    server.faults.add(make())
    with pytest.raises(RunTimeout, match=r"not over within its limit of 0\.3 s: it (had not started|was at node 2)"):
        client.run(PROMPT, timeout=0.3)


def test_all_wait_behind_a_stuck_queue(server, connect):
    stuck = server.faults.add(faults.stuck_queue())
    peer = connect(server)
    peer.post(prompt_id="a")
    reached(stuck)
    peer.post(prompt_id="b")
    pending = requests.get(server.url + "/queue", timeout=10).json()["queue_pending"]
    assert [item[1] for item in pending] == ["a", "b"]
    stuck.release()
    ends = [peer.until_end()[-1]["data"]["prompt_id"] for _ in range(2)]
    assert ends == ["a", "b"]


# How a run ends


@pytest.mark.parametrize("version", ["0.3.64", "0.8.0"])
def test_out_of_memory(golden, version):
    with FakeComfyServer([golden], version=version) as server, ComfyClient(server.url) as client:
        server.faults.add(faults.out_of_memory(class_type="Save*"))
        with pytest.raises(ExecutionError) as caught:
            client.run(PROMPT)
        text = str(caught.value)
        assert text.startswith("node 2 (SaveImage) failed: torch.OutOfMemoryError: Allocation on device")
        assert "This error means you ran out of memory on your GPU." in text
        assert "TIPS: If the workflow worked before" in text
        details = caught.value.details
        assert (details["node_id"], details["node_type"], details["executed"]) == ("2", "SaveImage", ["1"])
        entry = requests.get(server.url + "/history", timeout=10).json().popitem()[1]
        assert entry["status"]["status_str"] == "error"
        # The memory is free again: the next run is well.
        assert [output.data for output in client.run(PROMPT, use_cache=True).outputs] == [PNG]


ERRORS = [
    ({}, "1"),
    ({"nth": 2}, "2"),
    ({"node": "2"}, "2"),
    ({"class_type": "SaveImage"}, "2"),
    ({"class_type": "*Image", "nth": 2}, "2"),
    ({"nth": 3}, None),
    ({"class_type": "KSampler"}, None),
    ({"run": 2}, None),
]


@pytest.mark.parametrize(("aim", "node"), ERRORS)
def test_execution_errors(server, client, aim, node):
    fault = server.faults.add(faults.execution_error("no such luck", exception_type="ValueError", **aim))
    if node is None:
        assert told(client.run(PROMPT)) == USUAL
        assert not fault.reached.is_set()
        return
    with pytest.raises(ExecutionError, match=rf"node {node} .*failed: ValueError: no such luck"):
        client.run(PROMPT)
    assert fault.fired == 1
    assert client.run(PROMPT, use_cache=True).outputs


def test_an_error_for_ever(server, client):
    fault = server.faults.add(faults.execution_error(node="1", times=0))
    for count in range(1, 4):
        with pytest.raises(ExecutionError):
            client.run(PROMPT)
        assert fault.fired == count


# The socket


@pytest.mark.parametrize("code", [0, 1001, 1011])
@pytest.mark.parametrize("event", ["execution_start", "progress", "executed", "execution_success"])
def test_a_socket_closed_in_the_middle_is_opened_again(server, client, code, event):
    fault = server.faults.add(faults.close_socket(event, code=code))
    hold = server.faults.add(faults.hold("executing", node="null"))
    run = Running(client)
    reached(hold)
    hold.release()
    result = run.wait()
    assert fault.fired == 1
    assert not result.complete
    assert [output.data for output in result.outputs] == [PNG]
    # What came before the end of the socket arrived, and what came at once after it did not.
    before = USUAL[: next(index for index, name in enumerate(USUAL) if name.split()[0] == event)]
    assert told(result)[: len(before)] == before
    assert event not in [name.split()[0] for name in told(result)]


@pytest.mark.parametrize("code", [1001, 1011, 4000])
def test_the_code_of_the_close_frame(server, connect, code):
    server.faults.add(faults.close_socket("executing", nth=2, code=code))
    peer = connect(server)
    peer.post()
    codes = []
    names = []
    while not codes:
        opcode, data = peer.ws.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            codes.append(int.from_bytes(data[:2], "big"))
        elif opcode == websocket.ABNF.OPCODE_TEXT:
            names.append(data)
    assert codes == [code]
    assert b'"progress_state"' in names[-1]
    assert len(names) == len(["ST(1)", "ST(1)", *USUAL[:7]])


def test_without_a_close_frame_the_connection_just_ends(server, connect):
    server.faults.add(faults.close_socket("executing", nth=2, code=0))
    peer = connect(server)
    peer.post()
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        peer.until_end()


def test_a_silent_socket_is_not_waited_for(server, client):
    fault = server.faults.add(faults.silent_socket("executing", nth=2))
    run = client.run(PROMPT)
    assert fault.fired == 1
    assert told(run) == USUAL[:7]
    assert [output.data for output in run.outputs] == [PNG]


def test_a_silent_socket_does_not_hide_an_error(server, client):
    server.faults.add(faults.silent_socket("execution_start"), faults.execution_error(node="2"))
    with pytest.raises(ExecutionError, match="node 2"):
        client.run(PROMPT)


def test_others_are_not_affected(server, connect):
    mine, other = connect(server, "mine"), connect(server, "other")
    server.faults.add(
        faults.close_socket("executing", run=1), faults.drop("executed", run=1), faults.execution_error(node="2", run=1)
    )
    mine.post(prompt_id="m")
    with contextlib.suppress(websocket.WebSocketConnectionClosedException, ConnectionError, ValueError):
        mine.until_end()
    names = [short(one) for one in other.run()[1]]
    assert [name for name in names if name in USUAL][-2:] == ["execution_success", "executing None"]
    assert "executed 2" in names
    assert other.history("m")["status"]["status_str"] == "error"


# The whole server


def test_a_restart_loses_the_run_and_the_client_says_so(server, client):
    server.faults.add(faults.restart("executing", node="2"))
    with pytest.raises(RunLost, match=r"restarted in the middle of the run \(it was at node 1 'Canvas'"):
        client.run(PROMPT)
    assert requests.get(server.url + "/history", timeout=10).json() == {}
    assert [output.data for output in client.run(PROMPT).outputs] == [PNG]


def test_a_restart_that_takes_its_time(server, client):
    fault = server.faults.add(faults.restart("executed", down=0.4))
    with pytest.raises(RunLost, match="restarted in the middle of the run"):
        client.run(PROMPT)
    assert fault.fired == 1
    assert [output.data for output in client.run(PROMPT).outputs] == [PNG]


def test_a_server_that_stays_away_has_died(server, client):
    server.faults.add(faults.restart("executed", down=3600))
    with pytest.raises(RunLost, match=r"the server died in the middle of the run .*connection refused"):
        client.run(PROMPT, stall_timeout=0.3)


def test_a_restart_of_the_queue(server, client):
    server.faults.add(faults.restart("queue"))
    with pytest.raises(RunLost, match="restarted in the middle of the run"):
        client.run(PROMPT)


@pytest.mark.parametrize("how", ["pending", "running"])
def test_faults_at_once(golden, tmp_path, how):
    """A lost message, a lagging history, a hold and an error: each does its part."""
    other = write(tmp_path / "golden/again/default", document("img_00002_.png"))
    with FakeComfyServer([golden, other]) as server, ComfyClient(server.url) as client:
        made = [
            faults.drop("executed", run=1),
            faults.history_lags(2),
            faults.hold("queue" if how == "pending" else "run", run=1),
            faults.execution_error(run=2),
        ]
        server.faults.add(*made)
        run = Running(client)
        reached(made[2])
        made[2].release()
        assert run.wait().outputs
        with pytest.raises(ExecutionError):
            client.run(PROMPT)
        assert [fault.fired for fault in made] == [1, 2, 1, 1]
