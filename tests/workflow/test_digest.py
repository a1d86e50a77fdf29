"""Canonical digests: the same for prompts that mean the same, and only for those."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_comfy.workflow.digest import NONCE_INPUT, is_same, match_nodes, node_digests, prompt_digest

PROMPT = {
    "1": {"class_type": "Load", "inputs": {"name": "a"}},
    "2": {"class_type": "Blur", "inputs": {"image": ["1", 0], "radius": 8}},
    "3": {"class_type": "Blend", "inputs": {"a": ["1", 0], "b": ["2", 0]}},
    "4": {"class_type": "Save", "inputs": {"image": ["3", 0]}, "_meta": {"title": "Save"}},
}


def changed(node: str, name: str, value):
    prompt = copy.deepcopy(PROMPT)
    prompt[node]["inputs"][name] = value
    return prompt


def renumbered(prompt, names):
    def of(value):
        return [names[value[0]], value[1]] if isinstance(value, list) and value[0] in names else value

    return {
        names[node_id]: {**node, "inputs": {key: of(value) for key, value in node["inputs"].items()}}
        for node_id, node in prompt.items()
    }


@given(st.permutations(["1", "2", "3", "4"]), st.permutations(["1", "2", "3", "4"]), st.text())
def test_ids_order_and_titles_have_no_part(ids, order, title):
    prompt = renumbered({node_id: PROMPT[node_id] for node_id in order}, dict(zip("1234", ids, strict=True)))
    for node in prompt.values():
        node["_meta"] = {"title": title}
    assert prompt_digest(prompt) == prompt_digest(PROMPT)


@pytest.mark.parametrize(
    "other",
    [
        changed("1", "name", "b"),
        changed("2", "radius", 9),
        changed("2", "radius", "8"),
        changed("2", "radius", 8.5),
        changed("2", "radius", None),
        changed("2", "more", None),
        changed("3", "a", ["2", 0]),
        changed("3", "a", ["1", 1]),
        changed("3", "a", ["gone", 0]),
        changed("3", "a", "1"),
        {**PROMPT, "2": {**PROMPT["2"], "class_type": "Other"}},
        {**PROMPT, "5": {"class_type": "Save", "inputs": {"image": ["3", 0]}}},
        {key: PROMPT[key] for key in "123"},
    ],
)
def test_values_links_slots_and_nodes_have_their_part(other):
    assert prompt_digest(other) != prompt_digest(PROMPT)


def test_swapped_links_differ():
    other = copy.deepcopy(PROMPT)
    other["3"]["inputs"] = {"a": ["2", 0], "b": ["1", 0]}
    assert prompt_digest(other) != prompt_digest(PROMPT)


def test_a_change_reaches_what_depends_on_it_and_nothing_else():
    before, after = node_digests(PROMPT), node_digests(changed("2", "radius", 9))
    assert [node_id for node_id in before if before[node_id] != after[node_id]] == ["2", "3", "4"]


def test_numbers_that_json_writers_treat_alike_are_equal():
    assert prompt_digest(changed("2", "radius", 8.0)) == prompt_digest(PROMPT)
    nested = prompt_digest(changed("2", "more", {"a": [1.0, {"b": 2}]}))
    assert nested == prompt_digest(changed("2", "more", {"a": [1, {"b": 2.0}]}))
    assert prompt_digest(changed("2", "radius", True)) != prompt_digest(changed("2", "radius", 1))


def test_the_nonce_has_no_meaning():
    assert prompt_digest(changed("2", NONCE_INPUT, "abc")) == prompt_digest(PROMPT)


def test_secrets_do_not_change_the_digest():
    mine, theirs = changed("1", "api_key", "mine"), changed("1", "api_key", "theirs")
    assert prompt_digest(mine) == prompt_digest(theirs)
    assert prompt_digest(mine) == prompt_digest(changed("1", "api_key", "<redacted>"))
    assert prompt_digest(mine) != prompt_digest(PROMPT)
    assert prompt_digest(changed("1", "tokens", 5)) != prompt_digest(changed("1", "tokens", 6))


def test_cycles_have_a_digest():
    ring = {"1": {"class_type": "A", "inputs": {"x": ["2", 0]}}, "2": {"class_type": "B", "inputs": {"x": ["1", 0]}}}
    assert set(node_digests(ring)) == {"1", "2"}
    assert prompt_digest(ring) == prompt_digest(copy.deepcopy(ring))
    itself = {"1": {"class_type": "A", "inputs": {"x": ["1", 0]}}}
    assert prompt_digest(itself) != prompt_digest({"1": {"class_type": "A", "inputs": {"x": ["9", 1]}}})


def test_a_chain_longer_than_the_stack_is_deep():
    size = 20_000
    chain = {
        str(n): {"class_type": "X", "inputs": {"image": [str(n + 1), 0]} if n + 1 < size else {}} for n in range(size)
    }
    assert len(set(node_digests(chain).values())) == size


def test_nodes_shared_many_times_are_looked_at_once():
    """2^200 paths lead from the last node to the first."""
    ladder = {"0": {"class_type": "X", "inputs": {}}}
    for n in range(1, 200):
        ladder[str(n)] = {"class_type": "X", "inputs": {"a": [str(n - 1), 0], "b": [str(n - 1), 0]}}
    assert len(set(node_digests(dict(reversed(ladder.items()))).values())) == 200


@settings(max_examples=150)
@given(
    st.dictionaries(
        st.sampled_from("12345"),
        st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "class_type": st.sampled_from(["A", "B"]) | st.none(),
                "inputs": st.none()
                | st.dictionaries(
                    st.sampled_from("xyz"),
                    st.tuples(st.sampled_from("12345"), st.integers(0, 1)).map(list)
                    | st.floats()
                    | st.text()
                    | st.lists(st.integers()),
                ),
            },
        ),
    )
)
def test_every_graph_has_a_digest(prompt):
    digests = node_digests(prompt)
    assert set(digests) == set(prompt)
    assert all(len(digest) == 64 for digest in digests.values())
    assert match_nodes(prompt, prompt) == {node_id: node_id for node_id in prompt}


def test_renumbered_nodes_are_matched():
    names = {"1": "31", "2": "32", "3": "33", "4": "34"}
    assert match_nodes(PROMPT, renumbered(PROMPT, names)) == names


def test_swapped_ids_are_matched_by_meaning():
    names = {"1": "2", "2": "1", "3": "3", "4": "4"}
    assert match_nodes(PROMPT, renumbered(PROMPT, names)) == names


def test_changed_nodes_are_matched_by_id_and_class():
    assert match_nodes(PROMPT, changed("1", "name", "b")) == {key: key for key in "1234"}


def test_nodes_that_are_gone_are_left_out():
    other = {**PROMPT, "2": {"class_type": "Other", "inputs": {}}}
    del other["4"]
    assert match_nodes(PROMPT, other) == {"1": "1", "3": "3"}


def test_twins_are_matched_one_to_one():
    twin = {"class_type": "A", "inputs": {}}
    matched = match_nodes({"1": twin, "2": twin}, {"2": twin, "7": twin, "8": twin})
    assert matched["2"] == "2"
    assert matched["1"] in ("7", "8")


def test_a_curve_is_the_same_with_its_type():
    curve = {"points": [[0, 0], [1, 1]], "interpolation": "linear"}

    def of(value):
        return prompt_digest({"1": {"class_type": "CurveEditor", "inputs": {"curve": value}}})

    assert of({"__type__": "CURVE", "__value__": curve}) == of(curve)
    assert of({"__type__": "OTHER", "__value__": curve}) != of(curve)
    assert of({"__type__": "CURVE", "__value__": {**curve, "interpolation": "none"}}) != of(curve)


@pytest.mark.parametrize(("value", "other"), [(True, 1), (1, 1.5), (0, False), (1, 1.0), ("1", 1), ([1], [True])])
def test_what_python_takes_for_equal_is_not_the_same_json(value, other):
    assert is_same(changed("2", "radius", value), changed("2", "radius", copy.deepcopy(value)))
    assert not is_same(changed("2", "radius", value), changed("2", "radius", other))


@given(st.permutations(["1", "2", "3", "4"]))
def test_the_same_prompt_in_another_order_is_matched_as_it_is(order):
    prompt = {node_id: dict(reversed(PROMPT[node_id].items())) for node_id in order}
    assert is_same(PROMPT, prompt)
    assert match_nodes(PROMPT, prompt) == {node_id: node_id for node_id in PROMPT}
    assert prompt_digest(PROMPT) == prompt_digest(prompt)
