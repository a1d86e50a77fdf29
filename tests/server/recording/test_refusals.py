"""Refusals that no definition foretells: recorded as they were, and served again."""

from __future__ import annotations

import copy

import pytest
import requests
from aiohttp import web

from pytest_comfy.server import FakeComfyServer

from ..conftest import PROMPT
from .upstream import AppUpstream, Recording

OWN = {"type": "custom_validation_failed", "message": "Custom validation failed for node", "details": "color - odd",
       "extra_info": {"input_name": "color"}}  # fmt: skip
REFUSAL = {
    "error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation",
              "details": "", "extra_info": {}},
    "node_errors": {"1": {"errors": [OWN], "dependent_outputs": ["2"], "class_type": "EmptyImage"}},
}  # fmt: skip


async def refuses(request):
    return web.json_response(REFUSAL, status=400)


@pytest.fixture
def recorded(tmp_path):
    with AppUpstream(refuses) as upstream, Recording(upstream.url, tmp_path / "r") as recording:
        answer = requests.post(recording.url + "/prompt", json={"prompt": PROMPT}, timeout=10)
        assert (answer.status_code, answer.json()) == (400, REFUSAL)
    return tmp_path / "r"


def post(server, prompt):
    return requests.post(server.url + "/prompt", json={"prompt": prompt}, timeout=10)


def test_a_recorded_refusal_is_served_again(recorded):
    with FakeComfyServer(recorded) as server:
        answer = post(server, PROMPT)
        assert (answer.status_code, answer.json()) == (400, REFUSAL)
        assert server.problems == []


def test_it_is_of_that_prompt_alone(recorded, golden):
    changed = copy.deepcopy(PROMPT)
    changed["1"]["inputs"]["color"] = 8
    renumbered = {"8": PROMPT["1"], "9": {**PROMPT["2"], "inputs": {**PROMPT["2"]["inputs"], "images": ["8", 0]}}}
    with FakeComfyServer([recorded]) as server:
        assert [post(server, one).json() == REFUSAL for one in (changed, renumbered)] == [False, False]


def test_a_golden_run_of_the_prompt_goes_first(recorded, golden):
    with FakeComfyServer([recorded, golden]) as server:
        assert post(server, PROMPT).status_code == 200
