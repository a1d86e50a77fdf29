"""What --comfy-start names: a folder with ComfyUI's main.py, or a command line."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from .errors import StartError

PORT, FOLDER = "{port}", "{folder}"
"""What stands for the port, and for the folder of this server alone, in a command that is not ComfyUI's own."""

_MAIN = "main.py"
_FLAG = re.compile(r"""["'](--[a-z0-9][\w-]*)["']""")
_BASE = "--base-directory"


@dataclass(frozen=True)
class Program:
    """A command line that starts ComfyUI, without what this session adds.

    cwd    where it is started; None for the server's own folder, so that what it writes beside itself lands there
    home   the folder whose custom_nodes and models are used, None where it is not known
    flags  the flags that its main.py knows, None where that is not known
    """

    words: tuple[str, ...]
    cwd: Path | None = None
    home: Path | None = None
    flags: frozenset[str] | None = None

    @property
    def says_all(self) -> bool:
        """Whether the command says itself where port and folder go, so that nothing is added to it."""
        return any(PORT in word for word in self.words)

    def knows(self, flag: str) -> bool:
        """Whether ComfyUI surely has a flag."""
        return self.flags is not None and flag in self.flags


def program_of(text: str, root: Path) -> Program:
    """Return what is to be started: a folder or its main.py, either with further words, or any command line.

    Paths are relative to `root`. Raises StartError.
    """
    whole = root / os.path.expanduser(text.strip())
    words = [] if whole.exists() else _split(text)
    first = root / os.path.expanduser(words[0]) if words else whole
    if first.is_dir() or first.name == _MAIN:
        return _installed(first, words[1:], root, text)
    if not words:
        words = [str(whole)]
    if not shutil.which(words[0]) and not (os.sep in words[0] and os.access(first, os.X_OK)):
        raise StartError(
            f"comfy_start {text!r}: is neither a folder with ComfyUI's main.py nor a command that is found here "
            "(a path with spaces and words behind it needs quotes)"
        )
    main = next((path for word in words if (path := root / word).name == _MAIN and path.is_file()), None)
    return Program(tuple(words), root, _home(words, main and main.parent, root), flags_of(main) if main else None)


def flags_of(main: Path) -> frozenset[str] | None:
    """Return the flags that the ComfyUI beside a main.py declares, None where it cannot be told."""
    try:
        text = (main.parent / "comfy" / "cli_args.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return frozenset(_FLAG.findall(text)) or None


def python_of(folder: Path) -> str:
    """Return the Python that a folder's ComfyUI runs with: that of its virtual environment, of the portable build for
    Windows, else the one that runs pytest."""
    own = [folder / venv / place for venv in (".venv", "venv") for place in ("bin/python", "Scripts/python.exe")]
    found = next((path for path in (*own, folder.parent / "python_embeded/python.exe") if path.is_file()), None)
    return str(found) if found else sys.executable


def _installed(path: Path, more: list[str], root: Path, text: str) -> Program:
    folder = path if path.is_dir() else path.parent
    main = folder / _MAIN
    if not main.is_file():
        raise StartError(f"comfy_start {text!r}: {folder} has no main.py: name the folder that ComfyUI is in")
    folder = folder.resolve()
    words = (python_of(folder), str(folder / _MAIN), *more)
    return Program(words, None, _home(more, folder, root), flags_of(folder / _MAIN))


def _home(words: list[str], folder: Path | None, root: Path) -> Path | None:
    """Return the folder that models and packs are taken from: what --base-directory says, else the program's own."""
    given = next((after for flag, after in pairwise(words) if flag == _BASE), None)
    given = given or next((word.partition("=")[2] for word in words if word.startswith(f"{_BASE}=")), None)
    home = root / os.path.expanduser(given) if given else folder
    return home.resolve() if home else None


def _split(text: str) -> list[str]:
    try:
        # On Windows a backslash is no escape, and quotes stay where they are.
        words = shlex.split(text, posix=os.name != "nt")
    except ValueError as error:
        raise StartError(f"comfy_start {text!r}: {error}") from None
    return [word.strip("\"'") for word in words] if os.name == "nt" else words
