"""Prompt validation gives the answers that real servers gave."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.workflow.validate import validate

DATA = Path(__file__).parents[1] / "data"
VERSIONS = ("0.8.0", "0.3.64")
DEFINITIONS = {
    version: json.loads((DATA / f"definitions-{version}.json").read_text(encoding="utf-8")) for version in VERSIONS
}
NEW = DEFINITIONS["0.8.0"]
OLD = DEFINITIONS["0.3.64"]


def recorded():
    for version in VERSIONS:
        rows = json.loads((DATA / f"prompts-{version}.json").read_text(encoding="utf-8"))
        for number, row in enumerate(rows):
            yield pytest.param(version, row, id=f"{version}-{number}-{row['scenario']}-{row['note'] or ''}")


def unordered(value, key=None):
    """Return an answer without what differs from server process to server process: orders and tracebacks."""
    if isinstance(value, dict):
        return {name: unordered(item, name) for name, item in value.items() if name != "traceback"}
    if isinstance(value, list):
        items = [unordered(item) for item in value]
        return sorted(items, key=json.dumps) if key in ("errors", "dependent_outputs") else items
    return value


@pytest.mark.parametrize(("version", "row"), list(recorded()))
def test_recorded_prompts_get_the_recorded_answer(version, row):
    def answer(prompt):
        return validate(
            prompt, DEFINITIONS[version], modern=version == "0.8.0", targets=row["targets"],
            is_file=lambda name: name != "no-such.png",
        )  # fmt: skip

    if row["status"] == 500:
        with pytest.raises((TypeError, ValueError, AttributeError, KeyError)):
            answer(row["prompt"])
        return
    # A server takes output nodes in the order of a set: one of the two orders must be its own.
    backwards = dict(reversed(row["prompt"].items()))
    ours = [unordered([found.error, found.node_errors]) for found in map(answer, (row["prompt"], backwards))]
    assert unordered([row["error"], row["node_errors"] or {}]) in ours
    assert bool(answer(row["prompt"]).outputs) == (row["status"] == 200)


def test_recordings_hold_every_kind_of_answer():
    for version in VERSIONS:
        rows = json.loads((DATA / f"prompts-{version}.json").read_text(encoding="utf-8"))
        assert {row["status"] for row in rows} == {200, 400, 500}
        kinds = {
            error["type"] for row in rows for node in (row["node_errors"] or {}).values() for error in node["errors"]
        }
        assert len(kinds) == 9
        assert any(row["status"] == 200 and row["node_errors"] for row in rows)
        used = {node["class_type"] for row in rows for node in nodes_of(row["prompt"]) if "class_type" in node}
        assert used - {"NoSuchNode"} <= DEFINITIONS[version].keys()


def nodes_of(prompt):
    return prompt.values() if isinstance(prompt, dict) else []


def picture(**inputs):
    return {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0} | inputs}


def save(source, **inputs):
    return {"class_type": "SaveImage", "inputs": {"images": source, "filename_prefix": "x"} | inputs}


def reasons(found, node):
    return [(error["type"], error["details"]) for error in found.node_errors[node]["errors"]]


def test_valid_prompt():
    prompt = {"1": picture(), "2": save(["1", 0]), "3": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
    found = validate(prompt, NEW)
    assert (found.error, found.node_errors, found.outputs) == (None, {}, ["2", "3"])
    assert found.prompt == prompt


def test_values_are_coerced_in_the_copy_alone():
    prompt = {
        "1": picture(width="64", height=3.7, batch_size=True, color={"__value__": "5"}),
        "2": save(["1", 0], filename_prefix=None),
        "9": picture(width="64"),
    }
    before = copy.deepcopy(prompt)
    found = validate(prompt, NEW)
    assert prompt == before
    assert found.prompt["1"]["inputs"] == {"width": 64, "height": 3, "batch_size": 1, "color": 5}
    assert found.prompt["2"]["inputs"]["filename_prefix"] == "None"
    assert found.prompt["9"]["inputs"]["width"] == "64", "what no output needs is not validated"


OUT = {"input": {"required": {}}, "output": [], "output_node": True}


def out(**inputs):
    """Definitions of one output class that takes `inputs`."""
    return {"Out": OUT | {"input": {"required": inputs}}}


def alone(**inputs):
    return {"1": {"class_type": "Out", "inputs": inputs}}


def test_text_for_a_boolean_is_true_whatever_it_says():
    assert validate(alone(on="false"), out(on=["BOOLEAN", {}])).prompt["1"]["inputs"]["on"] is True


def test_not_a_number_passes_any_range():
    found = validate(alone(cfg=math.nan), out(cfg=["FLOAT", {"min": 0, "max": 1}]))
    assert found.error is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(math.inf, "cannot convert float infinity to integer"), (math.nan, "cannot convert float NaN to integer")],
)
def test_numbers_that_are_no_integer(value, text):
    found = validate(alone(n=value), out(n=["INT"]))
    (error,) = found.node_errors["1"]["errors"]
    assert error["type"] == "invalid_input_type"
    assert error["extra_info"]["exception_message"] == text
    assert error["extra_info"]["input_config"] == ["INT", {}]


def test_text_compared_with_a_bound_is_an_exception():
    found = validate(alone(n="x"), out(n=["OTHER", {"min": 0}]))
    assert reasons(found, "1") == [
        ("exception_during_validation", "'<' not supported between instances of 'str' and 'int'")
    ]
    assert found.node_errors["1"]["errors"][0]["extra_info"]["exception_type"] == "TypeError"


@pytest.mark.parametrize(("count", "details"), [(20, str([f"c{i}" for i in range(20)])), (21, "(list of length 21)")])
def test_long_lists_of_choices_are_counted(count, details):
    choices = [f"c{i}" for i in range(count)]
    found = validate(alone(c="z"), out(c=[choices, {"default": "c0"}]))
    assert reasons(found, "1") == [("value_not_in_list", f"c: 'z' not in {details}")]
    config = found.node_errors["1"]["errors"][0]["extra_info"]["input_config"]
    assert config == ([choices, {"default": "c0"}] if count == 20 else None)


def test_only_the_newer_version_checks_new_style_choices():
    definitions = out(c=["COMBO", {"options": ["a"]}])
    assert reasons(validate(alone(c="z"), definitions), "1") == [("value_not_in_list", "c: 'z' not in ['a']")]
    assert validate(alone(c="z"), definitions, modern=False).error is None


@pytest.mark.parametrize(
    ("received", "wanted", "modern", "older"),
    [("IMAGE", "IMAGE", True, True), ("IMAGE", "MASK", False, False), ("IMAGE", "MASK,IMAGE", True, True),
     ("IMAGE, INT", "MASK,INT", True, True), ("IMAGE", "*", True, True), ("*", "IMAGE", True, True),
     ("IMAGE", "COMFY_MATCHTYPE_V3", True, False), (["a"], "COMBO", True, False), (["a"], ["a"], True, True),
     (["a"], ["b"], False, False), ("IMAGE", ["a"], False, False), ("A,*", "B", True, False)],
)  # fmt: skip
def test_types_that_may_be_linked(received, wanted, modern, older):
    definitions = out(x=[wanted]) | {"In": {"input": {}, "output": [received]}}
    prompt = alone(x=["2", 0]) | {"2": {"class_type": "In", "inputs": {}}}
    for version, accepted in ((True, modern), (False, older)):
        found = validate(prompt, definitions, modern=version)
        assert (found.error is None) == accepted
        if not accepted:
            details = f"x, received_type({received}) mismatch input_type({wanted})"
            assert reasons(found, "1") == [("return_type_mismatch", details)]


V3 = {"api_node": False, "deprecated": False, "experimental": False}


@pytest.mark.parametrize(
    ("extra", "text"),
    [({}, "tuple index out of range"), (V3, "list index out of range"),
     ({"input": {"hidden": {"prompt": ["PROMPT"]}}}, "list index out of range"),
     ({"input": {"hidden": {"prompt": "PROMPT"}}, "api_node": True}, "tuple index out of range")],
)  # fmt: skip
def test_slot_out_of_range_tells_old_from_new_style(extra, text):
    definitions = out(x=["IMAGE"]) | {"In": {"input": {}, "output": ["IMAGE"]} | extra}
    prompt = alone(x=["2", 1]) | {"2": {"class_type": "In", "inputs": {}}}
    assert reasons(validate(prompt, definitions), "1") == [("exception_during_validation", text)]
    assert validate(alone(x=["2", -1]) | {"2": prompt["2"]}, definitions).error is None


@pytest.mark.parametrize(
    ("link", "kind", "details"),
    [(["99", 0], "KeyError", "'99'"), ([99, 0], "KeyError", "99"), ([None, 0], "KeyError", "None"),
     ([{}, 0], "TypeError", "unhashable type: 'dict'"),
     (["1", "0"], "TypeError", "tuple indices must be integers or slices, not str")],
)  # fmt: skip
def test_broken_links_are_exceptions(link, kind, details):
    found = validate({"1": picture(), "2": save(link)}, NEW)
    (error,) = found.node_errors["2"]["errors"]
    assert error["type"] == "exception_during_validation"
    assert details in error["details"], "Python's own text, whose wording grows"
    assert found.error["details"] == f"Exception when validating node: {error['details']}"
    assert error["extra_info"]["exception_type"] == kind
    assert len(error["extra_info"]["traceback"]) == 1


def test_exception_upstream_names_the_input_that_led_there():
    found = validate({"1": {"class_type": "ImageInvert", "inputs": {"image": ["99", 0]}}, "2": save(["1", 0])}, NEW)
    assert found.error["details"] == ""
    assert list(found.node_errors) == ["1"]
    (error,) = found.node_errors["1"]["errors"]
    assert error["type"] == "exception_during_inner_validation"
    assert error["extra_info"]["input_name"] == "images"
    assert error["extra_info"]["linked_node"] == ["1", 0]


def test_faulty_node_upstream_of_two_outputs_is_named_once():
    prompt = {"1": picture(width=0), "2": save(["1", 0]), "3": save(["1", 0]), "4": save(["5", 0]), "5": picture()}
    found = validate(prompt, NEW)
    assert found.error is None
    assert found.outputs == ["4"]
    assert list(found.node_errors) == ["1"]
    assert found.node_errors["1"]["dependent_outputs"] == ["2", "3"]
    assert found.node_errors["1"]["class_type"] == "EmptyImage"


def test_every_failing_output_depends_on_all_faults_found_before():
    prompt = {"1": picture(width=0), "2": save(["1", 0]), "3": save([])}
    found = validate(prompt, NEW)
    assert found.node_errors["1"]["dependent_outputs"] == ["2", "3"]
    assert found.node_errors["3"]["dependent_outputs"] == ["3"]


def test_node_without_inputs():
    found = validate({"1": {"class_type": "SaveImage"}}, NEW)
    assert reasons(found, "1") == [("exception_during_validation", "'inputs'")]


def test_inputs_that_are_no_object():
    found = validate({"1": {"class_type": "SaveImage", "inputs": None}}, NEW)
    ((kind, details),) = reasons(found, "1")
    assert kind == "exception_during_validation"
    assert details.startswith("argument of type 'NoneType' is not ")


GROW = [
    "COMFY_AUTOGROW_V3",
    {"template": {"input": {"required": {"image": ["IMAGE", {}]}}, "prefix": "image", "min": 2, "max": 3}},
]
GROW_NAMED = [
    "COMFY_AUTOGROW_V3",
    {"template": {"input": {"required": {}, "optional": {"n": ["INT", {"min": 1}]}}, "names": ["a", "b"], "min": 1}},
]
CHOICE = [
    "COMFY_DYNAMICCOMBO_V3",
    {
        "options": [
            {
                "key": "size",
                "inputs": {"required": {"width": ["INT", {"min": 8}]}, "optional": {"crop": [["yes", "no"]]}},
            },
            {"key": "nothing", "inputs": {"required": {}}},
        ]
    },
]
SLOT = ["COMFY_DYNAMICSLOT_V3", {"inputs": {"required": {"weight": ["FLOAT"]}}}]


class TestDynamicInputs:
    """New-style inputs that depend on the node's values: only the newer version knows them."""

    def test_autogrow_counts_only_what_is_there(self):
        definitions = out(images=GROW) | {"In": {"input": {}, "output": ["IMAGE", "MASK"]}}
        picture = {"2": {"class_type": "In", "inputs": {}}}
        assert validate(alone() | picture, definitions).error is None
        found = validate(alone(**{"images.image0": ["2", 0], "images.image2": ["2", 1]}) | picture, definitions)
        details = "images.image2, received_type(MASK) mismatch input_type(IMAGE)"
        assert reasons(found, "1") == [("return_type_mismatch", details)]
        beyond = alone(**{"images.image3": ["2", 1]}) | picture
        assert validate(beyond, definitions).error is None, "the fourth name is no input"

    def test_autogrow_by_names(self):
        found = validate(alone(**{"n.a": "3", "n.b": 0}), out(n=GROW_NAMED))
        assert found.prompt["1"]["inputs"]["n.a"] == 3
        assert reasons(found, "1") == [("value_smaller_than_min", "n.b")]

    def test_choice_brings_its_inputs(self):
        definitions = out(mode=CHOICE)
        assert validate(alone(**{"mode": "size", "mode.width": "9"}), definitions).error is None
        found = validate(alone(**{"mode": "size", "mode.crop": "maybe"}), definitions)
        assert reasons(found, "1") == [
            ("required_input_missing", "width"),
            ("value_not_in_list", "mode.crop: 'maybe' not in ['yes', 'no']"),
        ]
        assert found.node_errors["1"]["errors"][0]["extra_info"] == {"input_name": "mode.width"}
        assert validate(alone(mode="nothing"), definitions).error is None

    @pytest.mark.parametrize("value", ["unknown", None, ["1", 0], {}])
    def test_unknown_choice_is_no_error(self, value):
        assert validate(alone(mode=value), out(mode=CHOICE)).error is None

    def test_slot_brings_its_inputs_when_used(self):
        definitions = out(slot=SLOT)
        assert validate(alone(), definitions).error is None
        assert reasons(validate(alone(slot="x"), definitions), "1") == [("required_input_missing", "weight")]

    def test_older_version_takes_them_as_plain_inputs(self):
        found = validate(alone(), out(images=GROW), modern=False)
        assert reasons(found, "1") == [("required_input_missing", "images")]


class TestFiles:
    """Classes that look for a file themselves."""

    @staticmethod
    def prompt(value, name="image", class_type="LoadImage", **more):
        return {"1": {"class_type": class_type, "inputs": {name: value} | more}, "2": save(["1", 0])}

    def test_listed_file(self):
        choice = NEW["LoadImage"]["input"]["required"]["image"][0][0]
        assert validate(self.prompt(choice), NEW).error is None

    def test_files_not_listed_are_asked_for(self):
        asked = []
        assert validate(self.prompt("a.png [output]"), NEW, is_file=lambda name: not asked.append(name)).error is None
        assert asked == ["a.png [output]"]

    @pytest.mark.parametrize("is_file", [None, lambda name: False])
    def test_missing_file(self, is_file):
        found = validate(self.prompt("a.png [output]"), NEW, is_file=is_file)
        assert reasons(found, "1") == [("custom_validation_failed", "image - Invalid image file: a.png [output]")]
        assert found.node_errors["1"]["errors"][0]["extra_info"] == {"input_name": "image"}

    @pytest.mark.parametrize(
        ("class_type", "name", "kind"),
        [("LoadImageMask", "image", "image"), ("LoadImageOutput", "image", "image"), ("LoadAudio", "audio", "audio"),
         ("LoadVideo", "file", "video"), ("LoadLatent", "latent", "latent"), ("WebcamCapture", "image", "image")],
    )  # fmt: skip
    def test_each_class_has_its_message(self, class_type, name, kind):
        definitions = NEW | {class_type: {"input": {"required": {name: ["COMBO", {}]}}, "output": ["IMAGE"]}}
        found = validate(self.prompt("gone", name, class_type), definitions)
        assert reasons(found, "1") == [("custom_validation_failed", f"{name} - Invalid {kind} file: gone")]

    @pytest.mark.parametrize(
        ("value", "kind"), [(5, "int"), (None, "NoneType"), (["3", 0], "NoneType"), (["3"], "list"), ({}, "dict")]
    )
    def test_what_is_no_text_is_an_exception(self, value, kind):
        found = validate(self.prompt(value) | {"3": picture()}, NEW)
        details = f"'{kind}' object has no attribute 'endswith'"
        assert reasons(found, "1") == [("exception_during_inner_validation", details)]

    def test_missing_input_is_an_exception(self):
        prompt = {"1": {"class_type": "LoadImage", "inputs": {}}, "2": save(["1", 0])}
        details = "LoadImage.VALIDATE_INPUTS() missing 1 required positional argument: 'image'"
        assert reasons(validate(prompt, NEW), "1") == [("exception_during_inner_validation", details)]

    @pytest.mark.parametrize("choices", [["a", "b"], None])
    def test_choices_that_comfyui_keeps_as_a_tuple_are_shown_as_one(self, choices):
        definitions = {"LoraSave": OUT | {"input": {"required": {"lora_type": ["COMBO", {"options": choices or []}]}}}}
        found = validate({"1": {"class_type": "LoraSave", "inputs": {"lora_type": "x"}}}, definitions)
        shown = "('a', 'b')" if choices else "()"
        assert reasons(found, "1") == [("value_not_in_list", f"lora_type: 'x' not in {shown}")]

    def test_unknown_checks_accept(self):
        definitions = {"CustomCombo": OUT | {"input": {"required": {"choice": ["COMBO", {"options": []}]}}}}
        assert validate({"1": {"class_type": "CustomCombo", "inputs": {"choice": "mine"}}}, definitions).error is None


@pytest.mark.parametrize(
    ("targets", "outputs"),
    [(None, ["2", "3"]), (["3"], ["3"]), (["3", "2", "gone"], ["2", "3"]), ("23", ["2", "3"]), ({"2": 0}, ["2"])],
)
def test_targets(targets, outputs):
    prompt = {"1": picture(), "2": save(["1", 0]), "3": save(["1", 0])}
    assert validate(prompt, NEW, targets=targets).outputs == outputs


@pytest.mark.parametrize("targets", [[], ["1"], ["gone"], ""])
def test_targets_that_are_no_output(targets):
    found = validate({"1": picture(), "2": save(["1", 0])}, NEW, targets=targets)
    assert found.error == {
        "type": "prompt_no_outputs", "message": "Prompt has no outputs", "details": "", "extra_info": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    "prompt",
    [
        None,
        5,
        True,
        [1, 2],
        [5],
        ["a"],
        "text",
        {"1": None},
        {"1": 5},
        {"1": ["class_type"]},
        {"1": {"class_type": []}},
    ],
)
def test_what_a_server_answers_with_500(prompt):
    with pytest.raises((TypeError, ValueError, AttributeError, KeyError)):
        validate(prompt, NEW)


def test_targets_that_a_server_answers_with_500():
    with pytest.raises(TypeError):
        validate({"1": picture(), "2": save(["1", 0])}, NEW, targets=5)


@pytest.mark.parametrize("prompt", [[], "", {}])
def test_empty_prompts_have_no_outputs(prompt):
    found = validate(prompt, NEW)
    assert (found.error["type"], found.prompt) == ("prompt_no_outputs", {})


@pytest.mark.parametrize("node", [[], "text", {}, {"inputs": {}}])
def test_nodes_without_class(node):
    found = validate({"7": node, "8": None}, NEW)
    assert found.error["message"] == "Cannot execute because a node is missing the class_type property."
    assert found.error["details"] == "Node ID '#7'"


@pytest.mark.parametrize("name", ["Gone", None, 5, ""])
def test_unknown_classes(name):
    found = validate({"1": picture(), "x": {"class_type": name}}, NEW)
    assert found.error["message"] == f"Cannot execute because node {name} does not exist."


def test_cycle_is_an_error_without_explanation():
    loop = {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}}
    found = validate(
        {"1": loop, "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}, "3": save(["1", 0])}, NEW
    )
    assert found.error["type"] == "prompt_outputs_failed_validation"
    assert (found.error["details"], found.node_errors) == ("", {})


def test_faults_beside_a_cycle_are_told():
    prompt = {
        "1": {"class_type": "ImageScaleBy", "inputs": {"image": ["1", 0], "upscale_method": "area", "scale_by": 1e9}},
        "3": save(["1", 0]),
    }
    assert reasons(validate(prompt, NEW), "1") == [("value_bigger_than_max", "scale_by")]


@pytest.mark.parametrize("first", [picture(), picture(width=0), {"class_type": "EmptyImage"}])
def test_chains_may_be_longer_than_the_stack(first):
    prompt = {"0": first}
    for number in range(1, 10_000):
        prompt[str(number)] = {"class_type": "ImageInvert", "inputs": {"image": [str(number - 1), 0]}}
    found = validate(prompt | {"end": save(["9999", 0])}, NEW)
    assert list(found.node_errors) == ([] if first == picture() else ["0"])


def test_values_may_be_nested_deeper_than_the_stack():
    value = {}
    for _ in range(10_000):
        value = {"a": value}
    found = validate(alone(x=value, text=value), out(x=["X"], text=["STRING"]))
    # Whether Python can make a text of such a value depends on its version.
    assert found.error is None or "RecursionError" in str(
        found.node_errors["1"]["errors"][0]["extra_info"]["exception_type"]
    )


TEXT = st.text(max_size=3) | st.sampled_from(["1", "2", "x", "Out", "class_type", "inputs", "*", "IMAGE", "__value__"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | TEXT,
    lambda item: st.lists(item, max_size=3) | st.dictionaries(TEXT, item, max_size=3),
    max_leaves=12,
)
KINDS = ["INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "IMAGE", "*", "COMFY_AUTOGROW_V3", "COMFY_DYNAMICCOMBO_V3",
         "COMFY_DYNAMICSLOT_V3"]  # fmt: skip
CHOICES = st.lists(st.fixed_dictionaries({"key": JSON, "inputs": JSON}), max_size=2)
TEMPLATE = st.fixed_dictionaries({"input": JSON, "min": JSON, "prefix": JSON, "max": JSON})
OPTIONS = JSON | st.fixed_dictionaries(
    {},
    optional={"min": JSON, "max": JSON, "options": JSON | CHOICES, "inputs": JSON, "template": JSON | TEMPLATE},
)
SPEC = JSON | st.tuples(st.sampled_from(KINDS), OPTIONS).map(list)
INPUTS = JSON | st.dictionaries(st.sampled_from(["x", "y", "x.1"]), SPEC, max_size=3)
GROUPS = st.fixed_dictionaries({}, optional={"required": INPUTS, "optional": INPUTS})
DEFINITION = JSON | st.fixed_dictionaries(
    {"output_node": st.booleans() | JSON}, optional={"output": JSON, "input": JSON | GROUPS}
)
VALUES = st.dictionaries(st.sampled_from(["x", "y", "x.1", "image"]), JSON | st.tuples(TEXT, JSON).map(list))
NODE = JSON | st.fixed_dictionaries(
    {"class_type": st.sampled_from(["A", "LoadImage"]) | JSON}, optional={"inputs": JSON | VALUES}
)
PROMPT = JSON | st.dictionaries(st.sampled_from(["1", "2", "3"]), NODE)


@settings(max_examples=300)
@given(PROMPT, st.fixed_dictionaries({"A": DEFINITION, "LoadImage": DEFINITION}), JSON, st.booleans())
def test_any_json_is_answered_or_refused(prompt, definitions, targets, modern):
    before = repr((prompt, definitions))
    try:
        found = validate(prompt, definitions, modern=modern, targets=targets)
    except (TypeError, ValueError, AttributeError, KeyError):
        found = None
    assert repr((prompt, definitions)) == before
    if found is not None:
        assert (found.error is None) == bool(found.outputs)
        json.dumps([found.prompt, found.error, found.node_errors, found.outputs])
        for entry in found.node_errors.values():
            assert entry["errors"]
            assert entry["dependent_outputs"]


NUMBER = st.integers(1, 100) | st.floats(1, 100) | st.integers(1, 100).map(str)


@settings(max_examples=150)
@given(NUMBER, NUMBER, JSON.filter(lambda value: not isinstance(value, (list, dict))), st.booleans())
def test_valid_prompts_stay_valid(width, scale, prefix, modern):
    if isinstance(width, str) and not width.isdigit():
        width = 1
    prompt = {
        "1": picture(width=width),
        "2": {
            "class_type": "ImageScaleBy",
            "inputs": {"image": ["1", 0], "upscale_method": "area", "scale_by": float(scale) / 100},
        },
        "3": save(["2", 0], filename_prefix=prefix),
        "4": save(["1", 0]),
    }
    once = validate(prompt, NEW if modern else OLD, modern=modern)
    twice = validate(once.prompt, NEW if modern else OLD, modern=modern)
    assert once.error is None
    assert once.outputs == ["3", "4"]
    assert twice == once
