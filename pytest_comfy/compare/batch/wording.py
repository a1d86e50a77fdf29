"""The sentences on what became of a batch; positions count from 0 in the code, from 1 in the sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..media import kind_of
from .alignment import Move

MOST_MOVES = 6
"""Moved items that are told one by one."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_NOUNS: Mapping[str, str] = {"image": "picture", "svg": "picture", "text": "text"}


def noun_of(media_types: Iterable[str]) -> str:
    """Return what an item is called: picture, text, or file for all else and for batches of several kinds."""
    nouns = {_NOUNS.get(kind_of(media_type), "file") for media_type in media_types}
    return nouns.pop() if len(nouns) == 1 else "file"


def ordinal(position: int) -> str:
    """Return "first" for 0; from 11th on in digits."""
    number = position + 1
    if number <= len(_ORDINALS):
        return _ORDINALS[position]
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def numbered(positions: Sequence[int], noun: str) -> str:
    """Return "picture 2", or "pictures 2, 3 and 5"."""
    numbers = [str(position + 1) for position in positions]
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    if len(numbers) > MOST_MOVES:
        numbers = [*numbers[:MOST_MOVES], f"{len(numbers) - MOST_MOVES} more"]
    return f"{noun}s {', '.join(numbers[:-1])} and {numbers[-1]}"


def order_told(moves: Sequence[Move], noun: str) -> str:
    """Say how the order changed; the moves are by golden position."""
    places = {move.golden: move.place for move in moves}
    swaps = [(golden, place) for golden, place in places.items() if golden < place and places.get(place) == golden]
    if 2 * len(swaps) == len(moves):
        if len(swaps) > 1 and _is_reversal(places):
            return f"{noun}s {min(places) + 1} to {max(places) + 1} come in reverse order"
        if len(swaps) <= MOST_MOVES // 2:
            return f"{', '.join(numbered(swap, noun) for swap in swaps)} changed places"
    one = _one_that_moved(moves)
    if one is not None:
        return f"the order changed: {moved_told(one, noun)}; the others keep theirs"
    told = [moved_told(move, noun) for move in moves]
    told[1:] = [one.replace(" is now ", " ") for one in told[1:]]
    more = [f"{len(told) - MOST_MOVES} more moved"] if len(told) > MOST_MOVES else []
    return f"the order changed: {', '.join(told[:MOST_MOVES] + more)}"


def moved_told(move: Move, noun: str) -> str:
    """Say where one item stands now."""
    return f"{noun} {move.golden + 1} is now {ordinal(move.actual)}"


def missing_told(missing: Sequence[int], count: int, noun: str, left: int) -> str:
    """Say which of the golden batch of `count` are gone; `left` others are as they were, 0 for not to be told."""
    verb = "is" if len(missing) == 1 else "are"
    return f"{numbered(missing, noun)} of {count} {verb} missing{_others(left)}"


def new_told(new: Sequence[int], count: int, noun: str, left: int) -> str:
    """Say which of the actual batch of `count` are new; `left` others are as they were, 0 for not to be told."""
    verb = "is" if len(new) == 1 else "are"
    return f"{numbered(new, noun)} of {count} {verb} new{_others(left)}"


def wanted_told(count: int) -> str:
    """Say how many items the golden batch has."""
    return f"the golden run has {count}"


def repeats_told(actual: int, repeated: int, noun: str) -> str:
    """Say which other item of the actual batch one looks like."""
    return f"{noun} {actual + 1} repeats {noun} {repeated + 1}"


def all_same_told(count: int, noun: str) -> str:
    """Say that a batch holds the same item over and over."""
    return f"{'both' if count == 2 else f'all {count}'} {noun}s are the same"


def _others(left: int) -> str:
    if not left:
        return ""
    return "; the other is there" if left == 1 else "; the others are there, in order"


def _is_reversal(places: Mapping[int, int]) -> bool:
    """Whether swaps turn a whole stretch around; the middle one of an odd number stays where it is."""
    first, last = min(places), max(places)
    return last - first + 1 - len(places) == (last - first + 1) % 2 and all(
        golden + place == first + last for golden, place in places.items()
    )


def _one_that_moved(moves: Sequence[Move]) -> Move | None:
    """Return the one whose move explains all; None where it takes more, and of three, which are told one by one."""
    for one in (moves[0], moves[-1]) if len(moves) > 3 else ():
        others = [move.actual for move in moves if move is not one]
        if others == sorted(others):
            return one
    return None
