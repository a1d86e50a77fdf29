"""How a server is reached: address, headers, certificates and proxies, for HTTP and WebSocket alike."""

from __future__ import annotations

import base64
import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from .secrecy import heard_of
from .text import plain

Verify = bool | str
"""Whether a certificate must be one that is trusted; or the file, or folder, of the authorities that are."""

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Environment variables that name the authorities to trust, the first one that is set first."""


class AccessError(ValueError):
    """What was said of a server cannot be used; one sentence for the user, without what may be secret."""


@dataclass(frozen=True)
class Access:
    """How one server is reached. What its headers hold is told to nobody.

    url      without a trailing slash, and without a name and password
    headers  sent with every request, and with the WebSocket's handshake
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: Verify = True

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine, to which no proxy leads."""
        return is_loopback(urlsplit(self.url).hostname or "")

    def trusted(self) -> Verify:
        """Return what certificates are checked by: what was said, else what the environment says."""
        if self.verify is not True:
            return self.verify
        return next((path for name in _BUNDLES if (path := os.environ.get(name)) and Path(path).exists()), True)

    def ssl_context(self) -> ssl.SSLContext:
        """Return what asyncio checks certificates by."""
        options = _ssl_options(self.trusted())
        context = ssl.create_default_context(cafile=options.get("ca_certs"), capath=options.get("ca_cert_path"))
        if options.get("cert_reqs") == ssl.CERT_NONE:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def proxy(self) -> str | None:
        """Return the URL of the proxy that leads to the server by the environment; None for none."""
        if self.is_loopback:
            return None
        # Not at the top: the fake server's users and loopback never ask.
        from requests.utils import get_environ_proxies, select_proxy

        return select_proxy(self.url, get_environ_proxies(self.url)) or None


def access_to(
    url: str,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    verify: Verify = True,
) -> Access:
    """Return how to reach a server; a name and password in its address are sent as a header.

    auth  (name, password), which goes before those of the address

    Raises AccessError for what is no address, and for a file of authorities that cannot be read.
    """
    parts = _parts(url)
    sent = {name: value for name, value in (headers or {}).items() if value}
    login = auth or ((unquote(parts.username), unquote(parts.password or "")) if parts.username is not None else None)
    secrets = [piece for value in sent.values() for piece in (value, *value.split())]
    if login is not None:
        value = basic(*login)
        if not any(name.lower() == "authorization" for name in sent):
            sent["Authorization"] = value
        secrets += [value.removeprefix("Basic "), login[1], parts.password or ""]
    heard_of(secrets, lasting=True)
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    return Access(bare, sent, _readable(verify))


def basic(name: str, password: str) -> str:
    """Return the value of the header Authorization that logs in."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: localhost, and addresses of loopback."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def socket_options(access: Access) -> dict[str, Any]:
    """Return what websocket-client is told to reach a server as HTTP does: headers, certificates, proxy."""
    options: dict[str, Any] = {
        "header": [f"{name}: {value}" for name, value in access.headers.items()],
        # ComfyUI refuses an Origin that is not its Host, which a gateway gives it another one of; HTTP sends none.
        "suppress_origin": True,
    }
    if access.is_secure:
        options["sslopt"] = _ssl_options(access.trusted())
    proxy = access.proxy()
    if proxy is None:
        # Without one the library looks into the environment itself, by rules of its own.
        return {**options, "http_proxy_host": "unused", "http_proxy_port": 1, "http_no_proxy": ["*"]}
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    options |= {
        "http_proxy_host": parts.hostname,
        "http_proxy_port": parts.port or (1080 if parts.scheme.startswith("socks") else 80),
        "proxy_type": parts.scheme if parts.scheme.startswith("socks") else "http",
        "http_no_proxy": [""],
    }
    if parts.username is not None:
        options["http_proxy_auth"] = unquote(parts.username), unquote(parts.password or "")
    return options


def _ssl_options(trusted: Verify) -> dict[str, Any]:
    if trusted is False:
        return {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    path = DEFAULT_CA_BUNDLE_PATH if trusted is True else trusted
    return {"ca_cert_path" if Path(path).is_dir() else "ca_certs": path}


def _readable(verify: Verify) -> Verify:
    if isinstance(verify, str):
        try:
            if not Path(verify).is_dir():
                ssl.create_default_context(cafile=verify)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or "it holds no certificate in PEM"
            raise AccessError(f"{plain(verify, 200)}: cannot be read as certificates ({reason})") from error
    return verify


def _parts(url: str) -> SplitResult:
    full = url.strip() if "://" in url else f"http://{url.strip()}"
    try:
        parts = urlsplit(full)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        shown = plain(url, 200).rpartition("@")[2]
        raise AccessError(f"{shown!r} is no server address: write it like http://127.0.0.1:8188")
    return parts
