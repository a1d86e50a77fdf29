"""How requests leave: by urllib3, over connections that requests sets up, and on this machine over one of our own.

What requests does anew for every request, to merge settings, to find the connection and to wrap the answer, takes
longer than loopback does.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast
from urllib.parse import urlencode

import requests
import urllib3

from ..access import Access
from .encoding import ACCEPTED
from .loopback import Loopback
from .reply import CONNECT_SECONDS


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
    """Sends requests to one server, from any thread: with its headers, by its certificates, through its proxy."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._adapter = requests.adapters.HTTPAdapter()
        self._proxy = access.proxy()
        self._verify = access.trusted() if access.is_secure else True
        self._opening = threading.Lock()
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._base = ""
        self._headers: Mapping[str, Any] = {}
        self._loopback: Loopback | None = None

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
        with self._opening:
            pool = self._pool or self._opened()
        headers, body = self._headers, None if json is None else _encoded(json)
        target = f"{self._base}{path}?{urlencode(params)}" if params else f"{self._base}{path}"
        if self._loopback is not None and not form and self._loopback.takes(f"{self._base}{path}"):
            return self._loopback.send(method, target, seconds, body)
        if form:
            prepared = self._prepared(**form)
            headers, body = prepared.headers, prepared.body  # type: ignore[assignment]  # of files it is bytes
        elif body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        options: dict[str, Any] = {
            "timeout": urllib3.Timeout(connect=min(seconds, CONNECT_SECONDS), read=seconds),
            "retries": self._adapter.max_retries,
            # To be able to follow it, all of a redirect's body would be read, however large.
            "redirect": False,
            "assert_same_host": False,
            "preload_content": False,
            "decode_content": False,
        }
        if self._verify is not False:
            return _Urllib3Answer(pool.urlopen(method, target, body, headers, **options))
        with warnings.catch_warnings():
            # Whoever turned it off knows.
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
            return _Urllib3Answer(pool.urlopen(method, target, body, headers, **options))

    def close(self) -> None:
        """Close the connections; the next request opens another."""
        if self._loopback is not None:
            self._loopback.close()
        self._pool = None
        self._adapter.close()

    def _opened(self) -> urllib3.HTTPConnectionPool:
        """Find out, by requests, how the server is reached."""
        asked, adapter = self._prepared(), self._adapter
        proxies = {} if self._proxy is None else {"http": self._proxy, "https": self._proxy}
        if hasattr(adapter, "get_connection_with_tls_context"):
            pool: Any = adapter.get_connection_with_tls_context(asked, self._verify, proxies=proxies)
        else:  # before 2.32
            pool = adapter.get_connection(f"{self._access.url}/", proxies)
        adapter.cert_verify(pool, asked.url, self._verify, None)  # type: ignore[no-untyped-call]
        self._base = adapter.request_url(asked, proxies).rstrip("/")
        self._headers = dict(asked.headers)
        if self._loopback is None and self._access.is_loopback and not self._access.is_secure:
            self._loopback = Loopback(self._access.url, self._headers)
        self._pool = cast("urllib3.HTTPConnectionPool", pool)
        return self._pool

    def _prepared(self, **form: Any) -> requests.PreparedRequest:
        headers = {**requests.utils.default_headers(), "Accept-Encoding": ACCEPTED, **self._access.headers}
        return requests.Request("POST" if form else "GET", f"{self._access.url}/", headers, **form).prepare()


def _encoded(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except ValueError as error:
        raise requests.exceptions.InvalidJSONError(error) from error


class _Urllib3Answer:
    """An answer that urllib3 reads."""

    def __init__(self, response: urllib3.response.BaseHTTPResponse) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        self.fileno = response.fileno
        self._response = response

    def read(self) -> bytes:
        return self._response.read(decode_content=False)

    def stream(self, size: int) -> Iterator[bytes]:
        return self._response.stream(size, decode_content=False)

    def close(self) -> None:
        self._response.close()
        self._response.release_conn()
