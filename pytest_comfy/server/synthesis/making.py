"""Files of placeholder outputs, drawn for a node of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ...workflow.model import title_of
from . import pictures
from .canvas import Canvas
from .graph import Graph
from .names import Names, temp_prefix

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_MOST_DRAWN = 16
_MOST_FRAMES = 8
_MOST_PIXELS = 8 * 1024 * 1024
"""Of all pictures of a node together: larger batches repeat what was drawn, so that no prompt costs seconds."""


@dataclass(frozen=True, slots=True)
class File:
    """One output file: its place in the node's output, its item in history, its bytes, its size in pixels."""

    key: str
    index: int
    item: dict[str, str]
    data: bytes
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What a node puts out: its UI result for history, its files, pictures it sends through the socket."""

    ui: dict[str, Any] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Maker:
    """Draws for the nodes of one graph; `prompt` (JSON) is written into the files as ComfyUI does it."""

    graph: Graph
    prompt: str
    names: Names = field(default_factory=Names)

    def lines(self, node_id: str) -> list[str]:
        """Return the words that stand on a node's outputs: id and class, title, digest of the prompt."""
        class_type, title = self.graph.class_type(node_id), title_of(node_id, self.graph.prompt[node_id])
        return [f"{node_id} {class_type}", *([title] if title != class_type else []), self.graph.digest[:12]]

    def pngs(self, node_id: str, canvas: Canvas, with_prompt: bool = True) -> list[bytes]:
        """Return `canvas.count` pictures; of a large batch the last ones are alike."""
        drawn = self._draw(node_id, canvas, _MOST_DRAWN)
        files = [pictures.png(picture, self.prompt if with_prompt else None) for picture in drawn]
        return files + [files[-1]] * (canvas.count - len(files))

    def animation(self, node_id: str, canvas: Canvas, suffix: str, fps: float) -> bytes:
        """Return an animated ".webp", ".png" or ".gif" of at most 8 frames."""
        frames = self._draw(node_id, canvas, _MOST_FRAMES)
        if suffix == ".webp":
            return pictures.animated_webp(frames, fps, self.prompt)
        return pictures.animated_png(frames, fps, self.prompt) if suffix == ".png" else pictures.gif(frames, fps)

    def key_frames(self, node_id: str, canvas: Canvas, codec: str) -> list[bytes]:
        """Return at most 8 frames, each a whole picture, coded as "vp8" or "jpeg"."""
        code = pictures.vp8 if codec == "vp8" else pictures.jpeg
        return [code(frame) for frame in self._draw(node_id, canvas, _MOST_FRAMES)]

    def previews(self, node_id: str, canvas: Canvas, steps: Sequence[int], most: int) -> list[bytes]:
        """Return a small JPEG for each of the steps given, which tells step and number of steps."""
        size = pictures.preview_size((canvas.width, canvas.height))
        digest = self.graph.digests[node_id]
        return [
            pictures.jpeg(pictures.draw(digest, [*self.lines(node_id), f"step {step}/{most}"], size)) for step in steps
        ]

    def file(
        self,
        node_id: str,
        key: str,
        prefix: str | None,
        suffix: str,
        data: bytes,
        size: tuple[int, int] | None,
        number: int = 0,
        *,
        stem: str = "ComfyUI",
        tail: str = "_",
    ) -> File:
        """Return a file under the next free name; without prefix it is a preview, in the folder temp.

        stem  what names of previews begin with
        tail  stands between number and suffix
        """
        kind = "output" if prefix is not None else "temp"
        if prefix is None:
            prefix = temp_prefix(self.chance(node_id), stem)
        return File(key, number, self.names.item(kind, prefix, suffix, size or (0, 0), number, tail), data, size)

    def chance(self, node_id: str) -> str:
        """Return what stands for the random part of a node's names (hex).

        Every node has one of its own, so that nodes alike do not share files by accident.
        """
        return sha256(f"{node_id} {self.graph.digests[node_id]}".encode(errors="replace")).hexdigest()

    def _draw(self, node_id: str, canvas: Canvas, most: int) -> list[Picture]:
        size = (canvas.width, canvas.height)
        count = max(1, min(canvas.count, most, _MOST_PIXELS // (canvas.width * canvas.height)))
        lines, digest = self.lines(node_id), self.graph.digests[node_id]
        if canvas.count == 1:
            return [pictures.draw(digest, lines, size)]
        return [
            pictures.draw(f"{digest}.{number}", [*lines, f"{number + 1} of {canvas.count}"], size)
            for number in range(count)
        ]
