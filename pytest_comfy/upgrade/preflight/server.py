"""What a server tells of itself that preflight goes by."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ...client.told import version_in
from ...golden.environment import describe_system
from ...workflow.validate import manners_of
from .known import Known

if TYPE_CHECKING:
    from ...client import ComfyClient
    from .finding import Severity


def of_server(client: ComfyClient, api_nodes: Severity = "warning", *, thorough: bool = False) -> Known:
    """Ask a server once for all that is looked at; raises ComfyError where it does not answer.

    api_nodes  how bad API nodes are
    thorough   asks as well which folders of models hold a file that is missed where it should be
    """
    stats = client.system_stats()
    return Known(
        client.definitions(),
        manners=manners_of(version_in(stats)),
        replacements=client.replacements(),
        system=describe_system(stats),
        has_file=cache(client.has_file),
        embeddings=cache(lambda: _embeddings(client)),
        folders_of=_Models(client).places if thorough else lambda name: [],
        api_nodes=api_nodes,
    )


def _embeddings(client: ComfyClient) -> list[str] | None:
    from ...client import ComfyError

    try:
        return client.embeddings()
    except ComfyError:
        return None


class _Models:
    """The model files of a server, asked for when one is missed."""

    def __init__(self, client: ComfyClient) -> None:
        self._client = client
        self._files: dict[str, list[str]] | None = None

    def places(self, name: str) -> list[str]:
        """Return "FOLDER/FILE" of the files that have the name of a model, in whatever folder."""
        if self._files is None:
            self._files = self._asked()
        return self._files.get(_base(name), [])

    def _asked(self) -> dict[str, list[str]]:
        from ...client import ComfyError

        found: dict[str, list[str]] = {}
        try:
            for folder in self._client.models():
                for name in self._client.models(folder):
                    found.setdefault(_base(name), []).append(f"{folder}/{name}")
        except ComfyError:
            return found  # what it told until then is true all the same
        return found


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].casefold()
