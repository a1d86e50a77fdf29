"""Dynamic groups: a few widgets, repeated as often as the page has rows, posted as `group.0.field`, `group.1.field`.

Read in the sources of ComfyUI 0.38, not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DYNAMIC_GROUP = "COMFY_DYNAMICGROUP_V3"

_MOST_ROWS = 20
_CATEGORIES = ("required", "optional")


class GroupError(ValueError):
    """The values of a node do not make rows of a group; the text is ComfyUI's."""

    def __init__(self, input_name: str, message: str) -> None:
        super().__init__(message)
        self.input_name = input_name


def rows(group: str, options: Mapping[str, Any], live: Any) -> dict[str, dict[str, Any]]:
    """Return "required" and "optional" -> name -> specification of the fields of all rows that have a value.

    group    the dotted name of the input
    options  what its definition says: `template` of a row, `min` and `max` of rows
    live     the node's values by name

    Rows that are left out between others are no inputs. Raises GroupError for a value that no row has, and for too few
    or too many rows.
    """
    template = options.get("template")
    fields = {
        name: (category, spec)
        for category in _CATEGORIES
        for name, spec in _mapping(_mapping(template).get(category)).items()
    }
    least, most = _whole(options.get("min"), 0), _whole(options.get("max"), _MOST_ROWS)
    prefix = f"{group}."
    present = {_row(group, name, fields, most) for name in live if isinstance(name, str) and name.startswith(prefix)}
    if not least <= len(present) <= most:
        told = f"DynamicGroup input '{group}' received {len(present)} rows; expected between {least} and {most}."
        raise GroupError(group, told)
    found: dict[str, dict[str, Any]] = {category: {} for category in _CATEGORIES}
    for row in sorted(present):
        for name, (category, spec) in fields.items():
            found[category][f"{prefix}{row}.{name}"] = spec
    return found


def _row(group: str, name: str, fields: Mapping[str, Any], most: int) -> int:
    """Return the row that a value is of."""
    index, dot, field = name[len(group) + 1 :].partition(".")
    is_number = index.isascii() and index.isdecimal() and (len(index) == 1 or not index.startswith("0"))
    if not dot or not is_number or field not in fields:
        told = f"Invalid DynamicGroup input key '{name}'; expected '{group}.<index>.<template field>'."
        raise GroupError(name, told)
    # What has more digits than any limit is not made a number, which takes its time.
    row = int(index) if len(index) <= len(str(most)) else most
    if row >= most:
        told = f"DynamicGroup input '{name}' exceeds the index limit of {most - 1} (max={most})."
        raise GroupError(name, told)
    return row


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
