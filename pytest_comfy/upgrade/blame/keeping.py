"""Values between nodes as golden runs keep them, so that blame needs no old server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...compare import CompareError
from ...golden import GoldenError, GoldenRun
from ...places import RUN_FILE
from ...workflow.digest import match_nodes
from .asking import Asking, Seen
from .blaming import MOST_PROBES, Blaming
from .probes import Slot, in_order
from .values import Value

if TYPE_CHECKING:
    from ...client import ComfyClient, Run

KEY = "probes"
"""Of run.json: `[{node, slot, type, values: [...]}]`, fingerprints of what went between nodes."""


def with_values(golden: GoldenRun, run: Run, client: ComfyClient) -> GoldenRun:
    """Return a golden run with the values between its nodes, asked of the server that made the run just now.

    What cannot be shown or described is left out. Raises ComfyError.
    """
    asking = Asking(client, run)
    slots = list(asking.slots(in_order(run.prompt, run.prompt)).items())
    entries: list[dict[str, Any]] = []
    for start in range(0, len(slots), MOST_PROBES):
        part = dict(slots[start : start + MOST_PROBES])
        for slot, values in asking.values(part).items():
            try:
                told = [value.to_json() for value in values]
            except CompareError:
                continue
            entries.append({"node": slot[0], "slot": slot[1], "type": part[slot], "values": told})
    return replace(golden, document={**golden.document, KEY: entries})


def against_golden(golden: GoldenRun, now: Asking) -> Blaming | None:
    """Return what holds a run against the values that a golden run keeps; None where it keeps none.

    Raises GoldenError where they are malformed.
    """
    if not golden.document.get(KEY):
        return None
    kept = _kept(golden, match_nodes(golden.prompt, now.run.prompt))
    return Blaming(now, lambda slots: {slot: kept[slot] for slot in slots}, kept.__contains__)


def _kept(golden: GoldenRun, renamed: Mapping[str, str]) -> Seen:
    found: Seen = {}
    try:
        for entry in golden.document[KEY]:
            node = renamed.get(str(entry["node"]))
            slot: Slot | None = (node, int(entry["slot"])) if node is not None else None
            if slot is not None:
                found[slot] = [Value.from_json(one) for one in entry["values"]]
    except (LookupError, TypeError, ValueError) as error:
        raise GoldenError(
            f"{golden.folder}/{RUN_FILE}: malformed probes ({error}): approve the run again with --comfy-probes"
        ) from error
    return found
