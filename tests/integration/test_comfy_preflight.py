"""--comfy-preflight: in a live session a case that is sure to break fails before it is queued, and the others run."""

from __future__ import annotations

import pytest
from projects import failure_of, graph, lines_of, png, recorded, section_of
from reports import case_of
from ui_form import definitions, node, plain

from pytest_comfy.server.faults import http_status, slow

BROKEN = "node 3 'Canvas' (EmptyImage): input 'width' is 99999, above its max of 16384"


def broken():
    prompt = graph()
    prompt["3"]["inputs"]["width"] = 99999
    return prompt


def run(project, server, *words):
    return project.run("--comfy-url", server.url, *words)


def counting(server, path):
    """What counts the requests of a path."""
    return server.faults.add(slow(0, path=path, times=0))


def test_case_that_breaks_fails_unqueued_and_the_others_run(project, live_with):
    there = live_with(definitions())
    project.workflow("good")
    project.workflow("bad", broken())
    result = run(project, there, "--comfy-update=missing", "workflows")
    result.assert_outcomes(failed=1, passed=1)
    assert failure_of(result, "bad.json [default]")[:2] == [
        f"sure to break: {BROKEN}",
        "  nothing was queued; --comfy-preflight=warn queues it all the same",
    ]
    assert len(there.prompts) == 1


def test_all_that_breaks_of_a_case_is_told_at_once(project, live_with):
    prompt = broken()
    prompt["9"]["class_type"] = "SaveImages"
    project.workflow(prompt=prompt)
    there = live_with(definitions())
    told = failure_of(run(project, there), "txt2img.json [default]")
    assert told[0].startswith("sure to break: node 9 'Save Image' (SaveImages): the server has no node class")
    assert told[1] == f"  {BROKEN}"
    assert there.prompts == []


def test_class_that_a_ui_form_file_misses_is_told_with_its_pack(project, live_with):
    document = plain()
    document["nodes"].append(node(20, "Sharpen+", properties={"cnr_id": "comfyui_essentials", "ver": "1.1.0"}))
    project.workflow(prompt=document)
    told = failure_of(run(project, live_with(definitions())), "txt2img.json [default]")
    assert told[0] == (
        "sure to break: node 20 (Sharpen+): the server has no node class 'Sharpen+', which came with the node pack "
        "comfyui_essentials 1.1.0: install it, or take the node out"
    )


def test_golden_run_tells_what_changed(project, live_with):
    was, now = definitions(), definitions()
    now["EmptyImage"]["input"]["required"]["colour"] = now["EmptyImage"]["input"]["required"].pop("color")
    kept = {name: was[name] for name in ("EmptyImage", "SaveImage")}
    project.both(definitions=kept)
    told = failure_of(run(project, live_with(now)), "txt2img.json [default]")
    assert told[0].endswith("input 'color' is called 'colour' now, which has no value")


@pytest.mark.parametrize("given", [["--comfy-preflight=warn"], ["-o", "comfy_preflight=warn"]])
def test_warn_leaves_it_to_the_server_and_tells_it_at_the_end(project, live_with, given):
    there = live_with(definitions())
    project.workflow(prompt=broken())
    result = run(project, there, *given)
    result.assert_outcomes(failed=1)
    assert failure_of(result, "txt2img.json [default]")[0].startswith("prompt refused")
    assert section_of(result, "comfy")[:2] == [
        "preflight: error: 1 case with a value out of its range",
        f"  each of them: pytest-comfy doctor --comfy-url {there.url}",
    ]


def test_off_asks_nothing(project, live_with):
    there = live_with(definitions())
    asked = counting(there, "/object_info")
    project.workflow(prompt=broken())
    result = run(project, there, "--comfy-preflight=off")
    assert failure_of(result, "txt2img.json [default]")[0].startswith("prompt refused")
    assert asked.fired == 0


def test_definitions_are_asked_for_once(project, live_with):
    there = live_with(definitions())
    whole, single = counting(there, "/object_info"), counting(there, "/object_info/*")
    for number in range(4):
        project.workflow(f"one{number}")
    run(project, there, "--comfy-update=missing").assert_outcomes(passed=4)
    assert (whole.fired, single.fired) == (1, 0)


def test_warnings_are_told_once_a_kind(project, live_with):
    known = definitions()
    for name in ("EmptyImage", "SaveImage"):
        known[name]["deprecated"] = True
    project.workflow("one")
    project.workflow("two")
    result = run(project, live_with(known), "--comfy-update=missing")
    result.assert_outcomes(passed=2)
    told = [line for line in section_of(result, "comfy") if line.startswith("preflight")]
    assert told == ["preflight: warning: 2 cases with a deprecated node"]


def test_nothing_found_says_nothing(project, live_with):
    project.workflow()
    result = run(project, live_with(definitions()), "--comfy-update=missing")
    assert not [line for line in lines_of(result) if line.startswith("preflight")]


def test_report_has_what_was_found(project, live_with):
    known = definitions()
    known["SaveImage"]["deprecated"] = True
    project.workflow(prompt=broken())
    run(project, live_with(known))
    case = case_of(project)
    assert case["outcome"] == "failed"
    assert [(one["severity"], one["kind"], one["node"], one["input"]) for one in case["preflight"]] == [
        ("error", "out-of-range", "3", "width"),
        ("warning", "deprecated", "9", None),
    ]
    assert case["headline"] == f"sure to break: {BROKEN}"


def test_server_that_does_not_tell_its_definitions_is_no_reason_to_fail(project, serve):
    there = serve(recorded(outputs={"9": {"images": [png()]}}))
    there.faults.add(http_status(500, path="/object_info"))
    project.both()
    result = run(project, there, "--comfy-allow-api-nodes")
    result.assert_outcomes(passed=1)
    (told,) = [line for line in section_of(result, "comfy") if line.startswith("preflight")]
    assert "does not tell its node definitions" in told


def test_what_is_no_mode_is_refused(project):
    result = project.run("--comfy-preflight=maybe")
    assert "comfy_preflight 'maybe': must be one of fail, warn, off" in result.stderr.str()


def test_part_that_the_case_may_lose_is_no_failure(project, live_with):
    prompt = graph(saves=("9", "10"))
    prompt["10"]["inputs"].pop("filename_prefix")
    project.workflow(prompt=prompt, sidecar="allow_node_errors = true\n")
    result = run(project, live_with(definitions()), "--comfy-update=missing")
    result.assert_outcomes(passed=1)


def test_workers_tell_their_warnings(project, live_with):
    pytest.importorskip("xdist")
    known = definitions()
    known["SaveImage"]["deprecated"] = True
    project.write("pytest.ini", "[pytest]\n")
    project.workflow("one")
    project.workflow("two")
    result = project.run_apart("-n", "2", "--comfy-url", live_with(known).url, "--comfy-update=missing")
    result.assert_outcomes(passed=2)
    assert "preflight: warning: 2 cases with a deprecated node" in lines_of(result)
