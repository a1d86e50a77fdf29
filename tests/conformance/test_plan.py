"""What is read off a capture before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from .captures import Capture
from .life import Life
from .plan import Plan

CAPTURES = Path(__file__).parent.parent / "captures"


def load(scenario, version="0.8.0"):
    return Capture.load(CAPTURES / version / f"{scenario}.json.gz")


def stops(scenario, version="0.8.0"):
    return [(stop.event, stop.nth, stop.actions) for stop in Plan(load(scenario, version)).stops]


@pytest.mark.parametrize("version", ["0.8.0", "0.3.64"])
def test_scenarios_are_in_the_order_in_which_they_were_made(version):
    """Numbers rise by one a prompt, whether it is accepted or refused, and history names what came before."""
    life = Life.load(CAPTURES / version)
    order = [capture.scenario for capture in life.captures]
    number = len(life.earlier)
    for capture in life.captures:
        for post in capture.posts:
            if "number" not in post.body:
                assert abs(post.number) == number, capture.scenario
                number += 1
        number += capture.refused
        assert life.uncounted(capture) == 0
    assert order[-3:] == ["view", "metadata", "history_delete_and_clear"]
    assert len(order) == 30


def test_three_prompts_ran_before_the_first_scenario_of_one_server():
    """`fox_00004_.png` is the first picture of txt2img_previews; history knows number 1."""
    life = Life.load(CAPTURES / "0.8.0")
    files = [run.document["ui"]["9"]["images"][0]["filename"] for run in life.runs[:3]]
    assert files == ["fox_00001_.png", "fox_00002_.png", "fox_00003_.png"]
    assert len({str(run.prompt) for run in life.runs[:3]}) == 3
    assert Life.load(CAPTURES / "0.3.64").earlier == []


def test_a_run_stands_still_while_the_client_acts():
    assert stops("two_clients_queue") == [("progress_state", 2, [13, 16, 17])]
    assert stops("interrupt") == [("execution_success", 1, [123])]
    assert stops("reconnect_during_run") == [("progress_state", 27, [82, 83])]
    assert stops("success") == []


def test_a_run_that_outlives_its_scenario_stands_still_until_the_next_has_posted():
    """The client of 0.3.64 gave up waiting; the next is greeted with one prompt remaining."""
    left = Plan(load("reconnect_during_run", "0.3.64")).stops[-1]
    taken = Plan(load("client_chosen_prompt_id", "0.3.64")).stops[0]
    assert (left.carries, left.event, left.actions) == (True, "execution_success", [97])
    assert (taken.carried, taken.before, taken.actions) == (True, 4, [0, 2])


def test_messages_that_a_request_causes_are_not_awaited_before_it():
    """They stand before its answer, which came on another connection."""
    plan = Plan(load("txt2img_previews"))
    assert plan.awaited(8, 8) == [1]
    assert plan.awaited(8) == [1, 2, 3, 4, 5, 6, 7]
    clear = Plan(load("clear_queue"))
    assert 10 in clear.awaited(12, 12) and 11 not in clear.awaited(12, 12)
