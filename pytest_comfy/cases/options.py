"""What holds for one case: the sidecar's word, resolved against command line, marks and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..session.given import SettingsError, seconds
from ..session.settings import TOLERANCES, Settings

if TYPE_CHECKING:
    from ..compare import TextRule

Masks = tuple[tuple[int, int, int, int], ...]
Area = Masks | Path
"""Part of a picture: rectangles (x, y, width, height) in pixels, or a picture in which it is white."""
ToleranceSpec = str | Mapping[str, Any]
DynamicPrompts = int | str | Literal[False] | None
"""The seed that dynamic prompts choose by; False leaves their texts as they are, None is for the case to say."""


@dataclass(frozen=True)
class OutputRule:
    """What a sidecar says of one output: `address` is node[.key[.index]], node by id, title or class.

    Of a node in a subgraph, title and class may have its path in front: "Edit > Save Image".

    masks  what is not compared
    only   what is compared at all, None for everything
    """

    address: str
    tolerance: ToleranceSpec | None = None
    ignore: bool = False
    masks: Area = ()
    only: Area | None = None
    text: TextRule | None = None


@dataclass(frozen=True)
class CaseOptions:
    """What holds for one case; None where the sidecar says nothing. Times in seconds.

    blank           whether outputs may be approved that show nothing
    allow_unjudged  whether every output may be ignored
    """

    timeout: float | None = None
    stall_timeout: float | None = None
    tolerance: ToleranceSpec | None = None
    allow_node_errors: bool = False
    inputs: tuple[str, ...] = ()
    outputs: tuple[OutputRule, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    dynamic_prompts: DynamicPrompts = None
    blank: bool = False
    allow_unjudged: bool = False


def resolve(settings: Settings, options: CaseOptions, mark: Mapping[str, Any] | None = None) -> CaseOptions:
    """Return the options of one case with nothing left open: command line > mark > sidecar > the rest.

    Raises SettingsError for a mark's value that is none.
    """
    mark = mark or {}

    def pick(name: str) -> Any:
        if name in settings.cli:
            return getattr(settings, name)
        if mark.get(name) is not None:
            return mark[name]
        own = getattr(options, name)
        return getattr(settings, name) if own is None else own

    rules = options.outputs
    if "tolerance" in settings.cli:
        rules = tuple(replace(rule, tolerance=None) for rule in rules)
    return CaseOptions(
        timeout=seconds(pick("timeout"), "timeout"),
        stall_timeout=seconds(pick("stall_timeout"), "stall_timeout"),
        tolerance=checked_tolerance(pick("tolerance"), "tolerance"),
        allow_node_errors=bool(mark.get("allow_node_errors", options.allow_node_errors)),
        inputs=options.inputs,
        outputs=rules,
        values=options.values,
        dynamic_prompts=options.dynamic_prompts,
        blank=options.blank or settings.allow_blank,
        allow_unjudged=options.allow_unjudged,
    )


def checked_text_rule(value: Any, where: str) -> TextRule:
    """Return the way to compare texts that a setting means; raises SettingsError for any other."""
    from ..compare import parse_text_rule

    try:
        return parse_text_rule(value)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from error


def checked_tolerance(value: Any, where: str) -> Any:
    """Return a tolerance that means something; raises SettingsError naming the nearest one for any other."""
    if isinstance(value, str) and value in TOLERANCES:
        return value  # the usual case, for which the comparator need not load
    from ..compare import parse_tolerance

    try:
        parse_tolerance(value)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{where}: {error}") from error
    return value
