"""How requests leave: by urllib3, over connections that requests sets up.

What requests does anew for every request, to merge settings, to find the connection and to wrap the answer, takes
longer than loopback does.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode

import requests
import urllib3

from ..access import Access
from .encoding import ACCEPTED
from .reply import CONNECT_SECONDS


class Sender:
    """Sends requests to one server: with its headers, by its certificates, through its proxy."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._adapter = requests.adapters.HTTPAdapter()
        self._proxy = access.proxy()
        self._verify = access.trusted() if access.is_secure else True
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._base = ""
        self._headers: Mapping[str, Any] = {}

    def send(
        self,
        method: str,
        path: str,
        seconds: float,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        **form: Any,
    ) -> urllib3.response.HTTPResponse:
        """Return an answer of which the body is still to be read.

        seconds  that may pass between two bytes of it
        form     what requests takes as `files` and `data`

        Raises the errors of requests for what cannot be asked, and else those of urllib3 and OSError.
        """
        pool = self._pool or self._opened()
        headers, body = self._headers, None
        if form:
            prepared = self._prepared(**form)
            headers, body = prepared.headers, prepared.body
        elif json is not None:
            headers, body = {**headers, "Content-Type": "application/json"}, _encoded(json)
        target = f"{self._base}{path}?{urlencode(params)}" if params else f"{self._base}{path}"
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
            return pool.urlopen(method, target, body, headers, **options)  # type: ignore[return-value]
        with warnings.catch_warnings():
            # Whoever turned it off knows.
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
            return pool.urlopen(method, target, body, headers, **options)  # type: ignore[return-value]

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


def _encoded(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except ValueError as error:
        raise requests.exceptions.InvalidJSONError(error) from error
