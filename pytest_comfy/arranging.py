"""The items of a session are put in order, and those of other shards are left to other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .pool.durations import Durations
from .pool.ordering import by_model, longest_first, reordered
from .pool.shards import shard_of

if TYPE_CHECKING:
    from .cases.models import Models
    from .session.state import State

_ANY = 0.1
"""Seconds that any test takes, beside what the golden run of a case tells."""


def arrange(items: list[Any], state: State) -> None:
    """Put cases in the order that the settings want."""
    settings = state.settings
    order = settings.order or ("longest" if len(settings.servers) > 1 else "file")
    if order == "file" or (order == "longest" and not settings.live):
        return
    state.durations = state.durations or Durations()
    for item in items if order == "longest" else ():
        if _is_case(item):
            state.durations.known(item.settings, item.key)  # all, before one that is not known counts as the median
    arranged = by_model(_models_of) if order == "model" else longest_first(_seconds_of)
    items[:] = reordered(items, _is_case, arranged)


def keep_shard(items: list[Any], state: State) -> list[Any]:
    """Keep the items of this shard; returns those that are left to others."""
    if state.settings.shard is None:
        return []
    mine, shards = state.settings.shard
    durations = state.durations = state.durations or Durations()
    usual: list[Any] = []
    seconds: dict[str, float] = {}
    for item in items:
        found = durations.known(item.settings, item.key) if _is_case(item) else 0.0
        if found is None:
            usual.append(item)
        else:
            seconds[item.nodeid] = _ANY + found
    seconds |= {item.nodeid: _ANY + durations.usual for item in usual}
    found_shards = shard_of(seconds, shards)
    away = [item for item in items if found_shards[item.nodeid] != mine - 1]
    items[:] = [item for item in items if found_shards[item.nodeid] == mine - 1]
    return away


def _is_case(item: Any) -> bool:
    return getattr(item, "is_comfy_case", False)


def _seconds_of(item: Any) -> float:
    seconds: float = item.seconds
    return seconds


def _models_of(item: Any) -> Models:
    from .cases.models import models_asked
    from .workflow import Workflow, WorkflowError

    try:
        return models_asked(Workflow.load(item.path), item.case.options.values)
    except WorkflowError:
        return (), ()
