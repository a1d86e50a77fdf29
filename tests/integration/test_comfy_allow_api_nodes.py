"""--comfy-allow-api-nodes: what may cost money is never queued without it, by items, fixtures and clients alike."""

from __future__ import annotations

import pytest
from projects import failure_of, graph, lines_of
from reports import case_of
from ui_form import EDIT, definitions, document, inner_link, node, subgraph

ITEM = "not queued: node 3 'Canvas' (EmptyImage): is an API node, which may cost money: queued only with "
CLIENT = "node 3 'Canvas' (EmptyImage): is an API node, which may cost money, and was not queued: allow it with "
FLAG = "--comfy-allow-api-nodes"
TESTS = """
import pytest

def test_run(comfy_run):
    comfy_run("txt2img.json")

def test_golden(comfy_run, comfy_golden):
    comfy_golden.check(comfy_run("txt2img.json"))

def test_client(comfy_client, comfy_workflow):
    comfy_client.run(comfy_workflow("txt2img.json"))

def test_step_by_step(comfy_client, comfy_workflow):
    comfy_client.queue_prompt(comfy_workflow("txt2img.json"))

def test_asynchronous(comfy_async_client, comfy_workflow):
    import asyncio

    async def go():
        async with comfy_async_client as client:
            await client.run(comfy_workflow("txt2img.json"))

    asyncio.run(go())
"""


@pytest.fixture
def paid(live_with):
    """A server whose EmptyImage is an API node."""
    known = definitions()
    known["EmptyImage"]["api_node"] = True
    return live_with(known)


@pytest.mark.parametrize("mode", ["fail", "warn", "off"])
def test_item_is_not_queued(project, paid, mode):
    project.workflow()
    result = project.run("--comfy-url", paid.url, f"--comfy-preflight={mode}", "--comfy-update=missing")
    result.assert_outcomes(failed=1)
    told, *more = failure_of(result, "txt2img.json [default]")
    assert told.startswith(ITEM if mode == "fail" else CLIENT)
    assert "all the same" not in "".join(more)
    assert FLAG in told
    assert paid.prompts == []
    assert case_of(project)["outcome"] == "failed"


@pytest.mark.parametrize("given", [[FLAG], ["-o", "comfy_allow_api_nodes=true"]])
def test_item_is_queued_where_that_is_allowed(project, paid, given):
    project.workflow()
    project.run("--comfy-url", paid.url, "--comfy-update=missing", *given).assert_outcomes(passed=1)
    assert len(paid.prompts) == 1


def test_workflow_whose_subgraph_has_one_is_not_queued(project, paid):
    inner = subgraph(
        EDIT, "Edit", [node(5, "EmptyImage", [64, 64, 1, 7], outputs=[("IMAGE", [1])])],
        [inner_link(1, 5, 0, -20, 0, "IMAGE")], outputs=[("image", "IMAGE", [1])],
    )  # fmt: skip
    page = document(
        [
            node(1, EDIT, outputs=[("IMAGE", [2])], title="Edit"),
            node(9, "SaveImage", ["out"], [("images", "IMAGE", 2)]),
        ],
        [[2, 1, 0, 9, 0, "IMAGE"]],
        [inner],
    )
    project.workflow(prompt=page)
    for mode in ("fail", "off"):
        result = project.run("--comfy-url", paid.url, "--comfy-update=missing", f"--comfy-preflight={mode}")
        assert "node 1:5 'Edit > EmptyImage' (EmptyImage): is an API node" in "\n".join(lines_of(result))
    assert paid.prompts == []


def test_fixtures_do_not_queue_them(project, paid):
    project.workflow()
    project.write("test_app.py", TESTS)
    result = project.run("--comfy-url", paid.url, "test_app.py")
    result.assert_outcomes(failed=5)
    assert len([line for line in lines_of(result) if line.startswith("E") and CLIENT in line]) >= 5
    assert paid.prompts == []


def test_fixtures_queue_them_where_that_is_allowed(project, paid):
    project.workflow()
    project.write("test_app.py", TESTS)
    project.run("--comfy-url", paid.url, FLAG, "test_app.py", "-k", "not golden").assert_outcomes(passed=4)
    assert len(paid.prompts) >= 4  # what the server had in its cache is made anew


def test_replayed_runs_cost_nothing(project):
    project.both(definitions={"EmptyImage": {"output_node": False, "output": ["IMAGE"], "api_node": True}})
    project.write("test_app.py", "def test_run(comfy_run):\n    comfy_run('txt2img.json')\n")
    project.run("workflows", "test_app.py").assert_outcomes(passed=2)
    assert graph()["3"]["class_type"] == "EmptyImage"
