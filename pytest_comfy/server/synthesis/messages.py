"""The messages of a run with their times, as its recording would hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...golden.run import PROMPT_ID

_A_SECOND = 10_000
_FIRST = 5


@dataclass(slots=True)
class Messages:
    """Writes down [[seconds, message], ...]; time passes only by `wait`, and 0.1 ms with each message."""

    events: list[list[Any]] = field(default_factory=list)
    told: list[list[Any]] = field(default_factory=list)
    _states: dict[str, dict[str, Any]] = field(default_factory=dict)
    _at: int = _FIRST
    """In 0.1 ms: whole numbers, so that the times are the same on every machine."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._at += round(seconds * _A_SECOND)

    def tell(self, kind: str, **data: Any) -> None:
        """Send a message that history keeps, with its time in ms since the start."""
        found = {**data, "prompt_id": PROMPT_ID, "timestamp": (self._at - _FIRST) * 1000 // _A_SECOND}
        self.told.append([kind, found])
        self._add({"type": kind, "data": found})

    def begin(self, node_id: str) -> None:
        """Send what is sent before a node runs; its state precedes `executing`."""
        self.progress(node_id, "running", 0.0, 1.0)
        self._send("executing", node=node_id, display_node=node_id)

    def progress(self, node_id: str, state: str, value: float, most: float) -> None:
        """Send the states of all nodes begun so far, with the new one of this node."""
        known = {
            "value": value,
            "max": most,
            "state": state,
            "node_id": node_id,
            "prompt_id": PROMPT_ID,
            **_names(node_id),
        }
        self._states = {**self._states, node_id: known}
        self._send("progress_state", nodes=self._states)

    def tick(self, node_id: str, value: int, most: int, file: str | None) -> None:
        """Send one step of a node, with a preview where there is one."""
        self.progress(node_id, "running", value, most)
        if file is not None:
            kind = "image/png" if file.endswith(".png") else "image/jpeg"
            data = {"node_id": node_id, "prompt_id": PROMPT_ID, "image_type": kind, **_names(node_id)}
            self._add({"binary": 4, "data": data, "file": file})
        self._send("progress", value=value, max=most, node=node_id)

    def executed(self, node_id: str, output: Mapping[str, Any] | None) -> None:
        """Send what a node put out."""
        self._send("executed", node=node_id, display_node=node_id, output=output)

    def finish(self) -> None:
        """Send the last message of a run."""
        self._send("executing", node=None)

    def _send(self, kind: str, **data: Any) -> None:
        self._add({"type": kind, "data": {**data, "prompt_id": PROMPT_ID}})

    def _add(self, row: dict[str, Any]) -> None:
        self.events.append([self._at / _A_SECOND, row])
        self._at += 1


def _names(node_id: str) -> dict[str, Any]:
    return {"display_node_id": node_id, "parent_node_id": None, "real_node_id": node_id}
