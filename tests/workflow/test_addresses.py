"""Addresses that reach into subgraphs: "Edit > KSampler.seed", "9:5.seed", "Edit.text"."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.workflow import WorkflowError
from pytest_comfy.workflow.addresses import Exposed, class_path_of, find_inputs, find_nodes, names_of, path_of
from pytest_comfy.workflow.model import title_of


def node(class_type, title=None, *around, **inputs):
    meta = {**({"title": title} if title else {}), **({"subgraph": [*around]} if around else {})}
    return {"class_type": class_type, "inputs": inputs, "_meta": meta}


PROMPT = {
    "3": node("KSampler", "Sampler", seed=1, steps=20),
    "4": node("KSampler", None, seed=2),
    "9:5": node("KSampler", "Sampler", "Edit", seed=3, steps=4),
    "9:8:5": node("KSampler", None, "Edit", "Inner", seed=5),
    "12:5": node("KSampler", "v1.5 > best", "A > B.c", seed=6, **{"x.y": 1}),
}
EXPOSED = Exposed(
    {
        "9": {"text": (("9:5", "seed"), ("9:8:5", "seed")), "nothing": (), "gone": (("9:7", "seed"),)},
        "9:8": {"seed": (("9:8:5", "seed"),)},
        "12": {"text": (("12:5", "seed"),)},
    },
    {"9": "Edit", "9:8": "Inner", "12": "A > B.c"},
)


def found(address, exposed=EXPOSED):
    return find_inputs(PROMPT, address, "w.json", exposed)


def refused(address, exposed=EXPOSED):
    with pytest.raises(WorkflowError) as caught:
        found(address, exposed)
    text = str(caught.value)
    assert text.startswith(f"w.json: {address!r} ")
    return text.removeprefix(f"w.json: {address!r} ")


@pytest.mark.parametrize(
    ("address", "targets"),
    [
        ("9:5.seed", ["9:5.seed"]),
        ("Edit > Sampler.seed", ["9:5.seed"]),
        ("Edit > KSampler.seed", ["9:5.seed"]),
        ("Edit > Inner > KSampler.seed", ["9:8:5.seed"]),
        ("A > B.c > v1.5 > best.x.y", ["12:5.x.y"]),
        ("A > B.c > KSampler.seed", ["12:5.seed"]),
        ("v1.5 > best.seed", ["12:5.seed"]),
        # What stands at the root goes before what stands in a subgraph under the same name.
        ("Sampler.steps", ["3.steps"]),
        ("Edit.text", ["9:5.seed", "9:8:5.seed"]),
        ("9.text", ["9:5.seed", "9:8:5.seed"]),
        ("Edit > Inner.seed", ["9:8:5.seed"]),
        ("Inner.seed", ["9:8:5.seed"]),
        ("9:8.seed", ["9:8:5.seed"]),
        ("A > B.c.text", ["12:5.seed"]),
    ],
)
def test_what_an_address_names(address, targets):
    assert [f"{node_id}.{name}" for node_id, name in found(address)] == targets


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("KSampler.seed", "is ambiguous: use the node's id, one of 3.seed (Sampler [KSampler]), 4.seed (KSampler)"),
        ("Edit.txt", "names no input; Edit [subgraph] has Edit.text, "),
        ("Edit.nothing", "gives its value to no node that runs"),
        ("Edit.gone", "gives its value to no node that runs"),
        ("Edit > Sampler.sed", "names no input; Edit > Sampler [KSampler] has Edit > Sampler.seed, "),
        ("Edit > Inner > KSampler.sed", "names no input; Edit > Inner > KSampler has Edit > Inner > KSampler.seed"),
        ("Edi > Sampler.seed", "names no input; known are Edit > Sampler.seed, "),
        ("Inner > KSampler.seed", "names no input; known are "),
        ("9.seed", "names no input; Edit [subgraph] has 9."),
    ],
)
def test_wrong_addresses_name_the_candidates(address, told):
    assert refused(address).startswith(told)


def test_exposed_inputs_are_among_the_candidates():
    assert "Edit > Inner.seed" in refused("Edit > Iner.seed")


def test_exposed_inputs_need_a_conversion():
    assert refused("Edit.text", None).startswith("names no input; known are ")


def test_node_and_instance_of_one_name():
    prompt = {"1": node("X", "Edit", text="a"), "9:5": node("X", "In", "Edit", text="b")}
    exposed = Exposed({"9": {"text": (("9:5", "text"),)}}, {"9": "Edit"})
    with pytest.raises(WorkflowError, match=r"use the node's id, one of 1\.text \(Edit \[X\]\), 9\.text \(Edit \[sub"):
        find_inputs(prompt, "Edit.text", "w.json", exposed)
    assert find_inputs(prompt, "9.text", "w.json", exposed) == (("9:5", "text"),)


def test_two_instances_of_one_title():
    prompt = {"1:5": node("X", "In", "Edit", v=1), "2:5": node("X", "In", "Edit", v=1)}
    with pytest.raises(WorkflowError, match=r"one of 1:5\.v \(Edit > In \[X\]\), 2:5\.v"):
        find_inputs(prompt, "Edit > In.v", "w.json")


def test_titles():
    assert title_of("9:5", PROMPT["9:5"]) == "Edit > Sampler"
    assert title_of("9:8:5", PROMPT["9:8:5"]) == "Edit > Inner > KSampler"
    assert path_of(PROMPT["3"]) == "Sampler"
    assert class_path_of(PROMPT["9:5"]) == "Edit > KSampler"
    assert class_path_of(5) == "None"


def test_names_of_a_node_the_least_special_first():
    assert names_of("9:5", PROMPT["9:5"]) == ("KSampler", "Sampler", "Edit > KSampler", "Edit > Sampler", "9:5")
    assert names_of("4", PROMPT["4"]) == ("KSampler", "4")
    assert names_of("4", None) == ("4",)


@pytest.mark.parametrize("meta", [None, 5, [], {"subgraph": "Edit"}, {"subgraph": 5}, {"subgraph": {}}])
def test_meta_of_another_shape_is_no_path(meta):
    assert title_of("1", {"class_type": "X", "_meta": meta}) == "X"


TITLES = st.sampled_from(["A", "B", "A > B", "A.x", "x", "", " > ", "1"])


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(["1", "2", "1:1", "1:2:1"]),
        st.tuples(TITLES, st.lists(TITLES, max_size=3), st.sampled_from(["A", "X"])),
        min_size=1,
    )
)
def test_every_node_is_found_by_each_of_its_names(nodes):
    prompt = {
        node_id: {"class_type": kind, "inputs": {"v": 1}, "_meta": {"title": title, "subgraph": around}}
        for node_id, (title, around, kind) in nodes.items()
    }
    for node_id, one in prompt.items():
        assert find_nodes(prompt, node_id) == [node_id]
        assert find_inputs(prompt, f"{node_id}.v", "w.json") == ((node_id, "v"),)
        path = title_of(node_id, one)
        assert path in prompt or node_id in find_nodes(prompt, path)
