"""Random workflows as a person might draw them: chains, bypassed and muted nodes, Reroutes, primitives, subgraphs."""

from __future__ import annotations

from random import Random
from typing import Any

from .canvas import BYPASSED, MUTED, Canvas, Node

CLASSES = (
    "CheckpointLoaderSimple", "CLIPTextEncode", "EmptyLatentImage", "KSampler", "VAEDecode", "EmptyImage", "ImageBlur",
    "ImageInvert", "LoraLoader", "PrimitiveInt", "ControlNetApplyAdvanced", "ConditioningAverage", "ComfySwitchNode",
)  # fmt: skip
ENDS = ("SaveImage", "PreviewImage", "PreviewAny")
_TEXTS = ("a fox", "a {red|green} fox // why", "%KSampler.seed%", "", "a\r\nb")
_PLAIN = ("INT", "FLOAT", "STRING", "BOOLEAN")

Output = tuple[Node, int]


def draw(random: Random, definitions: dict[str, Any], depth: int) -> Canvas:
    """Return a graph with up to so many levels of subgraphs."""
    made: list[Canvas] = []
    for level in range(random.randint(0, depth)):
        inner = Canvas(definitions, f"Level {level} {random.randint(0, 99)}")
        _fill(random, inner, made, 4)
        _expose(random, inner)
        made.append(inner)
    canvas = Canvas(definitions)
    _fill(random, canvas, made, 8)
    return canvas


def _fill(random: Random, canvas: Canvas, made: list[Canvas], size: int) -> None:
    if made and random.random() < 0.9:
        _connect(random, canvas, _instance(random, canvas, made[-1]))
    for _ in range(random.randint(1, size)):
        kind = random.random()
        if made and kind < 0.2:
            node = _instance(random, canvas, random.choice(made))
        elif kind < 0.35:
            node = canvas.reroute("*", mode=_mode(random))
        elif kind < 0.5:
            _primitive(random, canvas)
            continue
        else:
            name = random.choice(ENDS if kind > 0.85 else CLASSES)
            if name not in canvas.definitions:  # not of every version
                continue
            node = canvas.add(name, *_values(random, canvas.definitions[name]), mode=_mode(random))
        _connect(random, canvas, node)


def _connect(random: Random, canvas: Canvas, node: Node) -> None:
    """Link inputs of a node to what stands before it, by type."""
    for slot in node["inputs"]:
        if random.random() < (0.15 if slot.get("widget") else 0.85):
            fitting = [
                (other, at)
                for other in canvas.nodes
                if other is not node and other["type"] != "PrimitiveNode"
                for at, output in enumerate(other["outputs"])
                if "*" in (slot["type"], output["type"]) or slot["type"] == output["type"]
            ]
            if fitting:
                origin, at = random.choice(fitting)
                canvas.link(origin, at, node, slot["name"])
                if node["type"] == "Reroute":
                    node["outputs"][0]["type"] = origin["outputs"][at]["type"]


def _primitive(random: Random, canvas: Canvas) -> None:
    """Drive one or two free widgets of the same type."""
    free = [
        (node, slot)
        for node in canvas.nodes
        for slot in node["inputs"]
        if slot.get("widget") and slot["link"] is None and slot["type"] in _PLAIN
    ]
    if not free:
        return
    node, slot = random.choice(free)
    others = [one for one in free if one[1]["type"] == slot["type"] and one[1] is not slot]
    primitive = canvas.primitive(*random.choice([[], [_value(random, slot["type"]), "fixed"]]), mode=_mode(random))
    canvas.link(primitive, 0, node, slot["name"])
    if others and random.random() < 0.5:
        other, second = random.choice(others)
        canvas.link(primitive, 0, other, second["name"])


def _instance(random: Random, canvas: Canvas, inner: Canvas) -> Node:
    ports = [port for port in inner.inputs if inner.leads_to_widget(port)]
    values = [_value(random, port["type"]) for port in ports]
    proxies = {}
    if ports and random.random() < 0.3:
        order = random.sample(range(len(ports)), len(ports))
        values = [values[at] for at in order]
        proxies = {"proxyWidgets": [["-1", ports[at]["name"]] for at in order]}
    if random.random() < 0.2:
        values, proxies = [], {}
    return canvas.instance(inner, *values, mode=_mode(random), title=random.choice(["", "Edit"]), **proxies)


def _expose(random: Random, inner: Canvas) -> None:
    """Make inputs of some free sockets and widgets of a definition, and outputs of some nodes."""
    for node in list(inner.nodes):
        for slot in node["inputs"]:
            if slot["link"] is None and random.random() < (0.3 if slot.get("widget") else 0.9):
                inner.expose(f"{slot['name'] or 'any'} of {node['id']}", (node, slot["name"]))
        if node["type"] != "PrimitiveNode" and node["outputs"] and random.random() < 0.7:
            at = random.randrange(len(node["outputs"]))
            inner.give(f"{node['outputs'][at]['name'] or 'any'} of {node['id']}", node, at)


def _mode(random: Random) -> int:
    return random.choice([0] * 7 + [MUTED, BYPASSED, BYPASSED])


def _values(random: Random, definition: dict[str, Any]) -> list[Any]:
    found = []
    for section in ("required", "optional"):
        for name, declared in definition["input"].get(section, {}).items():
            if declared[0] in _PLAIN:
                found.append(_value(random, declared[0]))
            elif isinstance(declared[0], list):
                found.append(random.choice(declared[0]) if declared[0] else None)
            else:
                continue
            options = declared[1] if len(declared) > 1 else {}
            if options.get("control_after_generate", name == "seed"):
                found.append("fixed")
    return found if random.random() < 0.9 else found[: random.randint(0, len(found))]


def _value(random: Random, kind: str) -> Any:
    if kind == "INT":
        return random.choice([0, 1, 7, 64, 333, 100000])
    if kind == "FLOAT":
        return random.choice([0, 1, 0.5, 3.249, 7.77])
    if kind == "BOOLEAN":
        return random.choice([True, False])
    return random.choice(_TEXTS) if kind == "STRING" else "euler"
