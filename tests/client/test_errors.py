"""What the server refuses and what its nodes raise, in words that name node, input and value."""

from __future__ import annotations

import pytest
from aiohttp import web

from pytest_comfy.client import ExecutionError, PromptRejected, RunInterrupted, ServerUnreachable, finish

pytestmark = pytest.mark.timeout(40)

FAILED = {
    "type": "prompt_outputs_failed_validation",
    "message": "Prompt outputs failed validation",
    "details": "",
    "extra_info": {},
}


def bad_checkpoint(config):
    """The capture "bad value on an upstream node", shortened."""
    return {
        "4": {
            "errors": [
                {
                    "type": "value_not_in_list",
                    "message": "Value not in list",
                    "details": "ckpt_name: 'tinny.safetensors' not in (list of length 40)",
                    "extra_info": {
                        "input_name": "ckpt_name",
                        "input_config": config,
                        "received_value": "tinny.safetensors",
                    },
                }
            ],
            "dependent_outputs": ["9"],
            "class_type": "CheckpointLoaderSimple",
        }
    }


def told(caught) -> str:
    return str(caught.value)


def test_an_execution_error_names_node_exception_and_end_of_the_traceback(comfy, client, prompt):
    async def failing(run):
        await run.begin()
        await run.say(
            "execution_error",
            node_id="3",
            node_type="KSampler",
            executed=["4"],
            exception_message="sizes should be greater than 0\n",
            exception_type="RuntimeError",
            traceback=[f'  File "/opt/nodes.py", line {n}, in step{n}\n    call{n}()\n' for n in range(9)],
            current_inputs={},
            current_outputs=[],
            timestamp=5,
        )
        run.finish({}, "error")
        await run.say("executing", node=None)

    comfy.story = failing
    with pytest.raises(ExecutionError) as caught:
        client.run(prompt)
    first, *rest = told(caught).splitlines()
    assert first == "node 3 'Sampler' (KSampler) failed: RuntimeError: sizes should be greater than 0"
    assert rest[-1].strip() == "call8()"
    assert "line 8, in step8" in rest[-2]
    assert "line 0" not in told(caught)
    assert caught.value.details["node_id"] == "3"
    assert caught.value.judged
    assert comfy.asked("POST", "/interrupt") == []


def test_an_error_in_an_expanded_node_is_told_of_its_ancestor(comfy, client, prompt):
    async def failing(run):
        await run.begin()
        await run.say("execution_error", node_id="3.0.0.1", exception_message="no", timestamp=5)
        run.finish({}, "error")
        await run.say("executing", node=None)

    comfy.story = failing
    with pytest.raises(ExecutionError, match=r"node 3\.0\.0\.1 'Sampler' \(KSampler\) failed: error: no"):
        client.run(prompt)


def test_an_exception_text_cannot_write_to_the_terminal(comfy, client, prompt):
    async def failing(run):
        await run.begin()
        await run.say(
            "execution_error",
            node_id="3",
            exception_type="Bad\x1b[2J",
            exception_message="\x1b]0;owned\x07gone\x00",
            traceback=["\x1b[31mred\n"],
            timestamp=5,
        )
        run.finish({}, "error")
        await run.say("executing", node=None)

    comfy.story = failing
    with pytest.raises(ExecutionError, match="Bad: gone") as caught:
        client.run(prompt)
    assert not any(ord(char) < 32 and char != "\n" for char in told(caught))
    assert "owned" not in told(caught)


def test_an_interrupted_run(comfy, client, prompt):
    async def interrupted(run):
        await run.begin()
        await run.say("execution_interrupted", node_id="3", node_type="KSampler", executed=[], timestamp=5)
        run.finish({}, "error")
        await run.say("executing", node=None)

    comfy.story = interrupted
    with pytest.raises(RunInterrupted, match="somebody interrupted the run at node 3"):
        client.run(prompt)


def test_a_blocked_output_does_not_end_the_run(comfy, client, prompt):
    """ComfyUI reports it as execution_error without a timestamp, and goes on."""

    async def blocked(run):
        await run.begin()
        await run.comfy.send(
            "execution_error",
            {
                "prompt_id": run.id,
                "node_id": "3",
                "exception_type": "ExecutionBlocked",
                "exception_message": "Execution Blocked: no",
                "traceback": [],
            },
        )
        await run.say("executing", node="9")
        await run.succeed()

    comfy.story = blocked
    run = client.run(prompt)
    assert "execution_error" in [event.type for event in run.events]
    assert run.events[-1].data["node"] is None
    assert len(run.outputs) == 1


def test_a_refusal_names_title_input_value_and_choices_nearest_first(comfy, client, prompt):
    prompt["4"]["_meta"] = {"title": "Model"}
    choices = ["aaa.ckpt", "zzz.ckpt", "tiny.safetensors"]
    comfy.answer(
        "POST", "/prompt", 400, json={"error": FAILED, "node_errors": bad_checkpoint([choices, {"tooltip": "x"}])}
    )
    with pytest.raises(PromptRejected) as caught:
        client.run(prompt)
    assert told(caught).splitlines()[0] == "prompt refused: Prompt outputs failed validation"
    assert (
        "node 4 'Model' (CheckpointLoaderSimple): input 'ckpt_name': Value not in list; received "
        '"tinny.safetensors"; allowed, nearest first: tiny.safetensors, aaa.ckpt, zzz.ckpt' in told(caught)
    )
    assert caught.value.judged
    assert caught.value.error["type"] == "prompt_outputs_failed_validation"
    assert list(caught.value.node_errors) == ["4"]


def test_choices_that_the_refusal_leaves_out_are_asked_for(comfy, client, prompt):
    choices = [f"model-{n}.ckpt" for n in range(39)] + ["tiny.safetensors"]
    comfy.definitions["CheckpointLoaderSimple"] = {"input": {"required": {"ckpt_name": [choices, {}]}}}
    comfy.answer("POST", "/prompt", 400, json={"error": FAILED, "node_errors": bad_checkpoint(None)})
    with pytest.raises(PromptRejected, match=r"nearest first: tiny\.safetensors, .* and 32 more"):
        client.run(prompt)


def test_a_refusal_is_told_although_the_definitions_cannot_be_had(comfy, client, prompt):
    comfy.answer("GET", "/object_info/CheckpointLoaderSimple", text="<html>")
    comfy.answer("POST", "/prompt", 400, json={"error": FAILED, "node_errors": bad_checkpoint(None)})
    with pytest.raises(PromptRejected, match=r"input 'ckpt_name': Value not in list; received"):
        client.run(prompt)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            {
                "type": "value_smaller_than_min",
                "message": "Value 0 smaller than min of 1",
                "details": "steps",
                "extra_info": {
                    "input_name": "steps",
                    "input_config": ["INT", {"default": 20, "min": 1, "max": 10000}],
                    "received_value": 0,
                },
            },
            "input 'steps': Value 0 smaller than min of 1; received 0; allowed: INT with min 1 and max 10000",
        ),
        (
            {
                "type": "required_input_missing",
                "message": "Required input is missing",
                "details": "images",
                "extra_info": {"input_name": "images"},
            },
            "input 'images': Required input is missing",
        ),
        (
            {
                "type": "custom_validation_failed",
                "message": "Custom validation failed for node",
                "details": "image - Invalid image file: no-such.png",
                "extra_info": {"input_name": "image"},
            },
            "input 'image': Custom validation failed for node (image - Invalid image file: no-such.png)",
        ),
        (
            {
                "type": "return_type_mismatch",
                "message": "Return type mismatch between linked nodes",
                "details": "images, received_type(CONDITIONING) mismatch input_type(IMAGE)",
                "extra_info": {
                    "input_name": "images",
                    "input_config": ["IMAGE", {}],
                    "received_type": "CONDITIONING",
                    "linked_node": ["6", 0],
                },
            },
            "received_type(CONDITIONING) mismatch input_type(IMAGE)",
        ),
    ],
)
def test_faults_in_words(comfy, client, prompt, fault, words):
    node_errors = {"3": {"errors": [fault], "dependent_outputs": ["9"], "class_type": "KSampler"}}
    comfy.answer("POST", "/prompt", 400, json={"error": FAILED, "node_errors": node_errors})
    with pytest.raises(PromptRejected) as caught:
        client.run(prompt)
    assert words in told(caught)
    assert "node 3 'Sampler' (KSampler): " in told(caught)


def test_a_cycle_is_refused_without_a_reason(comfy, client, prompt):
    comfy.answer("POST", "/prompt", 400, json={"error": FAILED, "node_errors": {}})
    with pytest.raises(PromptRejected, match="the server does not say why: look for a cycle of links"):
        client.run(prompt)


def test_an_unknown_class_is_refused_with_the_id_of_its_node(comfy, client, prompt):
    error = {
        "type": "invalid_prompt",
        "message": "Cannot execute because node NoSuchNode does not exist.",
        "details": "Node ID '#1'",
        "extra_info": {},
    }
    comfy.answer("POST", "/prompt", 400, json={"error": error, "node_errors": {}})
    with pytest.raises(PromptRejected, match=r"node NoSuchNode does not exist\. \(Node ID '#1'\)"):
        client.run(prompt)


def test_a_text_instead_of_an_answer(comfy, client, prompt):
    comfy.answer("POST", "/prompt", 500, text="500 Internal \x1b[31mServer Error")
    with pytest.raises(PromptRejected, match="answers 500 to the prompt: 500 Internal Server Error"):
        client.run(prompt)


@pytest.mark.parametrize("body", [[], "text", {"error": "text", "node_errors": []}, {"node_errors": {"3": 5}}, {}])
def test_a_refusal_of_any_shape_is_a_refusal(comfy, client, prompt, body):
    comfy.answer("POST", "/prompt", 400, json=body)
    with pytest.raises(PromptRejected, match=r"^prompt refused: "):
        client.run(prompt)


def test_html_instead_of_an_answer(comfy, client, prompt):
    comfy.answer("POST", "/prompt", text="<html>Welcome</html>", content_type="text/html")
    with pytest.raises(ServerUnreachable, match=r"no JSON \('<html>Welcome</html>'\).*ComfyUI server\?"):
        client.run(prompt)


def test_a_partly_accepted_prompt_fails_and_is_cancelled(comfy, client, prompt):
    async def accepted(run):
        await run.begin()

    comfy.story = accepted
    comfy.node_errors = bad_checkpoint([["tiny.safetensors"], {}])
    with pytest.raises(PromptRejected) as caught:
        client.run(prompt)
    assert "would run only a part of the workflow and drop node 9 (SaveImage):" in told(caught)
    assert "input 'ckpt_name': Value not in list" in told(caught)
    assert "mute them; or let the rest run: allow_node_errors = true in the sidecar" in told(caught)
    ours = comfy.posted[0].id
    assert comfy.asked("POST", "/queue") == [{"delete": [ours]}]
    assert comfy.asked("POST", "/interrupt") == [{"prompt_id": ours}]


def test_a_partly_accepted_prompt_runs_when_that_is_allowed(comfy, client, prompt):
    comfy.node_errors = bad_checkpoint(None)
    run = client.run(prompt, allow_node_errors=True)
    assert run.node_errors == comfy.node_errors
    assert len(run.outputs) == 1


def test_a_lost_answer_does_not_queue_the_prompt_twice(comfy, client, prompt):
    async def queued_but_unanswered(request):
        await comfy._prompt(comfy.requests[-1].body)
        request.transport.abort()
        return web.Response()

    comfy.answers["POST", "/prompt"] = queued_but_unanswered
    comfy.before_reply = False

    async def story(run):
        await run.comfy.until_asked("GET", "/queue")
        await run.begin()
        await run.succeed()

    comfy.story = story
    run = client.run(prompt)
    assert len(comfy.asked("POST", "/prompt")) == 1
    assert run.prompt_id == comfy.posted[0].id
    assert len(run.outputs) == 1


@pytest.mark.parametrize("kept", ["running", "pending", "history"])
def test_a_lost_answer_does_not_hide_that_only_a_part_would_run(comfy, client, prompt, kept):
    async def queued_but_unanswered(request):
        ours = comfy.requests[-1].body["prompt_id"]
        item = [1, ours, prompt, {}, ["9"]]
        if kept == "history":
            comfy.history[ours] = {"prompt": item, "outputs": {}, "status": {"status_str": "success", "messages": []}}
        else:
            getattr(comfy, kept).append(item)
        request.transport.abort()
        return web.Response()

    comfy.definitions = {"SaveImage": {"output_node": True}}
    comfy.answers["POST", "/prompt"] = queued_but_unanswered
    prompt["12"] = {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}, "_meta": {"title": "Second"}}
    with pytest.raises(PromptRejected) as caught:
        client.run(prompt)
    assert "would run only a part of the workflow and drop node 12 'Second' (SaveImage):" in told(caught)
    assert "the answer that says why was lost on the way: run it again" in told(caught)
    assert len(comfy.asked("POST", "/prompt")) == 1
    assert comfy.asked("POST", "/queue") == [{"delete": [comfy.requests[0].body["prompt_id"]]}]


@pytest.mark.parametrize("item", [[1], [1, 2, {}, {}], [1, 2, {}, {}, None], None, "text"])
def test_a_lost_answer_of_a_server_that_keeps_other_things(comfy, client, prompt, item, monkeypatch):
    monkeypatch.setattr(finish, "_POLL", 0.05)  # no message tells of the end: the history is asked every now and then

    async def lost(request):
        ours = comfy.requests[-1].body["prompt_id"]
        status = {"status_str": "success", "messages": []}
        comfy.history[ours] = {"prompt": item, "outputs": {}, "status": status}
        request.transport.abort()
        return web.Response()

    comfy.definitions = {"SaveImage": {"output_node": True}}
    comfy.answers["POST", "/prompt"] = lost
    assert client.run(prompt).node_errors == {}


def test_a_prompt_that_never_arrived_is_told_as_unreachable(comfy, client, prompt):
    async def dropped(request):
        request.transport.abort()
        return web.Response()

    comfy.answers["POST", "/prompt"] = dropped
    with pytest.raises(ServerUnreachable, match="/prompt: connection lost"):
        client.run(prompt)
    assert len(comfy.asked("POST", "/prompt")) == 1
