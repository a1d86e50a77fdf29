"""Workflow files: reading, telling the two forms apart, the prompt to queue."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..media import media_type_of
from .addresses import Exposed, find_inputs, path_of
from .errors import NotAWorkflowError, WorkflowError

if TYPE_CHECKING:
    from .graph import Conversion
    from .graph.layouts import Layout

Form = Literal["api", "ui"]
Prompt = dict[str, dict[str, Any]]

NONCE_INPUT = "_pytest_comfy_nonce"
"""Added to nodes to keep the server's cache out; no node knows it, so it has no meaning."""

_WRAPPERS = ("api", "prompt")
"""Keys under which other tools keep the API graph."""


@dataclass(frozen=True)
class Origin:
    """What a workflow was converted from, and by what its dynamic prompts and dates were settled.

    workflow  in UI form
    seed      None where dynamic prompts were left as they are
    date      local time, without zone
    layouts   class -> what its JavaScript does to its widgets, beside what the package knows
    frontend  the version of the page that the server asked for; "" where it did not tell
    """

    workflow: Workflow
    seed: int | str | None
    date: datetime
    layouts: Mapping[str, Layout] | None = None
    frontend: str = ""


@dataclass(frozen=True)
class Workflow:
    """A workflow as ComfyUI saves it.

    graph       the file's content: in API form node id -> {class_type, inputs}, in UI form nodes and links
    form        "api" or "ui"
    source      where it came from, for messages
    extra_data  sent beside the prompt, when the file has it (such as keys of API nodes)
    values      in UI form, what is to be set once it is converted: address -> value
    conversion  how it was converted, None for a file that is in API form
    origin      what it was converted from
    """

    graph: Mapping[str, Any]
    form: Form
    source: str = "workflow"
    extra_data: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    conversion: Conversion | None = None
    origin: Origin | None = None

    @classmethod
    def load(cls, path: str | Path) -> Workflow:
        """Read a workflow file, or the workflow that made a picture, sound or video, of its metadata.

        Raises WorkflowError for unreadable files, files that hold none, and broken JSON (with line and column), and
        NotAWorkflowError for JSON that is something else.
        """
        data = _read(path)
        media_type = "" if data.startswith(b"{") else media_type_of(os.path.basename(path), data)
        if media_type.startswith(("image/", "audio/", "video/")) and media_type != "image/svg+xml":
            from .embedded import embedded  # not at the top: most workflows are JSON

            return cls.from_json(embedded(data, media_type, str(path)), str(path))
        return cls.from_json(data, str(path))

    @classmethod
    def from_json(cls, data: bytes | str, source: str = "workflow") -> Workflow:
        """Parse the content of a workflow file; raises as `load` does."""
        return cls.from_graph(_parse(data, source), source)

    @classmethod
    def from_graph(cls, document: Any, source: str = "workflow") -> Workflow:
        """Take a workflow that is parsed already; raises NotAWorkflowError for anything else."""
        if isinstance(document, dict):
            extra = document.get("extra_data")
            extra_data = extra if isinstance(extra, dict) else {}
            for key in _WRAPPERS:
                if _is_api(document.get(key)):
                    return cls(document[key], "api", source, extra_data)
            if _is_api(document):
                return cls(document, "api", source)
            if _is_ui(document):
                return cls(document, "ui", source)
        raise NotAWorkflowError(
            f"{source}: JSON, but no ComfyUI workflow (neither nodes with a class_type nor a list of nodes with links)"
        )

    def prompt(self) -> Prompt:
        """Return a copy of the API form, ready to be queued: node id -> {class_type, inputs, _meta}.

        What prompts that are saved in metadata have besides is dropped: `is_changed`, which the server would trust, and
        serve a changed input file from its cache; and the input by which our client keeps that cache out.
        Raises WorkflowError for malformed nodes, and for the UI form: see `converted`.
        """
        if self.form == "ui":
            raise WorkflowError(
                f"{self.source}: in UI form, and its conversion to API form needs node definitions: of a server, "
                "such as --comfy-url tells, or of a golden run"
            )
        try:
            return dict(_checked_nodes(self.graph, self.source))
        except RecursionError:  # what can be parsed may still be too deep to be copied
            raise WorkflowError(f"{self.source}: JSON nested too deeply to be a workflow") from None

    def patched(self, values: Mapping[str, Any]) -> Workflow:
        """Return a copy with inputs set, addressed as "node.input": node by id, title or class.

        Nodes of subgraphs are "Edit > KSampler", or by id "9:5"; "Edit.text" is an input that the instance
        "Edit" exposes. A list value is a link, as in the API form. In UI form the values are kept and set
        when it is converted. Raises WorkflowError for unknown and ambiguous addresses, listing the candidates.
        """
        if self.form == "ui":
            return replace(self, values={**self.values, **copy.deepcopy(dict(values))})
        prompt = self.prompt()
        exposed = Exposed(self.conversion.exposed, self.conversion.subgraphs) if self.conversion else None
        for address, value in values.items():
            for node_id, name in find_inputs(prompt, address, self.source, exposed):
                prompt[node_id]["inputs"][name] = copy.deepcopy(value)
        return replace(self, graph=prompt, form="api")

    def classes(self) -> set[str]:
        """Return the node classes whose definitions it takes to convert and run the workflow.

        Raises WorkflowError for a file whose nodes cannot be made out.
        """
        if self.form == "ui":
            from .graph import classes_of

            with _told_of(self.source):
                return classes_of(dict(self.graph))
        own = {node["class_type"] for node in self.prompt().values()}
        return own | (self.origin.workflow.classes() if self.origin else set())

    def converted(
        self,
        definitions: Mapping[str, Any],
        *,
        seed: int | str | None = "",
        date: datetime | None = None,
        layouts: Mapping[str, Layout] | None = None,
        frontend: str = "",
    ) -> Workflow:
        """Return the workflow in API form, as the page of ComfyUI would queue it, with the values of `patched` set.

        definitions  class -> node definition as /object_info has it, at least of `classes()`
        seed         dynamic prompts choose by it; None leaves their texts as they are
        date         what %date% stands for; now, without it
        layouts      class -> what its JavaScript does to its widgets, beside what the package knows
        frontend     the version of the page that the server asks for; by the definitions if empty

        The page's document goes with it as `extra_data["extra_pnginfo"]["workflow"]`: nodes read it, and
        ComfyUI saves it in pictures. What is suspicious stands in `conversion.warnings`.
        Raises ConversionError, a WorkflowError, for what cannot be converted exactly. A workflow in API form
        is returned as it is.
        """
        if self.form == "api":
            return self
        from .graph import convert

        date = date or datetime.now().replace(microsecond=0)
        with _told_of(self.source):
            conversion = convert(
                dict(self.graph), dict(definitions), seed=seed, date=date, layouts=layouts, frontend=frontend
            )
        done = replace(
            self,
            graph=conversion.prompt,
            form="api",
            extra_data={**self.extra_data, "extra_pnginfo": {"workflow": self.graph}},
            values={},
            conversion=conversion,
            origin=Origin(self, seed, date, layouts, frontend),
        )
        return done.patched(self.values) if self.values else done


def title_of(node_id: str, node: Any) -> str:
    """Return the title a person gave a node, else its class, else its id; of a subgraph's node "Edit > KSampler"."""
    return (path_of(node) or node_id) if isinstance(node, Mapping) else node_id


def is_link(value: Any) -> bool:
    """Whether an input's value is a link [node id, output slot]."""
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
    )


@contextlib.contextmanager
def _told_of(source: str) -> Iterator[None]:
    """Put the file's name in front of what the conversion complains about."""
    try:
        yield
    except WorkflowError as error:
        raise type(error)(f"{source}: {error}") from None
    except RecursionError:  # what can be parsed may still be too deep to be walked
        raise WorkflowError(f"{source}: JSON nested too deeply to be a workflow") from None


def _read(path: str | Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise WorkflowError(f"{path}: cannot be read ({error.strerror or error})") from error


def _parse(data: bytes | str, source: str) -> Any:
    try:
        text = data.removeprefix(BOM_UTF8).decode() if isinstance(data, bytes) else data
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise WorkflowError(
            f"{source}: not UTF-8 text (byte {error.start}): save the workflow again as JSON"
        ) from error
    except json.JSONDecodeError as error:
        raise WorkflowError(
            f"{source}:{error.lineno}:{error.colno}: broken JSON at line {error.lineno} column "
            f"{error.colno}: {error.msg}"
        ) from error
    except RecursionError:
        raise WorkflowError(f"{source}: JSON nested too deeply to be a workflow") from None
    except ValueError as error:  # such as integers of more digits than Python converts
        raise WorkflowError(f"{source}: broken JSON: {error}") from error


def _is_api(document: Any) -> bool:
    return isinstance(document, dict) and any(
        isinstance(node, dict) and isinstance(node.get("class_type"), str) for node in document.values()
    )


def _is_ui(document: Mapping[str, Any]) -> bool:
    nodes = document.get("nodes")
    if not isinstance(nodes, list):
        return False
    if any(isinstance(node, dict) and "type" in node and "id" in node for node in nodes):
        return True
    return isinstance(document.get("links"), list) and "version" in document


def _checked_nodes(graph: Mapping[str, Any], source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for node_id, node in graph.items():
        if not isinstance(node, Mapping) or not isinstance(node.get("class_type"), str):
            raise WorkflowError(
                f"{source}: node {str(node_id)!r} has no class_type: export the workflow from ComfyUI again"
            )
        if not isinstance(node.get("inputs", {}), Mapping):
            raise WorkflowError(
                f"{source}: the inputs of node {str(node_id)!r} ({node['class_type']}) are not an object: "
                "export the workflow from ComfyUI again"
            )
        kept = {key: _copied(value) for key, value in node.items() if key != "is_changed"}
        kept.setdefault("inputs", {}).pop(NONCE_INPUT, None)
        for name, value in kept["inputs"].items():
            number = _no_number(value)
            if number is not None:
                where = f"node {node_id} {title_of(str(node_id), node)!r} ({node['class_type']}), input {name!r}"
                raise WorkflowError(
                    f"{source}: {where} is {number}, which neither JSON nor ComfyUI knows: set it again and save"
                )
        yield str(node_id), kept


def _copied(value: Any) -> Any:
    """Return a copy of a value, which is JSON but for what a test may have put there; `deepcopy` takes much longer."""
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else copy.deepcopy(value)


def _no_number(value: Any) -> str | None:
    """Return the first number in a value that is none, as JavaScript writes it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (str, int)):
        return None
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return next((found for item in items if (found := _no_number(item)) is not None), None)
