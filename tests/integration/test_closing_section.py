"""The closing section: what changed, and where the report is; the slowest nodes with --durations."""

from __future__ import annotations

import re

from projects import WITH_XDIST, graph, png, recorded, section_of


def changed(project, serve, *words, names="ab"):
    for name in names:
        project.both(name)
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    return project.run("workflows", "--comfy-url", server.url, *words)


def test_changes_kind_by_kind_and_the_report_last(project, serve):
    rows = section_of(changed(project, serve), "comfy")
    at = rows.index("changed outputs: 2 (with their distances, of which 1 is the limit)")
    assert rows[at + 1] == "  another picture in 2 cases"
    told = [
        re.fullmatch(r" +(inf|[\d.]+)  (workflows/[ab]\.json::default): (.*)", row) for row in rows[at + 2 : at + 4]
    ]
    assert [one[2][10] for one in told] == ["a", "b"]
    assert {one[3] for one in told} == {"node 9 'Save Image' images 0"}
    assert re.fullmatch(r"report: comfy-report/(index\.html)?", rows[-1])


def test_how_to_approve_stands_before_the_report(project, serve):
    rows = section_of(changed(project, serve, "--comfy-report", "out of it"), "comfy")
    assert rows[-2] == "approve without a server: pytest-comfy approve 'out of it' --reason \"why\""


def test_what_cannot_be_approved_is_not_offered(project):
    project.both()
    project.workflow(prompt=graph(color=8))
    assert not any(row.startswith("approve") for row in section_of(project.run("workflows"), "comfy"))


def test_verbose_has_the_distances_of_all_parts(project, serve):
    rows = section_of(changed(project, serve, "-v", names="a"), "comfy")
    at = next(at for at, row in enumerate(rows) if row.endswith("images 0"))
    assert re.match(r" {11}luma [\d.]+, \w+ [\d.]+, ", rows[at + 1])


def test_many_of_a_kind_are_cut_unless_verbose(project, serve):
    names = "abcdefghijkl"
    assert "           and 2 more" in section_of(changed(project, serve, names=names), "comfy")
    assert not any("more" in row for row in section_of(changed(project, serve, "-v", names=names), "comfy"))


def test_nothing_changed_and_no_report_is_named(project):
    project.both()
    result = project.run("workflows")
    assert section_of(result, "comfy") == [
        "outputs: 1 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"
    ]


def test_expected_failures_are_no_news(project, serve):
    project.golden()
    project.workflow(sidecar='xfail = "known"')
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = project.run("workflows", "--comfy-url", server.url)
    result.assert_outcomes(xfailed=1)
    assert not any(row.startswith("changed outputs") for row in section_of(result, "comfy"))


def test_workers_are_told_of_by_the_controller(project, serve):
    project.write("pytest.ini", WITH_XDIST)
    for name in "ab":
        project.both(name)
    server = serve(recorded(outputs={"9": {"images": [png(2)]}}))
    result = project.run_apart("workflows", "--comfy-url", server.url, "-n2", "--durations=0", "--durations-min=0")
    assert "  another picture in 2 cases" in section_of(result, "comfy")
    assert len(section_of(result, "slowest 4 nodes")) == 4


def test_slowest_nodes(project, serve):
    project.both()
    server = serve(recorded())
    words = "workflows", "--comfy-url", server.url
    result = project.run(*words, "--durations=1", "--durations-min=0")
    (row,) = section_of(result, "slowest 1 nodes")
    assert re.fullmatch(r"\d+\.\d\ds node [39] '(Canvas|Save Image)' in workflows/txt2img\.json::default", row)
    assert " nodes =" not in project.run(*words, "--durations=1", "--durations-min=1000").stdout.str()
    assert project.run(*words, "--durations=3").ret == result.ret
    assert " nodes =" not in project.run(*words).stdout.str()
    assert " nodes =" not in project.run("workflows", "--durations=0", "--durations-min=0").stdout.str()


def test_title_of_a_node_stays_in_its_line(project, serve):
    prompt = graph()
    prompt["9"]["_meta"]["title"] = "Save\n\x1b[2Jfaked: 7 \u202eevil"
    project.both("a", prompt)
    server = serve(recorded(prompt, outputs={"9": {"images": [png(2)]}}))
    result = project.run("workflows", "--comfy-url", server.url, "-v", "--durations=0", "--durations-min=0")
    rows = section_of(result, "comfy")
    assert not any(row.startswith("faked") for row in rows)
    assert "\x1b[2J" not in result.stdout.str() and "\u202e" not in result.stdout.str()
