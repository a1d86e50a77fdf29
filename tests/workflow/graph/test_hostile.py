"""Files that nobody saved: whatever they hold, they convert, or are refused in a sentence, and soon."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_comfy.workflow.graph import ConversionError, ConversionWarning, classes_of, convert, to_prompt

from .canvas import BYPASSED, Canvas

HERE = Path(__file__).parent
DEFINITIONS = json.loads((HERE / "definitions-0.8.0.json").read_text(encoding="utf-8"))
MANY = 10_000

pytestmark = pytest.mark.timeout(120)  # what is not linear takes hours here


def outcome(graph, definitions=DEFINITIONS):
    """Convert; returns the prompt, or the sentence of the refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConversionWarning)
        try:
            return to_prompt(graph, definitions)
        except ConversionError as error:
            assert "\n" not in str(error)
            return str(error)


def pictures(*between, mode=0):
    """EmptyImage, nodes in a row, SaveImage."""
    canvas = Canvas(DEFINITIONS)
    at = canvas.add("EmptyImage", 8, 8, 1, 0)
    for kind in between:
        node = canvas.reroute("IMAGE") if kind == "Reroute" else canvas.add(kind, mode=mode)
        canvas.link(at, 0, node, node["inputs"][0]["name"])
        at = node
    canvas.link(at, 0, canvas.add("SaveImage", "x"), "images")
    return canvas.saved()


def nested(depth, width=1, innermost="EmptyImage"):
    """Subgraphs within subgraphs."""
    inner = Canvas(DEFINITIONS, "0")
    inner.add(innermost, 8, 8, 1, 0)
    for level in range(1, depth):
        outer = Canvas(DEFINITIONS, str(level))
        for _ in range(width):
            outer.instance(inner)
        inner = outer
    root = Canvas(DEFINITIONS)
    root.instance(inner)
    return root


def definitions_of(canvas):
    """The definitions, gathered without recursion."""
    found, waiting = [], [*canvas.inner.values()]
    while waiting:
        one = waiting.pop()
        found.append(one.definition())
        waiting += one.inner.values()
    return found


def deep(depth):
    canvas = nested(depth)
    inner = definitions_of(canvas)
    canvas.inner = {}
    graph = canvas.saved()
    graph["definitions"]["subgraphs"] = inner
    return graph


class TestSize:
    @pytest.mark.parametrize(
        ("kind", "mode", "sent"), [("ImageInvert", 0, MANY + 2), ("ImageInvert", BYPASSED, 2), ("Reroute", 0, 2)]
    )
    def test_long_chains(self, kind, mode, sent):
        assert len(outcome(pictures(*[kind] * MANY, mode=mode))) == sent

    def test_one_output_for_many(self):
        canvas = Canvas(DEFINITIONS)
        start, reroute = canvas.add("EmptyImage", 8, 8, 1, 0), canvas.reroute("IMAGE")
        canvas.link(start, 0, reroute, "")
        links = []
        for _ in range(MANY):
            end = canvas.add("PreviewImage")
            end["inputs"][0]["link"] = canvas._link(reroute["id"], 0, end["id"], 0, "IMAGE")
            links.append(end["inputs"][0]["link"])
        reroute["outputs"][0]["links"] = links
        assert len(outcome(canvas.saved())) == MANY + 1

    def test_many_wires(self):
        canvas = Canvas(DEFINITIONS)
        start = canvas.add("EmptyImage", 8, 8, 1, 0)
        for number in range(MANY // 3):
            setter = canvas._add("SetNode", [f"wire {number}"], 0, "", {})
            setter["inputs"] = [{"name": "IMAGE", "type": "IMAGE", "link": None}]
            canvas.link(start, 0, setter, "IMAGE")
            getter = canvas._add("GetNode", [f"wire {number}"], 0, "", {})
            getter["outputs"] = [{"name": "IMAGE", "type": "IMAGE", "links": None}]
            canvas.link(getter, 0, canvas.add("SaveImage", "x"), "images")
        prompt = outcome(canvas.saved())
        assert all(node["inputs"]["images"] == ["1", 0] for node in prompt.values() if "images" in node["inputs"])

    def test_many_names_to_look_up(self):
        canvas = Canvas(DEFINITIONS)
        for _ in range(MANY):
            canvas.add("SaveImage", "%SaveImage.x%%EmptyImage.width%")
        assert len(outcome(canvas.saved())) == MANY

    def test_more_nodes_than_there_may_be(self):
        nodes = [{"id": number, "type": "EmptyImage"} for number in range(100_001)]
        assert outcome({"nodes": nodes}) == "workflow: has more than 100,000 nodes"

    def test_group_nodes(self):
        inner = [{"type": "EmptyImage", "widgets_values": [8, 8, 1, 0]}] * 500
        nodes = [{"id": number, "type": "workflow>G"} for number in range(500)]
        graph = {"nodes": nodes, "extra": {"groupNodes": {"G": {"nodes": inner, "links": []}}}}
        assert outcome(graph) == "the group nodes expand to more than 100,000 nodes"


class TestNesting:
    def test_deep_but_legal(self):
        assert len(outcome(deep(90))) == 1

    def test_200_levels(self):
        assert re_levels(outcome(deep(200)))

    def test_10_000_levels(self):
        assert re_levels(outcome(deep(10_000)))

    def test_subgraphs_that_double(self):
        assert "expands to more than 100,000 nodes" in outcome(nested(20, width=2).saved())

    @pytest.mark.parametrize("length", [1, 2, 50])
    def test_definitions_that_contain_themselves(self, length):
        graph = deep(length)
        definitions = graph["definitions"]["subgraphs"]
        definitions[-1]["nodes"][0]["type"] = definitions[0]["id"]
        assert "contains itself, by way of" in outcome(graph)
        with pytest.raises(ConversionError, match="contains itself"):
            classes_of(graph)

    def test_links_in_a_circle(self):
        graph = pictures("Reroute", "Reroute")
        graph["links"][0][1] = 3  # the first Reroute comes from the second
        assert "the links run in a circle" in outcome(graph)

    def test_values_of_any_depth(self):
        graph = pictures()
        value = []
        for _ in range(100_000):
            value = [value]
        graph["nodes"][0]["widgets_values"] = [value, 8, 1, 0]
        assert isinstance(outcome(graph), (str, dict))
        while value:  # Python frees such a list by recursion otherwise
            value = value.pop()


def re_levels(told):
    return "nests subgraphs deeper than 100 levels" in told


class TestTexts:
    @pytest.mark.parametrize(
        "text",
        ["/*" * 500_000, "/" * 1_000_000, "{a|" + "/* " * 300_000 + "}", "{" + "a|" * 400_000 + "}", "x" * 50_000_000],
        ids=["comments", "slashes", "comments in a choice", "choices", "50 MB"],
    )
    def test_long_texts_are_read_once(self, text):
        canvas = Canvas(DEFINITIONS)
        canvas.add("CLIPTextEncode", text)
        assert len(outcome(canvas.saved())) == 1

    @pytest.mark.parametrize("text", ["{" * 1_000_000, "{a|" * 31 + "b" + "}" * 31, "{a|" + "b" * 1_000_001 + "}"])
    def test_choices_beyond_reason_are_refused(self, text):
        canvas = Canvas(DEFINITIONS)
        canvas.add("CLIPTextEncode", text)
        assert outcome(canvas.saved()).startswith("node 1 'CLIPTextEncode' > text: ")

    @pytest.mark.parametrize("prefix", ["%" * 1_000_000, "%a.b%" * 200_000, "%date:" + "y" * 1_000_000 + "%"])
    def test_long_prefixes(self, prefix):
        canvas = Canvas(DEFINITIONS)
        canvas.add("SaveImage", prefix)
        assert len(outcome(canvas.saved())) == 1


WRONG = [None, True, -1, 10**400, 1.5, float("inf"), float("nan"), "", "x", "\ud800", [], [[]], [None], {}, {"a": 1}]


def places(value, path=()):
    """Yield the path of everything within a JSON value."""
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def replaced(value, path, by):
    if not path:
        return by
    found = copy.copy(value)
    found[path[0]] = replaced(value[path[0]], path[1:], by)
    return found


def specimen():
    """A workflow with a node of every kind that the conversion knows."""
    inner = Canvas(DEFINITIONS, "Edit")
    blur = inner.add("ImageBlur", 3, 1.5)
    inner.expose("image", (blur, "image"))
    inner.expose("radius", (blur, "blur_radius"))
    inner.give("IMAGE", blur)
    canvas = Canvas(DEFINITIONS)
    start = canvas.add("EmptyImage", 8, 8, 1, 0)
    reroute = canvas.reroute("IMAGE")
    edit = canvas.instance(inner, 7, proxyWidgets=[["-1", "radius"]])
    primitive = canvas.primitive(5, "fixed")
    encode = canvas.add("CLIPTextEncode", "a {red|green} fox", mode=BYPASSED)
    save = canvas.add("SaveImage", "%EmptyImage.width%_%date:yyyy%")
    batch = canvas.add("BatchImagesNode")
    batch["inputs"] = [{"name": f"images.image{at}", "type": "IMAGE", "link": None} for at in range(3)]
    canvas.add("ResizeImageMaskNode", "scale dimensions", 64, 48, "center", "area")
    canvas.add("ComfySwitchNode", True)
    canvas.add("LoadImage", "a.png", "image")
    canvas.link(start, 0, reroute, "")
    canvas.link(reroute, 0, edit, "image")
    canvas.link(primitive, 0, start, "width")
    canvas.link(edit, 0, save, "images")
    canvas.link(start, 0, batch, "images.image1")
    canvas.link(encode, 0, canvas.add("PreviewAny"), "source")
    group = {"nodes": [{"type": "ImageInvert", "inputs": [{"name": "image", "type": "IMAGE", "link": None}],
                        "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": []}]}], "links": []}  # fmt: skip
    graph = canvas.saved(groupNodes={"G": group})
    graph["nodes"].append({"id": 50, "type": "workflow>G", "inputs": [], "outputs": []})
    return json.loads(json.dumps(graph))


class TestWrongTypes:
    def test_specimen_converts(self):
        assert {"1", "3:1", "6", "50:0"} <= set(outcome(specimen()))

    @pytest.mark.parametrize("wrong", WRONG, ids=lambda value: repr(value)[:10])
    def test_at_every_position_of_a_file(self, wrong):
        graph = specimen()
        for path in places(graph):
            outcome(replaced(graph, path, wrong))

    @pytest.mark.parametrize("wrong", WRONG, ids=lambda value: repr(value)[:10])
    def test_at_every_position_of_the_definitions(self, wrong):
        graph = specimen()
        used = {name: DEFINITIONS[name] for name in classes_of(graph) if name in DEFINITIONS}
        for path in places(used):
            if path:
                outcome(graph, replaced(used, path, wrong))

    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=20,
    )

    @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_several_at_once(self, data):
        graph = specimen()
        for _ in range(data.draw(st.integers(1, 4))):
            path = data.draw(st.sampled_from(list(places(graph))[1:]))
            graph = replaced(graph, path, data.draw(self.json_values))
        outcome(graph)

    @given(json_values)
    def test_anything(self, value):
        with pytest.raises(ConversionError):
            convert(value, DEFINITIONS) if not isinstance(value, dict) or not isinstance(
                value.get("nodes"), list
            ) else convert({}, DEFINITIONS)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's here")
@pytest.mark.parametrize("kind", ["nodes", "links", "values", "text", "depth"])
def test_50_mb_in_bounded_memory(tmp_path, kind):
    """The command ends with a prompt or a sentence, within 2 GiB of address space."""
    size = 50_000_000
    node = '{"id": %d, "type": "EmptyImage", "widgets_values": [8, 8, 1, 0]}'
    one = node % 1
    text = {
        "nodes": '{"nodes": [' + ",".join(node % number for number in range(size // 64)) + "]}",
        "links": f'{{"version": 0.4, "nodes": [{one}], "links": [' + ",".join(["[1,2,3,4,5,6]"] * (size // 14)) + "]}",
        "values": '{"nodes": [{"id": 1, "type": "EmptyImage", "widgets_values": [' + "8," * (size // 2) + "8]}]}",
        "text": '{"nodes": [{"id": 1, "type": "SaveImage", "widgets_values": ["' + "%a" * (size // 2) + '"]}]}',
        "depth": '{"nodes": ' + "[" * (size // 2) + "]" * (size // 2) + "}",
    }[kind]
    (tmp_path / "big.json").write_text(text)
    (tmp_path / "definitions.json").write_text(json.dumps(DEFINITIONS))
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)); "
        "from pytest_comfy.commands.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["convert", "big.json", "--definitions", "definitions.json", "-o", "out.json"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=110
    )
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert done.returncode == 0 or (done.returncode == 1 and done.stderr.startswith("pytest-comfy convert: big.json"))
