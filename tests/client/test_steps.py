"""The client step by step: a prompt queued, followed and brought home, each on its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct

import pytest
from aiohttp import web

from pytest_comfy import Workflow
from pytest_comfy.client import (
    ComfyError,
    DownloadError,
    Event,
    ExecutionError,
    Preview,
    PromptRejected,
    RunLost,
    RunTimeout,
    ServerUnreachable,
    TooLarge,
)

pytestmark = pytest.mark.timeout(40)

USUAL = ["execution_start", "execution_cached", "executing", "executed", "execution_success", "executing"]
STRANGER = "00000000-0000-4000-8000-000000000000"


def types(events):
    return [one.type if isinstance(one, Event) else "preview" for one in events]


class Held:
    """A story in parts: `tell` has the server go on with the next one."""

    def __init__(self, comfy, *parts):
        self.comfy, self.parts, self.gates = comfy, parts, [asyncio.Event() for _ in parts]
        comfy.story = self

    async def __call__(self, run):
        for part, gate in zip(self.parts, self.gates, strict=True):
            await gate.wait()
            await part(run)

    def tell(self):
        gate = next(gate for gate in self.gates if not gate.is_set())
        self.comfy._loop.call_soon_threadsafe(gate.set)


async def begin(run):
    await run.begin()


async def succeed(run):
    await run.succeed()


async def nothing(run):
    return


class TestQueueing:
    @pytest.fixture(autouse=True)
    def _nothing_runs(self, comfy):
        comfy.story = nothing

    def test_what_is_sent_is_what_the_api_calls_so(self, comfy, client, prompt):
        queued = client.queue_prompt(
            prompt, extra_data={"a": 1}, prompt_id=STRANGER, number=-3.5, front=True, partial_execution_targets=["9"]
        )
        (body,) = comfy.asked("POST", "/prompt")
        assert body == {
            "prompt": prompt, "client_id": client.client_id, "prompt_id": STRANGER, "extra_data": {"a": 1},
            "number": -3.5, "front": True, "partial_execution_targets": ["9"],
        }  # fmt: skip
        assert (queued.prompt_id, queued.number, queued.node_errors) == (STRANGER, 1, {})
        assert ("open", client.client_id) in comfy.log

    def test_what_is_not_told_is_not_sent(self, comfy, client, prompt):
        queued = client.queue_prompt(prompt)
        (body,) = comfy.asked("POST", "/prompt")
        assert body == {"prompt": prompt, "client_id": client.client_id, "prompt_id": queued.prompt_id}

    def test_a_workflow_brings_what_it_has_beside_its_prompt(self, comfy, client, prompt):
        workflow = Workflow.from_graph(prompt)
        client.queue_prompt(workflow)
        assert comfy.asked("POST", "/prompt")[0]["prompt"] == workflow.prompt()

    def test_a_part_that_is_left_out_is_told_and_the_rest_runs(self, comfy, client, prompt):
        comfy.story = _good
        comfy.node_errors = {"9": {"errors": [], "dependent_outputs": ["9"], "class_type": "SaveImage"}}
        queued = client.queue_prompt(prompt)
        assert queued.node_errors == comfy.node_errors
        assert client.wait(queued.prompt_id).status["status_str"] == "success"
        assert comfy.asked("POST", "/interrupt") == []

    def test_a_refusal(self, comfy, client, prompt):
        errors = {"3": {"errors": [{"type": "x", "message": "m", "details": "d"}], "class_type": "KSampler"}}
        comfy.answer("POST", "/prompt", 400, json={"error": {"type": "t", "message": "no"}, "node_errors": errors})
        with pytest.raises(PromptRejected, match="prompt refused: no") as caught:
            client.queue_prompt(prompt)
        assert (caught.value.error["type"], caught.value.node_errors) == ("t", errors)

    def test_an_id_of_the_server_s_own(self, comfy, client, prompt):
        """As servers older than ids of the client's choice give it."""
        comfy.answer("POST", "/prompt", json={"prompt_id": "own", "number": 7, "node_errors": {}})
        assert client.queue_prompt(prompt).prompt_id == "own"
        comfy.history["own"] = entry(comfy)
        comfy.call(comfy.send("executing", {"node": None, "prompt_id": "own"}))
        assert types(client.events("own")) == ["executing"]
        assert client.wait("own").complete


def entry(comfy, **outputs):
    return {
        "prompt": [1, "own", {"9": {"class_type": "SaveImage", "inputs": {}}}, {}, ["9"]],
        "outputs": outputs or {"9": {"images": [comfy.file("y.png", b"y")]}},
        "status": {"status_str": "success", "completed": True, "messages": []},
    }


class TestEvents:
    def test_from_the_beginning_to_executing_null(self, comfy, client, prompt):
        queued = client.queue_prompt(prompt)
        events = list(client.events(queued.prompt_id))
        assert types(events) == USUAL
        assert events[-1].data == {"node": None, "prompt_id": queued.prompt_id}
        assert [one.at for one in events] == sorted(one.at for one in events)

    def test_they_come_while_the_run_goes_on(self, comfy, client, prompt):
        held = Held(comfy, begin, succeed)
        events = client.events(client.queue_prompt(prompt).prompt_id)
        held.tell()
        assert types([next(events) for _ in range(3)]) == USUAL[:3]
        assert comfy.history == {}
        held.tell()
        assert types(events) == ["execution_success", "executing"]

    def test_pictures_on_the_way_are_among_them(self, comfy, client, prompt):
        meta = json.dumps({"node_id": "3", "image_type": "image/jpeg"}).encode()

        async def with_picture(run):
            await run.begin()
            told = json.dumps({**json.loads(meta), "prompt_id": run.id}).encode()
            await run.comfy.send_bytes(struct.pack(">II", 4, len(told)) + told + b"jpeg")
            await run.succeed()

        comfy.story = with_picture
        events = list(client.events(client.queue_prompt(prompt).prompt_id))
        assert types(events) == [*USUAL[:3], "preview", "execution_success", "executing"]
        assert isinstance(events[3], Preview)
        assert (events[3].node, events[3].data, events[3].meta["image_type"]) == ("3", b"jpeg", "image/jpeg")

    def test_they_may_be_asked_for_again_and_in_any_order(self, comfy, client, prompt):
        first, second = client.queue_prompt(prompt), client.queue_prompt(prompt)
        for queued in (second, first, second):
            events = list(client.events(queued.prompt_id))
            assert types(events) == USUAL
            assert {one.data["prompt_id"] for one in events} == {queued.prompt_id}

    def test_who_leaves_early_misses_nothing(self, comfy, client, prompt):
        queued = client.queue_prompt(prompt)
        for _ in client.events(queued.prompt_id):
            break
        run = client.wait(queued.prompt_id)
        assert types(run.events) == USUAL and run.complete
        assert types(client.events(queued.prompt_id)) == USUAL

    def test_of_no_prompt_in_particular(self, comfy, client, prompt):
        client.queue_prompt(prompt)
        events = list(client.events())
        assert types(events) == ["status", *USUAL]
        assert events[0].data == {"status": {}, "sid": client.client_id}

    def test_a_failed_run_ends_them_and_they_do_not_judge_it(self, comfy, client, prompt):
        comfy.story = failing
        queued = client.queue_prompt(prompt)
        assert types(client.events(queued.prompt_id))[-2:] == ["execution_error", "executing"]
        with pytest.raises(ExecutionError, match=r"node 3 'Sampler' .*ValueError: bad"):
            client.wait(queued.prompt_id)

    @pytest.mark.parametrize("named", [True, False])
    def test_their_end_is_waited_for_as_long_as_told(self, comfy, client, prompt, named):
        comfy.story = begin
        queued = client.queue_prompt(prompt)
        with pytest.raises(RunTimeout):
            list(client.events(queued.prompt_id if named else None, timeout=0.2))
        assert comfy.asked("POST", "/queue") == comfy.asked("POST", "/interrupt") == []

    @pytest.mark.usefixtures("quick_poll")
    def test_a_socket_that_drops_is_told_as_a_gap(self, comfy, client, prompt):
        async def dropping(run):
            await run.begin()
            await run.comfy.drop_sockets()
            await run.comfy.until(lambda: run.comfy.sockets)
            await run.succeed()

        comfy.story = dropping
        queued = client.queue_prompt(prompt)
        assert types(client.events(queued.prompt_id))[:3] == USUAL[:3]
        assert client.wait(queued.prompt_id).gap == "dropped"

    def test_a_socket_that_drops_while_all_is_listened_to(self, comfy, client, prompt):
        async def dropping(run):
            await run.begin()
            await run.comfy.drop_sockets()

        comfy.story = dropping
        client.queue_prompt(prompt)
        with pytest.raises(ServerUnreachable, match="/ws: the socket was closed"):
            list(client.events())

    @pytest.mark.usefixtures("quick_poll")
    def test_a_prompt_that_vanishes(self, comfy, client, prompt):
        async def vanishing(run):
            await run.begin()
            run.comfy.running.clear()

        comfy.story = vanishing
        with pytest.raises(RunLost, match="vanished"):
            list(client.events(client.queue_prompt(prompt).prompt_id))

    def test_a_message_that_is_too_large(self, comfy, client, prompt):
        async def shouting(run):
            await run.begin()
            # The client may be gone before all of it is sent.
            with contextlib.suppress(ConnectionError):
                await run.say("executed", node="9", output={"text": ["x" * 900_000]})

        client.max_memory = 1_000_000
        comfy.story = shouting
        with pytest.raises(TooLarge, match="a message on the WebSocket"):
            list(client.events(client.queue_prompt(prompt).prompt_id))


async def failing(run):
    await run.begin()
    await run.say("execution_error", node_id="3", exception_type="ValueError", exception_message="bad", timestamp=3)
    run.finish({}, "error")
    await run.say("executing", node=None)


class TestWaiting:
    def test_the_steps_make_the_same_as_the_run(self, comfy, client, prompt):
        queued = client.queue_prompt(prompt)
        stepped = client.wait(queued.prompt_id)
        whole = client.run(prompt)
        assert stepped.outputs == ()
        assert client.outputs(queued.prompt_id) == whole.outputs
        for name in ("prompt", "posted", "meta", "ui", "cached", "gap", "left_out"):
            assert getattr(stepped, name) == getattr(whole, name), name
        assert types(stepped.events) == types(whole.events)

    def test_twice(self, comfy, client, prompt):
        queued = client.queue_prompt(prompt)
        assert client.wait(queued.prompt_id).events == client.wait(queued.prompt_id).events != ()

    def test_a_prompt_is_left_where_it_is_when_time_is_up(self, comfy, client, prompt):
        held = Held(comfy, begin, succeed)
        queued = client.queue_prompt(prompt)
        held.tell()
        with pytest.raises(RunTimeout):
            client.wait(queued.prompt_id, timeout=0.2)
        assert comfy.asked("POST", "/queue") == comfy.asked("POST", "/interrupt") == []
        held.tell()
        assert client.wait(queued.prompt_id).complete

    def test_a_prompt_of_somebody_else(self, comfy, client):
        comfy.history["own"] = entry(comfy)
        run = client.wait("own")
        assert (run.prompt, run.gap, run.events) == (comfy.history["own"]["prompt"][2], "silent", ())
        assert [one.data for one in client.outputs("own")] == [b"y"]

    def test_a_prompt_that_nobody_knows(self, comfy, client):
        with pytest.raises(RunLost, match="neither in the queue nor in the history"):
            client.wait("nothing")
        with pytest.raises(RunLost, match="has no prompt 'nothing': it is not over yet"):
            client.outputs("nothing")

    def test_only_what_is_wanted_is_downloaded(self, comfy, client, prompt):
        queued = client.queue_prompt(prompt)
        client.wait(queued.prompt_id)
        assert client.outputs(queued.prompt_id, wanted=lambda named: False) == ()
        assert comfy.asked("GET", "/view") == []

    def test_pictures_sent_over_the_socket_are_outputs(self, comfy, client, prompt):
        prompt["9"]["class_type"] = "SaveImageWebsocket"

        async def sending(run):
            await run.begin("9")
            await run.comfy.send_bytes(struct.pack(">II", 1, 2) + b"png")
            await run.succeed({"9": {}})

        comfy.story = sending
        queued = client.queue_prompt(prompt)
        client.wait(queued.prompt_id)
        assert [(one.name, one.data) for one in client.outputs(queued.prompt_id)] == [("9.websocket.0", b"png")]

    def test_a_run_in_between_leaves_the_steps_alone(self, comfy, client, prompt):
        held = Held(comfy, begin, succeed)
        queued = client.queue_prompt(prompt)
        held.tell()
        comfy.story = _good
        assert client.run(prompt).complete
        held.tell()
        run = client.wait(queued.prompt_id)
        assert (types(run.events), run.complete) == ([*USUAL[:3], *USUAL[4:]], True)


async def _good(run):
    await run.begin()
    await run.succeed()


class TestQuestions:
    def test_view(self, comfy, client):
        comfy.file("a.png", b"data")
        assert client.view("a.png") == b"data"
        with pytest.raises(DownloadError, match=r"/view: answered 404 when asked for 'b\.png' in temp/sub"):
            client.view("b.png", "sub", "temp")

    def test_an_upload_under_its_own_name(self, comfy, client):
        comfy.answer("POST", "/upload/image", json={"name": "c (1).png", "subfolder": "sub", "type": "temp"})
        assert client.upload(b"abc", "a/c.png", type="temp", subfolder="sub", overwrite=True) == "sub/c (1).png [temp]"
        (form,) = comfy.asked("POST", "/upload/image")
        assert form["image"] == ("c.png", b"abc")
        assert {name: value for name, (_, value) in form.items() if name != "image"} == {
            "type": b"temp", "subfolder": b"sub", "overwrite": b"true",
        }  # fmt: skip

    @pytest.mark.parametrize("name", ["ä ö.png", "日本.png", "a%20b.png"])
    def test_names_of_uploads_arrive_as_they_are(self, comfy, client, name):
        comfy.answer("POST", "/upload/image", json={})
        assert client.upload(b"abc", name, subfolder="") == name
        assert comfy.asked("POST", "/upload/image")[0]["image"] == (name, b"abc")

    def test_a_mask_names_its_original(self, comfy, client):
        comfy.answer("POST", "/upload/mask", json={"name": "m.png", "subfolder": "", "type": "input"})
        assert client.upload_mask(b"abc", "m.png", "a/b.png [output]", subfolder="") == "m.png"
        (form,) = comfy.asked("POST", "/upload/mask")
        assert json.loads(form["original_ref"][1]) == {"filename": "b.png", "subfolder": "a", "type": "output"}

    def test_a_refused_mask(self, comfy, client):
        comfy.answer("POST", "/upload/mask", 500, text="no")
        with pytest.raises(ComfyError, match=r"refuses the upload of 'm\.png' \(500\)"):
            client.upload_mask(b"abc", "m.png", "b.png")

    def test_the_queue(self, comfy, client, prompt):
        comfy.running = [[3, "a", prompt, {"client_id": "x"}, ["9"]]]
        comfy.pending = [[4, "b", {}, {}, []], "nonsense", [5]]
        queue = client.queue()
        (running,), (pending,) = queue.running, queue.pending
        assert (running.number, running.prompt_id, running.prompt, running.extra_data, running.outputs) == (
            3, "a", prompt, {"client_id": "x"}, ("9",),
        )  # fmt: skip
        assert (pending.number, pending.prompt_id, pending.outputs) == (4, "b", ())
        assert ("a" in queue, "b" in queue, "c" in queue) == (True, True, False)

    def test_history(self, comfy, client):
        asked = []

        async def history(request):
            asked.append(dict(request.query))
            return web.json_response({"a": {}, "b": {}})

        comfy.answers["GET", "/history"] = history
        assert client.history() == client.history(max_items=2, offset=1) == {"a": {}, "b": {}}
        assert asked == [{}, {"max_items": "2", "offset": "1"}]
        comfy.history["a b"] = {"status": {}}
        assert client.history("a b") == {"a b": {"status": {}}}
        assert client.history("c") == {}

    def test_interrupt_and_delete(self, comfy, client):
        client.interrupt()
        client.interrupt("a")
        client.delete("b")
        assert comfy.asked("POST", "/interrupt") == [{}, {"prompt_id": "a"}]
        assert comfy.asked("POST", "/queue") == [{"delete": ["b"]}]
        comfy.answer("POST", "/interrupt", 500, text="broken")
        with pytest.raises(ComfyError, match=r"/interrupt: answered 500 \(broken\)"):
            client.interrupt()

    def test_jobs(self, comfy, client):
        asked = []

        async def jobs(request):
            asked.append(dict(request.query))
            return web.json_response({"jobs": [{"id": "a"}], "pagination": {}})

        comfy.answers["GET", "/api/jobs"] = jobs
        assert client.jobs() == client.jobs(["failed", "pending"], limit=3) == [{"id": "a"}]
        assert asked == [{}, {"status": "failed,pending", "limit": "3"}]

    def test_a_server_without_jobs(self, comfy, client):
        with pytest.raises(ComfyError, match="/api/jobs: answered 404: this server is older than jobs"):
            client.jobs()

    def test_cancelling(self, comfy, client):
        comfy.answer("POST", f"/api/jobs/{STRANGER}/cancel", json={"cancelled": True})
        assert client.cancel(STRANGER) is True
        comfy.answer("POST", f"/api/jobs/{STRANGER}/cancel", json={"cancelled": False})
        assert client.cancel(STRANGER) is False
        assert comfy.asked("POST", "/interrupt") == []

    @pytest.mark.parametrize("status", [404, 405])
    def test_cancelling_on_a_server_that_has_no_such_route(self, comfy, client, prompt, status):
        comfy.answer("POST", "/api/jobs/a/cancel", status)
        assert client.cancel("a") is False
        comfy.pending = [[1, "a", prompt, {}, []]]
        assert client.cancel("a") is True
        assert comfy.asked("POST", "/queue") == [{"delete": ["a"]}]
        assert comfy.asked("POST", "/interrupt") == [{"prompt_id": "a"}]

    def test_models(self, comfy, client):
        comfy.answer("GET", "/models", json=["vae"])
        comfy.answer("GET", "/models/vae", json=["a.safetensors"])
        assert (client.models(), client.models("vae")) == (["vae"], ["a.safetensors"])
        with pytest.raises(ComfyError, match="the server has no folder of models 'x/y'"):
            client.models("x/y")
        comfy.answer("GET", "/embeddings", json={"no": "list"})
        with pytest.raises(ServerUnreachable, match="/embeddings: answered 200 without a list of names"):
            client.embeddings()

    def test_object_info_is_asked_each_time_and_definitions_once(self, comfy, client):
        comfy.definitions["A"] = {"output": []}
        comfy.answer("GET", "/object_info", json={"A": {"output": []}, "B": {"output": ["X"]}})
        assert client.object_info("A") == client.object_info("A") == {"A": {"output": []}}
        assert client.object_info("C") == {}
        assert client.object_info() == client.definitions() == client.definitions()
        assert client.definitions(["B"]) == {"B": {"output": ["X"]}}
        assert len(comfy.asked("GET", "/object_info")) == 2
        assert comfy.asked("GET", "/object_info/B") == []

    def test_free(self, comfy, client):
        client.free(unload_models=True)
        assert comfy.asked("POST", "/free") == [{"unload_models": True, "free_memory": True}]
