"""The end of a run: told by the socket, confirmed by history, whatever goes wrong in between."""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import threading

import pytest
from aiohttp import web

from pytest_comfy.access import access_to
from pytest_comfy.client import (
    ExecutionError,
    RunInterrupted,
    RunLost,
    RunStalled,
    RunTimeout,
    ServerUnreachable,
    finish,
)
from pytest_comfy.client.events import EventStream

from .conftest import http_of

pytestmark = pytest.mark.timeout(40)


def test_a_good_run(comfy, client, prompt, png):
    run = client.run(prompt)
    assert run.prompt_id == comfy.posted[0].id
    assert [event.type for event in run.events] == [
        "execution_start", "execution_cached", "executing", "executed", "execution_success", "executing",
    ]  # fmt: skip
    assert [(one.name, one.data, one.media_type) for one in run.outputs] == [("9.images.0", png, "image/png")]
    assert run.complete
    assert run.cached == frozenset()
    assert run.cache_bust is None
    assert run.status["status_str"] == "success"
    assert run.meta == {"9": {"node_id": "9"}}
    assert run.posted == prompt
    assert comfy.asked("POST", "/interrupt") == []
    assert comfy.asked("POST", "/queue") == []


def test_the_prompt_is_posted_with_the_id_of_the_socket(comfy, client, prompt):
    client.run(prompt, extra_data={"api_key_comfy_org": "k"})
    (body,) = comfy.asked("POST", "/prompt")
    assert body["prompt"] == prompt
    assert body["client_id"] == client.client_id
    assert ("open", client.client_id) in comfy.log
    assert body["extra_data"] == {"api_key_comfy_org": "k"}


def test_preview_metadata_is_asked_for_in_the_first_message(comfy, client, prompt):
    client.run(prompt)
    said = [text for kind, text in comfy.log if kind == "said"]
    assert len(said) == 1
    assert '"supports_preview_metadata": true' in said[0]


def test_two_runs_share_one_socket_and_no_event(comfy, client, prompt):
    first, second = client.run(prompt), client.run(prompt)
    assert [kind for kind, _ in comfy.log].count("open") == 1
    assert {event.data["prompt_id"] for event in first.events} == {first.prompt_id}
    assert {event.data["prompt_id"] for event in second.events} == {second.prompt_id}


def test_events_may_arrive_before_the_reply_to_the_post(comfy, client, prompt):
    comfy.before_reply = True
    run = client.run(prompt)
    assert len(run.events) == 5 + 1
    assert run.complete


def test_history_may_lag_behind_execution_success(comfy, client, prompt, png):
    async def lagging(run):
        await run.begin()
        await run.say("execution_success", timestamp=3)
        await run.comfy.until_asked("GET", f"/history/{run.id}", times=3)
        run.finish()
        await run.say("executing", node=None)

    comfy.story = lagging
    assert [one.data for one in client.run(prompt).outputs] == [png]


def test_executing_null_ends_a_run_whose_success_was_not_told(comfy, client, prompt):
    async def silent(run):
        await run.begin()
        run.finish()
        await run.say("executing", node=None)

    comfy.story = silent
    run = client.run(prompt)
    assert "execution_success" not in [event.type for event in run.events]
    assert len(run.outputs) == 1


def test_an_end_that_history_never_confirms_is_lost(comfy, client, prompt, monkeypatch):
    monkeypatch.setattr(finish, "_HISTORY_LAG", 0.2)

    async def unrecorded(run):
        await run.begin()
        await run.say("execution_success", timestamp=3)

    comfy.story = unrecorded
    with pytest.raises(RunLost, match=r"told execution_success, but its history has no entry"):
        client.run(prompt)


def test_a_dropped_socket_is_opened_again_with_the_same_client_id(comfy, client, prompt):
    async def dropping(run):
        await run.begin()
        await run.comfy.drop_sockets()
        await run.comfy.until(lambda: [kind for kind, _ in comfy.log if kind != "said"][-1] == "open")
        await run.comfy.until(lambda: comfy.log[-1][0] == "said")
        await run.succeed()

    comfy.story = dropping
    run = client.run(prompt)
    sockets = [entry for entry in comfy.log if entry[0] != "said"]
    assert sockets == [("open", client.client_id), ("close", client.client_id), ("open", client.client_id)]
    assert not run.complete
    assert run.events[-1].type == "executing"
    assert run.events[-1].data["node"] is None
    assert len(run.outputs) == 1


def test_history_alone_judges_when_no_socket_is_accepted_again(comfy, client, prompt):
    async def dropping(run):
        await run.begin()
        run.comfy.accepts_sockets = False
        await run.comfy.drop_sockets()
        await run.comfy.until(lambda: comfy.log[-1][0] == "refused")
        run.messages.append(["execution_success", {"prompt_id": run.id, "timestamp": 3}])
        run.finish()

    comfy.story = dropping
    run = client.run(prompt)
    assert not run.complete
    assert len(run.outputs) == 1


def test_history_alone_can_tell_an_error_too(comfy, client, prompt):
    async def dropping(run):
        await run.begin()
        run.comfy.accepts_sockets = False
        await run.comfy.drop_sockets()
        run.messages.append(["execution_interrupted", {"prompt_id": run.id, "node_id": "3", "timestamp": 3}])
        run.finish({}, "error")

    comfy.story = dropping
    with pytest.raises(RunInterrupted, match="interrupted the run at node 3"):
        client.run(prompt)


@pytest.mark.usefixtures("quick_poll")
def test_a_silent_socket_does_not_hide_a_finished_run(comfy, client, prompt):
    async def silent(run):
        await run.begin()
        await run.comfy.until_asked("GET", "/queue")
        run.finish()

    comfy.story = silent
    run = client.run(prompt)
    assert not run.complete  # what it said before is not known to be all
    assert len(run.outputs) == 1


@pytest.mark.usefixtures("quick_poll")
def test_messages_that_come_after_the_entry_was_seen_are_waited_for(comfy, client, prompt):
    """The socket tells the end while history is asked: nothing is missing then."""
    told = []

    async def history(request):
        if comfy.history and not told:
            told.append(asyncio.create_task(comfy.posted[0].say("execution_success", timestamp=3)))
            await asyncio.wait(told)
            told.append(asyncio.create_task(comfy.posted[0].say("executing", node=None)))

    async def late(run):
        comfy.answers["GET", f"/history/{run.id}"] = history
        await run.begin()
        await comfy.until_asked("GET", "/queue")
        run.finish()

    comfy.story = late
    run = client.run(prompt)
    assert [event.type for event in run.events][-2:] == ["execution_success", "executing"]
    assert run.complete


@pytest.mark.usefixtures("quick_poll")
def test_a_prompt_may_move_to_history_between_the_two_questions(comfy, client, prompt):
    async def silent(run):
        await run.begin()

    async def queue(request):
        comfy.posted[0].finish()

    comfy.story = silent
    comfy.answers["GET", "/queue"] = queue
    assert len(client.run(prompt).outputs) == 1
    assert comfy.history


@pytest.mark.usefixtures("quick_poll")
def test_a_prompt_that_vanished_is_lost(comfy, client, prompt):
    async def deleted(run):
        run.comfy.running.clear()

    comfy.story = deleted
    with pytest.raises(RunLost, match=r"the prompt vanished \(it had not started\).*neither in the queue nor"):
        client.run(prompt)
    assert comfy.asked("POST", "/interrupt") == []


@pytest.mark.usefixtures("quick_poll")
def test_a_server_that_dies_in_the_middle_of_the_run(comfy, client, prompt, monkeypatch):
    monkeypatch.setattr(finish, "_GONE", 0.2)

    async def dying(run):
        await run.begin()
        await run.comfy.die()

    comfy.story = dying
    with pytest.raises(RunLost, match=r"server died in the middle of the run \(it was at node 3 'Sampler'\)"):
        client.run(prompt)


def test_a_server_that_was_restarted_in_the_middle_of_the_run(comfy, client, prompt):
    async def restarting(run):
        await run.begin()
        run.comfy.running.clear()
        await run.comfy.drop_sockets()

    comfy.story = restarting
    with pytest.raises(RunLost, match=r"restarted in the middle of the run.*neither in its queue nor"):
        client.run(prompt)


@pytest.mark.usefixtures("quick_poll")
def test_a_server_that_was_away_for_a_moment_and_knows_nothing_any_more(comfy, client, prompt):
    """The socket of a proxy may outlive the server behind it."""
    times = iter(range(2))  # aiohttp asks again by itself, once

    async def away(request):
        comfy.running.clear()
        if next(times):
            del comfy.answers["GET", "/queue"]
        request.transport.abort()
        return web.Response()

    async def restarting(run):
        comfy.answers["GET", "/queue"] = away
        await run.begin()

    comfy.story = restarting
    with pytest.raises(RunLost, match=r"restarted in the middle of the run.*neither in its queue nor"):
        client.run(prompt)


@pytest.mark.usefixtures("quick_poll")
def test_a_queue_that_does_not_move(comfy, client, prompt):
    async def waiting(run):
        run.comfy.pending = run.comfy.running
        run.comfy.running = [[0, "somebody-else\x1b[31m", {}, {}, []]]

    comfy.story = waiting
    with pytest.raises(RunStalled) as caught:
        client.run(prompt, stall_timeout=0.3)
    text = str(caught.value)
    assert "the queue did not move for 0.3 s while the prompt waited" in text
    assert "(running: somebody-else)" in text
    assert comfy.asked("POST", "/queue") == [{"delete": [comfy.posted[0].id]}]


@pytest.mark.usefixtures("quick_poll")
def test_a_run_that_does_not_move(comfy, client, prompt):
    async def stuck(run):
        await run.begin()
        await run.say("progress", value=2, max=4, node="3")

    comfy.story = stuck
    with pytest.raises(RunStalled) as caught:
        client.run(prompt, stall_timeout=0.3)
    assert "the run did not move for 0.3 s: it was at node 3 'Sampler' at step 2 of 4" in str(caught.value)
    assert comfy.asked("POST", "/interrupt") == [{"prompt_id": comfy.posted[0].id}]


@pytest.mark.usefixtures("quick_poll")
def test_a_queue_that_moves_is_no_stall(comfy, client, prompt):
    """Each look finds fewer prompts ahead, so that the wait as a whole may be longer than the limit."""
    looks = []

    async def waiting(run):
        run.comfy.pending, run.comfy.running = run.comfy.running, []

    async def queue(request):
        looks.append(None)
        comfy.running = [[0, f"ahead-{len(looks)}", {}, {}, []]]
        if len(looks) == 12:
            comfy.posted[0].finish()

    comfy.story = waiting
    comfy.answers["GET", "/queue"] = queue
    assert len(client.run(prompt, stall_timeout=0.3).outputs) == 1


def test_what_others_are_told_puts_off_no_look(comfy, client, prompt):
    """Node packs send a message each second for ever, whatever runs: that must not hide a run that stands still."""

    async def noisy(run):
        await run.begin()
        while not run.comfy.asked("POST", "/interrupt"):
            await run.comfy.send("crystools.monitor", {"cpu_utilization": 3})
            await run.comfy.send("progress", {"value": 1, "max": 2, "prompt_id": "somebody-else"})
            await asyncio.sleep(0.01)

    comfy.story = noisy
    with pytest.raises(RunStalled, match=r"the run did not move for 0\.3 s"):
        client.run(prompt, stall_timeout=0.3)


@pytest.mark.usefixtures("quick_poll")
def test_what_others_queue_does_not_hide_a_run_that_stands_still(comfy, client, prompt):
    async def stuck(run):
        await run.begin()

    comfy.story = stuck
    comfy.answers["GET", "/queue"] = _another_one_waits(comfy, 7)
    with pytest.raises(RunStalled, match=r"the run did not move for 0\.3 s"):
        client.run(prompt, stall_timeout=0.3)


@pytest.mark.parametrize("number", [7, -7, 10**400, "text", None])
@pytest.mark.usefixtures("quick_poll")
def test_what_others_queue_does_not_hide_a_queue_that_stands_still(comfy, client, prompt, number):
    async def waiting(run):
        run.comfy.pending, run.comfy.running = run.comfy.running, [[0, "somebody-else", {}, {}, []]]

    comfy.story = waiting
    comfy.answers["GET", "/queue"] = _another_one_waits(comfy, number)
    with pytest.raises(RunStalled, match=r"the queue did not move for 0\.3 s"):
        client.run(prompt, stall_timeout=0.3)


@pytest.mark.usefixtures("quick_poll")
def test_prompts_ahead_that_are_taken_off_are_no_stall(comfy, client, prompt):
    """The one that runs is the same all along; they are listed as in a heap, which is in no order."""
    ahead = [[n / 20, f"ahead-{n}", {}, {}, []] for n in range(12)]

    async def waiting(run):
        run.comfy.pending = [*run.comfy.running, *ahead]
        run.comfy.running = [[0, "somebody-else", {}, {}, []]]

    async def queue(request):
        if len(comfy.pending) > 1:
            comfy.pending.pop()
        else:
            comfy.posted[0].finish()

    comfy.story = waiting
    comfy.answers["GET", "/queue"] = queue
    assert len(client.run(prompt, stall_timeout=0.3).outputs) == 1


def _another_one_waits(comfy, number):
    """At each look another prompt of others, in place of the one before."""
    looks = itertools.count()

    async def queue(request):
        comfy.pending = [item for item in comfy.pending if item[1] == comfy.posted[0].id]
        comfy.pending.append([number, f"other-{next(looks)}", {}, {}, []])

    return queue


@pytest.mark.parametrize("routes", [("/queue",), ("/history/{id}",), ("/queue", "/history/{id}")])
def test_server_that_stops_answering_is_noticed_within_the_stall_limit(comfy, client, prompt, monkeypatch, routes):
    """As a process does that was stopped: it accepts connections and says nothing more."""
    over = asyncio.Event()

    async def silence(request):
        await over.wait()

    async def stopped(run):
        await run.begin()
        for route in routes:
            run.comfy.answers["GET", route.format(id=run.id)] = silence

    monkeypatch.setattr(finish, "_LEAST_PATIENCE", 0.1)
    http_of(client).timeout = 3600
    comfy.story = stopped
    try:
        with pytest.raises(RunLost, match=r"the server died in the middle of the run .*: .* no answer in time"):
            client.run(prompt, stall_timeout=0.3)
    finally:
        comfy._loop.call_soon_threadsafe(over.set)
    # When it goes on it reads these.
    ours = comfy.posted[0].id
    assert comfy.asked("POST", "/queue") == [{"delete": [ours]}]
    assert comfy.asked("POST", "/interrupt") == [{"prompt_id": ours}]


def test_a_socket_of_a_server_that_was_stopped_is_closed_and_its_reader_ends(comfy):
    stream, over = EventStream(access_to(comfy.url), "ours"), threading.Event()
    comfy._loop.call_soon_threadsafe(over.wait)  # the whole server stands still, as after SIGSTOP
    try:
        stream.close()
        assert not stream.alive
    finally:
        over.set()


@pytest.mark.usefixtures("quick_poll")
def test_queue_of_another_shape_is_no_fault_of_ours(comfy, client, prompt):
    looks = []

    async def queue(request):
        looks.append(None)
        if len(looks) == 3:
            comfy.posted[0].finish()
        odd = [[], [1], "text", None, {"1": 2}, [1, {"id": 1}], [2, None]]
        ours = [0, comfy.posted[0].id]
        return web.json_response({"queue_running": [*odd, ours], "queue_pending": odd if len(looks) < 2 else 7})

    async def silent(run):
        comfy.answers["GET", "/queue"] = queue

    comfy.story = silent
    assert len(client.run(prompt).outputs) == 1


async def _busy_until_interrupted(run):
    """Events without end: what a limit on silence would never notice."""
    await run.begin()
    value = 0
    while not run.comfy.asked("POST", "/interrupt"):
        value += 1
        await run.say("progress", value=value, max=1000, node="3")
        await asyncio.sleep(0.01)


def test_the_time_limit_counts_wall_clock_while_events_keep_coming(comfy, client, prompt):
    comfy.story = _busy_until_interrupted
    with pytest.raises(RunTimeout, match=r"limit of 0\.4 s: it was at node 3 'Sampler' at step \d+ of 1000"):
        client.run(prompt, timeout=0.4)
    ours = comfy.posted[0].id
    assert comfy.asked("POST", "/queue") == [{"delete": [ours]}]
    assert comfy.asked("POST", "/interrupt") == [{"prompt_id": ours}]


def test_ctrl_c_cancels_our_prompt_and_nothing_else(comfy, client, prompt):
    comfy.story = _busy_until_interrupted

    def impatient(progress):
        if progress.value >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.run(prompt, on_progress=impatient)
    ours = comfy.posted[0].id
    assert comfy.asked("POST", "/queue") == [{"delete": [ours]}]
    assert comfy.asked("POST", "/interrupt") == [{"prompt_id": ours}]


def test_a_client_can_run_again_after_a_cancelled_run(comfy, client, prompt, png):
    good = comfy.story
    comfy.story = _busy_until_interrupted
    with pytest.raises(RunTimeout):
        client.run(prompt, timeout=0.3)
    comfy.story = good
    assert [one.data for one in client.run(prompt).outputs] == [png]


def test_progress_tells_where_the_run_is(comfy, client, prompt):
    async def story(run):
        await run.begin()
        await run.say("progress", value=3, max=4, node="3")
        while not seen or seen[-1].value != 3:  # of a run that is over none is told any more
            await asyncio.sleep(0)
        await run.succeed()

    comfy.story = story
    seen = []
    client.run(prompt, on_progress=seen.append)
    assert ("3", "Sampler", 3.0, 4.0) in [(one.node, one.title, one.value, one.max) for one in seen]


def test_progress_tells_the_place_in_the_queue(comfy, client, prompt, quick_poll):
    seen = []

    async def story(run):
        before, behind = [-1, "before", {}, {}, []], [10**6, "behind", {}, {}, []]
        ours = run.comfy.running
        run.comfy.running, run.comfy.pending = [[0, "somebody-else", {}, {}, []]], [before, *ours, behind]
        while not seen:
            await asyncio.sleep(0)
        run.comfy.running, run.comfy.pending = ours, [behind]
        await run.begin()
        await run.succeed()

    comfy.story = story
    client.run(prompt, on_progress=seen.append)
    assert (seen[0].waiting, seen[0].ahead, seen[-1].ahead) == (4, 2, 0)


def test_a_server_that_fails_while_history_is_asked(comfy, client, prompt, monkeypatch):
    monkeypatch.setattr(finish, "_HISTORY_LAG", 0.2)

    async def story(run):
        run.comfy.answer("GET", f"/history/{run.id}", status=500, text="boom")
        await run.begin()
        await run.say("execution_success", timestamp=3)

    comfy.story = story
    with pytest.raises(ServerUnreachable, match=r"/history: answered 500"):
        client.run(prompt)


def test_an_entry_without_any_verdict_is_lost(comfy, client, prompt):
    async def story(run):
        await run.begin()
        run.messages.clear()
        run.finish({}, "error")
        await run.say("executing", node=None)

    comfy.story = story
    with pytest.raises(RunLost, match="without success, error or interruption"):
        client.run(prompt)


def test_an_error_in_the_messages_counts_whatever_the_status_says(comfy, client, prompt):
    """ComfyUI leaves it at success where nodes that a node made depend on each other."""

    async def story(run):
        await run.begin()
        await run.say("execution_error", node_id="3", exception_type="E", exception_message="a cycle", timestamp=3)
        run.finish({}, "success")
        await run.say("executing", node=None)

    comfy.story = story
    with pytest.raises(ExecutionError, match="a cycle"):
        client.run(prompt)


@pytest.mark.usefixtures("quick_poll")
def test_a_blocked_output_does_not_end_the_run(comfy, client, prompt, monkeypatch):
    """It is told as an error without a time, and the rest goes on, for however long."""
    monkeypatch.setattr(finish, "_HISTORY_LAG", 0.1)

    async def story(run):
        await run.begin()
        await run.say("execution_error", node_id="9", exception_type="ExecutionBlocked", exception_message="no")
        await comfy.until_asked("GET", "/queue", times=2)
        await run.succeed()

    comfy.story = story
    assert len(client.run(prompt).outputs) == 1


def test_other_peoples_events_are_ignored(comfy, client, prompt):
    async def crowded(run):
        await run.begin()
        for kind in ("execution_error", "execution_interrupted", "execution_success"):
            await run.comfy.send(kind, {"prompt_id": "other", "node_id": "1", "timestamp": 1})
        await run.comfy.send("executing", {"prompt_id": "other", "node": None})
        await run.comfy.send("executing", {"node": None})
        await run.comfy.send("progress", {"prompt_id": "other", "value": 1, "max": 2})
        await run.succeed()

    comfy.story = crowded
    run = client.run(prompt)
    assert {event.data["prompt_id"] for event in run.events} == {run.prompt_id}
    assert len(run.outputs) == 1


def test_what_later_servers_say_as_well_is_no_matter(comfy, client, prompt, png):
    """Messages and previews marked with the workflow's id, news of assets, and files that say more of themselves."""

    async def story(run):
        marks = {"workflow_id": "w-1"}
        await comfy.send("asset_export", {"id": "x", "status": "running"})
        await run.say("execution_start", timestamp=1, **marks)
        await run.say("execution_cached", nodes=[], timestamp=2, **marks)
        await run.say("progress_state", nodes={"3": {"value": 1, "max": 2, "activity": "loading"}}, **marks)
        await run.say("executing", node="3", display_node="3", **marks)
        meta = json.dumps({"node_id": "3", "prompt_id": run.id, "image_type": "image/png", **marks}).encode()
        await comfy.send_bytes(struct.pack(">II", 4, len(meta)) + meta + png)
        await run.say("asset_export", asset="a-1", **marks)
        item = comfy.file("x_00001_.png", png) | {"metadata": {"kind": "image"}, "id": "a-1", "preview_id": None}
        await run.say("executed", node="9", output={"images": [item]}, **marks)
        await run.say("execution_success", timestamp=3, **marks)
        run.finish({"9": {"images": [item]}})
        await run.say("executing", node=None, **marks)

    comfy.story = story
    run = client.run(prompt, extra_data={"workflow_metadata": {"workflow_id": "w-1"}})
    assert run.complete
    assert [(one.name, one.data) for one in run.outputs] == [("9.images.0", png)]
    assert [(one.node, one.data) for one in run.previews] == [("3", png)]
    assert [event.type for event in run.events] == [
        "execution_start", "execution_cached", "progress_state", "executing", "asset_export", "executed",
        "execution_success", "executing",
    ]  # fmt: skip
    (body,) = comfy.asked("POST", "/prompt")
    assert body["extra_data"] == {"workflow_metadata": {"workflow_id": "w-1"}}


def test_an_entry_of_another_prompt_is_not_ours(comfy, client, prompt, png):
    """As from a proxy that takes /history/… of everybody for one address."""

    async def mixed_up(run):
        other = {"outputs": {"9": {"images": [comfy.file("other.png", b"other")]}}, "status": {"status_str": "success"}}
        comfy.answer("GET", f"/history/{run.id}", json={"somebody-else": other})
        await run.begin()
        await run.say("execution_success", timestamp=3)
        await comfy.until_asked("GET", f"/history/{run.id}", times=2)
        run.finish()
        comfy.answer("GET", f"/history/{run.id}", json={"somebody-else": other, **comfy.history})
        await run.say("executing", node=None)

    comfy.story = mixed_up
    assert [one.data for one in client.run(prompt).outputs] == [png]


def test_an_old_server_may_choose_the_id_itself(comfy, client, prompt):
    async def story(run):
        run.id = "chosen-by-the-server"
        run.comfy.running = [[1, run.id, run.prompt, {}, []]]
        await run.begin()
        await run.succeed()

    comfy.before_reply = True
    comfy.story = story
    assert client.run(prompt).prompt_id == "chosen-by-the-server"
