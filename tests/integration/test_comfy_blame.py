"""--comfy-blame names the node that makes a case differ: by the old server, or by what golden runs keep."""

from __future__ import annotations

import pytest
from computing import ComputingServer, node, sampling
from reports import case_of

FAULT = 40
FAR = "inputs identical, as far as they can be seen: not those of node 1 'My Load'"
DEEP = {str(n): node("Tone", image=(str(n - 1), 0), level=n) for n in range(101, 201)}


@pytest.fixture
def servers(running):
    """Start a new server with faults, and an old one."""
    return lambda faults, old=None, **more: [running(ComputingServer(each, **more)) for each in (faults, old)]


@pytest.fixture
def blamed(project, servers):
    """What is said of a workflow on a new server with faults."""

    def run(faults, prompt=None, **more):
        project.workflow(prompt=prompt or sampling())
        new, old = servers(faults, **more)
        result = project.run("--comfy-url", new.url, "--comfy-against", old.url, "--comfy-blame")
        result.assert_outcomes(failed=1)
        run.old = old
        return [line for line in result.outlines if line.startswith(("first difference", "no node can be blamed"))]

    return run


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ({"6": FAULT}, "first difference at node 6 'My Tone' (inputs identical); IMAGE: "),
        ({"5": FAULT}, "first difference at node 5 'My Decode' (inputs identical); IMAGE: "),
        ({"2": FAULT}, f"first difference at node 2 'My Prompt' ({FAR}); CONDITIONING: "),
        ({"4": FAULT}, f"first difference at node 4 'My Sample' ({FAR}); LATENT: "),
        ({"3": FAULT}, "first difference at node 3 'My Canvas' (inputs identical); LATENT: "),
    ],
)  # fmt: skip
def test_the_first_node_that_differs(blamed, faults, told):
    (sentence,) = blamed(faults)
    assert sentence.startswith(told)


def test_what_cannot_be_seen_is_told_as_between(blamed):
    prompt = sampling()
    prompt["7"] = node("Patch", model=("1", 0), strength=2)
    prompt["4"]["inputs"]["model"] = ["7", 0]
    (sentence,) = blamed({"7": FAULT}, prompt)
    assert sentence.startswith("first difference between node 7 'My Patch' and node 4 'My Sample' (what goes between")


def test_branches_that_differ_by_themselves_are_all_named(blamed):
    prompt = {
        "1": node("Paint", color=1),
        "2": node("Paint", color=2),
        "3": node("Mix", one=("1", 0), other=("2", 0)),
        "9": node("SaveImage", images=("3", 0), filename_prefix="out"),
    }
    (sentence,) = blamed({"1": FAULT, "2": -FAULT * 2}, prompt)
    assert "at node 1 'My Paint' (inputs identical)" in sentence and "at node 2 'My Paint'" in sentence
    assert "node 3" not in sentence


def test_of_two_outputs_of_a_node_the_one_that_differs_counts(blamed):
    prompt = {
        "1": node("Paint", color=1),
        "2": node("Split", image=("1", 0)),
        "3": node("Cover", image=("1", 0), mask=("2", 1)),
        "9": node("SaveImage", images=("3", 0), filename_prefix="out"),
    }
    (sentence,) = blamed({"2": FAULT}, prompt)
    assert sentence.startswith("first difference at node 2 'My Split' (inputs identical)")


def test_a_deep_workflow_takes_few_runs(blamed, project):
    prompt = {"100": node("Paint", color=1), **DEEP, "9": node("SaveImage", images=("200", 0), filename_prefix="out")}
    (sentence,) = blamed({"198": FAULT}, prompt)
    assert sentence.startswith("first difference at node 198 'My Tone' (inputs identical)")
    assert case_of(project)["blame"] == [{"nodes": ["198"], "sentence": sentence, "runs": 2}]
    assert len(blamed.old.prompts) == 3


def test_a_value_that_cannot_be_shown_is_passed_over(blamed):
    prompt = sampling()
    prompt["7"] = node("Nothing", image=("5", 0))
    prompt["8"] = node("Count", image=("5", 0))
    prompt["6"]["inputs"]["level"] = ["8", 0]
    (sentence,) = blamed({"6": FAULT}, prompt)
    assert sentence.startswith("first difference at node 6 'My Tone'")


def test_a_server_without_the_preview_nodes_sees_less(blamed):
    (sentence,) = blamed({"5": FAULT}, without=("PreviewImage", "PreviewAny"))
    between = (
        "between node 5 'My Decode' and node 9 'My SaveImage' (what goes between them, through 1 node more, cannot"
    )
    assert sentence.startswith(f"first difference {between}")


@pytest.mark.parametrize("faulty", ["7", "8"])
def test_of_several_nodes_that_cannot_be_seen_none_is_left_out(blamed, faulty):
    prompt = sampling()
    prompt["7"] = node("Patch", model=("1", 0), strength=2)
    prompt["8"] = node("Patch", model=("7", 0), strength=3)
    prompt["4"]["inputs"]["model"] = ["8", 0]
    (sentence,) = blamed({faulty: FAULT}, prompt)
    assert sentence.startswith("first difference between node 7 'My Patch' and node 4 'My Sample' (what goes between")
    assert ", through 1 node more, cannot be seen" in sentence


def test_a_node_may_have_the_name_of_a_probe(blamed):
    prompt = {
        "1": node("Paint", color=1),
        "comfy-probe-0": node("Tone", image=("1", 0), level=2),
        "comfy-probe-1": node("Tone", image=("comfy-probe-0", 0), level=3),
        "9": node("SaveImage", images=("comfy-probe-1", 0), filename_prefix="out"),
    }
    (sentence,) = blamed({"comfy-probe-0": FAULT}, prompt)
    assert sentence.startswith("first difference at node comfy-probe-0 'My Tone' (inputs identical); IMAGE: ")


def test_by_what_the_golden_run_keeps(project, servers):
    project.workflow(prompt=sampling())
    new, old = servers({"5": FAULT})
    project.run("--comfy-url", old.url, "--comfy-update", "--comfy-probes").assert_outcomes(passed=1)
    kept = project.read("golden/txt2img/default/run.json")["probes"]
    assert [(one["node"], one["slot"], one["type"]) for one in kept] == [
        ("2", 0, "CONDITIONING"), ("3", 0, "LATENT"), ("4", 0, "LATENT"), ("5", 0, "IMAGE"), ("6", 0, "IMAGE"),
    ]  # fmt: skip
    assert project.files("golden/txt2img/default") == ["9.images.0.png", "run.json"]
    project.run().assert_outcomes(passed=1)
    project.run("--comfy-url", old.url, "--comfy-blame").assert_outcomes(passed=1)
    result = project.run("--comfy-url", new.url, "--comfy-blame")
    result.stdout.fnmatch_lines(["first difference at node 5 'My Decode' (inputs identical)*"])
    assert case_of(project)["blame"][0]["nodes"] == ["5"]


@pytest.mark.parametrize("probes", [[{}], [7], [{"node": "5", "slot": "x", "values": []}], "x", {"a": 1}])
def test_values_that_somebody_damaged_are_told(project, servers, probes):
    project.workflow(prompt=sampling())
    new, old = servers({"5": FAULT})
    project.run("--comfy-url", old.url, "--comfy-update", "--comfy-probes").assert_outcomes(passed=1)
    document = project.read("golden/txt2img/default/run.json")
    project.write("golden/txt2img/default/run.json", {**document, "probes": probes})
    result = project.run("--comfy-url", new.url, "--comfy-blame")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["no node can be blamed: *run.json: malformed probes (*): approve the run again*"])


def test_without_anything_to_compare_it_says_what_to_do(project, servers):
    project.workflow(prompt=sampling())
    new, old = servers({"5": FAULT})
    project.run("--comfy-url", old.url, "--comfy-update").assert_outcomes(passed=1)
    result = project.run("--comfy-url", new.url, "--comfy-blame")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["no node can be blamed: its golden run keeps no values*--comfy-against*--comfy-probes"]
    )


def test_the_page_tells_it(blamed, project):
    (sentence,) = blamed({"6": FAULT})
    page = (project.root / "comfy-report/index.html").read_text()
    assert '<bdi class="headline blame">first difference at node 6' in page
    assert (
        '<p class="sentence blame"><bdi>first difference at node 6' in page
        and sentence.partition(";")[2].strip() in page
    )


def test_what_passes_is_not_run_again(project, servers):
    project.workflow(prompt=sampling())
    new, old = servers({})
    project.run("--comfy-url", new.url, "--comfy-against", old.url, "--comfy-blame").assert_outcomes(passed=1)
    assert len(new.prompts) == len(old.prompts) == 1


def test_tests_of_python_are_blamed_as_well(project, servers):
    project.workflow(prompt=sampling())
    project.write("test_it.py", "def test_it(comfy_run, comfy_golden): comfy_golden.check(comfy_run('txt2img.json'))")
    new, old = servers({"6": FAULT})
    result = project.run("test_it.py", "--comfy-url", new.url, "--comfy-against", old.url, "--comfy-blame")
    result.stdout.fnmatch_lines(["*first difference at node 6 'My Tone'*"])


@pytest.mark.parametrize("line", ["comfy_blame = true"])
def test_the_ini_asks_for_it(project, servers, line):
    project.workflow(prompt=sampling())
    project.ini(line)
    new, old = servers({"6": FAULT})
    result = project.run("--comfy-url", new.url, "--comfy-against", old.url)
    result.stdout.fnmatch_lines(["first difference at node 6*"])
