"""The graph of a workflow: where its boxes stand, whatever the links."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.report.html.graph import HEIGHT, MOST_NODES, WIDTH, laid_out

from .samples import LINKS, NODES


def document(nodes, links):
    return {"nodes": [{"id": node, "title": node, "class_type": "X"} for node in nodes], "links": links}


def places(graph):
    return {box.name.split(" ")[0]: (box.x, box.y) for box in graph.boxes}


def test_data_flows_from_left_to_right():
    graph = laid_out(document([node for node, _, _ in NODES], [list(one) for one in LINKS]), {"9": "different"})
    at = places(graph)
    assert all(at[start][0] < at[end][0] for start, _, end, _ in LINKS)
    assert at["6"][0] == at["7"][0] == at["5"][0]  # what has no input stands beside what it is used with
    assert [box.verdict for box in graph.boxes if box.verdict] == ["different"]


def test_rows_are_ordered_so_that_links_do_not_cross():
    links = [["a", 0, "z", "x"], ["b", 0, "y", "x"], ["c", 0, "x", "x"]]
    at = places(laid_out(document("abcxyz", links), {}))
    order = [sorted(column, key=lambda name: at[name][1]) for column in ("abc", "xyz")]
    assert [{"a": "z", "b": "y", "c": "x"}[name] for name in order[0]] == order[1]


def test_large_workflow_is_drawn_in_part_and_says_so():
    graph = laid_out(document([str(at) for at in range(MOST_NODES + 7)], []), {})
    assert (len(graph.boxes), graph.left_out) == (MOST_NODES, 7)


def test_nothing_to_draw():
    assert laid_out(None, {}) is None and laid_out({"nodes": [], "links": []}, {}) is None


NAMES = st.sampled_from("abcdefgh")


@given(st.lists(NAMES, min_size=1, unique=True), st.lists(st.tuples(NAMES, NAMES), max_size=20))
def test_boxes_lie_inside_and_never_on_each_other(nodes, pairs):
    """Also with circles, loops and links of nodes that are not there."""
    graph = laid_out(document(nodes, [[start, 0, end, "x"] for start, end in pairs]), {})
    boxes = [(box.x, box.y) for box in graph.boxes]
    assert len(boxes) == len(nodes)
    assert all(0 <= x <= graph.width - WIDTH and 0 <= y <= graph.height - HEIGHT for x, y in boxes)
    for at, (x, y) in enumerate(boxes):
        assert all(abs(x - other) >= WIDTH or abs(y - below) >= HEIGHT for other, below in boxes[:at])
    known = {pair for pair in pairs if set(pair) <= set(nodes) and pair[0] != pair[1]}
    assert len(graph.paths) == len(known)
