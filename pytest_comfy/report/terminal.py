"""The header line and the summary."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from ..judging.verdict import VERDICTS
from ..places import REPLAYING
from ..text import listed, plain
from ..upgrade.causes import causes_of
from .ci import annotated
from .cleaning import fit_to_log
from .drift.words import DRIFT, word_of
from .few import few
from .upgraded import upgraded

if TYPE_CHECKING:
    from ..session.projects import Projects
    from ..session.servers import Server
    from ..session.settings import Settings
    from ..session.state import State

_HEADER_SECONDS = 3.0
_MOST_LOOKED_AT = 200
"""Golden runs that the header looks at, as it must be quick."""
_MOST_KINDS = 3
_SHORTEST = 0.005
"""Seconds of the shortest durations that pytest lists."""
_MOST_UNMATCHED = 10
_MOST_CHANGES = 10
_MOST_OF_A_KIND = 10
_MOST_CAUSES = 5
_MOST_THUMBNAILS = 20
_WAYS = {
    "nonce": "the second time every node ran, but those that load models",
    "free": "the second time it was asked to forget all that it had (POST /free)",
}


def header(projects: Projects) -> list[str]:
    """Return the header lines: mode, servers, versions. Nothing in a project without workflows."""
    if projects.session.live:
        settings = projects.session
        told = [f"comfy: live, {one}" for one in _servers(settings.servers)]
        if settings.start:
            told = [f"comfy: live, starts a ComfyUI for this session: {settings.start}"]
        told += [f"comfy: against {one}" for one in _servers(settings.against)]
        return [fit_to_log(plain(one)) for one in (*_shard(settings), *told, *_made_with(projects))]
    there = [settings for settings in projects.all() if settings.golden_dir.is_dir()]
    if not there:
        return []
    where = listed([f"{settings.golden_name}/" for settings in there])
    return [*_shard(projects.session), f"{REPLAYING} {where}{_recorded(there[0])}"]


def _shard(settings: Settings) -> list[str]:
    return [f"comfy: shard {settings.shard[0]} of {settings.shard[1]}"] if settings.shard else []


def _servers(servers: Sequence[Server]) -> list[str]:
    """Ask servers what they are, all at once: one that is away takes its time."""
    if len(servers) < 2:
        return [_server(server) for server in servers]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(servers)) as threads:
        return [*threads.map(_server, servers)]


def _server(server: Server) -> str:
    from ..client import ComfyClient, ComfyError
    from ..golden.environment import describe_system, summary

    try:
        with ComfyClient(server.address, headers=server.headers, verify=server.verify) as client:
            return f"{client.url}: {summary(describe_system(client.system_stats(timeout=_HEADER_SECONDS)))}"
    except ComfyError as error:
        return plain(f"{server.told}: unreachable ({error})", 300)


def _made_with(projects: Projects) -> Iterator[str]:
    """Tell what golden runs were made with, for a look at what an upgrade changed."""
    from ..golden import GoldenError, GoldenRun, find_runs
    from ..golden.environment import summary

    told: Counter[str] = Counter()
    for folder in islice((run for one in projects.all() for run in find_runs(one.golden_dir)), _MOST_LOOKED_AT):
        with suppress(GoldenError):
            told[summary(GoldenRun.load(folder).environment)] += 1
    if told:
        kinds = [f"{text} ({number})" for text, number in told.most_common(_MOST_KINDS)]
        more = "; and others" if len(told) > _MOST_KINDS else ""
        only = " (the first of them)" if told.total() == _MOST_LOOKED_AT else ""
        yield f"comfy: golden runs{only} were made with {'; '.join(kinds)}{more}"


def _recorded(settings: Settings) -> str:
    """Return what the first golden run was recorded with; one stands for all, as a header must be quick."""
    from ..golden import GoldenError, GoldenRun, find_runs
    from ..golden.environment import summary

    for folder in find_runs(settings.golden_dir):
        try:
            return f" (recorded with {summary(GoldenRun.load(folder).environment)})"
        except GoldenError:
            return ""
    return " (empty)"


def summarize(terminal: pytest.TerminalReporter, state: State) -> None:
    """Write the closing section, where the report is in its last line; nothing when no output was judged."""
    verbose = terminal.config.option.verbose
    _slowest(terminal, state, verbose)
    for number, row in enumerate(
        (*_rows(state), *_changes(terminal, state), *_drift(state), *_causes(state), *_where(state))
    ):
        if not number:
            terminal.section("comfy", sep="-", bold=True)
        terminal.line(fit_to_log(row))
    for command in annotated(state, os.environ):
        terminal.line(command)


def _slowest(terminal: pytest.TerminalReporter, state: State, verbose: int) -> None:
    """Write a list of nodes as pytest does of tests: --durations says how many, --durations-min of how long."""
    if not state.nodes:
        return
    from .slowest import rows

    option = terminal.config.option
    least = option.durations_min  # None in a pytest of 9 where nobody gave it, which means what it was before
    least = _SHORTEST if least is None else least
    told = list(rows(state, option.durations or 0, least if verbose < 2 else 0.0))
    if told:
        terminal.section(f"slowest {len(told)} nodes", sep="=")
    for row in told:
        terminal.line(fit_to_log(row))


def _changes(terminal: pytest.TerminalReporter, state: State) -> Iterator[str]:
    if state.document is None:
        return
    from .changes import INDENT, Changed, changed_in, parts_of, rows
    from .thumbnails import MISSING, can_draw, drawn

    verbose = terminal.config.option.verbose > 0
    writer = terminal.config.get_terminal_writer()
    wanted = state.settings.thumbnails and terminal.isatty and writer.hasmarkup
    thumbnails = wanted and can_draw()
    shown = 0

    def below(changed: Changed) -> Iterator[str]:
        nonlocal shown
        yield from parts_of(changed, writer.fullwidth) if verbose else ()
        if thumbnails and shown < _MOST_THUMBNAILS:
            shown += 1
            yield from drawn(state.settings.report_dir, changed.files, writer.fullwidth, len(INDENT))

    changes = changed_in(state.document)
    yield from rows(changes, 10**6 if verbose else _MOST_OF_A_KIND, below)
    if changes and wanted and not thumbnails:
        yield MISSING


def _drift(state: State) -> Iterator[str]:
    """Tell what is new, changed, known and fixed beside the earlier report."""
    if state.earlier is None:
        return
    by = plain(state.earlier.told, 200)
    counts = ", ".join(f"{state.drift[word]} {word}" for word in DRIFT)
    yield f"failures beside {by} of {state.earlier.created[:10]}: {counts}; what is known fails nothing"
    for word in DRIFT:
        found = sorted(told for told in state.drifted if word_of(told) == word)
        yield from (f"  {plain(told, 300)}" for told in found[:_MOST_CHANGES])
        if len(found) > _MOST_CHANGES:
            yield f"  and {len(found) - _MOST_CHANGES} more {word}"


def _causes(state: State) -> Iterator[str]:
    """Tell what failing cases share that passing ones have not, the likeliest first."""
    told = list(causes_of(state.compared).told())
    yield from (plain(text, 400) for text in told[:_MOST_CAUSES])
    if len(told) > _MOST_CAUSES:
        yield f"  and {len(told) - _MOST_CAUSES} other differences, which are in the report"


def _where(state: State) -> Iterator[str]:
    """Tell how what is right is approved, and where the report of this session is: its page, the folder without one."""
    if state.document is not None and state.cases:
        from .changes import can_be_approved
        from .session import PAGE_FILE

        folder = state.settings.report_dir
        shown = state.settings.relative(folder) or str(folder)
        if can_be_approved(state.document):
            yield plain(f'approve without a server: pytest-comfy approve {shlex.quote(shown)} --reason "why"', 500)
        yield f"report: {plain(shown, 500)}/{PAGE_FILE if (folder / PAGE_FILE).is_file() else ''}"


def _unused(state: State) -> Iterator[str]:
    """Tell which golden runs nothing claims, and remove them then where that was asked for and is sure."""
    told = f"{len(state.unused)} ({', '.join(state.unused)})"
    if state.settings.unused != "remove":
        yield f"golden runs unused: {told}"
        yield "  no case claims them; remove them with --comfy-unused=remove"
    elif state.kept_because:
        yield f"golden runs unused: {told}"
        yield f"  not removed: {state.kept_because}"
    else:
        yield f"golden runs to remove: {told}"
        problems = list(state.remove_unused())
        yield f"golden runs removed: {len(state.unused) - len(problems)}"
        yield from (f"  {plain(problem, 500)}" for problem in problems)


def _nodes_of_packs(state: State) -> Iterator[str]:
    """Tell of each pack under test which of its classes no case ran."""
    for pack, classes in sorted(state.packs.items()):
        never = [name for name in classes if name not in state.ran]
        told = f"nodes of {plain(pack, 80)}: {len(classes) - len(never)} of {len(classes)} ran"
        yield f"{told}; never: {listed(never, 20)}" if never else told


def _rows(state: State) -> Iterator[str]:
    settings = state.settings
    if state.verdicts:
        counts = ", ".join(f"{state.verdicts[word]} {word}" for word in VERDICTS)
        ignored = f", {state.verdicts['ignored']} ignored" if state.verdicts["ignored"] else ""
        yield f"outputs: {counts}{ignored}"
    yield from upgraded(state)
    if state.written:
        yield f"approved: {len(state.written)}"
        yield from (f"  {path.removeprefix(settings.root.as_posix() + '/')}" for path in sorted(state.written))
    yield from _nodes_of_packs(state)
    for way, number in sorted(state.cache_busts.items()):
        runs = "1 workflow was" if number == 1 else f"{number} workflows were"
        yield f"cache: {runs} run twice, as the server still had what it made before and made nothing new: {_WAYS[way]}"
    if state.servers_lost:
        yield f"servers that were gone while cases ran, which others took over: {len(state.servers_lost)}"
        yield from few([plain(one, 300) for one in sorted(state.servers_lost)], _MOST_CHANGES)
    if state.left_out:
        yield f"events: {state.left_out} messages and pictures on the way were too many to be kept"
    changes = sorted(state.models_changed)
    for change in changes[:_MOST_CHANGES]:
        yield f"models: changed since the golden run: {plain(change, 300)}"
    if len(changes) > _MOST_CHANGES:
        yield f"  and {len(changes) - _MOST_CHANGES} more"
    if state.models_cached:
        runs = "1 run" if state.models_cached == 1 else f"{state.models_cached} runs"
        yield f"models: {runs} made with what the server had loaded before, which may have changed since"
        yield "  --comfy-fresh has every run load its models anew"
    if state.lfs_pointers:
        count = len(state.lfs_pointers)
        told = "so what they are of was not judged: run `git lfs pull`"
        yield f"golden files that Git LFS has not fetched: {count}, {told}"
    if state.stale:
        yield f"changed since they were approved, and good all the same: {len(state.stale)}"
        yield from few([plain(one, 300) for one in sorted(state.stale)], _MOST_UNMATCHED)
        yield "  offline they are refused until they are approved again, with --comfy-update=changed"
    if state.left_alone:
        globs = ", ".join(state.projects.globs())
        yield f"workflows left alone, as comfy_workflows ({globs}) names none of them: {len(state.left_alone)}"
        yield f"  {plain(listed(sorted(state.left_alone)), 300)}"
    yield from sorted(plain(problem, 500) for problem in state.report_problems)
    if state.unused:
        yield from _unused(state)
    if state.orphans:
        globs = ", ".join(state.projects.globs())
        yield f"golden runs without a workflow: {state.orphans}, as comfy_workflows ({globs}) matches no file"
    if state.unmatched:
        yield f"prompts that no golden run answers: {len(state.unmatched)}"
        yield from few([plain(one, 500) for one in state.unmatched], _MOST_UNMATCHED)
