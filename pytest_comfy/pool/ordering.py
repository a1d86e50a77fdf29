"""The order in which cases run: those that share a checkpoint after each other, or the longest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ..cases.models import Models

T = TypeVar("T")


def reordered(items: Sequence[T], is_case: Callable[[T], bool], order: Callable[[list[T]], list[T]]) -> list[T]:
    """Return items of which those stretches are in another order that hold cases alone: tests keep their places."""
    return [item for cases, stretch in groupby(items, is_case) for item in (order([*stretch]) if cases else stretch)]


def by_model(models_of: Callable[[T], Models]) -> Callable[[list[T]], list[T]]:
    """Return what puts cases of the same checkpoint after each other, and of these the ones with the same other files.

    The first of a group keeps its place; cases without a model file stay with each other.
    """

    def order(cases: list[T]) -> list[T]:
        asked = {id(case): models_of(case) for case in cases}
        grouped = _grouped(cases, lambda case: asked[id(case)][0])
        return [case for group in grouped for case in _flat(_grouped(group, lambda case: asked[id(case)][1]))]

    return order


def longest_first(seconds_of: Callable[[T], float]) -> Callable[[list[T]], list[T]]:
    """Return what puts the longest cases first, so that no server is left with one at the end."""
    return lambda cases: sorted(cases, key=lambda case: -seconds_of(case))


def _grouped(cases: Iterable[T], key_of: Callable[[T], Any]) -> list[list[T]]:
    groups: dict[Any, list[T]] = {}
    for case in cases:
        groups.setdefault(key_of(case), []).append(case)
    return [*groups.values()]


def _flat(groups: Iterable[Iterable[T]]) -> Iterator[T]:
    return (case for group in groups for case in group)
