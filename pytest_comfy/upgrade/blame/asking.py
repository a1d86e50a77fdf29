"""A server asked for the values between nodes: a run of the same prompt, with probes in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ...workflow.secrets import known_in
from .probes import CLASSES, Slot, probe_of, slots_of, with_probes
from .values import Value

if TYPE_CHECKING:
    from ...client import ComfyClient, Run

Seen = dict[Slot, list[Value]]
_MOST_REFUSALS = 8
"""Probes that may fail one after the other: a value of None, or a picture of two channels, cannot be shown."""


class Asking:
    """Asks one server about one run that it made.

    The prompt is sent as it was, so that what the server has in its cache need not be made again.
    """

    def __init__(self, client: ComfyClient, run: Run, timeout: float | None = None) -> None:
        self.client = client
        self.run = run
        self.timeout = timeout
        self.runs = 0
        self._unseen: set[Slot] = set()
        self._definitions: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def definitions(self) -> Mapping[str, Mapping[str, Any]]:
        """The definitions of the prompt's classes and of those that probes are made of; raises ServerUnreachable."""
        if self._definitions is None:
            classes = {str(node.get("class_type")) for node in self.run.prompt.values()}
            self._definitions = self.client.definitions(classes | CLASSES)
        return self._definitions

    def slots(self, nodes: Collection[str]) -> dict[Slot, str]:
        """Return the outputs of some nodes that can be seen here -> their types."""
        found = slots_of(self.run.prompt, nodes, self.definitions)
        return {slot: kind for slot, kind in found.items() if slot not in self._unseen}

    def values(self, slots: Mapping[Slot, str]) -> Seen:
        """Return the values of some outputs, of those that can be shown, after one run.

        A value that cannot be shown is left out, and the run is made again without it. Raises ComfyError.
        """
        from ...client import ExecutionError, PromptRejected

        left = dict(slots)
        for _ in range(_MOST_REFUSALS):
            if not left:
                break
            posted, shown = with_probes(self.run.posted, left)
            try:
                self.runs += 1
                return self._seen(posted, shown)
            except (ExecutionError, PromptRejected) as error:
                refused = {shown[probe] for probe in _blamed(error, shown)}
                if not refused:
                    raise
                self._unseen |= refused
                left = {slot: kind for slot, kind in left.items() if slot not in refused}
        return {}

    def _seen(self, posted: Mapping[str, Any], shown: Mapping[str, Slot]) -> Seen:
        known = known_in(self.run.prompt, self.run.extra_data)
        found: Seen = {}
        # What is in the cache is what is asked for, and nothing to be made again.
        made = self.client.run(posted, extra_data=self.run.extra_data, use_cache=True, timeout=self.timeout)
        for output in made.outputs:
            slot = shown.get(output.node)
            if slot is not None:
                found.setdefault(slot, []).append(Value.of(output.data, output.media_type, known))
        return found


def _blamed(error: Any, shown: Mapping[str, Slot]) -> set[str]:
    """Return the probes, of those that were sent, that an error is of."""
    nodes = [*getattr(error, "node_errors", {}), (getattr(error, "details", None) or {}).get("node_id")]
    return {probe for node in nodes if node is not None and (probe := probe_of(str(node), shown))}
