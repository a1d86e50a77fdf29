"""UI-form workflows made by hand: the files that ComfyUI's page saves, reduced to what a conversion reads."""

from __future__ import annotations

import copy
import json
from pathlib import Path

DEFINITIONS = json.loads((Path(__file__).parent / "data/definitions-0.8.0.json").read_text(encoding="utf-8"))
EDIT = "8b5f0d5e-3d1c-4b6e-9f0a-2f4f5c1e7a01"
INNER = "8b5f0d5e-3d1c-4b6e-9f0a-2f4f5c1e7a02"
MUTED, BYPASSED = 2, 4


def node(node_id, class_type, widgets=(), inputs=(), outputs=(), **more):
    """A saved node. inputs: [(name, type, link)], or (name, type, link, widget); outputs: [(type, [links])]."""
    return {
        "id": node_id, "type": class_type, "mode": 0, "order": node_id, "properties": {}, "widgets_values": [*widgets],
        "inputs": [
            {"name": name, "type": kind, "link": link, **({"widget": {"name": rest[0]}} if rest else {})}
            for name, kind, link, *rest in inputs
        ],
        "outputs": [{"name": kind, "type": kind, "links": links} for kind, links in outputs],
        **more,
    }  # fmt: skip


def document(nodes, links, subgraphs=(), **extra):
    """A saved workflow; links are [id, origin, slot, target, slot, type]."""
    return {
        "id": "1", "revision": 0, "last_node_id": 99, "last_link_id": 99, "nodes": nodes, "links": links, "groups": [],
        "definitions": {"subgraphs": [*subgraphs]}, "config": {}, "extra": extra, "version": 0.4,
    }  # fmt: skip


def inner_link(link_id, origin, slot, target, target_slot, kind):
    return {"id": link_id, "origin_id": origin, "origin_slot": slot, "target_id": target, "target_slot": target_slot,
            "type": kind}  # fmt: skip


def plain(color=7, prefix="out"):
    """EmptyImage -> SaveImage: `graph()` of the conftest as the page saves it."""
    return document(
        [
            node(3, "EmptyImage", [64, 64, 1, color], outputs=[("IMAGE", [1])], title="Canvas"),
            node(9, "SaveImage", [prefix], [("images", "IMAGE", 1)], title="Save Image"),
        ],
        [[1, 3, 0, 9, 0, "IMAGE"]],
    )


def subgraph(graph_id, name, nodes, links, inputs=(), outputs=()):
    """A definition; inputs and outputs are [(name, type, [links])]."""
    return {
        "id": graph_id, "version": 1, "name": name, "nodes": nodes, "links": links,
        "inputs": [{"id": f"i{at}", "name": one, "type": kind, "linkIds": ids}
                   for at, (one, kind, ids) in enumerate(inputs)],
        "outputs": [{"id": f"o{at}", "name": one, "type": kind, "linkIds": ids}
                    for at, (one, kind, ids) in enumerate(outputs)],
    }  # fmt: skip


def nested(radius=3, sigma=2.0, color=7):
    """Canvas -> [Edit: Blur -> [Inner: ImageBlur], and saved there] -> Save.

    Prompt: 3 Canvas, 9:5 Edit > Blur, 9:6 Edit > Save, 9:8:2 Edit > Inner > ImageBlur, 7 Save. Edit exposes the
    radius of Blur. A bypassed ImageInvert and a muted PreviewImage stand beside it.
    """
    inner = subgraph(
        INNER, "Inner",
        [node(2, "ImageBlur", [5, 1.5], [("image", "IMAGE", 1)], [("IMAGE", [2])])],
        [inner_link(1, -10, 0, 2, 0, "IMAGE"), inner_link(2, 2, 0, -20, 0, "IMAGE")],
        [("image", "IMAGE", [1])], [("IMAGE", "IMAGE", [2])],
    )  # fmt: skip
    edit = subgraph(
        EDIT, "Edit",
        [
            node(5, "ImageBlur", [radius, sigma],
                 [("image", "IMAGE", 1), ("blur_radius", "INT", 5, "blur_radius"), ("sigma", "FLOAT", None, "sigma")],
                 [("IMAGE", [2, 3])], title="Blur"),
            node(6, "SaveImage", ["inside"], [("images", "IMAGE", 2)], title="Save"),
            node(8, INNER, [], [("image", "IMAGE", 3)], [("IMAGE", [4])], title="Inner"),
        ],
        [inner_link(1, -10, 0, 5, 0, "IMAGE"), inner_link(2, 5, 0, 6, 0, "IMAGE"), inner_link(3, 5, 0, 8, 0, "IMAGE"),
         inner_link(4, 8, 0, -20, 0, "IMAGE"), inner_link(5, -10, 1, 5, 1, "INT")],
        [("image", "IMAGE", [1]), ("blur_radius", "INT", [5])], [("IMAGE", "IMAGE", [4])],
    )  # fmt: skip
    return document(
        [
            node(3, "EmptyImage", [64, 64, 1, color], outputs=[("IMAGE", [10, 13])], title="Canvas"),
            node(4, "ImageInvert", [], [("image", "IMAGE", 10)], [("IMAGE", [11])], mode=BYPASSED),
            node(9, EDIT, [radius], [("image", "IMAGE", 11), ("blur_radius", "INT", None, "blur_radius")],
                 [("IMAGE", [12])], title="Edit"),
            node(7, "SaveImage", ["out"], [("images", "IMAGE", 12)], title="Save"),
            node(11, "PreviewImage", [], [("images", "IMAGE", 13)], mode=MUTED),
            node(12, "Note", ["what it is for"]),
        ],
        [[10, 3, 0, 4, 0, "IMAGE"], [11, 4, 0, 9, 0, "IMAGE"], [12, 9, 0, 7, 0, "IMAGE"], [13, 3, 0, 11, 0, "IMAGE"]],
        [inner, edit],
    )  # fmt: skip


DICE = {"input": {"required": {"text": ["STRING", {"multiline": True, "dynamicPrompts": True}]}},
        "input_order": {"required": ["text"]}, "output": ["STRING"], "output_is_list": [False],
        "output_name": ["STRING"], "output_node": False, "name": "Dice", "display_name": "Dice",
        "python_module": "custom_nodes.dice"}  # fmt: skip


def dice(text="a {red|green|blue|black|white|grey} fox", prefix="out"):
    """A text with dynamic prompts, shown; and a picture."""
    found = plain(prefix=prefix)
    found["nodes"] += [
        node(20, "Dice", [text], outputs=[("STRING", [20])]),
        node(21, "PreviewAny", [], [("source", "*", 20)]),
    ]
    found["links"].append([20, 20, 0, 21, 0, "STRING"])
    return found


def definitions(**more):
    """Node definitions of a server, whole."""
    return {**copy.deepcopy(DEFINITIONS), "Dice": DICE, **more}
