"""Without --comfy-url: the golden run is replayed, and what cannot be is said in one sentence."""

from __future__ import annotations

import json

import pytest
from projects import failure_of, graph, png, recorded, section_of

HEAD = "txt2img.json [default]"
APPROVE = (
    "approve with: pytest workflows/txt2img.json::default --comfy-url http://YOUR-COMFYUI:8188 --comfy-update=changed "
    '--comfy-reason "why"'
)


def judged(project):
    """Return the lines of the one failure, which hold nothing of ours but sentences."""
    result = project.run("workflows")
    result.assert_outcomes(failed=1)
    assert "Traceback" not in result.stdout.str()
    assert "pytest_comfy/" not in result.stdout.str()
    return failure_of(result, HEAD)


def errored(project, *words):
    result = project.run("workflows", *words)
    result.assert_outcomes(errors=1)
    assert "Traceback" not in result.stdout.str()
    assert "pytest_comfy/" not in result.stdout.str()
    for title in (f"ERROR at setup of {HEAD}", HEAD):
        try:
            return failure_of(result, title)
        except StopIteration:
            continue
    raise AssertionError(result.stdout.str())


def test_replayed_run_is_identical(project):
    project.both(outputs={"9": {"images": [png(1), png(2)], "text": ["a cat"]}})
    result = project.run("workflows")
    result.assert_outcomes(passed=1)
    assert section_of(result, "comfy") == [
        "outputs: 3 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"
    ]


def test_missing_golden_run(project):
    project.workflow()
    assert judged(project) == ["missing: no golden run for workflows/txt2img.json::default", APPROVE]


def test_changed_workflow_says_node_and_values(project):
    project.both()
    project.workflow(prompt=graph(8))
    assert judged(project) == [
        "different: workflows/txt2img.json::default is not what its golden run recorded: the workflow changed since: "
        "node 3 EmptyImage.color is 8, was 7",
        APPROVE,
    ]


def test_a_change_that_comfyui_would_refuse_is_told_before_anything_is_queued(project):
    run = recorded()
    sizes = {"required": {"width": ["INT", {"min": 1, "max": 4096}], "color": ["INT", {}]}}
    run.document["node_definitions"]["EmptyImage"] = {"input": sizes, "output": ["IMAGE"]}
    run.document["node_definitions"]["SaveImage"]["input"] = {"required": {"images": ["IMAGE", {}]}}
    project.golden(run=run)
    changed = graph()
    changed["3"]["inputs"]["width"] = 0
    project.workflow(prompt=changed)
    lines = judged(project)
    assert lines[0].endswith("node 3 EmptyImage.width is 0, was 64")
    assert lines[1].startswith("ComfyUI 0.8.0 would not take it: prompt refused: Prompt outputs failed validation")
    assert "node 3 'Canvas' (EmptyImage): input 'width': Value 0 smaller than min of 1; received 0" in lines[2]


def test_new_and_gone_nodes_are_said(project):
    project.both(prompt=graph(saves=("9", "10")), outputs={"9": {"images": [png()]}, "10": {"images": [png(3)]}})
    project.workflow(prompt=graph(**{"11": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}}}))
    (first, _) = judged(project)
    assert first.endswith("node 10 SaveImage is gone; node 11 PreviewImage is new")


def test_many_changes_are_cut_short(project):
    project.both()
    changed = graph()
    changed["3"]["inputs"] = {"width": 1, "height": 2, "batch_size": 3, "color": 4, "extra": 5, "more": 6}
    project.workflow(prompt=changed)
    assert judged(project)[0].endswith("; and 1 more")


def test_golden_run_without_files_is_an_error_that_says_what_to_do(project):
    project.both(files=False)
    assert errored(project) == [
        "the golden run of workflows/txt2img.json::default keeps no output files, so it cannot be replayed: run live "
        "with --comfy-url, or approve it again with comfy_golden_files = true"
    ]


def test_truncated_run_file(project):
    project.both()
    path = project.root / "golden/txt2img/default/run.json"
    path.write_bytes(path.read_bytes()[:200])
    (line,) = errored(project)
    assert line.startswith("golden/txt2img/default/run.json: broken JSON (")
    assert line.endswith("): restore it from version control, or record the run again")


def test_run_file_of_a_later_format(project):
    project.both()
    path = project.root / "golden/txt2img/default/run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    assert errored(project) == [
        "golden/txt2img/default/run.json: golden run of format 2, this version reads 1: update pytest-comfy, or "
        "record the run again"
    ]


def test_run_file_without_a_prompt(project):
    project.both()
    path = project.root / "golden/txt2img/default/run.json"
    path.write_text(json.dumps({"format": 1}))
    (line,) = errored(project)
    assert line == "golden/txt2img/default/run.json: malformed golden run ('prompt'): record the run again"


NOT_APPROVED = (
    "golden/txt2img/default/9.images.0.png: output 9.images.0 of 'Save Image' is not the file that was approved: "
    "restore it from version control, or approve the run again"
)


@pytest.mark.parametrize("data", [png()[:100], png(2), b""], ids=["truncated", "exchanged", "empty"])
@pytest.mark.parametrize("where", ["offline", "live"])
def test_golden_picture_that_was_not_approved_is_an_error(project, serve, data, where):
    """The run is not to blame for what differs there, and what is like it is no proof."""
    project.both()
    words = ["--comfy-url", serve(recorded()).url] if where == "live" else []
    (project.root / "golden/txt2img/default/9.images.0.png").write_bytes(data)
    assert errored(project, *words) == [NOT_APPROVED]


def test_golden_picture_that_is_not_there(project):
    project.both()
    (project.root / "golden/txt2img/default/9.images.0.png").unlink()
    assert errored(project) == [
        "golden/txt2img/default/9.images.0.png: output 9.images.0 of 'Save Image' is not there: restore it from "
        "version control, or approve the run again"
    ]


def test_golden_picture_that_was_not_approved_is_approved_anew(project, serve):
    project.both()
    path = project.root / "golden/txt2img/default/9.images.0.png"
    path.write_bytes(png(2))
    server = serve(recorded(), recorded())
    project.run("workflows", "--comfy-url", server.url, "--comfy-update=missing").assert_outcomes(errors=1)
    project.run("workflows", "--comfy-url", server.url, "--comfy-update=changed").assert_outcomes(passed=1)
    assert path.read_bytes() == png()


def test_one_broken_golden_run_breaks_no_other(project):
    project.both("a")
    project.both("b")
    (project.root / "golden/a/default/run.json").write_text("{")
    project.run("workflows").assert_outcomes(passed=1, errors=1)


def test_replays_are_not_cached_among_cases(project):
    """Two workflows with one prompt and two pictures: each gets its own."""
    project.both("a")
    project.both("b", outputs={"9": {"images": [png(2)]}})
    result = project.run("workflows")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["outputs: 2 identical, *"])


def test_recorded_failure_fails_again(project):
    project.both(outputs={}, error={"exception_type": "ValueError", "exception_message": "no\n", "traceback": []})
    assert judged(project)[0] == "node 3 'Canvas' (EmptyImage) failed: ValueError: no"


def test_recording_of_a_folder_of_other_runs_is_not_mixed_up(project):
    project.workflow(sidecar="[cases.a]\n[cases.b]\n")
    project.golden("txt2img/a")
    result = project.run("workflows")
    result.assert_outcomes(passed=1, failed=1)
    assert failure_of(result, "txt2img.json [b]")[0] == "missing: no golden run for workflows/txt2img.json::b"


def test_secret_is_not_said(project):
    secret = "sk-0123456789abcdef"
    prompt = graph()
    prompt["3"]["inputs"]["api_key"] = secret
    changed = graph(8)
    changed["3"]["inputs"]["api_key"] = secret + "9"
    project.both(prompt=prompt)
    project.workflow(prompt=changed)
    assert secret not in "\n".join(judged(project))


def test_live_run_of_the_same_project_needs_no_files(project, serve):
    project.both(files=False)
    project.run("workflows", "--comfy-url", serve(recorded()).url).assert_outcomes(passed=1)
