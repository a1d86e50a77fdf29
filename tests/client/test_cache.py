"""A run that the server answers from its cache tested nothing, and is repeated."""

from __future__ import annotations

import pytest

from pytest_comfy.workflow.digest import NONCE_INPUT

pytestmark = pytest.mark.timeout(40)


def cached_for(times):
    """A story: the first `times` prompts come from the cache as a whole."""

    async def story(run):
        await run.begin(cached=tuple(run.prompt) if run.nth <= times else ())
        await run.succeed()

    return story


def test_a_cached_run_is_repeated_with_a_nonce(comfy, client, prompt):
    comfy.story = cached_for(1)
    comfy.definitions["CheckpointLoaderSimple"] = {"output": ["MODEL", "CLIP", "VAE"]}
    comfy.definitions["KSampler"] = {"output": ["LATENT"]}
    run = client.run(prompt)
    assert run.cache_bust == "nonce"
    assert run.cached == frozenset()
    first, second = comfy.asked("POST", "/prompt")
    assert first["prompt"] == prompt
    assert second["prompt_id"] != first["prompt_id"]
    assert second["prompt"] == run.posted
    assert run.prompt == prompt
    assert comfy.asked("POST", "/free") == []


def test_model_loaders_get_no_nonce(comfy, client, prompt):
    comfy.story = cached_for(1)
    comfy.definitions["CheckpointLoaderSimple"] = {"output": ["MODEL", "CLIP", "VAE"]}
    comfy.definitions["KSampler"] = {"output": ["LATENT"]}
    client.run(prompt)
    posted = comfy.asked("POST", "/prompt")[1]["prompt"]
    assert [node_id for node_id, node in posted.items() if NONCE_INPUT in node["inputs"]] == ["3", "9"]
    assert posted["3"]["inputs"][NONCE_INPUT] == posted["9"]["inputs"][NONCE_INPUT] != ""
    assert posted["4"] == prompt["4"]
    assert NONCE_INPUT not in prompt["3"]["inputs"]


def test_a_run_still_cached_is_repeated_after_free(comfy, client, prompt):
    comfy.story = cached_for(2)
    run = client.run(prompt)
    assert run.cache_bust == "free"
    assert comfy.asked("POST", "/free") == [{"free_memory": True}]
    nonces = [body["prompt"]["3"]["inputs"].get(NONCE_INPUT) for body in comfy.asked("POST", "/prompt")]
    assert nonces[0] is None
    assert nonces[1] != nonces[2]
    order = [one.path for one in comfy.requests if one.path in ("/prompt", "/free")]
    assert order == ["/prompt", "/prompt", "/free", "/prompt"]


def test_a_cached_run_is_enough_for_those_who_say_so(comfy, client, prompt):
    comfy.story = cached_for(1)
    run = client.run(prompt, use_cache=True)
    assert run.cache_bust is None
    assert run.cached == frozenset(prompt)
    assert len(comfy.posted) == 1


@pytest.mark.parametrize(("cached", "times"), [(("4",), 1), (("3", "4"), 2)])
def test_a_partly_cached_run_is_repeated_only_when_nothing_but_outputs_ran(comfy, client, prompt, cached, times):
    async def story(run):
        await run.begin(cached=cached if run.nth == 1 else ())
        await run.succeed()

    comfy.story = story
    run = client.run(prompt)
    assert len(comfy.posted) == times
    assert run.cache_bust == (None if times == 1 else "nonce")
    assert run.cached == (frozenset(cached) if times == 1 else frozenset())


def test_a_fresh_run_gets_the_nonce_at_once(comfy, client, prompt):
    run = client.run(prompt, fresh=True)
    assert run.cache_bust == "nonce"
    assert len(comfy.posted) == 1
    assert NONCE_INPUT in comfy.posted[0].prompt["3"]["inputs"]


@pytest.mark.parametrize("way", ["run", "client"])
def test_reloading_reaches_model_loaders_too(comfy, client, prompt, way):
    comfy.definitions["CheckpointLoaderSimple"] = {"output": ["MODEL", "CLIP", "VAE"]}
    client.reload_models = way == "client"
    run = client.run(prompt, reload=way == "run")
    assert (run.cache_bust, len(comfy.posted)) == ("reload", 1)
    assert all(NONCE_INPUT in node["inputs"] for node in comfy.posted[0].prompt.values())
    assert run.prompt == prompt


def test_history_tells_what_was_cached_when_the_socket_missed_it(comfy, client, prompt):
    async def story(run):
        cached = list(run.prompt) if run.nth == 1 else []
        run.messages.append(["execution_cached", {"nodes": cached, "prompt_id": run.id, "timestamp": 2}])
        await run.say("executing", node="9")
        await run.succeed()

    comfy.story = story
    assert client.run(prompt).cache_bust == "nonce"
    assert len(comfy.posted) == 2


@pytest.mark.parametrize("nodes", [5, None, "9", {"9": 1}])
def test_cached_nodes_of_another_shape_do_no_harm(comfy, client, prompt, nodes):
    async def story(run):
        await run.say("execution_cached", nodes=nodes, timestamp=2)
        await run.succeed()

    comfy.story = story
    assert len(client.run(prompt, use_cache=True).outputs) == 1
