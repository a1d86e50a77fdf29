"""Input files of a prompt, carried from the server that has them to another."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..workflow.digest import class_of, inputs_of
from ..workflow.named import place_of_input
from .uploads import takes_upload

if TYPE_CHECKING:
    from ..client import ComfyClient


def carry_inputs(prompt: Mapping[str, Any], source: ComfyClient, target: ComfyClient) -> dict[str, dict[str, Any]]:
    """Return a prompt for the target, to which the files were uploaded that the prompt names and the source has.

    Raises ServerUnreachable, TooLarge, and UploadError of the target's.
    """
    from ..client import DownloadError

    given: dict[str, str] = {}
    carried = {node_id: {**node, "inputs": dict(inputs_of(node))} for node_id, node in prompt.items()}
    for node in carried.values():
        for key, value in node["inputs"].items():
            if not isinstance(value, str) or not value or not takes_upload(str(class_of(node)), key, source):
                continue
            if value not in given:
                place = place_of_input(value)
                try:
                    data = source.view(place.filename, place.subfolder, place.type)
                except DownloadError:
                    given[value] = value  # no file: what else it is, both servers know alike
                else:
                    given[value] = target.upload(data, posixpath.basename(place.filename))
            node["inputs"][key] = given[value]
    return carried
