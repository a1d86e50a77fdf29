"""A fake ComfyUI that computes: what a node makes follows from what goes into it, and one node can be made to err."""

from __future__ import annotations

import io
import json
import zlib

import numpy as np
from compare.latents.files import latent_file
from PIL import Image
from projects import Item, recorded

from pytest_comfy.server import FakeComfyServer
from pytest_comfy.server.recordings.script import make_script
from pytest_comfy.workflow.digest import NONCE_INPUT


def _class(name, outputs, shown=False, **inputs):
    """A node definition; an input is a type, or a widget of that type where its name is in small letters alone."""
    required = {key: [kind, {"default": 1}] if kind in ("INT", "STRING") else [kind] for key, kind in inputs.items()}
    return {
        "input": {"required": required}, "input_order": {"required": list(required)}, "output": list(outputs),
        "output_is_list": [False] * len(outputs), "output_name": list(outputs), "name": name, "display_name": name,
        "description": "", "python_module": "nodes", "category": "", "output_node": shown,
    }  # fmt: skip


CLASSES = {
    one["name"]: one
    for one in (
        _class("Load", ["MODEL", "CLIP"], file="STRING"),
        _class("Patch", ["MODEL"], model="MODEL", strength="INT"),
        _class("Prompt", ["CONDITIONING"], clip="CLIP", text="STRING"),
        _class("Canvas", ["LATENT"], width="INT"),
        _class("Sample", ["LATENT"], model="MODEL", positive="CONDITIONING", latent="LATENT", seed="INT"),
        _class("Decode", ["IMAGE"], samples="LATENT"),
        _class("Paint", ["IMAGE"], color="INT"),
        _class("Tone", ["IMAGE"], image="IMAGE", level="INT"),
        _class("Mix", ["IMAGE"], one="IMAGE", other="IMAGE"),
        _class("Split", ["IMAGE", "MASK"], image="IMAGE"),
        _class("Cover", ["IMAGE"], image="IMAGE", mask="MASK"),
        _class("Count", ["INT"], image="IMAGE"),
        _class("Nothing", ["IMAGE"], image="IMAGE"),
        _class("SaveImage", [], True, images="IMAGE", filename_prefix="STRING"),
        _class("PreviewImage", [], True, images="IMAGE"),
        _class("MaskPreview", [], True, mask="MASK"),
        _class("SaveLatent", [], True, samples="LATENT", filename_prefix="STRING"),
        _class("PreviewAny", [], True, source="*"),
    )
}


class ComputingServer(FakeComfyServer):
    """Every value is a picture of 16x16 numbers, made of those before and of the node's own.

    wander  the same, added once more with every prompt
    shifts  id of a node, or class, -> how many levels are added to all that it makes
    """

    def __init__(self, shifts=None, without=(), wander=None):
        self.shifts = dict(shifts or {})
        self.wander = dict(wander or {})
        self.computed = 0
        super().__init__((), synthesize={name: one for name, one in CLASSES.items() if name not in without})

    def _synthesized(self, prompt, outputs):
        bare = {
            node_id: {
                **node,
                "inputs": {key: value for key, value in node["inputs"].items() if key != NONCE_INPUT},
                "_meta": {"title": node.get("_meta", {}).get("title", node["class_type"])},
            }
            for node_id, node in prompt.items()
        }
        values, made = {}, {}
        self.computed += 1
        for node_id in outputs:
            shown = self._value_of(bare, node_id, values)
            if shown is None:
                failing = {"node_id": node_id, "node_type": bare[node_id]["class_type"]}
                told = {"exception_type": "TypeError", "exception_message": "None is no picture", "traceback": []}
                run = recorded(bare | {"3": bare.get("3", bare[node_id])}, {}, error={**failing, **told})
                return make_script(run, prompt, {node: node for node in prompt}, outputs)
            made[node_id] = _shown(bare[node_id]["class_type"], shown, node_id)
        run = recorded(bare, made, definitions=CLASSES)
        return make_script(run, prompt, {node: node for node in prompt}, outputs)

    def _value_of(self, prompt, node_id, values):
        if node_id not in values:
            node = prompt[node_id]
            links = [value for value in node["inputs"].values() if isinstance(value, list)]
            before = [self._value_of(prompt, source, values) for source, _ in links]
            values[node_id] = self._compute(node_id, node, before)
        return values[node_id]

    def _compute(self, node_id, node, before):
        if node["class_type"] == "Nothing" or any(one is None for one in before):
            return None
        if node["class_type"] in ("SaveImage", "PreviewImage", "MaskPreview", "SaveLatent", "PreviewAny"):
            return before[0]
        own = {key: value for key, value in node["inputs"].items() if not isinstance(value, list)}
        seed = zlib.crc32(json.dumps([node["class_type"], own], sort_keys=True).encode())
        value = np.random.default_rng(seed).uniform(60, 160, (16, 16))
        if before:
            value = 0.3 * value + 0.7 * np.mean(before, axis=0)
        moved = self.wander.get(node_id, 0) * self.computed
        return value + self.shifts.get(node_id, self.shifts.get(node["class_type"], 0)) + moved


def _shown(class_type, value, node_id):
    if class_type == "PreviewAny":
        return {"text": [f"[[tensor([{value.mean():.4f}, {value[0, 0]:.4f}]), <object at 0x{id(value):x}>]]"]}
    if class_type == "SaveLatent":
        data = latent_file(value[None, None].astype(np.float32) / 50 - 2)
        return {
            "latents": [Item({"filename": f"{node_id}.latent", "subfolder": "pytest-comfy", "type": "output"}, data)]
        }
    buffer = io.BytesIO()
    Image.fromarray(value.clip(0, 255).astype(np.uint8)).resize((64, 64)).convert("RGB").save(buffer, format="PNG")
    return {"images": [buffer.getvalue()]}


def node(class_type, **inputs):
    """A node of a prompt; an input (node, slot) is a link."""
    linked = {key: list(value) if isinstance(value, tuple) else value for key, value in inputs.items()}
    return {"class_type": class_type, "inputs": linked, "_meta": {"title": f"My {class_type}"}}


def sampling(**more):
    """A prompt that samples, decodes and saves."""
    return {
        "1": node("Load", file="x.safetensors"),
        "2": node("Prompt", clip=("1", 1), text="a fox"),
        "3": node("Canvas", width=64),
        "4": node("Sample", model=("1", 0), positive=("2", 0), latent=("3", 0), seed=7),
        "5": node("Decode", samples=("4", 0)),
        "6": node("Tone", image=("5", 0), level=3),
        "9": node("SaveImage", images=("6", 0), filename_prefix="out"),
        **more,
    }
