"""What preflight has to say: one sentence of one node, of a kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...client.errors import ComfyError
from ...client.explain import node_label
from ...text import plain

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The worst first. An error is sure to keep the workflow from running whole; what is a warning may change what it
makes; the rest is good to know."""

API_NODE = "api-node"
KINDS = {
    "unreadable": "a workflow that cannot be read",
    "missing-class": "a node class that is not there",
    "replaced-class": "a node class that the server replaces",
    API_NODE: "an API node, which may cost money",
    "deprecated": "a deprecated node",
    "experimental": "an experimental node",
    "choice-gone": "a model or other choice that is gone",
    "file-gone": "an input file that is not there",
    "embedding-gone": "an embedding that is not there",
    "out-of-range": "a value out of its range",
    "value-type": "a value of a wrong type",
    "input-missing": "a required input without a value",
    "input-added": "an input that is new",
    "input-removed": "an input that is gone",
    "input-renamed": "an input of another name",
    "input-retyped": "an input of another type",
    "input-moved": "an input at another place",
    "input-required": "an input that is required now",
    "input-optional": "an input that is optional now",
    "default-changed": "an input with another default",
    "range-changed": "an input with another range",
    "output-retyped": "an output of another type",
    "output-removed": "an output that is no longer declared",
    "output-list": "an output that became a list, or one no more",
    "output-node": "a node that became an output node, or one no more",
    "no-outputs": "a workflow without output nodes",
    "link": "a link that leads nowhere, or to another type",
    "refused": "a node that the server would refuse",
    "conversion": "a UI-form workflow that cannot be converted",
    "not-checked": "a class of which nothing is known here",
    "seed-control": "a seed that the page changes after each run",
    "device-noise": "a sampler whose noise depends on the device",
    "date": "a value that holds the date",
    "always-runs": "a node that counts as changed in every run",
}
"""Kind -> what one of the kind is."""


@dataclass(frozen=True)
class Finding:
    """One thing found of a workflow.

    kind      one of KINDS
    sentence  without the node, which stands before it
    node      its id, as in the prompt, or in the file where that cannot be converted; None for the workflow as a whole
    title     of the node, with the path to it in subgraphs
    input     the input that it is about, None for the node as such
    """

    severity: Severity
    kind: str
    sentence: str
    node: str | None = None
    title: str | None = None
    class_type: str | None = None
    input: str | None = None

    @property
    def where(self) -> str:
        """The node as messages call it, "" for the workflow as a whole."""
        if self.node is None:
            return ""
        node = {"class_type": self.class_type, "_meta": {"title": self.title or self.class_type}}
        return node_label({self.node: node}, self.node)

    @property
    def told(self) -> str:
        """The whole sentence."""
        return f"{self.where}: {self.sentence}" if self.where else self.sentence

    def to_json(self) -> dict[str, Any]:
        """Return the finding as reports and `--json` have it."""
        return {
            "severity": self.severity,
            "kind": self.kind,
            "node": _told(self.node),
            "title": _told(self.title),
            "class_type": _told(self.class_type),
            "input": _told(self.input),
            "sentence": plain(self.sentence),
        }


class PreflightFailed(ComfyError):
    """A case was not queued, as it is sure to break or not allowed; `finding` is the first of the reasons."""

    judged = True

    def __init__(self, errors: Sequence[Finding]) -> None:
        breaking = [one for one in errors if one.kind != API_NODE]
        paid = [one for one in errors if one.kind == API_NODE]
        self.finding = (breaking or paid)[0]
        told = "\n  ".join(plain(one.told) for one in (*breaking, *paid))
        # What costs money is not queued in any mode.
        way = "" if paid else "\n  nothing was queued; --comfy-preflight=warn queues it all the same"
        super().__init__(f"{'sure to break' if breaking else 'not queued'}: {told}{way}")


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings once each, the worst first, else in the order in which they were found."""
    return sorted(dict.fromkeys(findings), key=lambda one: SEVERITIES.index(one.severity))


def _told(text: str | None) -> str | None:
    return None if text is None else plain(text, 200)
