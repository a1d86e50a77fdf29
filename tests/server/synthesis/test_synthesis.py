"""Runs made up for prompts that nobody recorded, held against what three versions of ComfyUI sent for the same."""

from __future__ import annotations

import copy
import io
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.client import ComfyClient, ExecutionError
from pytest_comfy.compare import describe
from pytest_comfy.compare.still.exr import decode_exr
from pytest_comfy.golden import GoldenRun
from pytest_comfy.golden.run import dumps
from pytest_comfy.golden.store import GoldenStore
from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.synthesis import pictures, synthesize
from pytest_comfy.server.synthesis.graph import Graph
from pytest_comfy.server.synthesis.openexr import exr
from pytest_comfy.server.versions import Version
from pytest_comfy.workflow.validate import validate

DATA = Path(__file__).parents[2] / "data"
CAPTURED = {version: json.loads((DATA / f"synthesis-{version}.json").read_text(encoding="utf-8"))
            for version in ("0.3.64", "0.8.0", "0.30.0")}  # fmt: skip
DEFINITIONS = CAPTURED["0.8.0"]["definitions"]
NEW = CAPTURED["0.30.0"]["definitions"]
CASES = [pytest.param(version, run, id=f"{run['scenario']}-{version}")
         for version, captured in CAPTURED.items() for run in captured["runs"]]  # fmt: skip
WATCHED = [case for case in CASES if re.match("success|txt2img|output_kinds:image_websocket", case.id)]


def captured(scenario):
    return copy.deepcopy(next(run["prompt"] for run in CAPTURED["0.8.0"]["runs"] if run["scenario"] == scenario))


def define(output=(), output_node=False, **inputs):
    required = {name: [kind, {}] for name, kind in inputs.items()}
    return {"input": {"required": required}, "output": list(output), "output_node": output_node}


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def executed(run):
    return [row["data"]["node"] for _, row in run.events if row.get("type") == "executing"][:-1]


def made_up(version, recorded):
    """Synthesize what was recorded; a value that holds a link is unwrapped, as validation does it."""
    validated = validate(recorded["prompt"], CAPTURED[version]["definitions"], manners=Version(version).manners)
    assert validated.error is None
    return synthesize(validated.prompt, CAPTURED[version]["definitions"], recorded["outputs"], version=Version(version))


def without_names(value):
    """Leave of file names what is not chance: random letters, and numbers counted on from earlier runs.

    What kind of model comes through a viewer is not known.
    """
    text = re.sub(r"temp_[a-z]{5}_", "temp_xxxxx_", json.dumps(value))
    text = re.sub(r"_[0-9a-f]{32}\.", "_x.", text).replace(".ply", ".glb")
    return json.loads(re.sub(r"_\d{5}(?=[_.])", "_n", text))


def comparable(messages, cached):
    """Return what must agree: types, order, fields, states; without nodes that ComfyUI had in its cache."""
    found, last = [], {}
    for kind, data in messages:
        if kind == "progress_state":
            states = {node_id: repr(state) for node_id, state in data.items() if node_id not in cached}
            if states == last:
                continue
            data = last = states
        elif kind == "execution_cached":
            data = {"nodes": []}
        elif kind == "execution_error":
            # Python sets, whose order is chance.
            data = {**data, **{name: sorted(data[name]) for name in ("executed", "current_outputs")}}
        elif kind == "executed":
            output = without_names(data["output"])
            data = {**data, "output": {**output, "text": len(output["text"])} if "text" in output else output}
        elif data.get("node") in cached:
            continue
        found.append((kind, data))
    return found


def told(run):
    """Return the messages of a made up run in the form of the captures."""
    found = []
    for _, row in run.events:
        if "binary" in row:
            continue
        data = {key: value for key, value in row["data"].items() if key not in ("prompt_id", "timestamp")}
        if row["type"] == "progress_state":
            data = {key: [state["state"], state["value"], state["max"]] for key, state in data["nodes"].items()}
        found.append((row["type"], data))
    return found


@pytest.mark.parametrize(("version", "recorded"), CASES)
def test_messages_are_those_of_comfyui(version, recorded):
    run = made_up(version, recorded)
    real = [message for message in recorded["messages"] if not message[0].startswith("binary")]
    assert comparable(told(run), recorded["cached"]) == comparable(real, recorded["cached"])


@pytest.mark.parametrize(("version", "recorded"), CASES)
def test_history_has_the_shape_of_comfyuis(version, recorded):
    run = made_up(version, recorded)
    real = recorded["history"]
    made, wanted = without_names(run.document["ui"]), without_names(real["outputs"])
    for output in (*made.values(), *wanted.values()):
        if "text" in output:
            output["text"] = len(output["text"])
    assert made == wanted
    assert {name: list(output) for name, output in made.items()} == {
        name: list(output) for name, output in wanted.items()
    }
    assert run.document["meta"] == real["meta"]
    assert [kind for kind, _ in run.document["status"]["messages"]] == real["status"]


@pytest.mark.parametrize(("version", "recorded"), WATCHED)
def test_a_client_of_the_server_hears_what_a_client_of_comfyui_hears(version, recorded, connect):
    run = made_up(version, recorded)
    flags = {"supports_preview_metadata": True} if "with_metadata" in recorded["scenario"] else None
    with FakeComfyServer([run]) as server:
        peer = connect(server, flags=flags)
        prompt_id = peer.post(recorded["prompt"]).json()["prompt_id"]
        heard = peer.until_end()
        history = requests.get(f"{server.url}/history/{prompt_id}", timeout=10).json()[prompt_id]
        for output in history["outputs"].values():
            for item in output.get("images", []):
                picture = requests.get(server.url + "/view", params=item, timeout=10).content
                assert Image.open(io.BytesIO(picture)).format == "PNG"
    kinds = [f"binary {struct.unpack('>I', one[:4])[0]}" if isinstance(one, bytes) else one["type"] for one in heard]
    kinds = [kind for kind in kinds if kind not in ("status", "feature_flags")]
    # Nodes that ComfyUI had cached are run here: three messages each, none of them between the others'.
    more = 3 * len(recorded["cached"])
    assert kinds[:2] + kinds[2 + more :] == [kind for kind, _ in recorded["messages"]]
    assert history["status"]["completed"] is True


def test_the_same_prompt_gives_the_same_run_and_another_seed_another_picture():
    prompt = captured("txt2img_previews")
    first, again = (synthesize(copy.deepcopy(prompt), DEFINITIONS, ["9"]) for _ in range(2))
    prompt["3"]["inputs"]["seed"] += 1
    other = synthesize(prompt, DEFINITIONS, ["9"])

    assert dumps(first.document) == dumps(again.document)
    assert first.blobs == again.blobs
    assert pixels(first.blobs["9.images.0.png"]) != pixels(other.blobs["9.images.0.png"])


def pixels(data):
    return Image.open(io.BytesIO(data)).convert("RGB").resize((8, 8)).tobytes()


def test_pictures_have_the_size_and_number_that_the_graph_asks_for_and_the_prompt_in_them():
    prompt = captured("txt2img_previews")
    prompt["5"]["inputs"] = {"width": 320, "height": 192, "batch_size": 3}
    run = synthesize(prompt, DEFINITIONS, ["9"])

    assert [output.file for output in run.outputs] == [f"9.images.{number}.png" for number in range(3)]
    for output in run.outputs:
        picture = Image.open(io.BytesIO(run.read(output.file)))
        assert picture.size == output.size == (320, 192)
        assert json.loads(picture.text["prompt"]) == prompt
    preview = Image.open(io.BytesIO(run.read("previews/0.jpg")))
    assert (preview.format, preview.size) == ("JPEG", (256, 153))


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        ({"width": 64, "height": 32}, (64, 32)),
        ({"width": 16384, "height": 16}, (2048, 16)),
        ({"width": 10**30, "height": 10**30}, (2048, 2048)),
        ({"width": ["n", 0], "height": 48}, (96, 48)),
        ({"width": ["gone", 0], "height": ["gone", 1]}, (512, 512)),
        ({}, (512, 512)),
    ],
)
def test_sizes_that_cannot_be_known_or_are_too_large(inputs, size):
    definitions = {**DEFINITIONS, "PrimitiveInt": define(["INT"], value="INT")}
    prompt = {
        "n": node("PrimitiveInt", value=96),
        "1": node("EmptyImage", **inputs),
        "2": node("SaveImage", images=["1", 0], filename_prefix="%width%x%height%"),
    }
    run = synthesize(prompt, definitions, ["2"])
    assert run.outputs[0].size == size
    assert run.document["ui"]["2"]["images"][0]["filename"] == f"{size[0]}x{size[1]}_00001_.png"


def test_an_uploaded_picture_gives_its_size_and_rubbish_none():
    definitions = {
        **DEFINITIONS,
        "LoadImage": {"input": {"required": {"image": [["a.png"], {"image_upload": True}]}}, "output": ["IMAGE"]},
        "ImageScaleBy": define(["IMAGE"], image="IMAGE", scale_by="FLOAT"),
    }  # fmt: skip
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "PNG")
    prompt = {
        "1": node("LoadImage", image="a.png"),
        "2": node("ImageScaleBy", image=["1", 0], scale_by=2.0),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    sizes = [
        synthesize(prompt, definitions, ["3"], load_input={"a.png": data}.get).outputs[0].size
        for data in (out.getvalue(), b"\x89PNG\r\n\x1a\nrubbish", None)
    ]
    assert sizes == [(80, 60), (1024, 1024), (1024, 1024)]


def test_steps_of_samplers():
    definitions = {
        "KSamplerAdvanced": define(["LATENT"], steps="INT", start_at_step="INT", end_at_step="INT"),
        "SamplerCustom": define(["LATENT", "LATENT"], sigmas="SIGMAS"),
        "BasicScheduler": define(["SIGMAS"], steps="INT"),
        "SplitSigmas": define(["SIGMAS", "SIGMAS"], sigmas="SIGMAS", step="INT"),
        "KSamplerSelect": define(["SAMPLER"], sampler_name="COMBO"),
        "Int": define(["INT"], value="INT"),
    }
    prompt = {
        "a": node("KSamplerAdvanced", steps=20, start_at_step=5, end_at_step=10000),
        "b": node("SamplerCustom", sigmas=["c", 0]),
        "c": node("SplitSigmas", sigmas=["d", 0], step=3),
        "d": node("BasicScheduler", steps=["e", 0]),
        "e": node("Int", value=7),
        "f": node("KSamplerSelect", sampler_name="euler"),
        "g": node("SamplerCustom", sigmas=["f", 0]),
        "h": node("KSamplerAdvanced", steps=20, start_at_step=30, end_at_step=10),
    }
    graph = Graph(prompt, definitions)
    assert {name: graph.steps(name) for name in prompt} == {
        "a": 15, "b": 7, "c": 0, "d": 0, "e": 0, "f": 0, "g": 20, "h": 0,
    }  # fmt: skip


def test_many_steps_cost_few_previews_and_end_at_the_last_step():
    prompt = captured("txt2img_previews")
    prompt["3"]["inputs"]["steps"] = 10_000
    run = synthesize(prompt, DEFINITIONS, ["9"])
    ticks = [row["data"] for _, row in run.events if row.get("type") == "progress"]
    shown = [row["file"] for _, row in run.events if row.get("binary") == 4]

    assert len(ticks) == 1000 == len(shown)
    assert (ticks[-1]["value"], ticks[-1]["max"]) == (10_000, 10_000)
    assert len(set(shown)) == 20
    assert shown[0] == "previews/0.jpg"
    assert [at for at, _ in run.events] == sorted(at for at, _ in run.events)


def test_only_what_the_wanted_outputs_need_runs():
    prompt = captured("success_batch_preview")
    run = synthesize(prompt, DEFINITIONS, ["5"])
    assert executed(run) == ["1", "2", "5"]
    assert list(run.document["ui"]) == ["5"]
    assert run.prompt == prompt


def test_a_node_like_one_that_ran_takes_its_result_as_comfyui_does():
    prompt = captured("success")
    prompt["5"] = copy.deepcopy(prompt["3"])
    prompt["6"] = {**copy.deepcopy(prompt["4"]), "inputs": {**prompt["4"]["inputs"], "images": ["5", 0]}}
    run = synthesize(prompt, DEFINITIONS, ["4", "6"])
    messages = told(run)
    ran = executed(run)
    repeated = [data["node"] for kind, data in messages if kind == "executed"]

    end = [data for kind, data in messages if kind == "progress_state"][-1]
    assert repr(end["4" if "6" in ran else "6"]) == "['finished', 1, 1]"
    assert len(ran) == 4
    assert {"3", "5"} - set(ran) and {"4", "6"} - set(ran)
    assert len(repeated) == 3
    assert run.document["ui"]["4"] == run.document["ui"]["6"]
    assert {output.node for output in run.outputs} == {"4", "6"}
    assert len(run.blobs) == 1


def test_file_names_stay_in_their_folder_and_count_on():
    prompt = captured("success_batch_preview")
    names = {}
    for prefix in ("../../etc/x", "/abs\\y", "day-%year%-%month%", "n%batch_num%", "", ".."):
        prompt["4"]["inputs"]["filename_prefix"] = prefix
        run = synthesize(prompt, DEFINITIONS, ["4"])
        names[prefix] = [(item["subfolder"], item["filename"]) for item in run.document["ui"]["4"]["images"]]
    assert names == {
        "../../etc/x": [("etc", "x_00001_.png"), ("etc", "x_00002_.png")],
        "/abs\\y": [("abs", "y_00001_.png"), ("abs", "y_00002_.png")],
        "day-%year%-%month%": [("", "day-2026-01_00001_.png"), ("", "day-2026-01_00002_.png")],
        "n%batch_num%": [("", "n0_00001_.png"), ("", "n1_00002_.png")],
        "": [("", "_00001_.png"), ("", "_00002_.png")],
        "..": [("", "_00001_.png"), ("", "_00002_.png")],
    }


SAVERS = {
    "MyPictures": (define([], True, pictures="IMAGE"), ["images"], ".png", "temp"),
    "MySaver": (define([], True, pictures="IMAGE", filename_prefix="STRING"), ["images"], ".png", "output"),
    "MySound": (define([], True, sound="AUDIO"), ["audio"], ".flac", "output"),
    "MyFilm": (define([], True, film="VIDEO"), ["images", "animated"], ".mp4", "output"),
    "MyText": (define([], True, words="STRING"), ["text"], None, None),
    "MyAnything": (define([], True, thing="*"), ["text"], None, None),
    "MyModel": (define([], True, model="MODEL"), [], None, None),
    "SaveTrainingDataset": (define([], True, pictures="IMAGE"), [], None, None),
    "SaveGLB": (define([], True, mesh="MESH", filename_prefix="STRING"), ["3d"], ".glb", "output"),
    "SaveSVGNode": (define([], True, svg="SVG", filename_prefix="STRING"), ["images"], ".svg", "output"),
    "VHS_VideoCombine": (define([], True, images="IMAGE", frame_rate="FLOAT"), ["gifs"], ".mp4", "output"),
}


@pytest.mark.parametrize("class_type", SAVERS)
def test_what_output_nodes_put_out(class_type):
    definition, keys, suffix, kind = SAVERS[class_type]
    name = next(iter(definition["input"]["required"]))
    made = define([definition["input"]["required"][name][0]])
    prompt = {"1": node("Source"), "2": node(class_type, **{name: ["1", 0]})}
    run = synthesize(prompt, {"Source": made, class_type: definition}, ["2"])
    output = run.document["ui"].get("2", {})
    assert list(output) == keys
    assert [name for kind, data in told(run) if kind == "executed" for name in [data["node"]]] == (
        ["2"] if keys else []
    )
    if suffix:
        [item] = output[keys[0]]
        assert item["filename"].endswith(suffix)
        assert item["type"] == kind
        assert run.read(run.outputs[0].file)


def test_versions_differ_where_comfyuis_do():
    definitions = {**DEFINITIONS, "Preview3D": define([], True, model_file="STRING")}
    prompt = {
        "1": node("EmptyImage", width=8, height=8, batch_size=1, color=0),
        "2": node("SaveAnimatedWEBP", images=["1", 0], filename_prefix="a", fps=6.0),
        "3": node("SaveAnimatedPNG", images=["1", 0], filename_prefix="b", fps=6.0),
        "4": node("Preview3D", model_file="3d/cube.glb"),
    }
    versions = Version("0.3.64"), Version("0.8.0")
    older, newer = (synthesize(prompt, definitions, ["2", "3", "4"], version=version) for version in versions)
    assert (older.environment["comfyui"], newer.environment["comfyui"]) == ("0.3.64", "0.8.0")
    assert [older.document["ui"][name].get("animated") for name in "23"] == [[False], [True]]
    assert ["animated" in newer.document["ui"][name] for name in "23"] == [False, False]
    assert older.document["ui"]["4"] == {"result": ["3d/cube.glb", None]}
    assert newer.document["ui"]["4"] == {"result": ["3d/cube.glb", None, None]}


def kept(scenario):
    """Synthesize what 0.30.0 was captured with; return the run and the kinds of its files by key and index."""
    recorded = next(run for run in CAPTURED["0.30.0"]["runs"] if run["scenario"] == f"output_kinds:{scenario}")
    run = made_up("0.30.0", recorded)
    return run, {(one.key, one.index): one.media_type for one in run.outputs}


@pytest.mark.parametrize(
    ("scenario", "kinds"),
    [
        ("SaveAudio", {("audio", 0): "audio/flac"}),
        ("audio_mp3", {("audio", 0): "audio/mpeg"}),
        ("image_png", {("images", 0): "image/png", ("images", 1): "image/png"}),
        ("image_exr", {("images", 0): "image/x-exr"}),
        ("text_file", {("files", 0): "text/plain"}),
        ("text_json", {("files", 0): "application/json"}),
        ("compare", {("a_images", 0): "image/png", ("b_images", 0): "image/png", ("b_images", 1): "image/png"}),
        ("crop", {("images", 0): "image/png"}),
        ("preview_3d", {("result", 0): "model/gltf-binary"}),
        ("preview_3d_text", {("result", 2): "image/png"}),
        ("save_3d", {("result", 0): "model/gltf-binary"}),
        ("preview_splat", {("result", 0): "model/gltf-binary"}),
        ("boxes", {("images", 0): "image/png"}),
    ],
)
def test_files_of_today_are_what_they_are_called(scenario, kinds):
    if scenario == "image_exr":
        pytest.importorskip("av")
    run, found = kept(scenario)
    assert found == kinds
    for output in run.outputs:
        assert describe(run.read(output.file), output.media_type, ())["sha256"] == output.sha256


def test_text_that_is_saved_as_json_is_indented():
    run, _ = kept("text_json")
    assert run.read(run.outputs[0].file) == b'{\n  "a": 1\n}'
    prompt = {"1": node("SaveText", text="no {json", filename_prefix="x", format="json")}
    run = synthesize(prompt, NEW, ["1"], version=Version("0.30.0"))
    assert run.read(run.outputs[0].file) == b"no {json"


def test_what_is_cut_out_has_the_size_of_the_cut():
    run, _ = kept("crop")
    assert {Image.open(io.BytesIO(run.read(output.file))).size for output in run.outputs} == {(32, 16)}


def test_an_exr_holds_the_picture():
    pytest.importorskip("av")
    picture = Image.frombytes("RGB", (3, 2), bytes(range(0, 180, 10)))
    read, _, bounds = decode_exr(exr(pictures.png(picture), '{"1": {}}'), 100)
    assert read.size == (3, 2)
    assert bounds == (0.0, pytest.approx(170 / 255))


@pytest.mark.parametrize("kind", ["FILE_3D_SPLAT_ANY", "FILE_3D_POINT_CLOUD_ANY", "FILE_3D_PLY"])
def test_splats_and_points_are_a_cloud(kind):
    definitions = {"Cloud": define([kind]), "SaveGaussianSplat": NEW["SaveGaussianSplat"]}
    prompt = {"1": node("Cloud"), "2": node("SaveGaussianSplat", model_3d=["1", 0], filename_prefix="c/x")}
    run = synthesize(prompt, definitions, ["2"], version=Version("0.30.0"))
    assert run.document["ui"]["2"]["result"] == ["c/x_00001.ply", None, []]
    assert run.outputs[0].media_type == "model/ply"
    assert describe(run.read(run.outputs[0].file), "model/ply", ())


def test_a_viewer_tells_the_camera_of_the_page():
    state = {"camera_info": {"zoom": 2}, "model_3d_info": [{"uuid": "x"}]}
    prompt = {"1": node("Cloud"), "2": node("Preview3DAdvanced", model_3d=["1", 0], viewport_state=state)}
    run = synthesize(prompt, {**NEW, "Cloud": define(["FILE_3D"])}, ["2"], version=Version("0.30.0"))
    name, *told = run.document["ui"]["2"]["result"]
    assert re.fullmatch(r"preview3d_advanced_[0-9a-f]{32}\.glb", name)
    assert told == [{"zoom": 2}, [{"uuid": "x"}]]


@pytest.mark.parametrize("scenario", ["preview_3d", "preview_3d_text", "save_3d", "compare", "text_file", "audio_flac"])
def test_a_client_gets_the_files_of_today(scenario):
    recorded = next(run for run in CAPTURED["0.30.0"]["runs"] if run["scenario"] == f"output_kinds:{scenario}")
    made = made_up("0.30.0", recorded)
    with FakeComfyServer(synthesize=NEW, version="0.30.0") as server, ComfyClient(server.url) as client:
        server_side = {(one.node, one.key, one.index): made.read(one.file) for one in made.outputs}
        if scenario == "preview_3d_text":
            server_side["2", "result", 0] = b"glTF"
            upload = {"image": ("cube.glb", io.BytesIO(b"glTF"))}
            requests.post(server.url + "/upload/image", files=upload, data={"subfolder": "3d"}, timeout=10)
        outputs = client.run(recorded["prompt"]).outputs
    assert {(one.node, one.key, one.index): one.data for one in outputs if one.filename} == server_side


def test_a_prompt_with_other_ids_is_told_by_its_own(connect):
    prompt = captured("success")
    moved = json.loads(re.sub(r'"([1-4])"', r'"1\1"', json.dumps(prompt)))
    with FakeComfyServer(synthesize=DEFINITIONS) as server:
        peer = connect(server)
        for one, output in ((prompt, "4"), (moved, "14")):
            prompt_id, _ = peer.run(prompt=one)
            assert list(peer.history(prompt_id)["outputs"]) == [output]


def test_the_server_makes_up_what_its_version_does(connect):
    prompt = {"1": node("EmptyAudio", duration=1.0, sample_rate=44100, channels=2),
              "2": node("SaveAudio", audio=["1", 0], filename_prefix="a")}  # fmt: skip
    names = {}
    for version in ("0.24.1", "0.25.0", "0.30.0"):
        with FakeComfyServer(synthesize=NEW, version=version) as server:
            peer = connect(server)
            prompt_id, _ = peer.run(prompt=prompt)
            names[version] = peer.history(prompt_id)["outputs"]["2"]["audio"][0]["filename"]
    assert names == {"0.24.1": "a_00001_.flac", "0.25.0": "a_00001.flac", "0.30.0": "a_00001.flac"}


def test_a_loop_in_a_value_ends_the_run_and_not_the_post(connect):
    """As 0.30.0: it is accepted, what is not in the loop runs, and history calls it a success with an error in it."""
    recorded = next(run for run in CAPTURED["0.30.0"]["runs"] if run["scenario"] == "loop:in_a_value")
    with FakeComfyServer(synthesize=NEW, version="0.30.0") as server:
        peer = connect(server)
        prompt_id, heard = peer.run(prompt=recorded["prompt"])
        entry = peer.history(prompt_id)
        with ComfyClient(server.url) as client, pytest.raises(ExecutionError, match="Dependency cycle detected"):
            client.run(recorded["prompt"])
    kinds = [one["type"] for one in heard if isinstance(one, dict) and one["type"] != "status"]
    assert kinds == [kind for kind, _ in recorded["messages"]]
    assert entry["status"]["status_str"] == "success"
    assert [kind for kind, _ in entry["status"]["messages"]] == recorded["history"]["status"]
    assert list(entry["outputs"]) == ["4"]


@pytest.mark.parametrize(("scenario", "form"), [("webp_animation", "WEBP"), ("apng", "PNG")])
def test_animations_move(scenario, form):
    run = synthesize(captured(f"output_kinds:{scenario}"), DEFINITIONS, ["2"])
    animation = Image.open(io.BytesIO(run.read(run.outputs[0].file)))
    assert (animation.format, animation.n_frames, animation.size) == (form, 4, (64, 64))


def test_flac_holds_the_samples_that_it_says():
    run = synthesize(captured("output_kinds:SaveAudio"), DEFINITIONS, ["2"])
    data = run.read("2.audio.0.flac")
    assert data[:4] == b"fLaC"
    packed = int.from_bytes(data[18:26], "big")
    assert (packed >> 44, (packed >> 41) & 7, (packed >> 36) & 31) == (44_100, 0, 15)
    tags = 42 + 4 + int.from_bytes(data[43:46], "big")
    frames = data[tags:]
    assert len(frames) == 5 * (6 + 1 + 2 * 4096 + 2)
    assert packed & (2**36 - 1) == 5 * 4096
    # The checksum over a frame and its own checksum is zero.
    value = 0
    for byte in frames[: len(frames) // 5]:
        value ^= byte << 8
        for _ in range(8):
            value = ((value << 1) ^ (0x8005 if value & 0x8000 else 0)) & 0xFFFF
    assert value == 0


def test_mp4_leads_to_its_frames():
    run = synthesize(captured("output_kinds:mp4"), DEFINITIONS, ["3"])
    data = run.read("3.images.0.mp4")
    at = data.index(b"stco") + 12
    sizes = data.index(b"stsz") + 12
    (offset,) = struct.unpack(">I", data[at : at + 4])
    (count,) = struct.unpack(">I", data[sizes : sizes + 4])
    assert count == 4
    for number in range(count):
        (length,) = struct.unpack(">I", data[sizes + 4 + 4 * number : sizes + 8 + 4 * number])
        assert Image.open(io.BytesIO(data[offset : offset + length])).size == (64, 64)
        offset += length


MEDIA = {"SaveAudio": "flac", "SaveAudioMP3": "mp3float", "SaveAudioOpus": "opus", "webm": "vp8", "mp4": "mjpeg"}


@pytest.mark.parametrize("kind", MEDIA)
def test_sounds_and_videos_can_be_decoded(kind):
    av = pytest.importorskip("av")
    prompt = captured(f"output_kinds:{kind}")
    [saver] = [node_id for node_id in prompt if DEFINITIONS[prompt[node_id]["class_type"]]["output_node"]]
    run = synthesize(prompt, DEFINITIONS, [saver])
    with av.open(io.BytesIO(run.read(run.outputs[0].file))) as container:
        [stream] = container.streams
        frames = list(container.decode(stream))
        assert stream.codec_context.name == MEDIA[kind]
        assert len(frames) == {"flac": 5, "mp3float": 20, "opus": 25}.get(MEDIA[kind], 4)


def test_latent_is_a_safetensors_file():
    run = synthesize(captured("output_kinds:latent"), DEFINITIONS, ["2"])
    data = run.read("2.latents.0.latent")
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert header["latent_tensor"]["data_offsets"][1] == len(data) - 8 - length
    assert header["latent_tensor"]["shape"][:2] == [1, 4]


def test_secrets_of_the_prompt_are_not_in_the_run():
    definitions = {**DEFINITIONS, "Api": define(["IMAGE"], api_key="STRING")}
    prompt = {
        "1": node("Api", api_key="sk-very-secret"),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }
    run = synthesize(prompt, definitions, ["2"])
    assert "sk-very-secret" not in dumps(run.document)
    assert all(b"sk-very-secret" not in data for data in run.blobs.values())


def test_a_link_to_nowhere_is_passed_over():
    definitions = {**DEFINITIONS, "Any": define(["IMAGE"], image="IMAGE")}
    save = node("SaveImage", images=["1", 0], filename_prefix="x")
    assert executed(synthesize({"1": node("Any", image=["9", 0]), "3": save}, definitions, ["3"])) == ["1", "3"]


def test_importing_it_loads_no_pillow():
    code = "import sys, pytest_comfy.server.synthesis; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


KINDS = ["IMAGE", "LATENT", "MODEL", "STRING", "AUDIO", "VIDEO", "*"]
CLASSES = {
    "Make": define(KINDS, seed="INT"),
    "Mix": define(KINDS, a="*", b="*", seed="INT"),
    "MySampler": define(["LATENT"], model="*", latent="*", steps="INT"),
    "SaveImage": define([], True, images="IMAGE", filename_prefix="STRING"),
    "PreviewAny": define(["STRING"], True, source="*"),
    "SaveImageWebsocket": define([], True, images="IMAGE"),
    "Silent": define(["MODEL"], True, model="MODEL"),
}
WITH_UI = {"SaveImage", "PreviewAny"}
IDS = st.one_of(st.integers(1, 99).map(str), st.text(min_size=1, max_size=4))


@st.composite
def graphs(draw):
    ids = draw(st.lists(IDS, min_size=1, max_size=9, unique=True))
    prompt = {}
    for place, node_id in enumerate(ids):
        class_type = draw(st.sampled_from(sorted(CLASSES))) if place else "Make"
        inputs = {"seed": place}
        for name, (kind, _) in CLASSES[class_type]["input"]["required"].items():
            if kind == "STRING":
                inputs[name] = draw(st.text(max_size=8))
            elif kind == "INT":
                inputs[name] = draw(st.integers(0, 30)) if name == "steps" else place
            else:
                inputs[name] = [draw(st.sampled_from(ids[:place])), draw(st.integers(0, len(KINDS)))]
        prompt[node_id] = node(class_type, **inputs)
    # Clients list the nodes in any order.
    prompt = {node_id: prompt[node_id] for node_id in draw(st.permutations(ids))}
    possible = [node_id for node_id in prompt if CLASSES[prompt[node_id]["class_type"]]["output_node"]]
    return prompt, draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []


@settings(max_examples=60)
@given(graphs(), st.sampled_from(tuple(CAPTURED)))
def test_every_needed_node_runs_once_after_its_inputs(tmp_path_factory, graph, version):
    prompt, outputs = graph
    run = synthesize(prompt, CLASSES, outputs, version=Version(version))
    ran = executed(run)
    links = {name: {value[0] for value in one["inputs"].values() if isinstance(value, list)}
             for name, one in prompt.items()}  # fmt: skip
    needed, waiting = set(), list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += links[name]

    assert sorted(ran) == sorted(needed)
    for place, name in enumerate(ran):
        assert links[name] <= set(ran[:place])
    last = [row["data"]["nodes"] for _, row in run.events if row.get("type") == "progress_state"]
    assert all(state["state"] == "finished" for state in (last[-1] if last else {}).values())
    assert set(run.document["ui"]) == {name for name in needed if prompt[name]["class_type"] in WITH_UI}

    store = GoldenStore(tmp_path_factory.mktemp("golden"))
    folder = store.write("made/up", run)
    kept = GoldenRun.load(folder)
    assert kept.document == json.loads(json.dumps(run.document))
    for output in kept.outputs:
        assert kept.read(output.file) == run.blobs[output.file]
    for _, row in kept.events:
        if "binary" in row:
            assert kept.read(row["file"])


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (node("Text", value="a\nb"), "a\nb"),
        (node("Number", number=0.5), "0.5"),
        (node("Text", value=True), "True"),
        (node("Text", value={"a": [1]}), '{"a": [1]}'),
        (node("GetImageSize", image=["size", 0]), "40"),
    ],
)
def test_a_text_that_can_be_known_is_told(source, text):
    definitions = {
        **DEFINITIONS,
        "Text": define(["*"], value="*"),
        "Number": define(["FLOAT"], number="FLOAT"),
        "GetImageSize": define(["INT", "INT", "INT"], image="IMAGE"),
    }
    size = node("EmptyImage", width=40, height=30, batch_size=1, color=0)
    run = synthesize({"size": size, "1": source, "2": node("PreviewAny", source=["1", 0])}, definitions, ["2"])
    assert run.document["ui"] == {"2": {"text": [text]}}


def test_a_text_that_would_have_to_be_computed_says_that_it_is_made_up():
    definitions = {**DEFINITIONS, "LoadImage": define(["IMAGE"], image="COMBO")}
    prompt = {"1": node("LoadImage", image="a.png"), "2": node("PreviewAny", source=["1", 0])}
    run = synthesize(prompt, definitions, ["2"])
    [text] = run.document["ui"]["2"]["text"]
    assert text.startswith("2 PreviewAny ")
    assert text.endswith("made up, as no recording holds this prompt")


def test_order_among_ready_nodes_is_comfyuis():
    """Outputs first, then what feeds one, then what feeds that; else the last link of the output found first."""
    definitions = {"A": define(["*"], a="*", b="*"), "Save": define([], True, a="*", b="*")}
    prompt = {
        "far": node("A", number=1),
        "deep": node("A", a=["far", 0], b=["plain", 0]),
        "deeper": node("A", a=["deep", 0]),
        "plain": node("A", number=2),
        "near": node("A", a=["deeper", 0]),
        "last": node("Save", a=["vae", 0], b=["near", 0]),
        "vae": node("A", a=["loader", 0]),
        "loader": node("A", number=3),
        "peek": node("Save", a=["far", 0]),
    }
    assert executed(synthesize(prompt, definitions, ["last", "peek"])) == [
        "far", "peek", "loader", "vae", "plain", "deep", "deeper", "near", "last",
    ]  # fmt: skip
