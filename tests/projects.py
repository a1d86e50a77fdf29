"""A project made by hand in pytester's folder: workflow files, golden runs, and a server that stands for a live one.

A FakeComfyServer in the process of the tests, given with --comfy-url, is a live server to the plugin.
"""

from __future__ import annotations

import copy
import io
import json
import re
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from pytest_comfy.compare import describe
from pytest_comfy.golden import GoldenOutput, GoldenRun, GoldenStore
from pytest_comfy.media import media_type_of, suffix_of

SIDE = 64
INI = """[pytest]
addopts = -p no:randomly -p no:recording -p no:xdist -p no:asyncio -p no:hypothesispytest -p no:respx -p no:anyio
"""
"""Of what is installed only what tests of runs use: each run loads the others, each worker of pytest-xdist anew."""
WITH_XDIST = INI.replace("-p no:xdist ", "")
ENVIRONMENT = {
    "comfyui": "0.8.0", "python": "3.11.7", "torch": "2.13.0", "os": "linux", "argv": [],
    "devices": [{"name": "cpu", "type": "cpu"}], "models": {}, "node_packs": {},
}  # fmt: skip


def png(seed=1, size=(SIDE, SIDE), shift=0, mode="RGB", edit=None):
    """A smooth picture of blobs, another for every seed; `shift` lifts every level by as much."""
    cells = np.random.default_rng(seed).integers(40, 200, (8, 8, len(mode)), dtype=np.uint8)
    picture = Image.fromarray(cells.squeeze(), mode).resize(size, Image.Resampling.BICUBIC)
    picture = Image.fromarray((np.asarray(picture).astype(int) + shift).clip(0, 255).astype(np.uint8), mode)
    if edit:
        edit(picture)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def graph(color=7, saves=("9",), **more):
    """EmptyImage -> SaveImage, the latter as often as asked for."""
    prompt = {
        "3": {
            "class_type": "EmptyImage",
            "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1, "color": color},
            "_meta": {"title": "Canvas"},
        }
    }
    for node in saves:
        title = "Save Image" if node == saves[0] else f"Save {node}"
        prompt[node] = {
            "class_type": "SaveImage",
            "inputs": {"images": ["3", 0], "filename_prefix": "out"},
            "_meta": {"title": title},
        }
    return {**prompt, **more}


class Item(NamedTuple):
    """An output as history tells it: an object or a bare text, with the file that it names, if it names one."""

    told: Any
    data: bytes | None = None
    type: str = "output"

    @property
    def kept(self):
        """The bytes that a golden run keeps, and their media type."""
        if self.data is not None:
            name = self.told if isinstance(self.told, str) else self.told["filename"]
            return self.data, media_type_of(name, self.data)
        is_text = isinstance(self.told, str)
        return (self.told if is_text else json.dumps(self.told, sort_keys=True)).encode(), (
            "text/plain" if is_text else "application/json"
        )


def recorded(prompt=None, outputs=None, *, workflow="workflows/txt2img.json", case="default", environment=None,
             files=True, masks=(), error=None, approvals=(), types=None, definitions=None):  # fmt: skip
    """A golden run in memory. `outputs` is {node: {key: [bytes, text, Item]}}; `error` ends it with execution_error."""
    prompt = copy.deepcopy(prompt or graph())
    outputs = {"9": {"images": [png()]}} if outputs is None else outputs
    run = {"prompt_id": "<prompt_id>"}
    blobs, described, ui = {}, [], {}
    events = [
        {"type": "execution_start", "data": {**run, "timestamp": 0}},
        {"type": "execution_cached", "data": {"nodes": [], **run, "timestamp": 1}},
        {"type": "executing", "data": {"node": "3", "display_node": "3", **run}},
    ]
    for node, keys in outputs.items():
        for key, items in keys.items():
            for index, item in enumerate(items):
                kind = (types or {}).get(node, "output")
                if isinstance(item, bytes):
                    told = {"filename": f"out{node}_{index + 1:05}_.png", "subfolder": "", "type": kind}
                    item = Item(told, item, kind)
                item = item if isinstance(item, Item) else Item(item)
                kind = item.type
                data, media = item.kept
                name = f"{node}.{key}.{index}{suffix_of(media)}"
                ui.setdefault(node, {}).setdefault(key, []).append(item.told)
                if item.told is None or key == "animated":
                    continue
                blobs[name] = data
                facts = describe(data, media, masks)
                described.append(GoldenOutput(
                    node=node, key=key, index=index, title=prompt[node]["_meta"]["title"], media_type=media, type=kind,
                    sha256=facts["sha256"], pixels_sha256=facts["pixels_sha256"], fingerprint=facts["fingerprint"],
                    size=tuple(facts["size"]) if facts["size"] else None, masks=tuple(masks),
                    file=name if files else None,
                ).to_json())  # fmt: skip
        events.append({"type": "executing", "data": {"node": node, "display_node": node, **run}})
        events.append({"type": "executed", "data": {"node": node, "display_node": node, "output": ui[node], **run}})
    if error:
        failing = {"node_id": "3", "node_type": prompt["3"]["class_type"], "executed": [], "current_inputs": {},
                   "current_outputs": [], "timestamp": 9, **error}  # fmt: skip
        events.append({"type": "execution_error", "data": {**run, **failing}})
    else:
        events.append({"type": "execution_success", "data": {**run, "timestamp": 9}})
        events.append({"type": "executing", "data": {"node": None, **run}})
    told = [[one["type"], one["data"]] for one in events if one["type"].startswith("execution_")]
    document = {
        "format": 1, "workflow": workflow, "case": case, "prompt": prompt,
        "environment": {**ENVIRONMENT, **(environment or {})},
        "node_definitions": {"EmptyImage": {"output_node": False, "output": ["IMAGE"]},
                             "SaveImage": {"output_node": True}, **(definitions or {})},
        "events": [[at / 1000, event] for at, event in enumerate(events)],
        "status": {"status_str": "error" if error else "success", "completed": not error, "messages": told},
        "meta": {}, "ui": ui, "outputs": described, "approvals": list(approvals),
    }  # fmt: skip
    return GoldenRun(document, None, blobs if files else {})


PEAK = """
def peak():
    # Bytes this process had at most at once; what resource tells goes on from the process that started it.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024
"""
"""A function for scripts that are run in a process of their own, on Linux."""


class Project:
    """The project that the tests of the plugin run pytest in."""

    def __init__(self, pytester):
        self.pytester = pytester
        self.root = pytester.path
        self.plugins = []
        pytester.makefile(".ini", pytest=INI)

    def ini(self, *lines):
        self.write("pytest.ini", INI + "\n".join(lines) + "\n")

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
        return path

    def workflow(self, name="txt2img", prompt=None, folder="workflows", sidecar=None):
        if sidecar is not None:
            self.write(f"{folder}/{name}.toml", sidecar)
        return self.write(f"{folder}/{name}.json", graph() if prompt is None else prompt)

    def golden(self, key="txt2img/default", run=None, baseline=None, **more):
        """Write a golden run, by the arguments of `recorded`."""
        name, _, case = key.rpartition("/")
        run = run or recorded(**{"workflow": f"workflows/{name}.json", "case": case, **more})
        return GoldenStore(self.root / "golden", baseline).write(key, run)

    def both(self, name="txt2img", prompt=None, **more):
        """A workflow and its golden run."""
        self.workflow(name, prompt)
        self.golden(f"{name}/default", prompt=prompt, **more)

    def read(self, name):
        return json.loads((self.root / name).read_text(encoding="utf-8"))

    def files(self, folder):
        return sorted(path.relative_to(self.root / folder).as_posix()
                      for path in (self.root / folder).rglob("*") if path.is_file())  # fmt: skip

    def run(self, *args, plugins=()):
        """Run pytest in this process."""
        return self.pytester.runpytest_inprocess(*map(str, args), plugins=[*plugins])

    def run_apart(self, *args):
        """Run pytest in a process of its own, with all plugins that are installed."""
        return self.pytester.runpytest_subprocess(*map(str, args))


def lines_of(result):
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in result.outlines]


def failure_of(result, headline):
    """The lines that stand under the headline of a failure, up to the next one."""
    lines = lines_of(result)
    start = next(at for at, line in enumerate(lines) if re.fullmatch(rf"_+ {re.escape(headline)} _+", line)) + 1
    end = next(
        at for at in range(start, len(lines)) if re.match(r"^(_{3,} .* _{3,}|[=-]{3,} .*[=-]{3,}|={10,})$", lines[at])
    )
    return [line for line in lines[start:end] if line]


def section_of(result, title):
    """The lines of one section of the terminal's summary."""
    lines = lines_of(result)
    start = next(at for at, line in enumerate(lines) if re.fullmatch(rf"[-=]+ {re.escape(title)} [-=]+", line)) + 1
    end = next(at for at in range(start, len(lines)) if re.match(r"^[=-]{3,}( .*)?[=-]{3,}$", lines[at]))
    return [line for line in lines[start:end] if line]
