"""What is told of classes that are not there, that are on their way out, and that are paid for."""

from __future__ import annotations

import pytest

from pytest_comfy.workflow.definitions import is_api_node

from .scene import definitions, found, in_short, node, prompt, saved


def without(*names):
    return {name: found for name, found in definitions().items() if name not in names}


def sentences(*arguments, **more):
    return [one.sentence for one in found(*arguments, **more)]


def test_class_of_a_pack_is_named_with_it_by_the_golden_run():
    before = definitions()
    before["VAEDecode"]["python_module"] = "custom_nodes.ComfyUI-Decoders"
    assert sentences(prompt(), without("VAEDecode"), before) == [
        "the server has no node class 'VAEDecode', which came with the node pack ComfyUI-Decoders: install it, or take "
        "the node out"
    ]


@pytest.mark.parametrize(
    ("properties", "pack"),
    [
        ({"cnr_id": "comfyui-decoders", "ver": "1.2.0"}, "comfyui-decoders 1.2.0"),
        ({"aux_id": "somebody/decoders", "ver": "0123456789abcdef0123456789abcdef01234567"},
         "somebody/decoders 0123456789"),
        ({"cnr_id": "decoders"}, "decoders"),
    ],
)  # fmt: skip
def test_class_of_a_pack_is_named_with_it_by_the_file(properties, pack):
    graph = saved(**{"8": node(8, "Decode", [], [("samples", "LATENT", 7), ("vae", "VAE", 8)], [("IMAGE", [9])],
                               properties=properties)})  # fmt: skip
    (told,) = found(graph, definitions())
    assert (told.kind, told.node, told.class_type) == ("missing-class", "8", "Decode")
    assert f"which came with the node pack {pack}: install it" in told.sentence


def test_class_of_comfyui_itself_is_named_with_its_version():
    told = sentences(prompt(), without("VAEDecode"), definitions(), environment={"comfyui": "0.8.0"})
    assert told == [
        "the server has no node class 'VAEDecode', which is ComfyUI's own (of 0.8.0): run a ComfyUI that has it, or "
        "take the node out"
    ]


def test_misspelt_class_is_told_with_the_nearest():
    graph = prompt()
    graph["8"]["class_type"] = "VAEDecod"
    assert sentences(graph, definitions()) == [
        "the server has no node class 'VAEDecod' (did you mean 'VAEDecode'?): install the node pack that has it, or "
        "take the node out"
    ]


@pytest.mark.parametrize(
    ("others", "told"),
    [(False, "start the server without --disable-api-nodes"), (True, "which was one of ComfyUI's API nodes")],
)
def test_api_node_that_is_not_there(others, told):
    before = definitions()
    before["VAEDecode"].update(api_node=True, python_module="comfy_api_nodes.nodes_x")
    now = without("VAEDecode")
    if others:
        now["Other"] = before["VAEDecode"]
    (sentence,) = sentences(prompt(), now, before)
    assert told in sentence


def test_missing_class_has_no_further_findings_and_the_others_have():
    before, now = definitions(), without("VAEDecode")
    before["VAEDecode"].update(deprecated=True, experimental=True)
    now["KSampler"]["input"]["required"]["steps"][1]["min"] = 30
    assert in_short(found(prompt(), now, before)) == [
        ("error", "missing-class", "8", None),
        ("error", "out-of-range", "3", "steps"),
    ]


def test_every_node_of_a_missing_class_is_named_also_in_subgraphs_and_not_where_it_is_muted():
    graph = saved(
        **{
            "8": node(8, "Decode", [], [("samples", "LATENT", 7), ("vae", "VAE", 8)], [("IMAGE", [9])]),
            "11": node(11, "Decode", mode=2),
            "12": node(12, "Decode", title="Second"),
        }
    )
    assert [(one.node, one.title) for one in found(graph, definitions())] == [("8", "Decode"), ("12", "Second")]


def test_what_was_deprecated_when_it_was_approved_is_no_warning():
    before, now = definitions(), definitions()
    before["KSampler"]["deprecated"] = now["KSampler"]["deprecated"] = True
    assert in_short(found(prompt(), now, before)) == [("info", "deprecated", "3", None)]
    assert in_short(found(prompt(), now, definitions())) == [("warning", "deprecated", "3", None)]


def test_deprecated_class_is_told_with_what_takes_its_place():
    now = definitions()
    now["KSampler"]["deprecated"] = True
    replacements = {"KSampler": [{"new_node_id": "KSamplerV2"}]}
    assert sentences(prompt(), now, replacements=replacements) == [
        "its class is deprecated, in favour of 'KSamplerV2': a later ComfyUI may lack it"
    ]


@pytest.mark.parametrize(
    "definition",
    [
        {"api_node": True},
        {"python_module": "comfy_api_nodes.nodes_kling"},
        {"category": "api node/image/Kling"},
        {"category": "API_Node"},
        {"input": {"hidden": {"auth_token_comfy_org": "AUTH_TOKEN_COMFY_ORG"}}},
        {"input": {"hidden": {"api_key_comfy_org": ["API_KEY_COMFY_ORG"]}}, "python_module": "custom_nodes.x"},
    ],
)
def test_api_nodes_are_known(definition):
    assert is_api_node(definition)


@pytest.mark.parametrize(
    "definition",
    [None, {}, {"api_node": False}, {"category": "apis"}, {"api_node": "true"}, {"input": 3},
     {"input": {"hidden": {"id": "UNIQUE_ID"}}},
     {"input": {"hidden": {"id": [["UNIQUE_ID"]]}}}, {"input": {"hidden": ["AUTH_TOKEN_COMFY_ORG"]}}],
)  # fmt: skip
def test_other_nodes_are_none(definition):
    assert not is_api_node(definition)


def test_without_a_server_unknown_classes_are_not_missing():
    assert in_short(found(prompt(), without("VAEDecode"), partly=True)) == [("info", "not-checked", "8", None)]


def test_choices_that_golden_runs_do_not_keep_are_not_missed():
    now = definitions()
    now["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = []
    assert found(prompt(), now, partly=True) == []
    now["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = ["another.safetensors", "b.safetensors"]
    assert found(prompt(), now, partly=True) == []
    graph = prompt()
    graph["3"]["inputs"]["scheduler"] = "nromal"
    assert in_short(found(graph, now, partly=True)) == [("error", "choice-gone", "3", "scheduler")]


@pytest.mark.parametrize(
    ("there", "expected"), [("photo.png", []), ("other.png", [("error", "file-gone", "1", "image")])]
)
def test_input_files_may_be_sent_or_there(there, expected):
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    now = definitions()
    now["LoadImage"]["input"]["required"]["image"][0] = []
    assert in_short(found(graph, now, has_file=lambda name: name == there)) == expected
    assert found(graph, now, has_input=lambda value: value == "photo.png", has_file=lambda name: False) == []
    assert found(graph, now) == []  # where nobody knows it is not told


def test_embeddings_that_are_left_out_are_told():
    graph = prompt()
    graph["6"]["inputs"]["text"] = "a fox, (embedding:easynegativ:1.2), embedding:good.pt, embedding:styles/ink"
    told = found(graph, definitions(), embeddings=lambda: ["easynegative", "good", "styles\\ink"])
    assert in_short(told) == [("warning", "embedding-gone", "6", "text")]
    assert "'easynegativ', which the server lacks and leaves out; nearest: easynegative" in told[0].sentence
    assert found(graph, definitions()) == []
