"""What a server tells of its model files: each folder is listed once, and no answer is an error."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from pytest_comfy.client import ServerUnreachable
from pytest_comfy.judging.models import Models

FILE = {"name": "a.safetensors", "pathIndex": 0, "modified": 1795652807.5, "created": 1.0, "size": 7}
FACTS = {"folder": "vae", "size": 7, "modified": "2026-11-26T00:26:47.500Z", "touched": "1970-01-01T00:00:01.000Z"}


class Server:
    """Answers from a table of path -> JSON, status or error, and keeps what it was asked."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.http = self

    def get(self, path, params=None):
        self.asked.append(path + (f"?{params['filename']}" if params else ""))
        found = self.answers.get(path, 404)
        if isinstance(found, Exception):
            raise found
        status = found if isinstance(found, int) else 200
        return SimpleNamespace(status=status, json=lambda: json.loads(json.dumps(found)))


def server(**more):
    answers = {"/models": ["loras", "vae", "checkpoints"], "/experiment/models/loras": [],
               "/experiment/models/vae": [FILE]}  # fmt: skip
    return Server(**{**answers, **more})


def test_folders_are_listed_when_they_are_needed_and_once():
    models, asked = Models(), server()
    assert models.told(asked, ["a.safetensors"]) == {"a.safetensors": FACTS}
    first = ["/models", "/experiment/models/loras", "/experiment/models/vae", "/view_metadata/vae?a.safetensors"]
    assert asked.asked == first
    assert models.told(asked, ["a.safetensors"]) == {"a.safetensors": FACTS}
    assert models.told(asked, ["no.safetensors"]) == {"no.safetensors": {}}
    assert models.told(asked, ["no.safetensors", "nor.safetensors"]) == {"no.safetensors": {}, "nor.safetensors": {}}
    assert asked.asked == [*first, "/experiment/models/checkpoints"]
    assert models.told(asked, []) == {}


def test_hashes_of_the_metadata():
    asked = server(**{"/view_metadata/vae": {"sshs_model_hash": "ab", "ss_steps": "5"}})
    assert Models().told(asked, ["a.safetensors"]) == {"a.safetensors": {**FACTS, "sshs_model_hash": "ab"}}


def test_of_files_of_one_name_the_first_counts():
    asked = server(**{"/experiment/models/vae": [FILE, {**FILE, "pathIndex": 1, "size": 8}]})
    assert Models().told(asked, ["a.safetensors"])["a.safetensors"]["size"] == 7


@pytest.mark.parametrize("path", ["/models", "/experiment/models/vae", "/view_metadata/vae"])
@pytest.mark.parametrize("answer", [404, 500, ServerUnreachable("gone"), {}, {"a": 1}, None, "text", [5, None, {}]])
def test_no_answer_is_an_error(path, answer):
    asked = server(**{path: answer})
    told = Models().told(asked, ["a.safetensors"])
    assert told == {"a.safetensors": FACTS if path.startswith("/view") else {}}


def run(cached=()):
    nodes = {"1": ["a.safetensors"], "2": ["a.safetensors", "b.ckpt"], "3": []}
    prompt = {
        node: {"class_type": "X", "inputs": {str(at): name for at, name in enumerate(names)}}
        for node, names in nodes.items()
    }
    return SimpleNamespace(prompt=prompt, cached=frozenset(cached))


def test_what_was_seen_loaded():
    models = Models()
    assert models.unloaded(run()) == set()
    assert models.unloaded(run(cached="123")) == {"a.safetensors", "b.ckpt"}
    models.saw(run(cached="13"))
    assert models.unloaded(run(cached="123")) == {"a.safetensors"}
    models.saw(run(cached="2"))
    assert models.unloaded(run(cached="123")) == {"a.safetensors"}
    models.saw(run())
    assert models.unloaded(run(cached="123")) == set()
