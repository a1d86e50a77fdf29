"""The asynchronous client where it is more than the other one awaited: beside other tasks, and in event loops."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys

import pytest
from aiohttp import web

from pytest_comfy import AsyncComfyClient, ComfyClient
from pytest_comfy.client import RunInterrupted, ServerUnreachable

pytestmark = [pytest.mark.timeout(40), pytest.mark.filterwarnings("error")]


def test_it_has_the_methods_of_the_other_one():
    def public(kind):
        return {name for name, _ in inspect.getmembers(kind, callable) if not name.startswith("_")}

    assert public(ComfyClient) <= public(AsyncComfyClient)
    for name in public(ComfyClient) - {"renew"}:
        ours, theirs = getattr(ComfyClient, name), getattr(AsyncComfyClient, name)
        assert inspect.iscoroutinefunction(theirs) or inspect.isasyncgenfunction(theirs), name
        assert [*inspect.signature(ours).parameters.values()] == [*inspect.signature(theirs).parameters.values()], name
        assert theirs.__doc__


def test_both_take_the_same_arguments():
    assert inspect.signature(ComfyClient) == inspect.signature(AsyncComfyClient)


def test_other_tasks_go_on_meanwhile(comfy, prompt):
    async def story(run):
        await run.begin()
        await run.comfy.until(lambda: run.comfy.asked("GET", "/features"))
        await run.succeed()

    async def main():
        async with AsyncComfyClient(comfy.url) as client:
            running = asyncio.create_task(client.run(prompt))
            while not comfy.posted:
                await asyncio.sleep(0)
            await client.features()
            return await running

    comfy.answer("GET", "/features", json={})
    comfy.story = story
    assert asyncio.run(main()).complete


def test_runs_beside_each_other(comfy, prompt):
    """The server tells of all of them on one socket, and each ends with its own."""

    async def story(run):
        await run.comfy.until(lambda: len(run.comfy.posted) == 3)
        await run.begin()
        await run.succeed()

    async def main():
        async with AsyncComfyClient(comfy.url) as client:
            return await asyncio.gather(*[client.run(prompt) for _ in range(3)])

    comfy.story = story
    runs = asyncio.run(main())
    assert {run.prompt_id for run in runs} == {posted.id for posted in comfy.posted}
    for run in runs:
        assert run.complete and [one.data for one in run.outputs]
        assert {event.data["prompt_id"] for event in run.events} == {run.prompt_id}
    assert [kind for kind, _ in comfy.log].count("open") == 1


@pytest.mark.usefixtures("quick_poll")
def test_one_of_two_that_fails_leaves_the_other_alone(comfy, prompt):
    """The socket stays open for the other, which misses nothing."""

    async def story(run):
        if run.nth == 2:
            await run.comfy.until_asked("POST", "/interrupt")
            await run.begin()
            await run.succeed()

    async def main():
        async with AsyncComfyClient(comfy.url) as client:
            first = asyncio.create_task(client.run(prompt))
            while not comfy.posted:
                await asyncio.sleep(0)
            second = asyncio.create_task(client.run(prompt))
            while len(comfy.posted) < 2:
                await asyncio.sleep(0)
            first.cancel()
            return await asyncio.gather(first, second, return_exceptions=True)

    comfy.story = story
    gone, good = asyncio.run(main())
    assert isinstance(gone, asyncio.CancelledError)
    assert good.prompt_id == comfy.posted[1].id and good.outputs
    assert good.gap is None
    assert [kind for kind, _ in comfy.log].count("open") == 1
    assert comfy.asked("POST", "/interrupt") == [{"prompt_id": comfy.posted[0].id}]


def test_a_cancelled_task_takes_its_prompt_off_the_server(comfy, prompt):
    async def main():
        async with AsyncComfyClient(comfy.url) as client:
            running = asyncio.create_task(client.run(prompt))
            while not comfy.posted:
                await asyncio.sleep(0)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    async def story(run):
        await run.begin()

    comfy.story = story
    asyncio.run(main())
    assert comfy.asked("POST", "/interrupt") == [{"prompt_id": comfy.posted[0].id}]


def test_one_task_interrupts_what_another_one_waits_for(comfy, prompt):
    async def story(run):
        await run.begin()
        await run.comfy.until_asked("POST", "/interrupt")
        await run.say("execution_interrupted", node_id="3", timestamp=4)
        run.finish({}, "error")
        await run.say("executing", node=None)

    async def main():
        async with AsyncComfyClient(comfy.url) as client:
            queued = await client.queue_prompt(prompt)
            waiting = asyncio.create_task(client.wait(queued.prompt_id))
            await client.interrupt(queued.prompt_id)
            await waiting

    comfy.story = story
    with pytest.raises(RunInterrupted):
        asyncio.run(main())


def test_what_is_not_closed_is_closed_with_its_loop_and_opened_in_the_next(comfy, prompt):
    client = AsyncComfyClient(comfy.url)
    for _ in range(2):
        assert asyncio.run(client.run(prompt)).complete
        comfy.call(comfy.until_no_connection())
    client.close_from_outside()
    assert [kind for kind, _ in comfy.log].count("open") == 2


def test_closed_from_outside_in_a_loop_that_rests(comfy, prompt):
    client, loop = AsyncComfyClient(comfy.url), asyncio.new_event_loop()
    assert loop.run_until_complete(client.run(prompt)).complete
    client.close_from_outside()
    comfy.call(comfy.until_no_connection())
    loop.close()
    client.close_from_outside()


def test_a_slow_taker_holds_the_server_back(comfy, prompt, monkeypatch):
    """No more is held than a quarter of the memory, and nothing of it is lost."""
    pieces = 30

    async def story(run):
        await run.begin()
        for number in range(pieces):
            await run.say("executed", node="9", output={"text": ["x" * 40_000], "number": number})
        await run.succeed()

    async def main():
        async with AsyncComfyClient(comfy.url, max_memory=20_000_000) as client:
            stream = await client._open()
            most = 0
            queued = await client.queue_prompt(prompt)
            seen = []
            async for event in client.events(queued.prompt_id):
                most = max(most, stream._size)
                seen.append(event)
            return most, seen

    monkeypatch.setattr("pytest_comfy.client.aio.HELD", 200_000)
    comfy.story = story
    most, seen = asyncio.run(main())
    assert [one.data["output"]["number"] for one in seen if one.type == "executed"] == list(range(pieces))
    assert 0 < most < 600_000


@pytest.mark.parametrize("answer", ["refused", "closed"])
def test_no_socket(comfy, prompt, answer):
    async def socket(request):
        if answer == "refused":
            return web.Response(status=403)
        one = web.WebSocketResponse()
        await one.prepare(request)
        await one.close()
        return one

    async def main():
        async with AsyncComfyClient(comfy.url) as client:
            await client.run(prompt)

    comfy._socket = socket
    with pytest.raises(ServerUnreachable, match=r"no WebSocket at /ws \((answered 403|no greeting)\)"):
        asyncio.run(main())
    assert comfy.posted == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x?y", "ftp://x"])
def test_an_address_that_is_none(url):
    with pytest.raises(ServerUnreachable, match="is no server address"):
        AsyncComfyClient(url)


def test_nobody_listens(dead_url):
    async def main(step):
        async with AsyncComfyClient(dead_url) as client:
            await step(client)

    for step in (lambda client: client.queue(), lambda client: client.run({})):
        with pytest.raises(ServerUnreachable, match="connection refused: is ComfyUI running there"):
            asyncio.run(main(step))


def test_the_other_client_does_not_load_it():
    code = "import sys, pytest_comfy; pytest_comfy.ComfyClient('http://127.0.0.1:1'); print('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
