"""What a server tells of itself is asked once, and no answer of ComfyUI-Manager, or none, is an error."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.client import ServerUnreachable, TooLarge
from pytest_comfy.judging.environment import Facts
from pytest_comfy.judging.startup import told_by

PROMPT = {"1": {"class_type": "Blur", "inputs": {}}, "2": {"class_type": "SaveImage", "inputs": {}}}
CORE = {"2": PROMPT["2"]}
MODULES = {"Blur": {"python_module": "custom_nodes.KJNodes"}, "SaveImage": {"python_module": "nodes"}}
INSTALLED = {"KJNodes": {"ver": "1.1.9", "enabled": True}, "Other": {"ver": "2.0", "enabled": True}}
LOG = "/internal/logs"
OLDER, NEWER = "/customnode/installed", "/v2/customnode/installed"


class Server:
    """A client whose server answers from a table, and what it was asked."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.http = self
        self.version = "0.8.0"

    def system_stats(self):
        self.asked.append("/system_stats")
        return {"system": {"comfyui_version": self.version}}

    def definitions(self, classes):
        self.asked += sorted(classes)
        return {name: MODULES[name] for name in classes if name in MODULES}

    def get(self, path, params=None, timeout=None, limit=None):
        assert timeout is not None
        self.asked.append(f"{path}?mode={params['mode']}" if params else path)
        found = self.answers.get(path, 404)
        if isinstance(found, Exception):
            raise found
        status = found if isinstance(found, int) else 200
        return SimpleNamespace(status=status, json=lambda: json.loads(json.dumps(found)))


def test_each_thing_is_asked_once():
    facts, server = Facts(), Server(**{OLDER: INSTALLED})
    told = facts.environment(server, PROMPT)
    assert (told["comfyui"], told["node_packs"]) == ("0.8.0", {"KJNodes": ["Blur"]})
    assert told["pack_versions"] == {"KJNodes": "1.1.9"}
    asked = list(server.asked)
    assert asked == [
        "/system_stats", LOG, "Blur", "SaveImage", f"{NEWER}?mode=imported", f"{OLDER}?mode=imported",
    ]  # fmt: skip
    assert facts.environment(server, PROMPT) == told
    assert server.asked == asked


def test_a_run_to_be_approved_is_of_the_server_as_it_is():
    facts, server = Facts(), Server()
    facts.environment(server, CORE)
    server.version = "0.30.0"
    assert facts.environment(server, CORE)["comfyui"] == "0.8.0"
    assert facts.environment(server, CORE, anew=True)["comfyui"] == "0.30.0"
    assert facts.environment(server, CORE)["comfyui"] == "0.30.0"


def test_without_a_node_pack_nobody_asks_for_its_version():
    server = Server(**{NEWER: INSTALLED})
    assert Facts().environment(server, CORE)["pack_versions"] == {}
    assert not any("customnode" in path for path in server.asked)


@pytest.mark.parametrize(
    "answer", [404, 500, ServerUnreachable("slow"), TooLarge("large"), [], 5, None, {"KJNodes": {"ver": 5}}]
)
def test_no_answer_is_an_error(answer):
    told = Facts().environment(Server(**{NEWER: answer, OLDER: answer}), PROMPT)
    assert told["node_packs"] == {"KJNodes": ["Blur"]}
    assert told["pack_versions"] == {}


def test_the_manager_that_comfyui_comes_with_goes_first():
    server = Server(**{NEWER: INSTALLED, OLDER: {"KJNodes": {"ver": "old"}}})
    assert Facts().environment(server, PROMPT)["pack_versions"] == {"KJNodes": "1.1.9"}
    assert f"{OLDER}?mode=imported" not in server.asked


# As ComfyUI 0.3.64 and 0.30.0 answer, shortened; the revision is a line of ComfyUI-Manager.
LOGGED = (
    "2026-11-26T10:43:05.142681 - Set vram state to: NORMAL_VRAM\n"
    "2026-11-26T10:43:05.440869 - Using pytorch attention\n"
    "2026-11-26T10:43:14.190171 - ### ComfyUI Revision: 4321 on 'master' [0a1b2c3d] | Released on '2026-11-20'\n"
)
LATER = "2026-11-26T10:43:05 - \x1b[32m[INFO]\x1b[0m Using sage attention\n2026 - Using pytorch attention in VAE\n"


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (LOGGED, {"attention": "pytorch", "vram_state": "NORMAL_VRAM", "commit": "0a1b2c3d"}),
        (LATER, {"attention": "sage"}),
        ("2026 - Using sub quadratic optimization for attention, if you have memory", {"attention": "sub quadratic"}),
        ("2026 - Using pytorch attention in VAE\n2026 - Requested to load SD3", {}),
        ("### ComfyUI Revision: UNKNOWN (The currently installed ComfyUI is not a Git repository)", {}),
        ("", {}),
        ([{"m": "Using pytorch attention"}], {}),
        (404, {}),
        (500, {}),
        (ServerUnreachable("gone"), {}),
        (TooLarge("large"), {}),
    ],
)
def test_what_a_server_logged_when_it_started(log, told):
    found = Facts().environment(Server(**{LOG: log}), CORE)
    assert {key: found[key] for key in ("attention", "vram_state", "commit") if key in found} == told


@given(st.text())
def test_any_log(text):
    assert set(told_by(text)) <= {"attention", "vram_state", "commit"}
