"""A golden run of wrong types is told in one sentence, whatever is wrong, and never with a traceback of ours."""

from __future__ import annotations

import copy
import json

import pytest
from projects import failure_of, graph, png, recorded

RUN = "golden/txt2img/default/run.json"
WRONG = [5, "x", [], {}, None, True, [5], {"a": 5}, float("inf")]
DEFINITIONS = {
    "EmptyImage": {
        "input": {"required": {"width": ["INT", {"default": 5, "min": 1, "max": 100}]}},
        "output": ["IMAGE"],
    },
    "SaveImage": {"input": {"required": {"images": ["IMAGE"]}}, "output": [], "output_node": True},
}


def positions(value, path=(), depth=4):
    """Yield the path of every value of a document, of lists that of the first one."""
    if path:
        yield path
    if depth and isinstance(value, dict):
        for key in value:
            yield from positions(value[key], (*path, key), depth - 1)
    elif depth and isinstance(value, list) and value:
        yield from positions(value[0], (*path, 0), depth - 1)


def changed(document, path, value):
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return document


@pytest.mark.parametrize("live", [False, True], ids=["offline", "live"])
@pytest.mark.parametrize("number", range(len(WRONG)))
def test_no_traceback_of_ours(project, serve, live, number):
    """Each value at every fifth position, another fifth for each: the machine's time is not without end."""
    outputs = {"9": {"images": [png()], "text": ["a cat"]}}
    good = {**recorded(outputs=outputs).document, "node_definitions": DEFINITIONS}
    paths, runs = [*positions(good)][number % 5 :: 5], []
    for at, path in enumerate(paths):
        prompt, file = graph(color=at), f"golden/w{at}/default/run.json"
        project.both(f"w{at}", prompt, outputs=outputs)
        kept = {**project.read(file), "node_definitions": DEFINITIONS}
        project.write(file, json.dumps(changed(kept, path, WRONG[number])))
        runs.append(recorded(prompt, {"9": {"images": [png(2)], "text": ["a"]}}))
    told = project.run("workflows", "-v", *(["--comfy-url", serve(*runs).url] if live else [])).stdout.str()
    assert all(f"w{at}.json::default" in told for at in range(len(paths)))
    for word in ("Traceback", "INTERNALERROR", "pytest_comfy/", "\nE   "):
        assert word not in told, dict(enumerate(paths))


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("outputs", 0, "fingerprint"), 5, "a fingerprint is no object"),
        (("environment", "devices"), "x", "environment.devices is no list of objects"),
        (("environment", "argv"), True, "environment.argv is no list"),
    ],
)
def test_what_is_wrong_is_named(project, path, value, told):
    project.both()
    project.write(RUN, changed(project.read(RUN), path, value))
    result = project.run("workflows")
    result.assert_outcomes(errors=1)
    assert failure_of(result, "ERROR at setup of txt2img.json [default]") == [
        f"{RUN}: malformed golden run ({told}): record the run again"
    ]
