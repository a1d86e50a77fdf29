"""The noise floor of an output: how far it moves by itself, from run to run or from server to server."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..compare.tolerance import FACTORS, Tolerance, parse_tolerance
from ..workflow.digest import match_nodes
from .batches import name_today

if TYPE_CHECKING:
    from ..cases.options import ToleranceSpec
    from ..golden import GoldenRun

KEY = "calibration"
"""Of run.json: when the floors were measured and by how many runs, on how many servers, and the seconds of each."""

MULTIPLE = 2.0
"""What a floor is multiplied by to be a limit: of some runs the two farthest apart are seldom among those measured."""
HIGHEST = FACTORS["loose"]
"""Distance, in limits at `normal`, above which an output cannot be tested: not even `loose` would allow it."""


def widened(tolerance: ToleranceSpec, floor: Mapping[str, Any] | None) -> ToleranceSpec | Tolerance:
    """Return a tolerance in which every part may move by MULTIPLE of its floor at least.

    floor  as golden runs keep it: `parts`, name -> how far it moved, in its own unit, and `distance`, the farthest of
           them in limits at `normal`

    One above HIGHEST widens nothing.
    """
    parts = floor.get("parts") if floor else None
    if not isinstance(parts, Mapping) or not is_testable(floor):
        return tolerance
    known = parse_tolerance(tolerance)
    limits = {}
    for part, value in parts.items():
        try:
            if isinstance(value, (int, float)) and known.limit(part) < MULTIPLE * value < math.inf:
                limits[part] = MULTIPLE * value
        except KeyError:
            continue  # a part that is measured no more
    if not limits:
        return tolerance
    name = f"{known.name} widened by the noise floor"
    return replace(known, name=name, exact=False, limits={**known.limits, **limits})


def is_testable(floor: Mapping[str, Any] | None) -> bool:
    """Whether an output holds still enough to be compared at all."""
    distance = floor.get("distance") if floor else 0.0
    return isinstance(distance, (int, float)) and distance <= HIGHEST


def carried(golden: GoldenRun, fresh: GoldenRun) -> GoldenRun:
    """Return a run that takes the place of a golden run with the floors of that: they are the workflow's, whatever it
    makes now. How long it took is not carried."""
    told = golden.document.get(KEY)
    if not isinstance(told, Mapping):
        return fresh
    renamed = match_nodes(golden.prompt, fresh.prompt)
    floors = {name_today(output, renamed): output.floor for output in golden.outputs if output.floor is not None}
    outputs = [
        {**entry, "floor": floors[output.name]} if output.name in floors else entry
        for output, entry in zip(fresh.outputs, fresh.document["outputs"], strict=True)
    ]
    calibration = {key: value for key, value in told.items() if key != "seconds"}
    return replace(fresh, document={**fresh.document, "outputs": outputs, KEY: calibration})
