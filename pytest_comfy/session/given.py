"""Values of settings as a person gives them: numbers of runs, of cases, of seconds."""

from __future__ import annotations

import math
import re
from typing import Any


class SettingsError(Exception):
    """A setting is wrong; the text is one sentence for the user."""


def runs(given: str | None, live: bool, against: bool) -> int:
    """Return how often each case runs to learn how far it moves by itself, 0 for once; raises SettingsError."""
    if given is None:
        return 0
    if not given.isascii() or not given.isdigit() or not 2 <= int(given) <= 1000:
        raise SettingsError(f"--comfy-calibrate {given!r}: must be a number of runs from 2 up")
    if not live:
        raise SettingsError("--comfy-calibrate runs each case several times live: give the server with --comfy-url")
    if against:
        raise SettingsError("--comfy-calibrate and --comfy-against ask for different runs: give one of them")
    return int(given)


def lookahead(value: Any) -> int:
    """Return how many cases are queued ahead, 2 unless told; raises SettingsError."""
    if value is None:
        return 2
    if not str(value).isascii() or not str(value).isdigit() or int(value) > 1000:
        raise SettingsError(f"comfy_lookahead {value!r}: must be a number of cases, such as 2, or 0 for none")
    return int(value)


def shard(value: str | None) -> tuple[int, int] | None:
    """Return (k, n) of "k/n", the k-th of n parts, from 1; None for all of it. Raises SettingsError."""
    if not value:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,4})", value)
    if found is None or int(found[1]) > int(found[2]):
        raise SettingsError(f"--comfy-shard {value!r}: must be K/N with K from 1 to N, such as 2/5")
    return int(found[1]), int(found[2])


def factor(value: Any) -> float | None:
    """Return how many times as long a node may take, None where nobody minds; raises SettingsError."""
    if not value:
        return None
    try:
        factor = float(value)
    except ValueError:
        factor = math.nan
    if not 1 < factor < math.inf:
        raise SettingsError(f"comfy_slower {value!r}: must be a number above 1, such as 2.0")
    return factor


def seconds(value: Any, name: str) -> float:
    """Return a time limit in seconds; raises SettingsError for what is no positive number."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise SettingsError(f"{name} {value!r}: must be a number of seconds above 0")
    return number
