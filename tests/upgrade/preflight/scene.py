"""A workflow in both forms, with the definitions that it was recorded with, and what is found of it by others."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from ui_form import document, node

from pytest_comfy.upgrade.preflight.known import Given, Known
from pytest_comfy.upgrade.preflight.looking import look
from pytest_comfy.workflow import Workflow
from pytest_comfy.workflow.definitions import saved_texts, trim, used_values

DEFINITIONS = json.loads((Path(__file__).parents[2] / "data/definitions-0.8.0.json").read_text(encoding="utf-8"))
MODEL = "base.safetensors"


def definitions():
    """Those of a server with two checkpoints."""
    found = copy.deepcopy(DEFINITIONS)
    found["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = [MODEL, "base-v2.safetensors"]
    return found


def prompt():
    """Text to image, in API form."""
    return {
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": MODEL}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
        "3": {
            "class_type": "KSampler",
            "_meta": {"title": "Sampler"},
            "inputs": {
                "seed": 1, "steps": 20, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
                "model": ["4", 0], "positive": ["6", 0], "negative": ["6", 0], "latent_image": ["5", 0],
            },
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "fox"}},
    }  # fmt: skip


def saved(control="fixed", **more):
    """The same as the page saves it; `more` are nodes by id, in place of those here."""
    sampler = [1, control, 20, 7.0, "euler", "normal", 1.0]
    nodes = {
        "4": node(4, "CheckpointLoaderSimple", [MODEL], outputs=[("MODEL", [1]), ("CLIP", [2]), ("VAE", [8])]),
        "5": node(5, "EmptyLatentImage", [64, 64, 1], outputs=[("LATENT", [6])]),
        "6": node(6, "CLIPTextEncode", ["a fox"], [("clip", "CLIP", 2)], [("CONDITIONING", [4, 5])]),
        "3": node(
            3, "KSampler", sampler,
            [("model", "MODEL", 1), ("positive", "CONDITIONING", 4), ("negative", "CONDITIONING", 5),
             ("latent_image", "LATENT", 6)], [("LATENT", [7])], title="Sampler",
        ),
        "8": node(8, "VAEDecode", [], [("samples", "LATENT", 7), ("vae", "VAE", 8)], [("IMAGE", [9])]),
        "9": node(9, "SaveImage", ["fox"], [("images", "IMAGE", 9)]),
        **more,
    }  # fmt: skip
    links = [
        [1, 4, 0, 3, 0, "MODEL"], [2, 4, 1, 6, 0, "CLIP"], [4, 6, 0, 3, 1, "CONDITIONING"],
        [5, 6, 0, 3, 2, "CONDITIONING"], [6, 5, 0, 3, 3, "LATENT"], [7, 3, 0, 8, 0, "LATENT"], [8, 4, 2, 8, 1, "VAE"],
        [9, 8, 0, 9, 0, "IMAGE"],
    ]  # fmt: skip
    return document(list(nodes.values()), links)


def kept(graph, before):
    """The definitions that a golden run of it keeps."""
    workflow = Workflow.from_graph(graph)
    done = workflow if workflow.form == "api" else workflow.converted(before)
    made = done.prompt()
    return {
        name: trim(before[name], used_values(made, name), saved_texts(graph), defaults=workflow.form == "ui")
        for name in {one["class_type"] for one in made.values()}
    }


def found(graph, now, before=None, *, environment=None, has_input=None, allow_node_errors=False, **known):
    """What preflight finds of a workflow; `before` are the definitions that its golden run was recorded with."""
    given = Given(
        Workflow.from_graph(graph, "fox.json"),
        lambda workflow, definitions: workflow.converted(definitions),
        {} if before is None else kept(graph, before),
        environment or {},
        has_input or (lambda value: False),
        allow_node_errors,
    )
    return look(given, Known(now, **known))


def in_short(findings):
    """(severity, kind, node, input) of each."""
    return [(one.severity, one.kind, one.node, one.input) for one in findings]
