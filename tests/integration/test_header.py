"""The header line and the summary."""

from __future__ import annotations

from projects import png, recorded, section_of


def header_of(result):
    return [line for line in result.outlines if line.startswith("comfy: ")]


def test_offline(project):
    project.both()
    assert header_of(project.run()) == [
        "comfy: offline, replaying golden/ (recorded with ComfyUI 0.8.0, torch 2.13.0, cpu)"
    ]


def test_offline_with_a_folder_that_is_empty(project):
    (project.root / "golden").mkdir()
    assert header_of(project.run()) == ["comfy: offline, replaying golden/ (empty)"]
    project.workflow()
    assert header_of(project.run()) == ["comfy: offline, replaying golden/ (empty)"]
    assert header_of(project.run("--comfy-known=")) == ["comfy: offline, replaying golden/ (empty)"]


def test_none_for_the_golden_files_of_another_plugin(project):
    project.write("golden/table.json", "[1, 2, 3]")
    project.write("test_plain.py", "def test_plain(): pass\n")
    assert header_of(project.run()) == []


def test_offline_with_a_broken_golden_run(project):
    project.both()
    project.write("golden/txt2img/default/run.json", "{")
    assert header_of(project.run()) == ["comfy: offline, replaying golden/"]


def test_live_names_every_server(project, serve):
    one = serve(recorded())
    other = serve(recorded(environment={"comfyui": "0.3.64", "devices": [{"name": "cuda:0 RTX 4090", "type": "cuda"}]}))
    assert header_of(project.run("--comfy-url", one.url, "--comfy-url", other.url)) == [
        f"comfy: live, {one.url}: ComfyUI 0.8.0, torch 2.13.0, cpu",
        f"comfy: live, {other.url}: ComfyUI 0.3.64, torch 2.13.0, cuda:0 RTX 4090",
    ]


def test_live_tells_what_golden_runs_were_made_with(project, serve):
    for number, version in enumerate(["0.8.0", "0.8.0", "0.3.64", "0.4.0", "0.5.0"]):
        project.golden(f"w{number}/default", environment={"comfyui": version})
    project.write("golden/broken/default/run.json", "{")
    _, line = header_of(project.run("--comfy-url", serve(recorded()).url))
    made = [f"ComfyUI {version}, torch 2.13.0, cpu" for version in ("0.8.0", "0.3.64", "0.4.0")]
    assert line == (f"comfy: golden runs were made with {made[0]} (2); {made[1]} (1); {made[2]} (1); and others")


def test_unreachable(project, dead_url):
    assert header_of(project.run("--comfy-url", dead_url)) == [
        f"comfy: live, {dead_url}: unreachable ({dead_url}/system_stats: connection refused: is ComfyUI running there?)"
    ]


def test_none_in_a_project_without_workflows(project):
    project.write("test_plain.py", "def test_plain(): pass\n")
    assert header_of(project.run()) == []


def test_quiet_run_has_no_header(project):
    project.both()
    result = project.run("-q")
    result.assert_outcomes(passed=1)
    assert header_of(result) == []


def test_summary_counts_every_verdict(project, serve):
    project.both("a")
    project.both("b", outputs={"9": {"images": [png(1), png(2)], "text": ["x"]}})
    assert section_of(project.run(), "comfy") == [
        "outputs: 4 identical, 0 within tolerance, 0 different, 0 missing, 0 unexpected"
    ]


def test_terminal_escapes_of_a_server_do_not_reach_the_terminal(project, serve):
    project.both()
    server = serve(recorded(environment={"comfyui": "0.8\x1b[31m.0"}))
    result = project.run("--comfy-url", server.url)
    assert header_of(result) == [
        f"comfy: live, {server.url}: ComfyUI 0.8.0, torch 2.13.0, cpu",
        "comfy: golden runs were made with ComfyUI 0.8.0, torch 2.13.0, cpu (1)",
    ]
