"""How requests leave: on this machine over a connection of our own, and else as `far` has them leave.

What that needs takes long to load, and is loaded when it is needed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from ..access import Access
from .loopback import Loopback

if TYPE_CHECKING:
    from .far import Far


class Answer(Protocol):
    """Status, headers, and a body that is to be read once, by `read` or `stream`, as it came."""

    @property
    def status(self) -> int:
        """Of HTTP."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Whatever the case of their names."""

    def read(self) -> bytes:
        """Return the body; raises OSError, and the errors of urllib3."""

    def stream(self, size: int) -> Iterator[bytes]:
        """Yield the body in pieces of `size` bytes at most; raises as `read` does."""

    def fileno(self) -> int:
        """Return the number of the socket; raises OSError, ValueError or AttributeError once all was read."""

    def close(self) -> None:
        """End the connection, unless the answer was read to its end."""


class Sender:
    """Sends requests to one server, from any thread."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._loopback = Loopback.to(access)
        self._opening = threading.Lock()
        self._far: Far | None = None

    def send(
        self,
        method: str,
        path: str,
        seconds: float,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        **form: Any,
    ) -> Answer:
        """Return an answer of which the body is still to be read.

        seconds  that may pass between two bytes of it
        form     what requests takes as `files` and `data`

        Raises the errors of requests for what cannot be asked, and else those of urllib3 and OSError.
        """
        body = None if json is None else _encoded(json)
        target = f"{path}?{urlencode(params)}" if params else path
        if self._loopback is not None and not form and self._loopback.takes(path):
            return self._loopback.send(method, target, seconds, body)
        return self._opened().send(method, target, seconds, body, form)

    def close(self) -> None:
        """Close the connections; the next request opens another."""
        if self._loopback is not None:
            self._loopback.close()
        if self._far is not None:
            self._far.close()

    def _opened(self) -> Far:
        with self._opening:
            if self._far is None:
                from .far import Far

                self._far = Far(self._access)
            return self._far


def _encoded(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except ValueError as error:
        from requests.exceptions import InvalidJSONError

        raise InvalidJSONError(error) from error
