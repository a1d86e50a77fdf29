"""--comfy-against: each case runs on the old server and on the new one, and the golden run says who is right."""

from __future__ import annotations

import json

import pytest
import requests
from projects import WITH_XDIST, graph, png, recorded

SOFT, NEAR = 90, 1


@pytest.fixture
def both(project, serve):
    """Run pytest with a new server and an old one, each of which makes its own picture of the same workflow."""
    project.workflow(prompt=graph())

    def run(new, old, *words, golden=None):
        if golden is not None:
            project.golden(run=recorded(graph(), made(golden)))
        servers = [serve(recorded(graph(), made(one))) for one in (new, old)]
        run.new, run.old = servers
        return project.run("--comfy-url", servers[0].url, "--comfy-against", servers[1].url, *words)

    return run


def made(shift):
    return {"9": {"images": [png(1, shift=shift)]}}


@pytest.mark.parametrize(
    ("new", "old", "golden", "told"),
    [
        (0, 0, None, "1 same"),
        (0, SOFT, None, "1 different"),
        (0, 0, 0, "1 same"),
        (0, NEAR, 0, "1 same"),
        (SOFT, 0, 0, "1 regression"),
        (0, SOFT, 0, "1 improved"),
        (SOFT, SOFT, 0, "1 golden stale"),
        (SOFT, -SOFT, 0, "1 golden stale, and different"),
    ],
)
def test_three_comparisons_come_to_one_word(both, new, old, golden, told):
    result = both(new, old, golden=golden)
    failed = told.split(" ", 1)[1] in ("different", "golden stale, and different", "regression")
    result.assert_outcomes(failed=int(failed), passed=int(not failed))
    result.stdout.fnmatch_lines([f"new against old: {told}"])


def test_the_word_stands_first_and_both_servers_are_named(both):
    result = both(SOFT, 0, golden=0)
    result.stdout.fnmatch_lines(
        [
            "comfy: live, http*",
            "comfy: against http*",
            "regression: node 9 'Save Image' images 0: another picture*",
            "  old: comfy-report/txt2img/default/9.images.0.golden.png",
            "*regression: NEW differs from OLD, which agrees with the golden run",
            f"NEW: {both.new.url} (*",
            f"OLD: {both.old.url} (*",
            "FAILED *regression: another pict*",
        ]
    )


def test_what_the_servers_are_made_of_is_told_where_they_differ(project, serve):
    project.workflow(prompt=graph())
    new = serve(recorded(graph(), made(SOFT), environment={"comfyui": "0.30.0"}))
    old = serve(recorded(graph(), made(0), environment={"comfyui": "0.8.0"}))
    result = project.run("--comfy-url", new.url, "--comfy-against", old.url)
    result.stdout.fnmatch_lines(["OLD -> NEW: ComfyUI 0.8.0 -> 0.30.0*"])


def test_copies_of_a_model_may_be_of_another_day(project, serve):
    project.ini("comfy_preflight = off")  # the servers here know what they recorded, and not what nodes there are
    loading = graph(**{"1": {"class_type": "VAELoader", "inputs": {"vae_name": "a.safetensors"}}})
    project.workflow(prompt=loading)
    servers = []
    for day, size in ((1, 5), (2, 5), (3, 6)):
        facts = {"a.safetensors": {"folder": "vae", "size": size, "modified": f"2026-01-0{day}T00:00:00.000Z"}}
        made = {"9": {"images": [png(1, shift=day * SOFT)]}}
        servers.append(serve(recorded(loading, made, environment={"models": facts})).url)
    alike = project.run("--comfy-url", servers[1], "--comfy-against", servers[0])
    alike.stdout.fnmatch_lines(["OLD -> NEW: the same environment as far as they tell*"])
    other = project.run("--comfy-url", servers[2], "--comfy-against", servers[0])
    other.stdout.fnmatch_lines(["OLD -> NEW: model a.safetensors size 5 -> size 6"])


def test_each_server_is_asked_once(both):
    both(SOFT, 0, golden=0)
    assert len(both.new.prompts) == len(both.old.prompts) == 1


def test_a_run_that_is_approved_is_that_of_the_new_server(both, project):
    both(SOFT, 0, "--comfy-update", golden=0).assert_outcomes(passed=1)
    assert len(both.old.prompts) == 0
    project.run().assert_outcomes(passed=1)
    assert (project.root / "golden/txt2img/default/9.images.0.png").read_bytes() == png(1, shift=SOFT)


def test_what_the_old_server_cannot_run_is_judged_by_the_golden_run_alone(project, serve):
    project.workflow(prompt=graph())
    project.golden(run=recorded(graph(), made(0)))
    new, old = serve(recorded(graph(), made(SOFT))), serve()
    result = project.run("--comfy-url", new.url, "--comfy-against", old.url)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["different: node 9*", f"OLD ({old.url} *) made nothing to compare with: *"])


def test_what_passes_by_the_golden_run_alone_is_told_as_not_compared(project, serve):
    project.workflow(prompt=graph())
    project.golden(run=recorded(graph(), made(0)))
    new, old = serve(recorded(graph(), made(0))), serve()
    result = project.run("--comfy-url", new.url, "--comfy-against", old.url)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "new against old: 1 not compared",
            "  not compared, as the old server made nothing; the golden run alone was asked:",
            "    workflows/txt2img.json::default: *",
        ]
    )


def test_without_golden_run_and_without_old_run_nothing_is_judged(project, serve):
    project.workflow(prompt=graph())
    new, old = serve(recorded(graph(), made(0))), serve()
    result = project.run("--comfy-url", new.url, "--comfy-against", old.url)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*OLD ({old.url} *) made nothing to compare with: *"])


def test_what_fails_on_the_new_server_alone_is_a_regression(project, serve):
    project.workflow(prompt=graph())
    new, old = serve(), serve(recorded(graph(), made(0)))
    result = project.run("--comfy-url", new.url, "--comfy-against", old.url)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["sure to break: *", f"regression: OLD ({old.url} *) runs it", "new against old: 1 regression"]
    )


def test_what_fails_on_both_is_told_so(project, serve):
    project.workflow(prompt=graph())
    new, old = serve(), serve()
    result = project.run("--comfy-url", new.url, "--comfy-against", old.url)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["sure to break: *", f"OLD ({old.url} *) does not run it either: prompt refused*"])


def test_cases_whose_golden_run_is_stale_are_named(both):
    result = both(SOFT, SOFT, golden=0)
    result.stdout.fnmatch_lines(["  golden stale, as both*", "    workflows/txt2img.json::default"])


def test_an_old_server_that_is_away_is_named(project, serve, dead_url):
    project.workflow(prompt=graph())
    result = project.run("--comfy-url", serve(recorded()).url, "--comfy-against", dead_url)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*server unreachable: {dead_url}*"])


def test_alone_it_is_refused(project):
    result = project.run("--comfy-against", "http://127.0.0.1:1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--comfy-against names the old server*--comfy-url*"])


def test_the_ini_names_it_for_live_runs_alone(project, serve):
    project.workflow(prompt=graph())
    project.golden(run=recorded(graph(), made(0)))
    old = serve(recorded(graph(), made(0)))
    project.ini(f"comfy_against = {old.url}")
    project.run().assert_outcomes(passed=1)
    assert len(old.prompts) == 0
    project.run("--comfy-url", serve(recorded(graph(), made(0))).url).assert_outcomes(passed=1)
    assert len(old.prompts) == 1


def test_tests_of_python_are_run_on_both(project, serve):
    project.pytester.makepyfile(
        """
        def test_picture(comfy_run, comfy_golden):
            comfy_golden.check(comfy_run("workflows/txt2img.json"))
        """
    )
    project.workflow(prompt=graph())
    new, old = serve(recorded(graph(), made(SOFT))), serve(recorded(graph(), made(0)))
    result = project.run("test_tests_of_python_are_run_on_both.py", "--comfy-url", new.url, "--comfy-against", old.url)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*different: node 9 'Save Image'*", f"NEW: {new.url} (ComfyUI *)", "new against old: 1 different"]
    )


def test_the_report_tells_of_the_old_run(both, project):
    both(SOFT, 0, golden=0)
    (case,) = json.loads((project.root / "comfy-report/report.json").read_text())["cases"]
    assert case["against"]["trend"] == "regression" and both.old.url in case["against"]["server"]
    (output,) = case["outputs"]
    assert (project.root / "comfy-report" / output["files"]["golden"]).read_bytes() == png(1)
    assert (project.root / "comfy-report" / output["files"]["actual"]).read_bytes() == png(1, shift=SOFT)


def test_the_page_says_what_it_was_held_against(both, project):
    both(SOFT, 0, "--comfy-report-inline", golden=0)
    page = (project.root / "comfy-report/index.html").read_text()
    assert "The case is" not in page and "1 of 1 case is not as on the old server" in page
    assert f"against {both.old.url} (" in page and "<figcaption>old" in page and "<figcaption>golden" not in page


def test_several_workers_share_the_servers(both, project):
    project.write("pytest.ini", WITH_XDIST)
    result = both(SOFT, 0, "-n", "2", golden=0)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["new against old: 1 regression"])


@pytest.mark.parametrize("workers", [0, 2])
def test_several_old_servers_share_the_cases(project, serve, workers):
    """Each new server, or each worker, has one of them."""
    project.write("pytest.ini", WITH_XDIST)
    prompts = [graph(color=color) for color in range(8)]
    for color, prompt in enumerate(prompts):
        project.workflow(f"w{color}", prompt)
    new, old = ([serve(*[recorded(prompt, made(0)) for prompt in prompts]) for _ in range(2)] for _ in range(2))
    words = [word for server in new for word in ("--comfy-url", server.url)]
    words += [word for server in old for word in ("--comfy-against", server.url)]
    project.run_apart("workflows", "-n", workers, *words).assert_outcomes(passed=8)
    assert all(server.prompts for server in (*new, *old))


def test_new_servers_share_one_socket_of_the_old_one(project, serve):
    """It is asked in turn, and each case is held against its own run."""
    prompts = [graph(color=color) for color in range(6)]
    for color, prompt in enumerate(prompts):
        project.workflow(f"w{color}", prompt)
    *new, old = (serve(*[recorded(prompt, made(0)) for prompt in prompts]) for _ in range(3))
    words = [word for server in new for word in ("--comfy-url", server.url)]
    project.run("workflows", *words, "--comfy-against", old.url).assert_outcomes(passed=6)
    entries = requests.get(f"{old.url}/history", timeout=60).json().values()
    assert len(entries) == 6
    assert len({entry["prompt"][3]["client_id"] for entry in entries}) == 1
    assert all(server.prompts for server in new)
