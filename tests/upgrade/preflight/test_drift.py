"""What changed of a definition: nothing in what a golden run keeps of it, and no exception whatever stands there."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.upgrade.preflight.drift import NOTHING, drift
from pytest_comfy.workflow.definitions import trim

from .scene import DEFINITIONS, found

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SPEC = st.lists(
    st.sampled_from(["INT", "FLOAT", "STRING", "COMBO", "IMAGE", "*", "COMFY_DYNAMICCOMBO_V3"]) | JSON, max_size=1
).flatmap(lambda kind: st.lists(JSON, max_size=2).map(lambda rest: [*kind, *rest]))
DEFINITION = st.fixed_dictionaries(
    {},
    optional={
        "input": st.dictionaries(
            st.sampled_from(["required", "optional", "hidden"]),
            st.dictionaries(st.text(max_size=3), SPEC | JSON) | JSON,
        )
        | JSON,
        "input_order": JSON,
        "output": st.lists(st.sampled_from(["IMAGE", "MASK"]) | JSON) | JSON,
        "output_is_list": JSON,
        "output_node": JSON,
        "python_module": JSON,
        "category": JSON,
        "deprecated": JSON,
    },
)


@pytest.mark.parametrize("defaults", [False, True])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_what_a_golden_run_keeps_has_not_changed(name, defaults):
    definition = DEFINITIONS[name]
    kept = json.loads(json.dumps(trim(definition, {}, defaults=defaults)))
    assert nothing_in(drift(kept, definition))


def nothing_in(changed):
    return replace(changed, before={}, now={}) == NOTHING and not changed.shifts


def of(*inputs, group="required"):
    return {"input": {group: dict(inputs)}, "input_order": {group: [name for name, _ in inputs]}}


INT, FLOAT, TEXT = ["INT", {"default": 1, "min": 0}], ["FLOAT", {"default": 1.0}], ["STRING", {}]


@pytest.mark.parametrize(
    ("before", "now", "renamed", "removed", "added"),
    [
        ([("cfg", FLOAT)], [("guidance", FLOAT)], {"guidance": "cfg"}, (), ()),
        ([("cfg", FLOAT)], [("guidance", INT)], {}, ("cfg",), ("guidance",)),
        ([("image", ["IMAGE"])], [("images", ["IMAGE"])], {"images": "image"}, (), ()),
        ([("a", INT), ("b", INT)], [("a", INT), ("b", INT), ("c", INT)], {}, (), ("c",)),
        ([("a", INT), ("scale_x", FLOAT)], [("scale_y", FLOAT), ("a", INT)], {"scale_y": "scale_x"}, (), ()),
        ([("x", FLOAT), ("a", INT)], [("a", INT), ("why", FLOAT)], {}, ("x",), ("why",)),
        ([("x", TEXT), ("y", TEXT)], [("p", TEXT), ("q", TEXT)], {"p": "x", "q": "y"}, (), ()),
    ],
)
def test_renamed_is_what_is_alike_in_name_place_or_kind(before, now, renamed, removed, added):
    changed = drift(of(*before), of(*now))
    assert (dict(changed.renamed), changed.removed, changed.added) == (renamed, removed, added)


def test_socket_that_was_a_widget_is_retyped_and_shifts_what_stands_behind():
    changed = drift(of(("a", INT), ("b", INT)), of(("a", ["INT", {"forceInput": True}]), ("b", INT)))
    assert changed.retyped == {"a": ("INT", "INT")}
    assert changed.shifts


def test_widgets_behind_the_ones_of_before_shift_nothing():
    assert not drift(of(("a", INT)), of(("a", INT), ("b", INT))).shifts
    assert drift(of(("a", INT)), of(("b", FLOAT), ("a", INT))).shifts


def test_definition_without_inputs_tells_nothing_of_them():
    """Golden runs made by hand may keep no more than what is an output node."""
    assert nothing_in(drift({"output_node": True}, {**of(("a", INT)), "output_node": True}))


@given(DEFINITION, DEFINITION)
def test_whatever_stands_in_definitions_ends_without_an_exception(before, now):
    drift(before, now)
    graph = {"1": {"class_type": "X", "inputs": {"a": 1, "b": ["2", 0]}}, "2": {"class_type": "X", "inputs": {}}}
    for finding in found(graph, {"X": now}, {"X": before}):
        assert finding.told


@given(DEFINITION)
def test_definition_has_not_changed_to_itself(definition):
    changed = drift(definition, copy.deepcopy(definition))
    assert changed is NOTHING
