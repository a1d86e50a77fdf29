"""What an output node would put out: which kind its class makes, under which key, in how many files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...workflow.model import is_link
from ..versions import Trait, Version
from . import models, sound, video
from .canvas import Canvas, measured
from .graph import Graph
from .making import File, Made, Maker
from .openexr import exr
from .solid import Solids

DEFAULT_PREFIX = "ComfyUI"
_DEFAULT_FPS = 8.0
_MOST_FPS = 10_000
_SILENT = {"SaveTrainingDataset", "CheckpointSave", "ModelSave", "CLIPSave", "VAESave", "LoraSave", "SaveLoRA"}
_TEXT_SUFFIXES = {"txt", "csv", "md", "json"}
_VHS_SUFFIXES = {"image/gif": ".gif", "image/webp": ".webp", "video/webm": ".webm"}


@dataclass(slots=True)
class Outputs:
    """Makes the outputs of one run's nodes, as the version names and tells them."""

    graph: Graph
    canvases: Mapping[str, Canvas]
    maker: Maker
    version: Version
    _kinds: dict[str, Callable[[str], Made]] = field(init=False)
    _on_the_way: dict[str, Callable[[str], Made]] = field(init=False)

    def __post_init__(self) -> None:
        solids = Solids(self.graph, self.maker, self.version)
        self._on_the_way = {"ImageCropV2": self._shown, "Painter": self._shown}
        self._kinds = {
            "SaveImage": self._images,
            "PreviewImage": self._preview,
            "MaskPreview": self._mask,
            "LossGraphNode": self._mask,
            "SaveImageWebsocket": self._sent,
            "SaveImageAdvanced": self._advanced,
            "ImageCompare": self._compared,
            "CreateBoundingBoxes": self._boxes,
            "SaveAnimatedWEBP": lambda node: self._animation(node, ".webp", always=False),
            "SaveAnimatedPNG": lambda node: self._animation(node, ".png", always=True),
            "SaveWEBM": lambda node: self._video(node, ".webm"),
            "SaveVideo": lambda node: self._video(node, ".mp4"),
            "SaveAudio": lambda node: self._audio(node, ".flac"),
            "SaveAudioMP3": lambda node: self._audio(node, ".mp3"),
            "SaveAudioOpus": lambda node: self._audio(node, ".opus"),
            "SaveAudioAdvanced": self._any_audio,
            "PreviewAudio": lambda node: self._audio(node, ".flac"),
            "PreviewAny": lambda node: self._text(node, "source"),
            "SaveText": self._saved_text,
            "SaveLatent": self._latent,
            "SaveSVGNode": self._drawing,
            "SaveGLB": self._mesh,
            "Preview3D": solids.preview,
            "Preview3DAnimation": solids.preview,
            **dict.fromkeys(solids.ADVANCED, solids.advanced),
            "VHS_VideoCombine": self._combined,
        }

    def make(self, node_id: str) -> Made:
        """Return what a node puts out; nothing for a class without outputs in history.

        Classes that are not ComfyUI's own are judged by their inputs: an IMAGE makes pictures, AUDIO a sound,
        VIDEO a video, a linked STRING or an input of any type a text, anything else nothing.
        """
        class_type = self.graph.class_type(node_id)
        if not self.graph.is_output(node_id):
            shown = self._on_the_way.get(class_type)
            return shown(node_id) if shown is not None and self._tells(node_id) else Made()
        known = self._kinds.get(class_type)
        if known is not None:
            return known(node_id)
        if class_type in _SILENT or class_type.startswith("Tripo") or class_type.endswith("DataSetToFolder"):
            return Made()
        kinds = self.graph.input_kinds(node_id)
        if "VIDEO" in kinds.values():
            return self._video(node_id, ".mp4")
        if "IMAGE" in kinds.values():
            return self._images(node_id) if "filename_prefix" in kinds else self._preview(node_id)
        if "AUDIO" in kinds.values():
            return self._audio(node_id, ".flac")
        linked = [name for name in kinds if is_link(self.graph.inputs(node_id).get(name))]
        told = next((name for name in linked if kinds[name] in ("STRING", "*")), None)
        return self._text(node_id, told) if told is not None else Made()

    def _tells(self, node_id: str) -> bool:
        """Whether a node that is no output node is one of those that show what they make."""
        return self.graph.definition(node_id).get("has_intermediate_output") is True

    def _images(self, node_id: str) -> Made:
        return self._stills(node_id, self._prefix(node_id))

    def _preview(self, node_id: str) -> Made:
        return self._stills(node_id, None)

    def _mask(self, node_id: str) -> Made:
        # 0.8.0 writes no prompt into these, and says that they do not move.
        return self._shown(node_id) if self.version.is_modern else self._preview(node_id)

    def _shown(self, node_id: str) -> Made:
        made = self._stills(node_id, None, with_prompt=False)
        return Made({**made.ui, "animated": [False]}, made.files)

    def _sent(self, node_id: str) -> Made:
        return Made(frames=self.maker.pngs(node_id, self._canvas(node_id), with_prompt=False))

    def _stills(self, node_id: str, prefix: str | None, with_prompt: bool = True) -> Made:
        canvas = self._canvas(node_id)
        pictures = self.maker.pngs(node_id, canvas, with_prompt)
        size = (canvas.width, canvas.height)
        return _made("images", [
            self.maker.file(node_id, "images", prefix, ".png", data, size, number)
            for number, data in enumerate(pictures)
        ])  # fmt: skip

    def _advanced(self, node_id: str) -> Made:
        canvas = self._canvas(node_id)
        pictures = self.maker.pngs(node_id, canvas)
        is_exr = self.graph.value(node_id, "format") == "exr"
        suffix, size = ".exr" if is_exr else ".png", (canvas.width, canvas.height)
        made = [exr(data, self.maker.prompt) for data in pictures] if is_exr else pictures
        return _made("images", [
            self.maker.file(node_id, "images", self._prefix(node_id), suffix, data, size, number, tail="")
            for number, data in enumerate(made)
        ])  # fmt: skip

    def _compared(self, node_id: str) -> Made:
        made: dict[str, list[File]] = {}
        for side in ("a", "b"):
            key = f"{side}_images"
            link: Any = self.graph.inputs(node_id).get(f"image_{side}")
            canvas = self.canvases.get(link[0], Canvas()) if is_link(link) else None
            made[key] = self._pictures(node_id, key, f"comfy.compare.{side}", canvas) if canvas else []
        return _of_lists(**made)

    def _pictures(self, node_id: str, key: str, stem: str, canvas: Canvas) -> list[File]:
        """Return previews whose names begin with `stem`."""
        size, pictures = (canvas.width, canvas.height), self.maker.pngs(node_id, canvas, with_prompt=False)
        return [
            self.maker.file(node_id, key, None, ".png", data, size, number, stem=stem)
            for number, data in enumerate(pictures)
        ]

    def _boxes(self, node_id: str) -> Made:
        return Made({"dims": [self.graph.number(node_id, "width"), self.graph.number(node_id, "height")]})

    def _animation(self, node_id: str, suffix: str, always: bool) -> Made:
        canvas = self._canvas(node_id)
        data = self.maker.animation(node_id, canvas, suffix, self._fps(node_id))
        made = self._one(node_id, "images", suffix, data, canvas)
        moves = canvas.count > 1
        if self.version.is_modern:
            return Made({**made.ui, "animated": [True]}, made.files) if moves else made
        return Made({**made.ui, "animated": [always or moves]}, made.files)

    def _video(self, node_id: str, suffix: str) -> Made:
        canvas = self._canvas(node_id)
        made = self._one(node_id, "images", suffix, self._film(node_id, suffix, canvas), canvas)
        return Made({**made.ui, "animated": [True]}, made.files)

    def _film(self, node_id: str, suffix: str, canvas: Canvas) -> bytes:
        size, fps = (canvas.width, canvas.height), self._fps(node_id)
        if suffix == ".webm":
            return video.webm(self.maker.key_frames(node_id, canvas, "vp8"), size, fps)
        if suffix == ".mp4":
            return video.mp4(self.maker.key_frames(node_id, canvas, "jpeg"), size, fps)
        return self.maker.animation(node_id, canvas, suffix, fps)

    def _combined(self, node_id: str) -> Made:
        form = str(self.graph.value(node_id, "format") or "video/h264-mp4")
        suffix = _VHS_SUFFIXES.get(form, ".mp4")
        canvas = self._canvas(node_id)
        kept = self.graph.value(node_id, "save_output") is not False
        size = (canvas.width, canvas.height)
        # VideoHelperSuite writes no underscore after the counter.
        item = self.maker.names.item("output" if kept else "temp", self._prefix(node_id), suffix, size, tail="")
        file = File("gifs", 0, item, self._film(node_id, suffix, canvas), size)
        return Made({"gifs": [{**item, "format": form, "frame_rate": self._fps(node_id)}]}, [file])

    def _audio(self, node_id: str, suffix: str) -> Made:
        write = {".mp3": sound.mp3, ".opus": sound.opus}.get(suffix, sound.flac)
        data = write(self.graph.digests[node_id], self.maker.prompt)
        return self._one(node_id, "audio", suffix, data, None)

    def _any_audio(self, node_id: str) -> Made:
        form = self.graph.value(node_id, "format")
        return self._audio(node_id, f".{form}" if form in ("mp3", "opus") else ".flac")

    def _saved_text(self, node_id: str) -> Made:
        made = self._text(node_id, "text")
        (text,) = made.ui["text"]
        form = self.graph.value(node_id, "format")
        suffix = form if form in _TEXT_SUFFIXES else "txt"
        data = (_indented(text) if suffix == "json" else text).encode("utf-8", "replace")
        file = self.maker.file(node_id, "files", self._prefix(node_id), f".{suffix}", data, None, tail="")
        return Made({**made.ui, "files": [file.item]}, [file])

    def _text(self, node_id: str, name: str) -> Made:
        link = self.graph.inputs(node_id).get(name)
        value: Any = measured(self.graph, link, self.canvases)
        value = self.graph.value(node_id, name) if value is None else value
        if value is None:
            value = f"{' '.join(self.maker.lines(node_id))}: made up, as no recording holds this prompt"
        text = value if isinstance(value, str) else json.dumps(value) if _is_nested(value) else str(value)
        return Made({"text": [text]})

    def _latent(self, node_id: str) -> Made:
        canvas = self._canvas(node_id)
        size = (canvas.width, canvas.height)
        data = models.latent(self.graph.digests[node_id], self.maker.prompt, size, canvas.count)
        return self._one(node_id, "latents", ".latent", data, None)

    def _drawing(self, node_id: str) -> Made:
        canvas = self._canvas(node_id)
        size = (canvas.width, canvas.height)
        data = models.svg(self.graph.digests[node_id], self.maker.lines(node_id), size)
        return self._one(node_id, "images", ".svg", data, None)

    def _mesh(self, node_id: str) -> Made:
        return self._one(node_id, "3d", ".glb", models.glb(" ".join(self.maker.lines(node_id))), None)

    def _one(self, node_id: str, key: str, suffix: str, data: bytes, canvas: Canvas | None) -> Made:
        temp = self.graph.class_type(node_id).startswith("Preview")
        prefix = None if temp else self._prefix(node_id)
        size = (canvas.width, canvas.height) if canvas else None
        tail = "" if key == "audio" and self.version.has(Trait.SHORT_AUDIO_NAMES) else "_"
        return _made(key, [self.maker.file(node_id, key, prefix, suffix, data, size, tail=tail)])

    def _prefix(self, node_id: str) -> str:
        prefix = self.graph.value(node_id, "filename_prefix")
        return prefix if isinstance(prefix, str) else DEFAULT_PREFIX

    def _canvas(self, node_id: str) -> Canvas:
        return self.canvases.get(node_id, Canvas())

    def _fps(self, node_id: str) -> float:
        above = [value[0] for value in self.graph.inputs(node_id).values() if is_link(value)]
        for where in (node_id, *above):
            for name in ("fps", "frame_rate"):
                told = self.graph.value(where, name)
                if isinstance(told, (int, float)) and 0 < told < _MOST_FPS:
                    return float(told)
        return _DEFAULT_FPS


def _made(key: str, files: list[File]) -> Made:
    return Made({key: [file.item for file in files]}, files)


def _of_lists(**lists: list[File]) -> Made:
    items = {key: [file.item for file in files] for key, files in lists.items()}
    return Made(items, [file for files in lists.values() for file in files])


def _indented(text: str) -> str:
    """Return JSON as it is written into files; a text that is none stays as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _is_nested(value: Any) -> bool:
    return isinstance(value, (list, dict))
