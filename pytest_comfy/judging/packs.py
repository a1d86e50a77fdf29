"""Which versions of node packs a server has, as ComfyUI-Manager tells: ComfyUI itself knows none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..golden.environment import pack_versions

if TYPE_CHECKING:
    from ..client import ComfyClient

_ROUTES = ("/v2/customnode/installed", "/customnode/installed")
"""Of the Manager that ComfyUI comes with, and of the one that is a node pack itself."""
_AS_LOADED = {"mode": "imported"}
"""What the server loaded when it started, which costs the Manager nothing, and not what lies on its disk by now."""
_LONGEST = 5.0
"""Seconds that an answer may take: nothing depends on it."""


class Packs:
    """The node packs of one server, for one process of a session."""

    def __init__(self) -> None:
        self._versions: dict[str, str] | None = None

    def versions(self, client: ComfyClient, packs: Iterable[str]) -> dict[str, str]:
        """Return pack -> version, or commit, of those packs that the server tells it of; asks when there is a pack."""
        wanted = list(packs)
        if wanted and self._versions is None:
            self._versions = _asked(client)
        known = self._versions or {}
        return {pack: known[pack] for pack in wanted if pack in known}


def _asked(client: ComfyClient) -> dict[str, str]:
    from ..client import ServerUnreachable, TooLarge

    for route in _ROUTES:
        with contextlib.suppress(ServerUnreachable, TooLarge):
            reply = client.http.get(route, _AS_LOADED, timeout=_LONGEST)
            found = pack_versions(reply.json()) if reply.status == 200 else {}
            if found:
                return found
    return {}
