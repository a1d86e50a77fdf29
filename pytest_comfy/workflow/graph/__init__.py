"""From the UI form of a workflow to the API form, as ComfyUI's own page converts it.

The stages are those of the page: load (document, loading, nodes, widgets, values), apply primitives, flatten
(frames), resolve links and emit. What the page does by mistake is not repeated, and what cannot be converted
exactly is refused.
"""

from __future__ import annotations

import warnings as _warnings
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from . import refusals
from .document import Document, SavedGraph, SavedNode, read
from .emit import Emission, emit
from .groups import as_definitions
from .layouts import Layout, shipped
from .loading import check_classes, inner_first, load
from .nodes import BYPASSED, MUTED, Classes
from .primitives import apply
from .promoted import push_down
from .renumbering import renumber
from .result import Choice, Conversion, ConversionError, ConversionWarning
from .versions import NEWEST, page_of

__all__ = [
    "Choice",
    "Conversion",
    "ConversionError",
    "ConversionWarning",
    "Layout",
    "classes_of",
    "convert",
    "nodes_that_run",
    "to_prompt",
]


def to_prompt(
    graph: Mapping[str, Any],
    definitions: Mapping[str, Any],
    *,
    seed: int | str | None = "",
    date: datetime | None = None,
    layouts: Mapping[str, Layout] | None = None,
    strict: bool = False,
    frontend: str = "",
) -> dict[str, dict[str, Any]]:
    """Return the prompt that ComfyUI's page makes of a UI-form workflow: id -> {class_type, inputs, _meta}.

    Takes what `convert` takes, and turns its warnings into Python's. Values that do not fit their widgets are
    sent as the page sends them, with a warning, unless `strict`.
    """
    conversion = convert(graph, definitions, seed=seed, date=date, layouts=layouts, strict=strict, frontend=frontend)
    for text in conversion.warnings:
        _warnings.warn(text, ConversionWarning, stacklevel=2)
    return conversion.prompt


def convert(
    graph: Mapping[str, Any],
    definitions: Mapping[str, Any],
    *,
    seed: int | str | None = "",
    date: datetime | None = None,
    layouts: Mapping[str, Layout] | None = None,
    strict: bool = True,
    frontend: str = "",
) -> Conversion:
    """Convert a UI-form workflow, with what was chosen and what is suspicious.

    definitions  class -> node definition, as /object_info has them
    seed         what dynamic prompts choose by; None leaves their texts as they are
    date         what %date:...% stands for (now)
    layouts      class -> what JavaScript does to its widgets, beside what this package knows
    strict       refuse values that cannot be what their widgets hold, and take those that the file names where the
                 page, going by position, takes others
    frontend     the version of the page that the server asks for, such as "1.48.7"; by the definitions if
                 empty, and where they do not tell by the file

    Raises ConversionError: one sentence that names the node, and what to do.
    """
    layouts = {**shipped(), **(layouts or {})}
    try:
        document = read(graph)
        page = page_of(definitions, frontend, document.frontend)
        classes = Classes(definitions, layouts, page, bool(document.frontend), strict)
        return _convert(document, classes, seed, date or datetime.now())
    except RecursionError:  # of values, which are copied as they are
        raise ConversionError("values are nested too deeply to be a workflow's") from None


def classes_of(graph: Mapping[str, Any]) -> set[str]:
    """Return the node classes whose definitions a conversion asks for; raises ConversionError."""
    classes = Classes({}, shipped())
    found = {name for _, node in _saved(graph, classes) for name in (node.type, classes.name_of(node))}
    return {name for name in found if not _is_virtual(name)}


def nodes_that_run(graph: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[tuple[SavedGraph, SavedNode, str]]:
    """Return the nodes that the page would send, each with the graph that it stands in and its class of today.

    definitions  class -> node definition; a class that was renamed goes by the name that is among them

    Raises ConversionError.
    """
    classes = Classes(definitions, shipped())
    named = [(each, node, classes.name_of(node)) for each, node in _saved(graph, classes)]
    return [one for one in named if one[1].mode not in (MUTED, BYPASSED) and not _is_virtual(one[2])]


def _saved(graph: Mapping[str, Any], classes: Classes) -> Iterator[tuple[SavedGraph, SavedNode]]:
    """Yield the nodes of a file that are no instances of subgraphs, with the graph of each."""
    document = read(graph)
    definitions = {**document.definitions, **as_definitions(document, classes)}
    for each in inner_first(document.root, definitions):
        for node in [*each.nodes.values(), *each.again]:
            if node.type not in definitions:
                yield each, node


def _is_virtual(name: str) -> bool:
    return bool(shipped().get(name, Layout()).virtual)


def _convert(document: Document, classes: Classes, seed: int | str | None, date: datetime) -> Conversion:
    renumber(document, classes.page)
    graphs = load(document, classes)
    check_classes(graphs)
    for each in graphs:
        apply(each, classes.page, date)
    if not classes.page.keeps_definitions:
        for each in graphs:
            push_down(each)
    emission = emit(graphs[0], seed=None if seed is None else str(seed), date=date, page=classes.page)
    for problem in refusals.captures(emission):
        raise ConversionError(problem)
    bad = list(refusals.misfits(emission))
    if classes.strict and bad:
        raise ConversionError(f"{bad[0]} ({len(bad) - 1} more of the kind)" if len(bad) > 1 else bad[0])
    let_go = [told for each in graphs for told in each.let_go]
    for each in graphs:
        for node in each.nodes.values():
            if node.inner is not None:
                let_go += refusals.disputes(node, each.saved.where(node.label))
    newer = () if classes.page.is_known else (_newer(),)
    told = (*newer, *let_go, *bad, *refusals.warnings(emission, document.frontend))
    return _conversion(emission, told, frozenset(newer))


def _newer() -> str:
    return (
        f"the server's page is a later one than 1.{NEWEST}, whose rules are the newest that are known here: upgrade "
        "pytest-comfy, or compare the prompt with the page's own export"
    )


def _conversion(emission: Emission, told: tuple[str, ...], general: frozenset[str]) -> Conversion:
    prompt = {}
    for sent in emission.sent.values():
        meta: dict[str, Any] = {"title": sent.node.title}
        if sent.frame.titles:
            meta["subgraph"] = sent.frame.titles
        if (was := sent.frame.old_id_of(sent.node)) != sent.id:
            meta["was"] = was
        name = (sent.node.definition or {}).get("name")
        class_type = name if isinstance(name, str) and name else sent.node.type
        prompt[sent.id] = {"inputs": sent.inputs, "class_type": class_type, "_meta": meta}
    return Conversion(
        prompt=prompt,
        choices=tuple(emission.choices),
        warnings=told,
        exposed={
            instance: {name: tuple(targets) for name, targets in names.items()}
            for instance, names in emission.exposed.items()
        },
        subgraphs=emission.subgraphs,
        general=general,
    )
