"""Input files: found beside the workflow, uploaded, and queued under the name the server gave them."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ..files import leads_elsewhere, read_below
from ..text import plain
from ..workflow import WorkflowError
from ..workflow.definitions import upload_inputs

INPUTS_FOLDER = "inputs"


class Uploads(Protocol):
    """Whoever takes input files: a client, or what stands for one where no server is asked."""

    def upload(self, data: bytes, name: str) -> str:
        """Take a file, and return the name that loaders know it by."""

    def definition(self, class_type: str) -> Mapping[str, Any] | None:
        """Return the definition of a node class, None for one that is not known."""


def upload_inputs_of(prompt: dict[str, dict[str, Any]], folder: Path, named: tuple[str, ...], client: Uploads) -> None:
    """Upload the files that a prompt names and that lie in `folder`/inputs, and put the server's names in.

    Taken are the inputs that node definitions mark as uploads, those of Load… nodes, and the files `named`
    in a sidecar, wherever their name stands. Raises WorkflowError for a named file that is not there.
    """
    for name in named:
        if input_file(folder, name) is None:
            raise WorkflowError(
                f"{folder / INPUTS_FOLDER / name}: named under `inputs` in the sidecar, and is not there"
            )
    if not (folder / INPUTS_FOLDER).is_dir():
        return
    given: dict[str, str] = {}
    for node in prompt.values():
        for key, value in node["inputs"].items():
            file = input_file(folder, value)
            if file is None or not (value in named or takes_upload(node["class_type"], key, client)):
                continue
            if file not in given:
                given[file] = client.upload(_read(folder, file), posixpath.basename(file))
            node["inputs"][key] = given[file]


def takes_upload(class_type: str, key: str, client: Uploads) -> bool:
    """Whether an input names a file that people upload."""
    if class_type.startswith("Load"):
        return True
    definition = client.definition(class_type)
    return bool(definition) and key in upload_inputs(definition or {})


def input_file(folder: Path, value: Any) -> str | None:
    """Return the file below `folder`/inputs that a value names, as a path from `folder`, with forward slashes.

    Annotations such as " [input]" are ignored. A link counts as a file here; it is refused when it is read.
    """
    if not isinstance(value, str) or not 0 < len(value) < 256 or "\0" in value or "\n" in value:
        return None
    name = os.path.normpath(value.removesuffix(" [input]"))
    if os.path.isabs(name) or Path(name).parts[:1] in ((), ("..",)):
        return None
    path = folder / INPUTS_FOLDER / name
    return path.relative_to(folder).as_posix() if path.is_file() or leads_elsewhere(path) else None


def _read(folder: Path, file: str) -> bytes:
    try:
        return read_below(folder, file)
    except OSError as error:
        raise WorkflowError(f"{folder / file}: cannot be read ({plain(error.strerror)})") from error
