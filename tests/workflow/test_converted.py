"""Workflow.converted: from UI form to API form, with values set; and what definitions it takes."""

from __future__ import annotations

import copy
import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.workflow import Workflow, WorkflowError
from pytest_comfy.workflow.definitions import saved_texts, trim, used_values
from pytest_comfy.workflow.graph import ConversionError

DEFINITIONS = json.loads((Path(__file__).parent.parent / "data/definitions-0.8.0.json").read_text(encoding="utf-8"))
EDIT = "8b5f0d5e-3d1c-4b6e-9f0a-2f4f5c1e7a01"


def ui(radius=3, prefix="out", extra=()):
    """LoadImage -> [Edit: ImageBlur, whose radius it exposes] -> SaveImage, and a muted PreviewImage."""
    inner = {
        "id": EDIT, "name": "Edit", "version": 1,
        "inputs": [{"id": "a", "name": "image", "type": "IMAGE", "linkIds": [1]},
                   {"id": "b", "name": "blur_radius", "type": "INT", "linkIds": [3]}],
        "outputs": [{"id": "c", "name": "IMAGE", "type": "IMAGE", "linkIds": [2]}],
        "nodes": [{"id": 5, "type": "ImageBlur", "mode": 0, "widgets_values": [1, 1.5],
                   "inputs": [{"name": "image", "type": "IMAGE", "link": 1},
                              {"name": "blur_radius", "type": "INT", "link": 3, "widget": {"name": "blur_radius"}}],
                   "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}]}],
        "links": [{"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 5, "target_slot": 0, "type": "IMAGE"},
                  {"id": 2, "origin_id": 5, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "IMAGE"},
                  {"id": 3, "origin_id": -10, "origin_slot": 1, "target_id": 5, "target_slot": 1, "type": "INT"}],
    }  # fmt: skip
    nodes = [
        {"id": 1, "type": "LoadImage", "mode": 0, "widgets_values": ["a b.png", "image"], "inputs": [],
         "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}]},
        {"id": 9, "type": EDIT, "mode": 0, "title": "Edit", "widgets_values": [radius],
         "inputs": [{"name": "image", "type": "IMAGE", "link": 1},
                    {"name": "blur_radius", "type": "INT", "link": None, "widget": {"name": "blur_radius"}}],
         "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}]},
        {"id": 7, "type": "SaveImage", "mode": 0, "widgets_values": [prefix],
         "inputs": [{"name": "images", "type": "IMAGE", "link": 2}]},
        {"id": 8, "type": "PreviewImage", "mode": 2, "inputs": [{"name": "images", "type": "IMAGE", "link": None}]},
        *extra,
    ]  # fmt: skip
    return {
        "nodes": nodes, "links": [[1, 1, 0, 9, 0, "IMAGE"], [2, 9, 0, 7, 0, "IMAGE"]], "version": 0.4,
        "definitions": {"subgraphs": [inner]}, "extra": {},
    }  # fmt: skip


def load(document=None):
    return Workflow.from_graph(document or ui(), "w.json")


def test_prompt_of_a_ui_form_says_what_it_needs():
    with pytest.raises(WorkflowError, match=r"^w\.json: in UI form, .* needs node definitions: .*--comfy-url"):
        load().prompt()


def test_classes():
    assert load().classes() == {"ImageBlur", "LoadImage", "PreviewImage", "SaveImage"}
    converted = load().converted(DEFINITIONS)
    assert converted.classes() == load().classes()
    assert Workflow.from_graph({"1": {"class_type": "X"}}).classes() == {"X"}


def test_converted():
    document = ui()
    before = copy.deepcopy(document)
    workflow = load(document)
    converted = workflow.converted(DEFINITIONS, seed=5, date=datetime(2001, 2, 3))
    assert converted.form == "api" and converted.source == "w.json"
    assert {key: node["class_type"] for key, node in converted.prompt().items()} == {
        "1": "LoadImage", "7": "SaveImage", "9:5": "ImageBlur"
    }  # fmt: skip
    assert converted.prompt()["9:5"]["inputs"]["blur_radius"] == 3
    assert converted.extra_data == {"extra_pnginfo": {"workflow": document}}
    assert converted.origin.workflow == workflow
    assert (converted.origin.seed, converted.origin.date) == (5, datetime(2001, 2, 3))
    assert document == before


def test_api_form_is_its_own_conversion():
    workflow = Workflow.from_graph({"1": {"class_type": "X", "inputs": {}}})
    assert workflow.converted({}) is workflow
    assert workflow.conversion is None and workflow.origin is None


def test_values_wait_for_the_conversion():
    workflow = load().patched({"Edit.blur_radius": 8}).patched({"9:5.sigma": 0.5, "Edit.blur_radius": 9})
    assert workflow.form == "ui"
    inputs = workflow.converted(DEFINITIONS).prompt()["9:5"]["inputs"]
    assert (inputs["blur_radius"], inputs["sigma"]) == (9, 0.5)
    assert load().converted(DEFINITIONS).prompt()["9:5"]["inputs"]["blur_radius"] == 3


def test_values_can_be_set_after_it_as_well():
    workflow = load().converted(DEFINITIONS).patched({"Edit.blur_radius": 8})
    assert workflow.prompt()["9:5"]["inputs"]["blur_radius"] == 8
    assert workflow.origin is not None and workflow.extra_data


def test_values_are_copied():
    value = ["1", 0]
    workflow = load().patched({"SaveImage.images": value})
    value[0] = "2"
    assert workflow.converted(DEFINITIONS).prompt()["7"]["inputs"]["images"] == ["1", 0]


def test_wrong_address_is_told_when_it_is_converted():
    workflow = load().patched({"Edit.radius": 8})
    with pytest.raises(WorkflowError, match=r"^w\.json: 'Edit\.radius' names no input; Edit \[subgraph\] has"):
        workflow.converted(DEFINITIONS)


def test_errors_name_the_file_and_keep_their_class():
    unknown = [{"id": 20, "type": "Elsewhere", "mode": 0}]
    with pytest.raises(ConversionError, match=r"^w\.json: the server has no node class 'Elsewhere'"):
        load(ui(extra=unknown)).converted(DEFINITIONS)
    broken = ui()
    broken["nodes"].append(5)
    with pytest.raises(ConversionError, match=r"^w\.json: "):
        load(broken).classes()


def test_a_date_is_taken_without_one():
    before = datetime.now().replace(microsecond=0)
    converted = load(ui(prefix="%date:yyyy%")).converted(DEFINITIONS)
    assert before <= converted.origin.date <= datetime.now()
    assert converted.prompt()["7"]["inputs"]["filename_prefix"] == str(converted.origin.date.year)


# Trimmed definitions convert as whole ones do.

CLASSES = {
    "All": {
        "input": {
            "required": {
                "seed": ["INT", {"default": 3, "control_after_generate": True}],
                "model": [["z.safetensors", "private.safetensors", "b.safetensors"], {"tooltip": "x"}],
                "chosen": [["z.safetensors", "b.safetensors"], {"default": "b.safetensors"}],
                "style": ["COMBO", {"options": ["first", "second"], "default": "second"}],
                "empty": [[], {}],
                "picture": [["z.png", "b.png"], {"image_upload": True}],
                "name": ["STRING", {"default": "out.png"}],
                "size": ["COMFY_DYNAMICCOMBO_V3", {"options": [
                    {"key": "fixed", "inputs": {"required": {"width": ["INT", {"default": 7}]}}},
                    {"key": "like", "inputs": {"required": {"file": [["z.png", "b.png"], {"tooltip": "x"}]},
                                               "optional": {"scale": ["FLOAT", {"default": 0.5}]}}},
                ]}],
                "forced": ["INT", {"forceInput": True}],
            },
            "optional": {"text": ["STRING", {"multiline": True, "dynamicPrompts": True}],
                         "late": ["INT", {"default": 1, "defaultInput": True}]},
            "hidden": {"prompt": "PROMPT"},
        },
        "input_order": {"required": ["model", "seed", "chosen", "style", "empty", "picture", "name", "size", "forced"],
                        "optional": ["text", "late"], "hidden": ["prompt"]},
        "output": ["IMAGE"], "output_is_list": [False], "output_name": ["IMAGE"], "output_matchtypes": None,
        "output_node": True, "name": "All", "display_name": "All of it", "python_module": "custom_nodes.all",
        "description": "long", "category": "x",
    }
}  # fmt: skip
FITTING = ["b.safetensors", 5, "fixed", "b.safetensors", "second", None, "b.png", "out", "like", "b.png", 0.5,
           "{a|b} c", "image"]  # fmt: skip
OTHERS = ["z.safetensors", "gone.safetensors", "first", "b.png", "z.png", "fixed", "like", "", None, 7]


def outcome(document, known):
    """Return the conversion, or what it complains about."""
    try:
        return Workflow.from_graph(document, "w.json").converted(known, date=datetime(2001, 2, 3)).conversion
    except WorkflowError as error:
        return str(error)


def trimmed(document, known, defaults):
    done = outcome(document, known)
    prompt = {} if isinstance(done, str) else done.prompt
    texts = saved_texts(document)
    return {name: trim(found, used_values(prompt, name), texts, defaults=defaults) for name, found in known.items()}


@settings(max_examples=300)
@given(
    st.integers(0, len(FITTING)),
    st.dictionaries(st.integers(0, len(FITTING) - 1), st.sampled_from(OTHERS), max_size=2),
    st.sampled_from([0, 0, 2, 4]),
)
def test_trimmed_definitions_convert_as_whole_ones(count, changed, mode):
    known = {**DEFINITIONS, **CLASSES}
    values = [changed.get(place, value) for place, value in enumerate(FITTING)][:count]
    document = ui(extra=[{"id": 20, "type": "All", "mode": mode, "widgets_values": values}])
    whole = outcome(document, known)
    assert outcome(document, json.loads(json.dumps(trimmed(document, known, True)))) == whole


def test_a_file_that_says_all_needs_no_defaults():
    known = {**DEFINITIONS, **CLASSES}
    document = ui(extra=[{"id": 20, "type": "All", "mode": 0, "widgets_values": FITTING}])
    kept = trimmed(document, known, False)
    assert "private" not in json.dumps(kept) and "z.png" not in json.dumps(kept)
    assert not isinstance(outcome(document, known), str)
    assert outcome(document, kept) == outcome(document, known)


def test_a_file_that_leaves_values_out_needs_the_defaults():
    known = {**DEFINITIONS, **CLASSES}
    document = ui(extra=[{"id": 20, "type": "All", "mode": 0, "widgets_values": []}])
    whole = outcome(document, known)
    inputs = whole.prompt["20"]["inputs"]
    assert (inputs["model"], inputs["chosen"], inputs["name"]) == ("z.safetensors", "b.safetensors", "out.png")
    assert "empty" not in inputs
    assert outcome(document, trimmed(document, known, True)) == whole
    assert "private" not in json.dumps(trimmed(document, known, True))
