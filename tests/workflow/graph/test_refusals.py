"""What is refused, and what is told of that is suspicious: one sentence each, with the path of the node."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from pytest_comfy.workflow import WorkflowError
from pytest_comfy.workflow.graph import ConversionError, ConversionWarning, convert, to_prompt

from .canvas import BYPASSED, MUTED, Canvas

HERE = Path(__file__).parent
DEFINITIONS = json.loads((HERE / "definitions-0.8.0.json").read_text(encoding="utf-8"))
CAPTURES = {
    "WebcamCapture": {"image": ["WEBCAM", {}], "width": ["INT", {"default": 0}], "height": ["INT", {"default": 0}],
                      "capture_on_queue": ["BOOLEAN", {"default": True}]},
    "RecordAudio": {"audio": ["AUDIO_RECORD", {}]},
    "Load3D": {"model_file": [["a.glb"], {}], "image": ["LOAD_3D", {}], "width": ["INT", {"default": 1024}],
               "height": ["INT", {"default": 1024}]},
}  # fmt: skip
for name, inputs in CAPTURES.items():
    DEFINITIONS[name] = {"input": {"required": inputs}, "output": ["IMAGE"], "output_node": False, "name": name}


def refusal(canvas, **changes):
    with pytest.raises(ConversionError) as caught:
        convert({**canvas.saved(), **changes}, DEFINITIONS)
    assert isinstance(caught.value, WorkflowError)
    return str(caught.value)


def told(canvas, **changes):
    return convert({**canvas.saved(), **changes}, DEFINITIONS).warnings


def pictures(values=(64, 64, 1, 0)):
    canvas = Canvas(DEFINITIONS)
    canvas.start = canvas.add("EmptyImage", *values)
    canvas.end = canvas.add("SaveImage", "x")
    canvas.link(canvas.start, 0, canvas.end, "images")
    return canvas


def within(draw):
    """A canvas with a subgraph 'Edit' in a subgraph 'Outer', which `draw` fills."""
    inner = Canvas(DEFINITIONS, "Edit")
    draw(inner)
    outer = Canvas(DEFINITIONS, "Outer")
    outer.instance(inner)
    canvas = Canvas(DEFINITIONS)
    canvas.instance(outer)
    return canvas


class TestClasses:
    def test_all_that_are_unknown_are_named_with_node_and_pack(self):
        canvas = pictures()
        canvas._add("Paint", [], 0, "My paint", {"properties": {"cnr_id": "comfyui-paint"}})
        canvas._add("Paint", [], 0, "", {})
        canvas._add("Cut", [], 0, "", {"properties": {"aux_id": "someone/cut"}})
        assert refusal(canvas) == (
            "the server has no node class 'Paint' (node 3 'My paint', node 4 'Paint'; node pack comfyui-paint); "
            "'Cut' (node 5 'Cut'; node pack someone/cut): install the node packs there, or take the nodes out"
        )

    def test_those_of_subgraphs_by_their_path(self):
        canvas = within(lambda inner: inner._add("Paint", [], 0, "", {}))
        assert "'Paint' (subgraph 'Edit' > node 1 'Paint')" in refusal(canvas)

    @pytest.mark.parametrize("mode", [MUTED, BYPASSED])
    def test_what_is_not_sent_is_not_missed(self, mode):
        canvas = pictures()
        canvas._add("Paint", [], mode, "", {})
        assert "3" not in convert(canvas.saved(), DEFINITIONS).prompt

    def test_definition_of_a_subgraph_that_the_file_lacks(self):
        canvas = within(lambda inner: inner.add("ImageInvert"))
        missing = canvas.nodes[0]["type"]
        assert refusal(canvas, definitions={}) == (
            f"node 1 'Outer': the file has no definition of the subgraph {missing}: save the workflow again in ComfyUI"
        )

    def test_group_node_beyond_the_plain_case(self):
        canvas = pictures()
        canvas._add("workflow>G", [], 0, "", {})
        group = {"nodes": [{"type": "PrimitiveNode"}], "links": []}
        assert refusal(canvas, extra={"groupNodes": {"G": group}}) == (
            "node 3 'workflow>G': it contains a PrimitiveNode: convert the group node to a subgraph in ComfyUI and "
            "save again"
        )


class TestLinks:
    def test_that_are_not_in_the_table(self):
        assert refusal(pictures(), links=[]) == (
            "node 2 'SaveImage' > images: link 1 is not in the file's table of links: connect the input again in "
            "ComfyUI and save"
        )

    def test_from_a_node_that_is_not_there(self):
        canvas = pictures()
        canvas.nodes.remove(canvas.start)
        assert refusal(canvas) == (
            "node 2 'SaveImage' > images: link 1 comes from node 1, which is not there: connect the input again in "
            "ComfyUI and save"
        )

    def test_within_a_subgraph(self):
        def draw(inner):
            node = inner.add("ImageInvert")
            node["inputs"][0]["link"] = 7

        assert refusal(within(draw)).startswith(
            "subgraph 'Outer' > subgraph 'Edit' > node 1 'ImageInvert' > image: link 7 is not in the file's table"
        )

    def test_from_an_output_that_is_not_there(self):
        canvas = pictures()
        canvas.links[0]["origin_slot"] = 4
        assert refusal(canvas) == "node 1 'EmptyImage': has no output 4, which something is linked to"

    def test_of_a_file_without_a_version(self):
        assert refusal(pictures(), version=None).startswith(
            "node 2 'SaveImage' > images: ComfyUI's page does not read link 1, as the file has no version, and only "
            "links of version 0.4 are arrays: "
        )

    def test_through_a_reroute_that_lets_go(self):
        canvas = pictures()
        reroute = canvas.reroute("IMAGE")
        canvas.link(canvas.start, 0, reroute, "")
        decode = canvas.add("VAEDecode")
        canvas.link(reroute, 0, decode, "samples")
        assert told(canvas) == (
            "node 4 'VAEDecode' > samples: takes LATENT, and the Reroute that it is linked to has IMAGE: ComfyUI's "
            "page takes the link away",
        )


class TestValues:
    @pytest.mark.parametrize(
        ("value", "kind"),
        [("randomize", "a whole number"), ("1.5", "a whole number"), ([1], "a whole number"), (None, "a whole number")],
    )
    def test_that_do_not_fit(self, value, kind):
        canvas = pictures((value, 64, 1, 0))
        text = refusal(canvas)
        assert text.startswith("node 1 'EmptyImage' > width: ")
        assert f" is saved where {kind} belongs: open the workflow in ComfyUI, set the values again and save" in text

    def test_misaligned_ones_name_the_counts(self):
        """As tools write them that forget the place of control_after_generate."""
        canvas = Canvas(DEFINITIONS)
        canvas.add("KSampler", 7, 20, 8, "euler", "normal", 1)
        assert refusal(canvas) == (
            "node 1 'KSampler' > cfg: \"euler\" is saved where a number belongs (6 values are saved for 7 widgets): "
            "open the workflow in ComfyUI, set the values again and save (1 more of the kind)"
        )

    def test_control_words_are_no_choices(self):
        canvas = Canvas(DEFINITIONS)
        canvas.add("KSampler", 7, "fixed", 20, 8, "randomize", "normal", 1)
        assert refusal(canvas).startswith("node 1 'KSampler' > sampler_name: \"randomize\" is saved where one of its")

    def test_path_in_subgraphs(self):
        canvas = within(lambda inner: inner.add("EmptyImage", "wide", 64, 1, 0))
        assert refusal(canvas).startswith(
            "subgraph 'Outer' > subgraph 'Edit' > node 1 'EmptyImage' > width: \"wide\" is saved where"
        )

    def test_without_strictness_they_are_sent_with_a_warning(self):
        canvas = pictures(("wide", 64, 1, 0))
        with pytest.warns(ConversionWarning, match="node 1 'EmptyImage' > width: \"wide\" is saved where a whole"):
            assert to_prompt(canvas.saved(), DEFINITIONS)["1"]["inputs"]["width"] == "wide"
        with pytest.raises(ConversionError):
            to_prompt(canvas.saved(), DEFINITIONS, strict=True)

    def test_numbers_in_texts_are_numbers(self):
        assert told(pictures(("64", "64", 1, 0))) == ()


class TestCaptures:
    @pytest.mark.parametrize(
        ("kind", "values", "place"),
        [("WebcamCapture", [None, 64, 64, True, None], "image"), ("RecordAudio", ["", ""], "audio"),
         ("Load3D", ["a.glb", "", "", "", "", 64, 64], "image")],
    )  # fmt: skip
    def test_without_a_stored_value(self, kind, values, place):
        canvas = Canvas(DEFINITIONS)
        capture = canvas.add(kind, *values)
        canvas.link(capture, 0, canvas.add("PreviewAny"), "source")
        assert refusal(canvas) == (
            f"node 1 '{kind}' > {place}: what is recorded, filmed or rendered on the page is not in the file: load it "
            "from a file instead, or set the input"
        )

    def test_with_a_stored_value(self):
        canvas = Canvas(DEFINITIONS)
        capture = canvas.add("WebcamCapture", "webcam/1.png [temp]", 64, 64, True, None)
        canvas.link(capture, 0, canvas.add("PreviewAny"), "source")
        assert convert(canvas.saved(), DEFINITIONS).prompt["1"]["inputs"]["image"] == "webcam/1.png [temp]"

    def test_that_nothing_uses(self):
        canvas = Canvas(DEFINITIONS)
        canvas.add("WebcamCapture", None, 64, 64, True, None)
        assert "1" in convert(canvas.saved(), DEFINITIONS).prompt


class TestWarnings:
    def test_nothing_to_tell(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            to_prompt(pictures().saved(), DEFINITIONS)

    @pytest.mark.parametrize(("version", "count"), [("1.15.13", 1), ("1.16.0", 0), ("1.35.9", 0), ("", 0), ("x", 0)])
    def test_outdated_front_end(self, version, count):
        found = told(pictures(), extra={"frontendVersion": version})
        assert len(found) == count
        assert all(one.startswith(f"saved by the front-end {version}, before 1.16: ") for one in found)

    def test_values_that_the_server_does_not_offer(self):
        canvas = Canvas(DEFINITIONS)
        canvas.add("CheckpointLoaderSimple", "gone.safetensors")
        assert told(canvas) == (
            "node 1 'CheckpointLoaderSimple' > ckpt_name: \"gone.safetensors\" is none of the choices that the server "
            "offers",
        )

    @pytest.mark.parametrize("control", ["randomize", "increment", "decrement"])
    def test_seeds_that_the_page_would_change(self, control):
        canvas = Canvas(DEFINITIONS)
        canvas.add("KSampler", 7, control, 20, 8, "euler", "normal", 1)
        assert told(canvas) == (f"node 1 'KSampler' > seed: is set to '{control}' on the page; here it stays 7",)
        assert convert(canvas.saved(), DEFINITIONS).prompt["1"]["inputs"]["seed"] == 7

    @pytest.mark.parametrize(
        ("values", "text"), [((64, 64), "2 values are saved for 4 widgets"), ((64, 64, 1, 0, 5), "5 values are saved")]
    )
    def test_counts_that_do_not_add_up(self, values, text):
        (found,) = told(pictures(values))
        assert found.startswith(f"node 1 'EmptyImage' ({text}") and found.endswith("; the values that are there fit")

    def test_widgets_of_the_page_alone_are_not_missed(self):
        """`previewMode` of PreviewAny came in late."""
        canvas = pictures()
        canvas.link(canvas.start, 0, canvas.add("PreviewAny"), "source")
        assert told(canvas) == ()
        assert convert(canvas.saved(), DEFINITIONS).prompt["3"]["inputs"]["previewMode"] is False

    def test_values_by_name(self):
        canvas = pictures()
        canvas.start["widgets_values"] = {"width": 32}
        assert told(canvas) == (
            "node 1 'EmptyImage': its values are saved by name, and are taken as inputs of these names",
        )


class TestDice:
    def drawn(self, text="a {red|green|blue|black|white} fox"):
        canvas = Canvas(DEFINITIONS)
        canvas.add("CLIPTextEncode", text)
        canvas.add("CLIPTextEncode", text)
        return canvas.saved()

    def test_the_same_seed_chooses_the_same(self):
        first = convert(self.drawn(), DEFINITIONS, seed="txt2img/default")
        assert first == convert(self.drawn(), DEFINITIONS, seed="txt2img/default")
        assert [choice.node for choice in first.choices] == ["1", "2"]

    def test_seeds_and_nodes_choose_for_themselves(self):
        texts = {
            node["inputs"]["text"]
            for seed in range(20)
            for node in convert(self.drawn(), DEFINITIONS, seed=seed).prompt.values()
        }
        assert texts == {f"a {colour} fox" for colour in ("red", "green", "blue", "black", "white")}

    def test_without_a_seed_texts_stay(self):
        done = convert(self.drawn("{a|b} // c"), DEFINITIONS, seed=None)
        assert done.prompt["1"]["inputs"]["text"] == "{a|b} // c" and done.choices == ()
