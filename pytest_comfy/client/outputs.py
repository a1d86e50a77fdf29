"""Outputs: what the history entry names, downloaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..text import plain
from ..workflow.results import Output, Preview, named_outputs, sent_outputs
from .errors import DownloadError, ServerUnreachable
from .explain import node_label
from .http import FILE_LIMIT, Http


def collect(
    http: Http, prompt: Mapping[str, Any], entry: Mapping[str, Any], previews: list[Preview], timeout: float
) -> Iterator[Output]:
    """Yield the outputs of a run in order of the prompt's nodes, downloading the files.

    Raises DownloadError when the server does not give a file that it named.
    """
    for named in named_outputs(prompt, entry.get("outputs")):
        if named.file is None:
            yield named.output()
        else:
            what = f"{node_label(prompt, named.node)}, {named.key} {named.index}"
            yield named.output(_download(http, named.file, what, timeout))
    yield from sent_outputs(prompt, previews)


def output_nodes(entry: Mapping[str, Any]) -> set[str]:
    """Return the ids of the nodes that have outputs in a history entry."""
    results = entry.get("outputs")
    return {str(node_id) for node_id in results} if isinstance(results, Mapping) else set()


def _download(http: Http, params: dict[str, str], what: str, timeout: float) -> bytes:
    try:
        reply = http.get("/view", params, limit=FILE_LIMIT, timeout=timeout)
    except ServerUnreachable as error:
        raise DownloadError(f"{what}: the output could not be downloaded: {error}") from error
    if reply.status != 200:
        raise DownloadError(
            f"{what}: the server made {plain(params['filename'], 120)!r} and answers {reply.status} when asked "
            "for it: was the output folder emptied?"
        )
    return reply.body
