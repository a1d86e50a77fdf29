"""The servers of a session: their addresses, what gateways before them want, and how their certificates are checked.

What headers and addresses hold of names, passwords and tokens is told to nobody.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..places import PROJECT_FILE
from ..text import did_you_mean, listed

SERVERS_TABLE = "servers"
"""Of the file at the project's root: names servers with what each wants."""

_KEYS = ("url", "headers", "ca")
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class ServerError(Exception):
    """What was said of a server is wrong; the text is one sentence for the user, without what may be secret."""


@dataclass(frozen=True)
class Server:
    """One server as it is reached.

    address  as it was given, perhaps with a name and password
    verify   False trusts any certificate; a path is the file of the authorities that are trusted
    name     by which comfy.toml calls it, "" for none
    """

    address: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: bool | str = True
    name: str = ""

    @property
    def told(self) -> str:
        """What to call it: the address without name and password."""
        scheme, separator, rest = self.address.rpartition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def servers_of(
    urls: Sequence[str],
    headers: Iterable[str],
    ca: str | None,
    root: Path,
    environ: Mapping[str, str],
    below: Iterable[Path] = (),
) -> tuple[Server, ...]:
    """Return the servers that were asked for, by address or by the name that comfy.toml has for them.

    headers  lines "Name: value", for all of them; what a named server says itself goes before
    ca       a file of authorities, "off" to trust any certificate, None to ask the environment
    below    folders whose comfy.toml may name servers as well, the later ones going first

    Raises ServerError.
    """
    common = headers_of(headers, "--comfy-header")
    named: Mapping[str, Server] | None = None
    found = []
    for url in urls:
        if _NAME.fullmatch(url) and named is None:
            named = {name: one for folder in (root, *below) for name, one in read_servers(folder, environ).items()}
        server = (named or {}).get(url)
        if server is None:
            if named and _NAME.fullmatch(url) and did_you_mean(url, tuple(named)):
                raise ServerError(f"--comfy-url {url}: {root / PROJECT_FILE} knows {listed(named)}")
            server = Server(url)
        verify = server.verify if ca is None else verify_of(ca, "--comfy-ca", root)
        own = {name.lower() for name in server.headers}
        headers = {name: value for name, value in common.items() if name.lower() not in own}
        found.append(Server(server.address, {**headers, **server.headers}, verify, server.name))
    return tuple(found)


def headers_of(lines: Iterable[str], where: str) -> dict[str, str]:
    """Return name -> value of lines such as "Authorization: Bearer x"; raises ServerError, which names no value."""
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not _TOKEN.fullmatch(name):
            raise ServerError(f'{where}: a header is written "Name: value", such as "Authorization: Bearer ..."')
        found[name.lower()] = name, _value(value, f"{where}: the header {name}")
    return dict(found.values())


def lines_of(text: str | None) -> list[str]:
    """Return the lines of COMFY_HEADERS that hold something."""
    return [line for line in (text or "").splitlines() if line.strip()]


def verify_of(ca: str, where: str, root: Path) -> bool | str:
    """Return what certificates are checked by; raises ServerError for a file that is not there."""
    if ca == "off":
        return False
    path = root / ca
    if not path.exists():
        raise ServerError(f'{where} {ca!r}: there is no such file of certificates (or say "off")')
    return str(path)


def read_servers(root: Path, environ: Mapping[str, str] | None = None) -> dict[str, Server]:
    """Return the servers that comfy.toml at the project's root names; raises ServerError."""
    path = root / PROJECT_FILE
    if not path.is_file():
        return {}
    import tomllib  # not at the top: every start of pytest would pay for it

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig")).get(SERVERS_TABLE, {})
    except (OSError, ValueError, RecursionError) as error:
        raise ServerError(f"{path}: cannot be read ({error})") from error
    if not isinstance(table, dict) or not all(isinstance(one, dict) for one in table.values()):
        raise ServerError(f"{path}: servers must be tables: write [servers.NAME]")
    environ = os.environ if environ is None else environ
    return {name: _read(name, one, path, environ) for name, one in table.items()}


def _read(name: str, table: Mapping[str, Any], path: Path, environ: Mapping[str, str]) -> Server:
    where = f"{path}: servers.{name}"
    for key in table:
        if key not in _KEYS:
            raise ServerError(f"{where}: unknown key {key!r}{did_you_mean(key, _KEYS)}; known are {listed(_KEYS)}")
    if not _NAME.fullmatch(name):
        raise ServerError(f"{where}: a name is of letters, digits, '-' and '_', the first one a letter")
    url, headers, ca = table.get("url"), table.get("headers", {}), table.get("ca")
    if not isinstance(url, str) or not url.strip():
        raise ServerError(f'{where}: has no url: write url = "https://gpu.example.com"')
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ServerError(f'{where}.headers: must be a table of texts: {{ Authorization = "Bearer ${{TOKEN}}" }}')
    if ca is not None and not isinstance(ca, str):
        raise ServerError(f'{where}.ca: must be the name of a file, or "off"')
    filled = {key: _filled(value, f"{where}.headers.{key}", environ) for key, value in headers.items()}
    return Server(
        _filled(url, f"{where}.url", environ),
        {key: _value(value, f"{where}.headers.{key}") for key, value in filled.items() if _is_name(key, where)},
        True if ca is None else verify_of(ca, f"{where}.ca", path.parent),
        name,
    )


def _filled(text: str, where: str, environ: Mapping[str, str]) -> str:
    """Return a text with the environment's variables in place of ${NAME}: so secrets stay out of files."""

    def variable(found: re.Match[str]) -> str:
        if found[1] not in environ:
            raise ServerError(f"{where}: the environment has no variable {found[1]}")
        return environ[found[1]]

    return _VARIABLE.sub(variable, text)


def _is_name(name: str, where: str) -> bool:
    if not _TOKEN.fullmatch(name):
        raise ServerError(f"{where}.headers: {name!r} is no name of a header")
    return True


def _value(value: str, where: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ServerError(f"{where} has a value with characters that no header can have")
    return value
