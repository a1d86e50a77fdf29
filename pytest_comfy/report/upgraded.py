"""What the closing section says of an upgrade: what was found before, new against old, noise floors, time."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..text import plain
from .few import few

if TYPE_CHECKING:
    from ..session.state import State

_MOST = 10
_MOST_SLOWER = 5
_MOVE = ("move by themselves", "moves by itself")


def upgraded(state: State) -> Iterator[str]:
    """Return the lines, none where nothing of it was asked for, or found."""
    yield from _preflight(state)
    if state.trends or state.not_compared:
        yield from _trends(state)
    if state.floors:
        yield from _floors(state)
    if state.slower:
        yield from _slower(state)


def _preflight(state: State) -> Iterator[str]:
    """Tell of what was found before cases ran and did not keep them from it: once a kind, the worst first."""
    yield from sorted(plain(problem, 500) for problem in state.preflight_problems)
    if not state.preflight_found:
        return
    from ..upgrade.preflight.finding import KINDS

    for (severity, kind), count in sorted(state.preflight_found.items()):
        yield f"preflight: {severity}: {count} case{'s' * (count != 1)} with {KINDS.get(kind, kind)}"
    server = next((one.name or one.told for one in state.settings.servers), "URL")
    yield plain(f"  each of them: pytest-comfy doctor --comfy-url {shlex.quote(server)}", 500)


def _slower(state: State) -> Iterator[str]:
    yield f"slower than before: {len(state.slower)} node{'s' * (len(state.slower) != 1)}"
    slower = sorted(state.slower, key=lambda one: (-one[0], one[2]))
    yield from few(
        [f"{times:.3g} times: {plain(f'{told} in {case}', 300)}" for times, told, case in slower], _MOST_SLOWER
    )
    if state.untimed:
        cases = "1 case" if len(state.untimed) == 1 else f"{len(state.untimed)} cases"
        yield f"  {cases} not judged for it: a golden run that is one run alone says too little of time"
        yield "  calibrate it with --comfy-calibrate 3, or give the old server with --comfy-against"


def _trends(state: State) -> Iterator[str]:
    from ..upgrade.trend import TRENDS

    counts = [(state.trends[word], str(word)) for word in reversed(TRENDS)]
    counts.append((len(state.not_compared), "not compared"))
    yield f"new against old: {', '.join(f'{count} {word}' for count, word in counts if count)}"
    if state.golden_stale:
        yield "  golden stale, as both servers make the same and not what was approved; approve anew what is right:"
        yield from few([plain(one, 300) for one in sorted(state.golden_stale)], _MOST, "    ")
    if state.not_compared:
        yield "  not compared, as the old server made nothing; the golden run alone was asked:"
        yield from few([plain(one, 300) for one in sorted(state.not_compared)], _MOST, "    ")


def _floors(state: State) -> Iterator[str]:
    moving = sorted((one for one in state.floors if one[1] > 0), key=lambda one: (-one[1], one[0]))
    yield f"calibrated: {len(state.floors)}, of which {len(moving)} {_MOVE[len(moving) == 1]}"
    yield from few([f"{limits:.3g} of a limit: {plain(case, 300)}" for case, limits in moving], _MOST)
