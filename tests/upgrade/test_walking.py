"""The walk over a graph of which only a part can be seen."""

from __future__ import annotations

import pytest
from computing import node
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.upgrade.blame.probes import in_order, probe_of, slots_of, with_probes
from pytest_comfy.upgrade.blame.values import Level, Value, apart
from pytest_comfy.upgrade.blame.walking import Walk

SAME, NOISE, MOVED, DIFFERENT = Level


@st.composite
def graphs(draw):
    """A prompt whose nodes take what nodes before them made, and the last of which is judged."""
    many = draw(st.integers(2, 14))
    prompt = {}
    for place in range(many):
        sources = draw(st.lists(st.integers(0, place - 1), max_size=3, unique=True)) if place else []
        if place == many - 1:
            sources = sorted({*sources, place - 1})
        prompt[str(place)] = node("Any", **{f"in{source}": (str(source), 0) for source in sources})
    return prompt, str(many - 1)


def after(prompt, culprit):
    """The nodes that take what the culprit made, and it."""
    return {node_id for node_id in prompt if culprit in in_order(prompt, [node_id])}


@given(graphs(), st.data())
def test_one_node_that_changed_is_named_where_all_can_be_seen(graph, data):
    prompt, target = graph
    walk = Walk(prompt, target, {})
    culprit = data.draw(st.sampled_from(walk.order))
    changed = after(prompt, culprit)
    levels = {(one, 0): DIFFERENT if one in changed else SAME for one in walk.order if one != target}
    (first,) = Walk(prompt, target, levels).first()
    assert (first.node, first.inputs, first.unseen) == (culprit, SAME, ())


@given(graphs(), st.data())
def test_rounding_before_it_hides_nothing(graph, data):
    prompt, target = graph
    order = in_order(prompt, [target])
    culprit = data.draw(st.sampled_from(order[:-1]))
    changed = after(prompt, culprit)
    levels = {(one, 0): MOVED if one in changed else NOISE for one in order[:-1]}
    (first,) = Walk(prompt, target, levels).first()
    assert first.node == culprit and first.inputs <= NOISE


@given(graphs(), st.data())
def test_the_culprit_is_named_or_among_those_that_cannot_be_seen(graph, data):
    prompt, target = graph
    order = in_order(prompt, [target])
    culprit = data.draw(st.sampled_from(order))
    seen = data.draw(st.sets(st.sampled_from(order))) - {target}
    changed = after(prompt, culprit)
    levels = {(one, 0): DIFFERENT if one in changed else SAME for one in seen}
    found = Walk(prompt, target, levels).first()
    assert all(culprit == one.node or culprit in one.unseen for one in found)


@given(graphs())
def test_every_node_stands_after_what_it_depends_on(graph):
    prompt, target = graph
    order = in_order(prompt, [target])
    for place, node_id in enumerate(order):
        assert set(in_order(prompt, [node_id])) <= set(order[: place + 1])


def test_where_nothing_differs_before_it_is_the_last_node():
    prompt = {"1": node("Any"), "2": node("Any", a=("1", 0))}
    (first,) = Walk(prompt, "2", {("1", 0): SAME}).first()
    assert first.node == "2" and first.slot is None


def test_rounding_is_told_where_there_is_nothing_else():
    prompt = {"1": node("Any"), "2": node("Any", a=("1", 0)), "3": node("Any", a=("2", 0))}
    (first,) = Walk(prompt, "3", {("1", 0): SAME, ("2", 0): NOISE}).first()
    assert first.node == "2"


def test_a_loop_of_links_is_walked_once():
    prompt = {"1": node("Any", a=("2", 0)), "2": node("Any", a=("1", 0)), "3": node("Any", a=("2", 0))}
    assert sorted(in_order(prompt, ["3"])) == ["1", "2", "3"]


def test_probes_take_along_what_their_nodes_depend_on_and_no_more():
    definitions = {
        "Paint": {"output": ["IMAGE", "VIDEO", "MODEL", ["a", "b"]]},
        "PreviewImage": {}, "GetVideoComponents": {}, "PreviewAny": {},
    }  # fmt: skip
    prompt = {"1": node("Paint"), "2": node("Paint", a=("1", 0)), "9": node("SaveImage", images=("2", 0))}
    slots = slots_of(prompt, {"1"}, definitions)
    assert slots == {("1", 0): "IMAGE", ("1", 1): "VIDEO", ("1", 3): "COMBO"}
    probed, shown = with_probes(prompt, slots)
    assert [(one["class_type"], one["inputs"]) for one in probed.values()] == [
        ("Paint", {}),
        ("PreviewImage", {"images": ["1", 0]}),
        ("GetVideoComponents", {"video": ["1", 1]}),
        ("PreviewImage", {"images": ["comfy-probe-1-0", 0]}),
        ("PreviewAny", {"source": ["1", 3]}),
    ]
    assert list(shown.values()) == list(slots)
    assert [probe_of(one, shown) for one in probed] == [None, *(f"comfy-probe-{n}" for n in (0, 1, 1, 2))]


def text(words):
    return [Value.of(words.encode(), "text/plain")]


@pytest.mark.parametrize(
    ("before", "now", "level"),
    [
        ("a", "a", SAME),
        ("tensor([0.5])", "tensor([0.50001])", NOISE),
        ("tensor([0.5])", "tensor([0.6])", DIFFERENT),
        ("<Model object at 0x7f00>", "<Model object at 0x7fff>", SAME),
        ("7", "8", DIFFERENT),
    ],
)
def test_texts_are_held_against_each_other_by_their_numbers(before, now, level):
    assert apart(text(before), text(now))[0] is level


def test_lists_of_another_length_differ():
    assert apart(text("a") * 2, text("a")) == (DIFFERENT, "1 values, were 2")
