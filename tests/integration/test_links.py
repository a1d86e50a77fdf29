"""A link that somebody put into the project leads nothing of ours out of it: not to read, and not to change."""

from __future__ import annotations

import pytest
from projects import failure_of, png, recorded

HEAD = "txt2img.json [default]"
LINK = "it is a link, and links are not followed: put what it leads to in its place"

IN_THE_WAY = "golden/txt2img/.default.previous: is in the way, as what is replaced is kept there meanwhile: remove it"


@pytest.fixture
def outside(tmp_path):
    """A folder of somebody else, looking like a golden run; returns a function that tells what is in it."""
    folder = tmp_path / "outside"
    (folder / "previews").mkdir(parents=True)
    (folder / "precious").mkdir()
    (folder / "precious/notes.txt").write_text("of years")
    (folder / "9.images.0.png").write_bytes(png())
    (folder / "previews/0.jpg").write_bytes(b"a preview")
    before = _content(folder)
    yield folder
    assert _content(folder) == before


def _content(folder):
    return {path.relative_to(folder).as_posix(): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def errored(project, *words):
    result = project.run("workflows", *words)
    result.assert_outcomes(errors=1)
    assert "Traceback" not in result.stdout.str()
    return failure_of(result, f"ERROR at setup of {HEAD}")


def moved_away(project, outside, path):
    """Put something of the project's outside, and a link in its place."""
    target = outside.parent / "moved"
    (project.root / path).rename(target)
    (project.root / path).symlink_to(target)


def test_backup_is_left_alone(project, outside, serve):
    project.both()
    link = project.root / "golden/txt2img/.default.previous"
    link.symlink_to(outside)
    project.run("workflows").assert_outcomes(passed=1)
    assert errored(project, "--comfy-url", serve(recorded()).url, "--comfy-update=all") == [IN_THE_WAY]
    assert link.is_symlink()


def test_file_in_place_of_the_backup(project, serve):
    project.both()
    project.write("golden/txt2img/.default.previous", "of somebody else")
    assert errored(project, "--comfy-url", serve(recorded()).url, "--comfy-update=all") == [IN_THE_WAY]
    assert "of somebody else" in (project.root / "golden/txt2img/.default.previous").read_text()


def test_what_a_cut_off_write_left_is_removed_and_nothing_like_it(project, outside, serve):
    project.both()
    left = project.root / "golden/txt2img/.default.0abc_xyz.new"
    left.mkdir()
    (left / "9.images.0.png").write_bytes(b"half")
    own = project.root / "golden/txt2img/.default.mine"
    own.mkdir()
    link = project.root / "golden/txt2img/.default.1abc_xyz.new"
    link.symlink_to(outside)
    project.run("workflows", "--comfy-url", serve(recorded()).url, "--comfy-update=all").assert_outcomes(passed=1)
    assert not left.exists() and own.is_dir() and link.is_symlink()


@pytest.mark.parametrize("path", ["golden/txt2img/default", "golden/txt2img"])
def test_folder_of_a_run(project, outside, serve, path):
    project.both()
    moved_away(project, outside, path)
    assert errored(project) == [f"{path}: cannot be read ({LINK})"]
    server = serve(recorded())
    assert errored(project, "--comfy-url", server.url, "--comfy-update=all")[0].startswith(f"{path}: cannot be")
    assert server.prompts == []


def test_run_file(project, outside):
    project.both()
    moved_away(project, outside, "golden/txt2img/default/run.json")
    assert errored(project) == [f"golden/txt2img/default/run.json: cannot be read ({LINK})"]


@pytest.mark.parametrize("live", [False, True])
def test_golden_file_is_refused_and_not_copied_into_the_report(project, outside, serve, live):
    project.both()
    file = project.root / "golden/txt2img/default/9.images.0.png"
    file.unlink()
    file.symlink_to(outside / "9.images.0.png")  # the very same picture
    words = ["--comfy-url", serve(recorded(outputs={"9": {"images": [png(2)]}})).url] if live else []
    assert errored(project, *words) == [
        f"golden/txt2img/default/9.images.0.png: output 9.images.0 of 'Save Image' cannot be read ({LINK})"
    ]
    kept = [name for name in project.files("comfy-report") if not name.startswith("assets/")]
    assert kept == [".gitignore", "index.html", "report.json", "txt2img/default/case.json"]


def test_golden_file_below_a_linked_folder(project, outside):
    project.both()
    run = project.read("golden/txt2img/default/run.json")
    run["outputs"][0]["file"] = "sub/9.images.0.png"
    project.write("golden/txt2img/default/run.json", run)
    (project.root / "golden/txt2img/default/sub").symlink_to(outside)
    assert "cannot be read (it is a link" in errored(project)[0]


@pytest.mark.parametrize("path", ["comfy-report", "comfy-report/txt2img", "comfy-report/txt2img/default"])
def test_report(project, outside, serve, path):
    project.both()
    (project.root / path).parent.mkdir(parents=True, exist_ok=True)
    (project.root / path).symlink_to(outside)
    (outside.parent / "elsewhere").mkdir()
    result = project.run("workflows", "--comfy-url", serve(recorded(outputs={"9": {"images": [png(2)]}})).url)
    result.assert_outcomes(failed=1)
    lines = failure_of(result, HEAD)
    assert lines[0].startswith("different: ") and f"report: {path}: cannot be written ({LINK})" in lines


@pytest.mark.parametrize("path", ["inputs", "inputs/lake.png"])
def test_inputs(project, outside, path):
    prompt = {
        "3": {"class_type": "LoadImage", "inputs": {"image": "lake.png"}, "_meta": {"title": "Lake"}},
        "9": {
            "class_type": "SaveImage",
            "inputs": {"images": ["3", 0], "filename_prefix": "out"},
            "_meta": {"title": "Save Image"},
        },
    }
    project.both(prompt=prompt)
    (outside.parent / "files").mkdir()
    (outside.parent / "files/lake.png").write_bytes(png())
    target = outside.parent / ("files" if path == "inputs" else "files/lake.png")
    (project.root / "workflows" / path).parent.mkdir(exist_ok=True)
    (project.root / "workflows" / path).symlink_to(target)
    result = project.run("workflows")
    result.assert_outcomes(failed=1)
    assert failure_of(result, HEAD) == [f"workflows/inputs/lake.png: cannot be read ({LINK})"]


def test_unused_runs_are_not_looked_for_behind_links(project, outside):
    project.both()
    project.golden("gone/default", workflow="workflows/gone.json")
    moved_away(project, outside, "golden/gone")
    result = project.run("workflows", "--comfy-unused=remove")
    result.assert_outcomes(passed=1)
    assert (outside.parent / "moved/default/run.json").exists()
    result.stdout.no_fnmatch_line("*removed*")


@pytest.mark.parametrize("folder", ["sub", "previews"])
def test_unused_run_with_a_linked_folder_is_removed_without_what_that_leads_to(project, outside, folder):
    project.both()
    project.golden("gone/default", workflow="workflows/gone.json")
    run = project.read("golden/gone/default/run.json")
    run["outputs"][0]["file"] = f"{folder}/9.images.0.png"
    project.write("golden/gone/default/run.json", run)
    (project.root / "golden/gone/default" / folder).symlink_to(outside)
    project.run("workflows", "--comfy-unused=remove")
    assert (outside / "9.images.0.png").exists()
