"""How requests leave to other machines, and where it is not plain: by urllib3, over connections that requests sets up.

What requests does anew for every request, to merge settings, to find the connection and to wrap the answer, takes
longer than loopback does.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, cast

import requests
import urllib3

from ..access import Access
from .encoding import ACCEPTED
from .reply import CONNECT_SECONDS


class Far:
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

    def send(
        self, method: str, target: str, seconds: float, body: bytes | None, form: Mapping[str, Any]
    ) -> Urllib3Answer:
        """Return an answer of which the body is still to be read.

        target   path and query
        seconds  that may pass between two bytes of it
        body     JSON
        form     what requests takes as `files` and `data`, in place of a body

        Raises the errors of requests for what cannot be asked, and else those of urllib3 and OSError.
        """
        with self._opening:
            pool = self._pool or self._opened()
        headers = self._headers
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
            return Urllib3Answer(pool.urlopen(method, f"{self._base}{target}", body, headers, **options))
        with warnings.catch_warnings():
            # Whoever turned it off knows.
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
            return Urllib3Answer(pool.urlopen(method, f"{self._base}{target}", body, headers, **options))

    def close(self) -> None:
        """Close the connections; the next request opens another."""
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
        self._pool = cast("urllib3.HTTPConnectionPool", pool)
        return self._pool

    def _prepared(self, **form: Any) -> requests.PreparedRequest:
        headers = {**requests.utils.default_headers(), "Accept-Encoding": ACCEPTED, **self._access.headers}
        return requests.Request("POST" if form else "GET", f"{self._access.url}/", headers, **form).prepare()


class Urllib3Answer:
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
