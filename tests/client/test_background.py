"""The client whose runs go on in the background, where it is more than the other ones: several runs on one socket."""

from __future__ import annotations

import asyncio

import pytest

from pytest_comfy import AsyncComfyClient

from .driven import InBackground

pytestmark = [pytest.mark.timeout(60), pytest.mark.filterwarnings("error")]

MANY = 8


def in_a_burst(comfy, many=MANY):
    """Have a server execute so many prompts one after the other, and say all of it at once, when the last is queued."""

    async def story(run):
        if len(run.comfy.posted) == many:
            for one in run.comfy.posted:
                await one.begin()
                await one.succeed()

    comfy.story = story


def test_each_is_told_to_begin_once_and_in_order_whichever_of_them_reads_the_message(comfy, prompt):
    in_a_burst(comfy)
    begun = []
    with InBackground(comfy.url) as client:
        runs = [client.begin(prompt, on_start=lambda number=number: begun.append(number)) for number in range(MANY)]
        assert [run.result().prompt_id for run in runs] == [posted.id for posted in comfy.posted]
        assert all(run.started_at is not None for run in runs)
    assert begun == [*range(MANY)]


def test_each_has_its_progress_told_whichever_of_them_reads_the_message(comfy, prompt):
    in_a_burst(comfy)
    told = {}

    async def main():
        async with AsyncComfyClient(comfy.url) as client:
            await asyncio.gather(
                *[
                    client.run(prompt, on_progress=lambda progress, number=number: told.update({number: progress}))
                    for number in range(MANY)
                ]
            )

    asyncio.run(main())
    assert {number: progress.started for number, progress in told.items()} == dict.fromkeys(range(MANY), True)


def test_what_is_told_of_a_run_and_raises_ends_that_run_alone(comfy, prompt):
    in_a_burst(comfy, 3)

    def broken(progress):
        raise ValueError("of the second")

    async def main():
        async with AsyncComfyClient(comfy.url) as client:
            asked = [client.run(prompt, on_progress=broken if number == 1 else None) for number in range(3)]
            return await asyncio.gather(*asked, return_exceptions=True)

    first, second, third = asyncio.run(main())
    assert str(second) == "of the second"
    assert first.complete and third.complete
