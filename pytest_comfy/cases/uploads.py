"""Input files: found beside the workflow, uploaded, and queued under the name the server gave them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..text import plain
from ..workflow import WorkflowError
from ..workflow.definitions import upload_inputs

if TYPE_CHECKING:
    from ..client import ComfyClient

INPUTS_FOLDER = "inputs"


def upload_inputs_of(
    prompt: dict[str, dict[str, Any]], folder: Path, named: tuple[str, ...], client: ComfyClient
) -> None:
    """Upload the files that a prompt names and that lie in `folder`/inputs, and put the server's names in.

    Taken are the inputs that node definitions mark as uploads, those of Load… nodes, and the files `named`
    in a sidecar, wherever their name stands. Raises WorkflowError for a named file that is not there.
    """
    inputs = folder / INPUTS_FOLDER
    for name in named:
        if _file(inputs, name) is None:
            raise WorkflowError(f"{inputs / name}: named under `inputs` in the sidecar, and is not there")
    if not inputs.is_dir():
        return
    given: dict[Path, str] = {}
    for node in prompt.values():
        for key, value in node["inputs"].items():
            path = _file(inputs, value)
            if path is None or not (value in named or _takes_upload(node["class_type"], key, client)):
                continue
            if path not in given:
                given[path] = client.upload(_read(path), path.name)
            node["inputs"][key] = given[path]


def _takes_upload(class_type: str, key: str, client: ComfyClient) -> bool:
    if class_type.startswith("Load"):
        return True
    definition = client.definition(class_type)
    return bool(definition) and key in upload_inputs(definition or {})


def _file(inputs: Path, value: Any) -> Path | None:
    """Return the file below `inputs` that a value names; annotations such as " [input]" are ignored."""
    if not isinstance(value, str) or not 0 < len(value) < 256 or "\0" in value or "\n" in value:
        return None
    path = (inputs / value.removesuffix(" [input]")).resolve()
    return path if inputs.resolve() in path.parents and path.is_file() else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WorkflowError(f"{path}: cannot be read ({plain(error.strerror)})") from error
