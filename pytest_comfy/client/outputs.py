"""Outputs: what the history entry names, downloaded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from ..text import plain
from ..workflow.named import Named, Place, named_outputs
from ..workflow.results import Output, Preview, sent_outputs
from .errors import DownloadError, ServerUnreachable, TooLarge
from .explain import node_label
from .reply import Reply
from .wire import Wire, get_again

Wanted = Callable[[Named], bool]
"""Whether an output is to be downloaded at all."""

_OBJECTS = 1024
"""Bytes that any output takes for itself."""

_GONE = (400, 403, 404, 410)
"""Answers by which ComfyUI itself says that it has no such file; others are those of a proxy, or of no server."""


async def collect(
    wire: Wire,
    prompt: Mapping[str, Any],
    results: Mapping[str, Any],
    previews: Iterable[Preview],
    timeout: float,
    wanted: Wanted | None = None,
) -> AsyncIterator[Output]:
    """Yield the outputs of a run in order of the prompt's nodes, downloading the files.

    results  the `outputs` of its history entry
    timeout  seconds for one file, however often it is asked for

    Raises DownloadError when the server does not give a file that it named, ServerUnreachable when it cannot be
    asked, and TooLarge and OutOfMemory where they take more than is left of the run's memory.
    """
    for named in named_outputs(prompt, results):
        if wanted is not None and not wanted(named):
            continue
        what = f"{node_label(prompt, named.node)}, {named.key} {named.index}"
        output = named.output(*(await _found(wire, named, what, timeout)))
        wire.budget.hold(len(output.data) + _OBJECTS, what)
        yield output
    for sent in sent_outputs(prompt, previews):
        yield sent


def output_nodes(entry: Mapping[str, Any]) -> set[str]:
    """Return the ids of the nodes that have outputs in a history entry."""
    results = entry.get("outputs")
    return {str(node_id) for node_id in results} if isinstance(results, Mapping) else set()


async def _found(wire: Wire, named: Named, what: str, timeout: float) -> tuple[bytes | None, Place | None]:
    """Download the file of an output from the first place that has it; nothing where it is none."""
    status = None
    for place in named.places:
        reply = await _asked(wire, place, what, timeout)
        if reply.status == 200:
            return reply.body, place
        status = reply.status
    if named.is_file:
        name = named.item if isinstance(named.item, str) else named.item["filename"]
        raise DownloadError(
            f"{what}: the server made {plain(name, 120)!r} and answers {status} when asked for it: was the output "
            "folder emptied?"
        )
    return None, None


async def _asked(wire: Wire, place: Place, what: str, timeout: float) -> Reply:
    """Return what the server says to the question for a file: that it has none, or 200."""
    try:
        reply = await get_again(wire, "/view", place.query, parsed=False, timeout=timeout)
    except TooLarge as error:
        raise TooLarge(f"{what}: {plain(place.filename, 120)!r} was not downloaded: {error}") from error
    except ServerUnreachable as error:
        raise ServerUnreachable(f"{what}: the output could not be downloaded: {error}") from error
    if reply.status != 200 and reply.status not in _GONE:
        raise ServerUnreachable(f"{what}: the output could not be downloaded: {wire.url}/view: answered {reply.status}")
    return reply
