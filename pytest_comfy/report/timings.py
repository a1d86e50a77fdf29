"""How long each node took, beside the golden run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..golden.timing import seconds_of_golden, seconds_of_run
from ..workflow.digest import class_of, match_nodes
from ..workflow.model import title_of
from .telling import line

if TYPE_CHECKING:
    from ..client import Run
    from ..golden import GoldenRun


def timings(run: Run | None, golden: GoldenRun | None, *, live: bool) -> list[dict[str, Any]]:
    """Return a row a node that ran or was cached, in order of execution, its seconds beside those of the golden run.

    Of a replay it is not known how long a node took, as it is made by nobody.
    """
    before = seconds_of_golden(golden) if golden else {}
    prompt = run.prompt if run else golden.prompt if golden else {}
    names = match_nodes(golden.prompt, run.prompt) if run and golden else {}
    before = {names.get(node, node): seconds for node, seconds in before.items()}
    now = seconds_of_run(run) if run else {}
    cached = run.cached if run else frozenset()
    order = dict.fromkeys([*(node for node in prompt if node in cached), *now, *before])
    return [
        {
            "node": node,
            "title": line(title_of(node, prompt[node])),
            "class_type": line(class_of(prompt[node]), 200),
            "golden": before.get(node),
            "actual": now.get(node) if live else None,
            "cached": node in cached,
        }
        for node in order
        if node in prompt
    ]
