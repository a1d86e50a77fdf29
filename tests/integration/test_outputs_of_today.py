"""Outputs as ComfyUI 0.30 tells them: files named as bare text, texts told twice, pictures on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import Item, failure_of, graph, png, recorded, section_of

DATA = Path(__file__).parent.parent / "data"
BALL, NET = ((DATA / f"comfyui-0.8.0-{name}.glb").read_bytes() for name in ("basic", "surfnet"))
CAMERA = {"position": {"x": 1.5, "y": 2, "z": 3}, "zoom": 1, "cameraType": "perspective"}
PREVIEW = {"4": {"class_type": "Preview3DAdvanced", "inputs": {"model_3d": ["3", 0]}, "_meta": {"title": "View"}}}
SHOWN = {"Preview3DAdvanced": {"output_node": True}}
CROP = {"4": {"class_type": "ImageCropV2", "inputs": {"image": ["3", 0]}, "_meta": {"title": "Crop"}}}
ON_THE_WAY = {"ImageCropV2": {"output_node": False, "has_intermediate_output": True, "output": ["IMAGE"]}}


def mesh(name, data=BALL, kind="output", camera=CAMERA):
    """A run whose model is named by a bare text."""
    items = [Item(name, data, kind), Item(camera), Item([])]
    return recorded(graph(saves=(), **PREVIEW), {"4": {"result": items}}, definitions=SHOWN)


def crop(seed, final=1):
    """A run that shows a picture on the way to the one it saves."""
    outputs = {"4": {"images": [png(seed)]}, "9": {"images": [png(final)]}}
    return recorded(graph(**CROP), outputs, types={"4": "temp"}, definitions=ON_THE_WAY)


@pytest.fixture
def put(project):
    """Write a workflow with its golden run: put(run)."""

    def write(run, **more):
        project.workflow(prompt=run.prompt, **more)
        project.golden(run=run)
        return project

    return write


class TestFilesNamedAsText:
    @pytest.mark.parametrize(
        ("before", "now", "kind"),
        [
            ("3d/peers_00001.glb", "3d/peers_00007.glb", "output"),
            ("ComfyUI_00002_.glb", "mesh/ComfyUI_00003_.glb", "output"),
            ("preview3d_advanced_aec369da.glb", "preview3d_advanced_b5448b95.glb", "temp"),
            ("a.glb", "a.glb [input]", "input"),
            ("a.glb", "temp/a.glb", "temp"),
            ("a.glb", "3d\\a.GLB", "output"),
        ],
    )
    def test_the_name_does_not_count(self, put, serve, before, now, kind):
        project = put(mesh(before))
        result = project.run("--comfy-url", serve(mesh(now, kind=kind)).url)
        result.assert_outcomes(passed=1)
        assert section_of(result, "comfy")[0].startswith("outputs: 3 identical, 0 within")

    def test_the_model_does(self, put, serve):
        project = put(mesh("a_00001.glb"))
        result = project.run("--comfy-url", serve(mesh("a_00001.glb", NET)).url)
        result.assert_outcomes(failed=1)
        lines = failure_of(result, "txt2img.json [default]")
        assert lines[0].startswith("different: node 4 'View' result 0: area moved -35.8 %")
        assert "  actual: comfy-report/txt2img/default/4.result.0.actual.glb" in lines

    def test_the_camera_is_compared_as_data(self, put, serve):
        project = put(mesh("a.glb"))
        moved = {**CAMERA, "position": {"x": 1.5, "y": 2, "z": 3.25}}
        result = project.run("--comfy-url", serve(mesh("a.glb", camera=moved)).url)
        result.assert_outcomes(failed=1)
        assert "position.z" in failure_of(result, "txt2img.json [default]")[0]

    def test_approved_and_replayed(self, project, serve):
        run = mesh("a_00001.glb")
        project.workflow(prompt=run.prompt)
        result = project.run("--comfy-url", serve(run).url, "--comfy-update")
        result.assert_outcomes(passed=1)
        assert project.files("golden/txt2img/default") == [
            "4.result.0.glb", "4.result.1.json", "4.result.2.json", "run.json",
        ]  # fmt: skip
        project.run().assert_outcomes(passed=1)

    def test_a_path_of_the_servers_disk_is_found_and_not_kept(self, project, serve):
        run = mesh("/srv/ComfyUI/output/3d/a_00001.glb")
        project.workflow(prompt=run.prompt)
        project.run("--comfy-url", serve(run).url, "--comfy-update").assert_outcomes(passed=1)
        kept = project.read("golden/txt2img/default/run.json")
        assert kept["ui"]["4"]["result"][0] == "…/a_00001.glb"
        assert kept["outputs"][0]["media_type"] == "model/gltf-binary"
        project.run().assert_outcomes(passed=1)

    def test_a_file_that_is_gone_is_told(self, put, serve):
        project = put(mesh("a.glb"))
        run = mesh("b.glb")
        run.document["outputs"] = [one for one in run.document["outputs"] if one["index"]]
        result = project.run("--comfy-url", serve(run).url)
        result.assert_outcomes(failed=1)
        told = "node 4 'View' (Preview3DAdvanced), result 0: the server made 'b.glb' and answers 404 when asked for it"
        assert told in str(result.stdout)

    def test_a_golden_run_that_kept_the_name_is_to_be_approved_again(self, put):
        run = recorded(graph(saves=(), **PREVIEW), {"4": {"result": ["a.glb"]}}, definitions=SHOWN)
        result = put(run).run()
        result.assert_outcomes(errors=1)
        told = "of output 4.result.0 of 'View' only the name was kept when the golden run of"
        assert told in str(result.stdout)

    def test_a_text_that_only_looks_like_one_stays_a_text(self, project, serve):
        shown = {"text": ["saved as a_00001.glb"], "path": ["b.glb"], "result": ["c.png"]}
        run = recorded(graph(saves=(), **PREVIEW), {"4": shown}, definitions=SHOWN)
        project.workflow(prompt=run.prompt)
        project.run("--comfy-url", serve(run).url, "--comfy-update").assert_outcomes(passed=1)
        assert project.files("golden/txt2img/default") == [
            "4.path.0.txt", "4.result.0.txt", "4.text.0.txt", "run.json",
        ]  # fmt: skip
        project.run().assert_outcomes(passed=1)


class TestPicturesOnTheWay:
    def test_kept_and_not_judged(self, project, serve):
        run = crop(2)
        project.workflow(prompt=run.prompt)
        project.run("--comfy-url", serve(run).url, "--comfy-update").assert_outcomes(passed=1)
        assert "4.images.0.png" in project.files("golden/txt2img/default")
        result = project.run("--comfy-url", serve(crop(3)).url)
        result.assert_outcomes(passed=1)
        assert section_of(result, "comfy")[0].endswith("0 unexpected, 1 ignored")

    def test_one_that_is_missing_or_new_says_nothing(self, put, serve):
        project = put(crop(2))
        bare = recorded(graph(**CROP), definitions=ON_THE_WAY)
        project.run("--comfy-url", serve(bare).url).assert_outcomes(passed=1)
        put(bare)
        project.run("--comfy-url", serve(crop(2)).url).assert_outcomes(passed=1)

    @pytest.mark.parametrize("address", ["Crop", "ImageCropV2", "4", "4.images", "Crop.images.0"])
    def test_judged_where_the_sidecar_names_it(self, put, serve, address):
        project = put(crop(2), sidecar=f'[outputs."{address}"]\ntolerance = "normal"\n')
        project.run("--comfy-url", serve(crop(2)).url).assert_outcomes(passed=1)
        result = project.run("--comfy-url", serve(crop(3)).url)
        result.assert_outcomes(failed=1)
        assert failure_of(result, "txt2img.json [default]")[0].startswith("different: node 4 'Crop' images 0: ")

    def test_nothing_else_is_not_enough(self, project, serve):
        run = recorded(graph(**CROP), {"4": {"images": [png(2)]}}, definitions=ON_THE_WAY)
        project.workflow(prompt=run.prompt)
        result = project.run("--comfy-url", serve(run).url, "--comfy-update")
        result.assert_outcomes(errors=1)
        assert "the run made no output to compare later: nothing was approved" in str(result.stdout)

    def test_what_an_output_node_shows_is_judged(self, put, serve):
        told = {"ImageCropV2": {**ON_THE_WAY["ImageCropV2"], "output_node": True}}
        before, now = crop(2), crop(3)
        for run in (before, now):
            run.document["node_definitions"].update(told)
        put(before).run("--comfy-url", serve(now).url).assert_outcomes(failed=1)


def test_a_text_and_its_file_are_one_output(project, serve):
    file = Item({"filename": "t_00001.md", "subfolder": "", "type": "output"}, b"# Title\n")
    run = recorded(graph(), {"9": {"text": ["# Title\n"], "files": [file]}})
    project.workflow(prompt=run.prompt)
    project.run("--comfy-url", serve(run).url, "--comfy-update").assert_outcomes(passed=1)
    assert project.files("golden/txt2img/default") == ["9.files.0.md", "run.json"]


def test_ids_of_items_do_not_count(put, serve):
    def run(name, number):
        told = {"filename": name, "subfolder": "", "type": "output", "id": f"0000-{number}", "preview_id": number,
                "metadata": {"width": number}}  # fmt: skip
        return recorded(outputs={"9": {"images": [Item(told, png())]}})

    result = put(run("a_00001_.png", 1)).run("--comfy-url", serve(run("a_00002_.png", 2)).url)
    result.assert_outcomes(passed=1)
    assert section_of(result, "comfy")[0].startswith("outputs: 1 identical, 0 within")
