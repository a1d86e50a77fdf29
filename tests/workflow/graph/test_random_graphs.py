"""Whatever is drawn converts to a prompt that holds together, or is refused in a sentence."""

from __future__ import annotations

import copy
import json
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_comfy.workflow.graph import ConversionError, ConversionWarning, to_prompt
from pytest_comfy.workflow.validate import validate

from .random_graphs import draw

HERE = Path(__file__).parent
DEFINITIONS = {
    version: json.loads((HERE / f"definitions-{version}.json").read_text(encoding="utf-8"))
    for version in ("0.8.0", "0.3.64")
}
LEGAL = {
    "required_input_missing",  # an input that nobody linked
    "value_not_in_list",
    "value_smaller_than_min",
    "value_bigger_than_max",
    "invalid_input_type",  # a value for another type
    "return_type_mismatch",  # inputs of any type take whatever a bypassed node has
}
"""What a server may complain about although the conversion did its part."""


def converted(graph, definitions):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConversionWarning)
        return to_prompt(graph, definitions)


@pytest.mark.parametrize("version", DEFINITIONS)
@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(random=st.randoms(use_true_random=False))
def test_it_holds_together_or_is_refused(version, random):
    definitions = DEFINITIONS[version]
    graph = draw(random, definitions, 4).saved()
    before = copy.deepcopy(graph)
    try:
        prompt = converted(graph, definitions)
    except ConversionError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000
        return
    finally:
        assert graph == before
    assert converted(graph, definitions) == prompt
    for node in prompt.values():
        for value in node["inputs"].values():
            if isinstance(value, list):
                origin, slot = value
                assert 0 <= slot < len(definitions[prompt[origin]["class_type"]]["output"])
    found = validate(prompt, definitions, modern=version == "0.8.0")
    assert found.error is None or found.error["type"] in ("prompt_no_outputs", "prompt_outputs_failed_validation")
    assert {one["type"] for errors in found.node_errors.values() for one in errors["errors"]} <= LEGAL
