"""A model that was swapped under its own name is loaded anew and told; --comfy-fresh loads all of them."""

from __future__ import annotations

import json

import pytest
from projects import failure_of, graph, lines_of, png, recorded, section_of
from reports import case_of

from pytest_comfy import ComfyClient, GoldenRun
from pytest_comfy.server.faults import http_status
from pytest_comfy.workflow.digest import NONCE_INPUT

NAME = "tiny.safetensors"
LOADER = {"class_type": "VAELoader", "inputs": {"vae_name": NAME}}
FACTS = {"folder": "vae", "size": 5000, "modified": "2026-11-26T00:27:57.000Z", "sshs_model_hash": "ab12"}
TEST = """
def test_canvas(comfy_run, comfy_golden):
    comfy_golden.check(comfy_run("txt2img.json"))
"""


def prompt_of(color=7):
    prompt = graph(color, **{"5": LOADER})
    prompt["3"]["inputs"]["vae"] = ["5", 0]
    return prompt


def run_of(facts, seed=1, color=7, cached=()):
    """A run of which the server took the `cached` nodes from its cache."""
    run = recorded(prompt_of(color), {"9": {"images": [png(seed)]}}, environment={"models": {NAME: facts}})
    definitions = {**run.document["node_definitions"], "VAELoader": {"output_node": False, "output": ["VAE"]}}
    start, told, *events = run.events
    told[1]["data"]["nodes"] = [*cached]
    if not cached:
        events.insert(0, [0.0015, {"type": "executing", "data": {**events[0][1]["data"], "node": "5"}}])
    document = {**run.document, "node_definitions": definitions, "events": [start, told, *events]}
    return GoldenRun(document, None, run.blobs)


def posted_anew(server):
    """Return, prompt by prompt, whether the model loader was made to run."""
    return [NONCE_INPUT in body["prompt"]["5"]["inputs"] for body in server.prompts]


@pytest.fixture
def loaded(serve):
    """A server that tells `facts` of the model, and has loaded it for somebody else.

    Its next run is made with that; the one after it, for which it is loaded anew, shows `then`.
    """

    def start(facts, then=1):
        server = serve(run_of(facts), run_of(facts, cached=["5"]), run_of(facts, then))
        with ComfyClient(server.url) as client:
            client.run(prompt_of())
        return server

    return start


@pytest.fixture
def workflow(project):
    project.workflow(prompt=prompt_of())
    return project


def models_told(result):
    return [line for line in section_of(result, "comfy") if line.startswith(("models: ", "  --comfy-fresh"))]


UNSURE = [
    "models: 1 run made with what the server had loaded before, which may have changed since",
    "  --comfy-fresh has every run load its models anew",
]


def test_model_that_is_the_same_is_not_loaded_again(workflow, loaded):
    workflow.golden(run=run_of(FACTS))
    server = loaded(FACTS)
    result = workflow.run("--comfy-url", server.url)
    result.assert_outcomes(passed=1)
    assert models_told(result) == []
    assert posted_anew(server) == [False, False]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"size": 5001}, "size 5001 (was 5000)"),
        ({"modified": "2026-11-26T00:27:58.500Z"},
         "modified 2026-11-26T00:27:58.500Z (was 2026-11-26T00:27:57.000Z)"),
        ({"sshs_model_hash": "cd34"}, "sshs_model_hash cd34 (was ab12)"),
    ],
)  # fmt: skip
def test_model_that_was_swapped_is_loaded_anew_and_told(workflow, loaded, now, told):
    workflow.golden(run=run_of(FACTS))
    server = loaded({**FACTS, **now}, then=2)
    result = workflow.run("--comfy-url", server.url, "--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    assert posted_anew(server) == [False, False, True]
    lines = failure_of(result, "txt2img.json [default]")
    assert lines[0].startswith("different: node 9 ")
    assert f"models changed since the golden run: {NAME}: {told}" in lines
    (environment,) = [line for line in lines if line.startswith("golden: ")]
    (key,) = now
    assert environment == f"golden: model {NAME} {key} {FACTS[key]}; now: model {NAME} {key} {now[key]}"
    assert models_told(result) == [f"models: changed since the golden run: {NAME}: {told}"]
    assert f'name="comfy_models_changed" value="{NAME}: {told}"' in (workflow.root / "junit.xml").read_text()


TOUCHED = {**FACTS, "touched": "2026-11-26T00:27:57.000Z"}


def test_model_that_was_swapped_with_its_size_and_time_kept_is_loaded_anew(workflow, loaded):
    workflow.golden(run=run_of(TOUCHED))
    server = loaded({**TOUCHED, "touched": "2026-11-27T09:00:00.000Z"}, then=2)
    result = workflow.run("--comfy-url", server.url)
    result.assert_outcomes(failed=1)
    assert posted_anew(server) == [False, False, True]
    told = "model files written, moved or copied since the golden run, of the same size and time:"
    assert f"{told} {NAME}" in failure_of(result, "txt2img.json [default]")
    assert models_told(result) == []


def test_model_that_is_a_copy_of_the_same_passes_in_silence(workflow, loaded):
    workflow.golden(run=run_of(TOUCHED))
    server = loaded({**TOUCHED, "touched": "2026-11-27T09:00:00.000Z"})
    result = workflow.run("--comfy-url", server.url)
    result.assert_outcomes(passed=1)
    assert posted_anew(server) == [False, False, True]
    assert models_told(result) == []


def test_swapped_model_that_makes_the_same_passes_and_is_told(workflow, loaded):
    workflow.golden(run=run_of(FACTS))
    result = workflow.run("--comfy-url", loaded({**FACTS, "size": 4}).url)
    result.assert_outcomes(passed=1)
    assert models_told(result) == [f"models: changed since the golden run: {NAME}: size 4 (was 5000)"]


def test_swapped_model_is_loaded_once_a_session(project, serve):
    now = {**FACTS, "size": 4}
    for color in (7, 8):
        project.workflow(f"c{color}", prompt_of(color))
        project.golden(f"c{color}/default", run=run_of(FACTS, color=color))
    server = serve(run_of(now, cached=["5"]), run_of(now), run_of(now, color=8, cached=["5"]))
    project.run("--comfy-url", server.url, "--comfy-lookahead", "0").assert_outcomes(passed=2)
    assert posted_anew(server) == [False, True, False]


def test_run_with_a_model_that_was_loaded_before_is_kept_with_a_doubt(workflow, loaded):
    workflow.golden(run=run_of(FACTS, seed=2))
    workflow.run("--comfy-url", loaded(FACTS).url).assert_outcomes(failed=1)
    case = case_of(workflow)
    assert case["doubts"] == [f"models that were loaded before the run, and may have changed since: {NAME}"]
    assert (case["refused"], case["run"]) == (None, "txt2img/default/run")


def test_what_older_golden_runs_do_not_tell_is_no_change(workflow, loaded):
    workflow.golden(run=run_of({"folder": "vae", "size": 5000}))
    result = workflow.run("--comfy-url", loaded(FACTS).url)
    result.assert_outcomes(passed=1)
    assert models_told(result) == []


@pytest.mark.parametrize(("before", "now"), [({}, FACTS), (FACTS, {}), ({"folder": "vae"}, {"folder": "vae"})])
def test_runs_whose_models_may_have_changed_are_counted(workflow, loaded, before, now):
    workflow.golden(run=run_of(before))
    server = loaded(now)
    result = workflow.run("--comfy-url", server.url)
    result.assert_outcomes(passed=1)
    assert models_told(result) == UNSURE


@pytest.mark.parametrize("route", ["/models", "/experiment/models/vae"])
@pytest.mark.parametrize("status", [404, 500])
def test_server_without_the_routes_is_no_error(workflow, loaded, route, status):
    workflow.golden(run=run_of(FACTS))
    server = loaded(FACTS)
    server.faults.add(http_status(status, path=route))
    result = workflow.run("--comfy-url", server.url)
    result.assert_outcomes(passed=1)
    assert models_told(result) == UNSURE


@pytest.mark.parametrize("way", ["flag", "ini"])
@pytest.mark.parametrize("facts", [FACTS, {}])
def test_fresh_loads_every_model_anew(workflow, serve, way, facts):
    workflow.golden(run=run_of(facts))
    if way == "ini":
        workflow.ini("comfy_fresh = true")
    server = serve(run_of(facts))
    with ComfyClient(server.url) as client:
        client.run(prompt_of())
    result = workflow.run("--comfy-url", server.url, *(["--comfy-fresh"] if way == "flag" else []))
    result.assert_outcomes(passed=1)
    assert posted_anew(server) == [False, True]
    assert section_of(result, "comfy") == [
        "outputs: 1 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"
    ]


def test_offline_there_is_nothing_to_load_and_nothing_to_tell(workflow):
    workflow.golden(run=run_of(FACTS))
    for arguments in ((), ("--comfy-fresh",)):
        result = workflow.run(*arguments)
        result.assert_outcomes(passed=1)
        assert "models" not in "\n".join(section_of(result, "comfy"))


def test_approval_loads_a_model_that_somebody_else_had_loaded(workflow, loaded):
    """It may have been swapped since: the golden run would show one file and name the other."""
    server = loaded(FACTS)
    workflow.run("--comfy-url", server.url, "--comfy-update=missing").assert_outcomes(passed=1)
    assert posted_anew(server) == [False, False, True]
    run = workflow.read("golden/txt2img/default/run.json")
    assert run["environment"]["models"] == {NAME: FACTS}
    assert NONCE_INPUT not in json.dumps(run)


class TestFixtures:
    def test_swapped(self, workflow, loaded):
        workflow.write("test_a.py", TEST)
        workflow.golden("test_a/test_canvas/default", run=run_of(FACTS))
        server = loaded({**FACTS, "size": 4}, then=2)
        result = workflow.run("test_a.py", "--comfy-url", server.url)
        result.assert_outcomes(failed=1)
        assert posted_anew(server) == [False, False, True]
        assert f"models changed since the golden run: {NAME}: size 4 (was 5000)" in lines_of(result)

    def test_fresh(self, workflow, loaded):
        workflow.write("test_a.py", TEST)
        workflow.golden("test_a/test_canvas/default", run=run_of(FACTS))
        server = loaded(FACTS)
        workflow.run("test_a.py", "--comfy-url", server.url, "--comfy-fresh").assert_outcomes(passed=1)
        assert posted_anew(server) == [False, True]
