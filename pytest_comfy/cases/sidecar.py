"""Sidecars: `txt2img.toml` beside `txt2img.json`, and `comfy.toml` for all files of a folder."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..places import PROJECT_FILE
from ..session.given import SettingsError, seconds
from ..session.servers import SERVERS_TABLE
from ..session.settings import Settings
from ..text import did_you_mean, listed
from .options import Area, CaseOptions, DynamicPrompts, OutputRule, checked_text_rule, checked_tolerance
from .requirements import checked_requirements

FOLDER_FILE = PROJECT_FILE
DEFAULT_CASE = "default"

_CASE_KEYS = ("set", "tolerance", "outputs", "marks", "skip", "xfail", "timeout", "stall_timeout", "inputs",
              "allow_node_errors", "dynamic_prompts", "blank", "allow_unjudged", "requires")  # fmt: skip
_FOLDER_KEYS = ("tolerance", "marks", "skip", "xfail", "timeout", "stall_timeout", "allow_node_errors",
                "dynamic_prompts", "requires")  # fmt: skip
_OUTPUT_KEYS = ("tolerance", "ignore", "masks", "only", "text")
_DEEPEST = 50
_XFAIL_KEYS = ("reason", "strict")
_CASE_NAME = re.compile(r"[^\W_][\w.=, -]*(?<![. ])|_[\w.=, -]*(?<![. ])")
_MARK = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Case:
    """One workflow with one set of values.

    mark_files  mark -> the file that gives it
    skip   the reason, when it is to be skipped
    xfail  the reason and strictness, when it is expected to fail
    requires  what its server must have, see `cases.requirements`
    """

    name: str = DEFAULT_CASE
    options: CaseOptions = field(default_factory=CaseOptions)
    marks: tuple[str, ...] = ()
    mark_files: Mapping[str, Path] = field(default_factory=dict)
    skip: str | None = None
    xfail: tuple[str, bool | None] | None = None
    requires: Mapping[str, Any] = field(default_factory=dict)


Layers = list[tuple[Path, Mapping[str, Any]]]
"""What some files say, each going before those that come before it."""


def read_cases(workflow: Path, settings: Settings, known: dict[Path, Layers] | None = None) -> list[Case]:
    """Return the cases of a workflow file of a project by its sidecar and its folders' comfy.toml, at least one.

    known  folder -> what its comfy.toml files say, as far as they were read; what is read now is added

    Raises SettingsError naming file and key for anything that is not understood.
    """
    known = {} if known is None else known
    if workflow.parent not in known:
        known[workflow.parent] = _folder_layers(workflow.parent, settings)
    layers = [*known[workflow.parent]]
    sidecar = workflow.with_suffix(".toml")
    cases: Mapping[str, Any] = {}
    if sidecar.name != FOLDER_FILE and sidecar.is_file():
        document = dict(_load(sidecar))
        cases = document.pop("cases", {})
        if not isinstance(cases, dict) or not all(isinstance(case, dict) for case in cases.values()):
            raise SettingsError(f"{sidecar}: cases must be tables: write [cases.NAME]")
        layers.append((sidecar, _checked(document, _CASE_KEYS, sidecar, "")))
    folded = [name.casefold() for name in cases]
    for name in cases:
        if not _CASE_NAME.fullmatch(name) or folded.count(name.casefold()) > 1:
            raise SettingsError(
                f"{sidecar}: case {name!r} cannot name a folder: use letters, digits, '-', '_', '.', '=' and "
                "',', and no two names alike but for case"
            )
    if not cases:
        return [_case(DEFAULT_CASE, layers)]
    return [
        _case(name, [*layers, (sidecar, _checked(table, _CASE_KEYS, sidecar, f"cases.{name}."))])
        for name, table in cases.items()
    ]


def _folder_layers(folder: Path, settings: Settings) -> Layers:
    """Return what the comfy.toml files say that hold for the workflows of a folder, outermost first."""
    root = settings.root
    folders = [one for one in (folder, *folder.parents) if one == root or root in one.parents]
    layers: Layers = []
    for one in reversed(folders or [folder]):
        path = one / FOLDER_FILE
        if path.is_file():
            table = _load(path)
            if one in (root, settings.folder):
                table.pop(SERVERS_TABLE, None)  # read where the servers are
            layers.append((path, _checked(table, _FOLDER_KEYS, path, "")))
    return layers


def _load(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: broken TOML: {error}") from error
    if _is_deeper(document, _DEEPEST):
        raise SettingsError(f"{path}: tables and lists in more than {_DEEPEST} levels")
    return document


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether tables and lists stand in one another in more than so many levels, told without recursion."""
    within = [value]
    for _ in range(levels):
        if not within:
            return False
        within = [
            item
            for one in within
            for item in (one.values() if isinstance(one, dict) else one)
            if isinstance(item, (dict, list))
        ]
    return bool(within)


def _checked(table: Mapping[str, Any], known: tuple[str, ...], path: Path, where: str) -> Mapping[str, Any]:
    for key in table:
        if key not in known:
            if known == _FOLDER_KEYS and key in (*_CASE_KEYS, "cases"):
                raise SettingsError(f"{path}: {key!r} belongs into the sidecar of one workflow, not here")
            raise SettingsError(
                f"{path}: unknown key {where + key!r}{did_you_mean(key, known)}; known are {listed(known, 20)}"
            )
    return table


def _case(name: str, layers: Layers) -> Case:
    """Merge the layers, outermost first: single values are replaced, marks, inputs, set and outputs added."""
    single: dict[str, tuple[Path, Any]] = {}
    values: dict[str, Any] = {}
    outputs: dict[str, OutputRule] = {}
    mark_files: dict[str, Path] = {}
    inputs: dict[str, None] = {}
    for path, table in layers:
        for key, value in table.items():
            if key == "set":
                values.update(_values(value, path))
            elif key == "outputs":
                outputs.update(_output_rules(value, path))
            elif key == "marks":
                mark_files.update(dict.fromkeys(_marks(value, path), path))
            elif key == "inputs":
                inputs.update(dict.fromkeys(_texts(value, path, key)))
            else:
                single[key] = path, value
    read = {key: _READ[key](path, value, key) for key, (path, value) in single.items()}
    own = {key: read.pop(key) for key in _OF_CASE if key in read}
    options = CaseOptions(inputs=tuple(inputs), outputs=tuple(outputs.values()), values=values, **read)
    return Case(name, options, tuple(mark_files), mark_files, **own)


def _marks(value: Any, path: Path) -> list[str]:
    for mark in (marks := _texts(value, path, "marks")):
        if not _MARK.fullmatch(mark):
            raise SettingsError(f"{path}: mark {mark!r} is no name of a pytest mark")
    return marks


def _requirements(path: Path, value: Any, key: str) -> Mapping[str, Any]:
    return checked_requirements(value, f"{path}: {key}")


def _values(table: Any, path: Path) -> dict[str, Any]:
    """Return address -> value; `KSampler.seed = 7` without quotes is a nested table and means the same."""
    if not isinstance(table, dict):
        raise SettingsError(f'{path}: set must be a table: write [set] and "KSampler.seed" = 7')
    return dict(_flattened(table, path, ""))


def _flattened(table: Mapping[str, Any], path: Path, prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and "__value__" not in value:
            yield from _flattened(value, path, f"{prefix}{key}.")
        elif not _is_json(value):
            raise SettingsError(f"{path}: {prefix + key!r}: {value} is no JSON value; put it in quotes")
        else:
            yield prefix + key, value


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_json(item) for item in value.values())
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    return isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value))


def _output_rules(table: Any, path: Path) -> dict[str, OutputRule]:
    if not isinstance(table, dict) or not all(isinstance(rule, dict) for rule in table.values()):
        raise SettingsError(f'{path}: outputs must be tables: write [outputs."Save Image"]')
    rules = {}
    for address, rule in table.items():
        _checked(rule, _OUTPUT_KEYS, path, f"outputs.{address}.")
        rules[address] = OutputRule(
            address,
            _tolerance(path, rule["tolerance"], "tolerance") if "tolerance" in rule else None,
            _flag(path, rule.get("ignore", False), f"outputs.{address}.ignore"),
            _area(path, rule.get("masks", []), f"outputs.{address}.masks"),
            _area(path, rule["only"], f"outputs.{address}.only") if "only" in rule else None,
            checked_text_rule(rule["text"], f"{path}: outputs.{address}.text") if "text" in rule else None,
        )
    return rules


def _area(path: Path, value: Any, key: str) -> Area:
    """Return rectangles, or the path of a mask picture, which is relative to the file that names it."""
    if isinstance(value, str):
        picture = path.parent / value
        if not picture.is_file():
            raise SettingsError(f"{path}: {key}: there is no mask picture {value!r} beside it")
        return picture
    rectangles = value if isinstance(value, list) else [value]
    for rectangle in rectangles:
        if (
            not isinstance(rectangle, list)
            or len(rectangle) != 4
            or not all(isinstance(side, int) and not isinstance(side, bool) for side in rectangle)
            or min(rectangle) < 0
            or min(rectangle[2:]) < 1
        ):
            raise SettingsError(
                f"{path}: {key} must be rectangles in pixels, [[x, y, width, height], ...], or the name of a picture "
                "that is white there"
            )
    return tuple((x, y, width, height) for x, y, width, height in rectangles)


def _tolerance(path: Path, value: Any, key: str) -> Any:
    return checked_tolerance(value, f"{path}: {key}")


def _seconds(path: Path, value: Any, key: str) -> float:
    return seconds(value, f"{path}: {key}")


def _seed(path: Path, value: Any, key: str) -> DynamicPrompts:
    if value is False or (isinstance(value, (int, str)) and value is not True):
        return value
    raise SettingsError(
        f"{path}: {key} must be a whole number or a text to choose by, or false to leave {{a|b}} as it is"
    )


def _flag(path: Path, value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{path}: {key} must be true or false")
    return value


def _texts(value: Any, path: Path, key: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"{path}: {key} must be a list of texts")
    return value


def _reason(path: Path, value: Any, key: str) -> str | None:
    if value is False:
        return None
    if not isinstance(value, str) or not value.strip():
        raise SettingsError(f'{path}: {key} needs a reason: write {key} = "why"')
    return value


def _xfail(path: Path, value: Any, key: str) -> tuple[str, bool | None] | None:
    if not isinstance(value, dict):
        reason = _reason(path, value, key)
        return (reason, None) if reason else None
    _checked(value, _XFAIL_KEYS, path, f"{key}.")
    reason = _reason(path, value.get("reason", ""), key)
    strict = value.get("strict")
    return (reason or "", None if strict is None else _flag(path, strict, f"{key}.strict"))


_OF_CASE = {"skip": _reason, "xfail": _xfail, "requires": _requirements}
"""What reads the keys that a case has; the others are of its options."""
_READ: Mapping[str, Callable[[Path, Any, str], Any]] = {
    "timeout": _seconds,
    "stall_timeout": _seconds,
    "tolerance": _tolerance,
    "allow_node_errors": _flag,
    "dynamic_prompts": _seed,
    "blank": _flag,
    "allow_unjudged": _flag,
    **_OF_CASE,
}
