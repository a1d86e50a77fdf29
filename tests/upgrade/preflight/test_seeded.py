"""One thing changed in a copy of the definitions: it is found, at its node, and told once."""

from __future__ import annotations

import pytest

from .scene import MODEL, definitions, found, in_short, prompt, saved

FORMS = {"api": prompt, "ui": saved}
REPLACED = {
    "VAEDecode": [
        {
            "new_node_id": "DecodeLatent", "old_node_id": "VAEDecode", "old_widget_ids": None, "output_mapping": None,
            "input_mapping": [{"new_id": "samples", "old_id": "samples"}, {"new_id": "vae", "old_id": "vae"}],
        }
    ]
}  # fmt: skip


def sampler(now):
    return now["KSampler"]["input"]["required"]


def put(now, class_type, name, spec, at=None, group="required"):
    """Declare an input, at a place in the order, last without one."""
    inputs, order = now[class_type]["input"], now[class_type]["input_order"]
    names = list(inputs.setdefault(group, {}))
    names.insert(len(names) if at is None else at, name)
    inputs[group] = {one: spec if one == name else inputs[group][one] for one in names}
    listed = order.setdefault(group, [])
    listed.insert(len(listed) if at is None else at, name)


def take(now, class_type, name):
    del now[class_type]["input"]["required"][name]
    now[class_type]["input_order"]["required"].remove(name)


def rename(now, class_type, old, new):
    at = now[class_type]["input_order"]["required"].index(old)
    spec = now[class_type]["input"]["required"][old]
    take(now, class_type, old)
    put(now, class_type, new, spec, at)


def outputs(now, class_type, *kinds):
    now[class_type].update(output=list(kinds), output_name=list(kinds), output_is_list=[False] * len(kinds))


def reorder(now):
    order = now["KSampler"]["input_order"]["required"]
    order.remove("denoise")
    order.insert(order.index("steps"), "denoise")


def make_optional(now):
    now["KSampler"]["input"]["optional"] = {"denoise": sampler(now).pop("denoise")}
    now["KSampler"]["input_order"]["required"].remove("denoise")
    now["KSampler"]["input_order"]["optional"] = ["denoise"]


E, W, I = "error", "warning", "info"  # noqa: E741
CHANGES = {
    "class removed": (lambda now: now.pop("VAEDecode"), (E, "missing-class", "8", None), None),
    "class replaced": (
        lambda now: now.update(DecodeLatent=now.pop("VAEDecode")), (W, "replaced-class", "8", None), None,
    ),
    "input renamed": (
        lambda now: rename(now, "KSampler", "cfg", "guidance"), (E, "input-renamed", "3", "guidance"),
        (I, "input-renamed", "3", "guidance"),
    ),
    "socket renamed": (
        lambda now: rename(now, "VAEDecode", "samples", "latent"), (E, "input-renamed", "8", "latent"), None,
    ),
    "inserted in front": (
        lambda now: put(now, "KSampler", "strength", ["FLOAT", {"default": 0.5}], 0),
        (E, "input-added", "3", "strength"), None,
    ),
    "inserted in front, of the same type": (
        lambda now: put(now, "KSampler", "warmup", ["INT", {"default": 3}], 2), (E, "input-added", "3", "warmup"), None,
    ),
    "required widget added": (
        lambda now: put(now, "KSampler", "eta", ["FLOAT", {"default": 1.0}]), (E, "input-added", "3", "eta"),
        (I, "input-added", "3", "eta"),
    ),
    "required socket added": (
        lambda now: put(now, "VAEDecode", "mask", ["MASK"]), (E, "input-added", "8", "mask"), None,
    ),
    "optional input added": (
        lambda now: put(now, "VAEDecode", "tile", ["INT", {"default": 0}], group="optional"),
        (I, "input-added", "8", "tile"), None,
    ),
    "input removed": (lambda now: take(now, "KSampler", "denoise"), (W, "input-removed", "3", "denoise"), None),
    "input removed from the middle": (
        lambda now: take(now, "KSampler", "steps"), (W, "input-removed", "3", "steps"),
        (E, "input-removed", "3", "steps"),
    ),
    "input moved": (reorder, (I, "input-moved", "3", "denoise"), (E, "input-moved", "3", "denoise")),
    "input retyped": (
        lambda now: sampler(now).update(steps=[["few", "many"], {}]), (E, "input-retyped", "3", "steps"), None,
    ),
    "input retyped, and what it has fits": (
        lambda now: sampler(now).update(cfg=["STRING", {}]), (I, "input-retyped", "3", "cfg"), None,
    ),
    "socket retyped": (
        lambda now: now["VAEDecode"]["input"]["required"].update(samples=["MASK"]),
        (E, "input-retyped", "8", "samples"), None,
    ),
    "input made optional": (make_optional, (I, "input-optional", "3", "denoise"), None),
    "choice gone": (
        lambda now: sampler(now)["scheduler"][0].remove("normal"), (E, "choice-gone", "3", "scheduler"), None,
    ),
    "model gone": (
        lambda now: now["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0].remove(MODEL),
        (E, "choice-gone", "4", "ckpt_name"), None,
    ),
    "default changed": (
        lambda now: sampler(now)["cfg"][1].update(default=5.5), (I, "default-changed", "3", "cfg"), None,
    ),
    "min raised": (lambda now: sampler(now)["steps"][1].update(min=25), (E, "out-of-range", "3", "steps"), None),
    "max lowered": (lambda now: sampler(now)["cfg"][1].update(max=5.0), (E, "out-of-range", "3", "cfg"), None),
    "min raised, and the value is in range": (
        lambda now: sampler(now)["steps"][1].update(min=5, default=30), (I, "range-changed", "3", "steps"), None,
    ),
    "output type changed": (
        lambda now: outputs(now, "VAEDecode", "LATENT"), (E, "output-retyped", "8", None), None,
    ),
    "output of several users changed": (
        lambda now: outputs(now, "CLIPTextEncode", "MASK"), (E, "output-retyped", "6", None), None,
    ),
    "output no longer declared": (
        lambda now: outputs(now, "CheckpointLoaderSimple", "MODEL", "CLIP"), (E, "output-removed", "4", None), None,
    ),
    "output became a list": (
        lambda now: now["VAEDecode"].update(output_is_list=[True]), (W, "output-list", "8", None), None,
    ),
    "no output node any more": (
        lambda now: now["SaveImage"].update(output_node=False), (E, "output-node", "9", None), None,
    ),
    "deprecated": (lambda now: now["KSampler"].update(deprecated=True), (W, "deprecated", "3", None), None),
    "experimental": (lambda now: now["KSampler"].update(experimental=True), (I, "experimental", "3", None), None),
    "API node": (lambda now: now["KSampler"].update(api_node=True), (W, "api-node", "3", None), None),
}  # fmt: skip
"""Name -> what is done, what is found in API form, and what in UI form where that is something else."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_told_once(name, form):
    change, api, ui = CHANGES[name]
    now = definitions()
    change(now)
    replacements = REPLACED if name == "class replaced" else {}
    findings = found(FORMS[form](), now, definitions(), replacements=replacements)
    assert in_short(findings) == [api if form == "api" or ui is None else ui]


@pytest.mark.parametrize("form", FORMS)
def test_two_changes_are_told_both(form):
    now = definitions()
    now["KSampler"].update(deprecated=True)
    sampler(now)["steps"][1].update(min=25)
    kinds = {one.kind for one in found(FORMS[form](), now, definitions())}
    assert kinds == {"deprecated", "out-of-range"}


@pytest.mark.parametrize("form", FORMS)
def test_same_definitions_say_nothing(form):
    assert found(FORMS[form](), definitions(), definitions()) == []


@pytest.mark.parametrize("form", FORMS)
def test_what_a_server_gains_says_nothing(form):
    """More models, more choices, more classes, other tooltips: none of it concerns the workflow."""
    now = definitions()
    now["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0].insert(0, "aaa.safetensors")
    sampler(now)["scheduler"][0].append("beta57")
    sampler(now)["cfg"][1]["tooltip"] = "how much"
    now["Another"] = now["VAEDecode"]
    now["KSampler"].update(description="of today", category="other", display_name="K Sampler", search_aliases=["k"])
    assert found(FORMS[form](), now, definitions()) == []


def test_sentences_name_node_input_and_what_was():
    now = definitions()
    sampler(now)["steps"][1].update(min=25)
    rename(now, "VAEDecode", "samples", "latent")
    outputs(now, "CheckpointLoaderSimple", "MODEL", "CLIP")
    assert [one.told for one in found(prompt(), now, definitions())] == [
        "node 4 (CheckpointLoaderSimple): its output 2 (VAE) is no longer declared, and node 8 (VAEDecode) takes it",
        "node 3 'Sampler' (KSampler): input 'steps' is 20, below its min of 25 (was 1)",
        "node 8 (VAEDecode): input 'samples' is called 'latent' now, which has no value",
    ]


def test_values_of_a_ui_form_file_that_move_are_told():
    """The file can be converted all the same, to another picture."""
    now = definitions()
    order = now["EmptyLatentImage"]["input_order"]["required"]
    order[:] = ["height", "width", "batch_size"]
    graph = saved()
    graph["nodes"][1]["widgets_values"] = [64, 128, 1]
    (told,) = found(graph, now, definitions())
    assert (told.severity, told.kind, told.node) == ("warning", "input-moved", "5")
    assert "'height' would be 64, not 128" in told.sentence


def test_gone_choice_names_the_nearest():
    now = definitions()
    now["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = ["sd/Base.safetensors", "other.safetensors"]
    (told,) = found(prompt(), now, definitions())
    assert told.sentence == (
        "input 'ckpt_name': \"base.safetensors\" is no longer among its choices; nearest: sd/Base.safetensors"
    )


def test_place_of_a_missing_model_among_the_others_is_told():
    now = definitions()
    now["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = []
    (told,) = found(prompt(), now, definitions(), folders_of=lambda name: [f"diffusion_models/{name}"])
    assert told.sentence.endswith("there are none; models/diffusion_models/base.safetensors has a file of that name")


def test_replaced_class_is_checked_as_what_takes_its_place():
    now = definitions()
    now["DecodeLatent"] = now.pop("VAEDecode")
    put(now, "DecodeLatent", "mask", ["MASK"])
    assert in_short(found(prompt(), now, definitions(), replacements=REPLACED)) == [
        ("error", "input-missing", "8", "mask"),
        ("warning", "replaced-class", "8", None),
    ]


def test_class_of_a_node_pack_may_accept_what_it_does_not_list():
    """Its VALIDATE_INPUTS is not told by its definition, so this is not sure to break."""
    now = definitions()
    now["KSampler"]["python_module"] = "custom_nodes.samplers"
    sampler(now)["scheduler"][0].remove("normal")
    assert in_short(found(prompt(), now)) == [("warning", "choice-gone", "3", "scheduler")]
    del sampler(now)["scheduler"]
    sampler(now)["order"] = ["INT", {}]
    assert ("error", "input-missing", "3", "order") in in_short(found(prompt(), now))


def test_part_that_is_dropped_is_a_warning_where_the_case_accepts_it():
    graph = prompt()
    graph["10"] = {"class_type": "PreviewImage", "inputs": {}}
    expected = ("input-missing", "10", "images")
    assert in_short(found(graph, definitions())) == [("error", *expected)]
    assert in_short(found(graph, definitions(), allow_node_errors=True)) == [("warning", *expected)]


def test_links_that_lead_nowhere_are_told_by_their_input():
    graph = prompt()
    graph["8"]["inputs"].update(samples=["77", 0], vae=["4", 9])
    assert [one.told for one in found(graph, definitions())] == [
        "node 8 (VAEDecode): input 'samples' is linked to node 77, which is not there",
        "node 4 (CheckpointLoaderSimple): it has no output 9, and node 8 (VAEDecode) takes it",
    ]
