"""The folder of a started server: what it reads is linked into it, what it writes stays in it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .errors import StartError
from .program import FOLDER, PORT, Program

BASE = "base"
_OWN = ("input", "output", "temp", "user", "custom_nodes")
_PATHS = "extra_model_paths.yaml"
_NOT_COPIED = shutil.ignore_patterns(".git", "__pycache__", ".venv", "venv", "node_modules", "*.pyc")
_NO_FLAG = (
    "ComfyUI there knows no {}, by which the folders that it writes to are kept apart: update it, or give a command "
    "line with {{port}} and {{folder}} in it, which is run as it stands"
)


def packs_of(names: Iterable[str], root: Path) -> dict[str, Path]:
    """Return name of a pack -> its folder or file, of what comfy_custom_nodes names; raises StartError."""
    found: dict[str, Path] = {}
    for name in names:
        path = (root / os.path.expanduser(name)).resolve()
        if not path.is_dir() and path.suffix != ".py":
            raise StartError(f"comfy_custom_nodes {name!r}: there is no such folder ({path})")
        if not path.exists():
            raise StartError(f"comfy_custom_nodes {name!r}: there is no such file ({path})")
        if found.setdefault(path.name, path) != path:
            raise StartError(f"comfy_custom_nodes {name!r}: is the second pack that is called {path.name}: rename one")
    return found


def command_of(program: Program, folder: Path, port: int, packs: Mapping[str, Path]) -> list[str]:
    """Make what a server needs in its own folder, and return the command line that starts it there.

    packs  packs under test, as `packs_of` returns them

    Raises StartError for a ComfyUI that cannot be kept from writing elsewhere, and OSError.
    """
    base = folder / BASE
    for name in _OWN:
        (base / name).mkdir(parents=True)
    if program.says_all:
        _link_all(packs, base)
        return [word.replace(PORT, str(port)).replace(FOLDER, str(base)) for word in program.words]
    words = [*program.words, "--listen", "127.0.0.1", "--port", str(port)]
    if program.home is not None and program.knows("--base-directory"):
        _link_installed(program.home, packs, base)
        _link_all(packs, base)
        words += ["--base-directory", str(base)]
    elif packs:
        # The server has its packs where it is installed; a second folder of them is named by a file.
        _link_all(packs, base)
        (base / _PATHS).write_text(f"pytest_comfy:\n  custom_nodes: {_quoted(base / 'custom_nodes')}\n", "utf-8")
        words += ["--extra-model-paths-config", str(base / _PATHS)]
    return [*words, *_own_folders(program, base)]


def link(source: Path, target: Path) -> None:
    """Have `target` lead to `source`; where links cannot be made it is copied. Raises OSError."""
    try:
        os.symlink(source, target, target_is_directory=source.is_dir())
    except OSError:
        if _joined(source, target):
            return
        if source.is_dir():
            shutil.copytree(source, target, ignore=_NOT_COPIED)
        else:
            shutil.copy2(source, target)


def _own_folders(program: Program, base: Path) -> Iterator[str]:
    """Yield the flags for what the server writes; they go last, so that they beat those of the command line."""
    # ComfyUI adds "temp" to the one of --temp-directory itself.
    folders = {"input": base / "input", "output": base / "output", "temp": base, "user": base / "user"}
    for name, path in folders.items():
        flag = f"--{name}-directory"
        if program.flags is not None and not program.knows(flag):
            raise StartError(f"comfy_start: {program.home}: {_NO_FLAG.format(flag)}")
        yield from (flag, str(path))
    if program.knows("--database-url"):
        # Its database lies in the installation's own user folder otherwise.
        yield from ("--database-url", f"sqlite:///{(base / 'user/comfyui.db').as_posix()}")


def _link_installed(home: Path, packs: Mapping[str, Path], base: Path) -> None:
    """Link the models and packs of an installation, but those that are tested."""
    tested = set(packs.values())
    if (home / "models").is_dir():
        link(home / "models", base / "models")
    for one in sorted((home / "custom_nodes").glob("[!._]*")):
        if one.name not in packs and one.resolve() not in tested:
            link(one.resolve(), base / "custom_nodes" / one.name)


def _link_all(packs: Mapping[str, Path], base: Path) -> None:
    for name, path in packs.items():
        link(path, base / "custom_nodes" / name)


def _joined(source: Path, target: Path) -> bool:
    """Make a junction of Windows, which needs no rights; returns whether there is one now."""
    if sys.platform != "win32" or not source.is_dir():
        return False
    import _winapi

    try:
        _winapi.CreateJunction(str(source), str(target))
    except OSError:
        return False
    return True


def _quoted(path: Path) -> str:
    """Return a path as YAML has it, whatever is in it."""
    return "'" + str(path).replace("'", "''") + "'"
