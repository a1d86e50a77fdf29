"""The ini of a project below the session's: pytest reads one ini, and a monorepo may have one in every package."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..places import INI_SECTIONS
from .given import SettingsError

_ALWAYS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
"""Those that are an ini even without a section."""
_ON, _OFF = ("1", "true", "yes", "y", "t", "on"), ("0", "false", "no", "n", "f", "off")


@dataclass(frozen=True)
class Ini:
    """What a file says: texts, or what TOML has in their place."""

    path: Path
    values: Mapping[str, Any]

    def named(self, name: str) -> str:
        """Return how an option is called in messages."""
        return f"{self.path}: {name}"

    def text(self, name: str) -> str:
        """Return an option of one word, "" where it says nothing; raises SettingsError."""
        value = self.values.get(name, "")
        if isinstance(value, (dict, list)):
            raise SettingsError(f"{self.named(name)}: must be one value, not several")
        return ("" if value is None else str(value)).strip()

    def lines(self, name: str) -> list[str]:
        """Return the entries of an option that has one a line."""
        value = self.values.get(name) or ""
        found = value if isinstance(value, list) else str(value).splitlines()
        return [str(one).strip() for one in found if str(one).strip()]

    def switch(self, name: str) -> bool:
        """Return an option that is on or off; raises SettingsError."""
        word = self.text(name).lower()
        if word not in (*_ON, *_OFF):
            raise SettingsError(f"{self.named(name)} {word!r}: must be true or false")
        return word in _ON


def read_ini(folder: Path) -> Ini | None:
    """Return the ini of a folder, None where pytest would find none there; raises SettingsError."""
    for name, sections in INI_SECTIONS.items():
        path = folder / name
        if path.is_file():
            found = _of_toml(path, sections) if path.suffix == ".toml" else _of_ini(path, sections)
            if found is not None or name in _ALWAYS:
                return Ini(path, found or {})
    return None


def _of_ini(path: Path, sections: tuple[str, ...]) -> Mapping[str, Any] | None:
    parser = ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, Error) as error:
        raise SettingsError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error
    return next((dict(parser[name]) for name in sections if name in parser), None)


def _of_toml(path: Path, sections: tuple[str, ...]) -> Mapping[str, Any] | None:
    import tomllib  # not at the top: every start of pytest would pay for it

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: cannot be read ({error})") from error
    tables = [table for name in sections if isinstance(table := _table(document, name), dict)]
    return {key: value for table in tables for key, value in table.items()} if tables else None


def _table(document: Any, name: str) -> Any:
    for part in name.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document
