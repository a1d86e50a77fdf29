"""What nodes of 3D put out: a file named as bare text, beside the settings of camera and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...workflow.model import is_link
from ..versions import Version
from . import models, pictures
from .graph import Graph
from .making import File, Made, Maker

_RESULT = "result"


@dataclass(frozen=True, slots=True)
class Solids:
    """Makes the outputs of viewers and savers of models, splats and point clouds."""

    graph: Graph
    maker: Maker
    version: Version

    ADVANCED: ClassVar[Mapping[str, str]] = {
        "Preview3DAdvanced": "preview3d_advanced",
        "PreviewGaussianSplat": "preview_splat",
        "PreviewPointCloud": "preview_pointcloud",
        "Save3DAdvanced": "",
        "SaveGaussianSplat": "",
        "SavePointCloud": "",
    }
    """Class -> what the random names of its files begin with, nothing where they are counted in the output folder."""

    def preview(self, node_id: str) -> Made:
        """Return what the plain viewer tells: the model's name, nothing of the camera, and the background's name."""
        link = self.graph.inputs(node_id).get("model_file")
        files = []
        if is_link(link) and self.graph.kind_of_link(link).startswith("FILE_3D"):
            name = f"preview3d_{self._random(node_id)}.glb"
            files.append(self._file(node_id, 0, "output", name, models.glb(self._title(node_id))))
        else:
            told = self.graph.value(node_id, "model_file")
            name = told if isinstance(told, str) else ""
        if not self.version.is_modern:
            return Made({_RESULT: [name, None]}, files)
        ground = None
        if is_link(self.graph.inputs(node_id).get("bg_image")):
            picture = f"bg_{self._random(node_id)}.png"
            drawn = pictures.draw(self.graph.digests[node_id], self.maker.lines(node_id), (64, 64))
            files.append(self._file(node_id, 2, "temp", picture, pictures.png(drawn, None)))
            ground = f"temp/{picture}"
        return Made({_RESULT: [name, None, ground]}, files)

    def advanced(self, node_id: str) -> Made:
        """Return what the later viewers and savers tell: the file's name, and the page's camera and settings."""
        stem = self.ADVANCED[self.graph.class_type(node_id)]
        suffix, data = self._model(node_id)
        if stem:
            file = self._file(node_id, 0, "temp", f"{stem}_{self._random(node_id)}{suffix}", data)
        else:
            prefix = self.graph.value(node_id, "filename_prefix")
            prefix = prefix if isinstance(prefix, str) else "3d/ComfyUI"
            file = self.maker.file(node_id, _RESULT, prefix, suffix, data, None, tail="")
        item = file.item
        name = "/".join(part for part in (item["subfolder"], item["filename"]) if part)
        state = self.graph.value(node_id, "viewport_state")
        told: Mapping[str, Any] = state if isinstance(state, Mapping) else {}
        return Made({_RESULT: [name, told.get("camera_info"), told.get("model_3d_info", [])]}, [file])

    def _model(self, node_id: str) -> tuple[str, bytes]:
        """Return suffix and bytes of the model that comes in; of splats and points it is a cloud."""
        title, kind = self._title(node_id), "*"
        link = self.graph.inputs(node_id).get("model_3d")
        if is_link(link):
            kind = self.graph.kind_of_link(link)
        if any(word in kind for word in ("SPLAT", "POINT_CLOUD", "PLY")):
            return ".ply", models.ply(title)
        return ".glb", models.glb(title)

    def _file(self, node_id: str, index: int, kind: str, name: str, data: bytes) -> File:
        return File(_RESULT, index, {"filename": name, "subfolder": "", "type": kind}, data)

    def _random(self, node_id: str) -> str:
        return self.maker.chance(node_id)[:32]

    def _title(self, node_id: str) -> str:
        return " ".join(self.maker.lines(node_id))
