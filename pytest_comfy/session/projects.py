"""The projects of a session: which folder's workflows and golden runs a file belongs to.

A repository may hold several, as monorepos do. Each is a folder with a comfy.toml beside its workflows, or with an ini
of its own, or what comes before the fixed folders of a glob such as packages/*/workflows/**/*.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..places import DEFAULT_GLOB, DEFAULT_GOLDEN_DIR, PROJECT_FILE, WIDGETS_FILE, WORKFLOWS
from ..secrecy import take_out_too
from .given import SettingsError, seconds
from .globs import base, matches, split
from .inis import Ini, read_ini
from .settings import (
    Settings,
    baseline_name,
    default_widgets,
    patterns,
    tolerance_name,
    widgets,
)


class Projects:
    """The session's own project, at its root, and those below it, which are noted as their files are met."""

    def __init__(self, settings: Settings) -> None:
        self.session = settings
        self._packages = [pair for pair in map(split, settings.workflows) if pair]
        self._known: dict[Path, Settings] = {}
        self._own_folders: dict[Path, bool] = {}

    def of(self, path: Path) -> Settings:
        """Return the settings for a file: those of the nearest project above it; raises SettingsError."""
        return self._at(path.parent)

    def all(self) -> list[Settings]:
        """Return the session's own project, and those below it that were met."""
        below = {one.subfolder: one for one in self._known.values() if one.subfolder}
        return [self.session, *(below[name] for name in sorted(below))]

    def note(self, subfolder: str) -> None:
        """Take note of a project below the root."""
        self._at(self.session.root / subfolder)

    def look(self, paths: Iterable[Path]) -> bool:
        """Take note of the projects that some paths are in; returns whether their inis can be read.

        Where one cannot, that need not matter: it may be of a package that has nothing to do with ComfyUI.
        """
        return all(self.look_at(path if path.is_dir() else path.parent) for path in paths)

    def look_at(self, folder: Path) -> bool:
        """Do so for the project of one folder."""
        try:
            self._at(folder)
        except SettingsError:
            return False
        return True

    def look_around(self, paths: Iterable[Path]) -> None:
        """Take note of the projects of some paths, and of those that the globs name outright."""
        named = (self.session.root.glob(head) for head, _ in self._packages if "**" not in head)
        for path in (*paths, *(folder for found in named for folder in found)):
            self.look([path])

    def claims(self, path: Path) -> bool:
        """Whether a file is one of the workflows to collect without being named."""
        return self.session.claims(path) or self.of(path).claims(path)

    def is_own(self, path: Path) -> bool:
        """Whether a file lies among golden runs or in the report, where no workflow is looked for."""
        folder = path.parent
        own = self._own_folders.get(folder)
        if own is None:
            own = self._own_folders[folder] = self.session.is_own(path) or self._at(folder).is_own(path)
        return own

    def globs(self) -> Iterator[str]:
        """Yield the globs of all projects, relative to the root."""
        for one in self.all():
            yield from (f"{one.subfolder}/{glob}" if one.subfolder else glob for glob in one.workflows)

    def _at(self, folder: Path) -> Settings:
        known = self._known.get(folder)
        if known is None:
            if self.session.root not in folder.parents:
                return self.session
            known = self._known[folder] = self._own(folder) or self._at(folder.parent)
        return known

    def _own(self, folder: Path) -> Settings | None:
        """Return the settings of a folder that is a project's, None for any other."""
        subfolder = folder.relative_to(self.session.root).as_posix()
        globs = [
            rest
            for head, rest in self._packages
            if matches(f"{subfolder}/", f"{head}/") and ("**" not in head or (folder / base(rest)).is_dir())
        ]
        ini = read_ini(folder)
        if ini is None and (folder / PROJECT_FILE).is_file():
            usual = [*self.session.workflows, DEFAULT_GLOB]
            # It may also be there for the workflows of its folder only.
            globs += usual if any(base(glob) and (folder / base(glob)).is_dir() for glob in usual) else ()
        if ini is None and not globs:
            return None
        settings = _nested(self.session, subfolder, ini, tuple(dict.fromkeys(globs)))
        take_out_too(settings.redact)
        return settings


def _nested(session: Settings, subfolder: str, ini: Ini | None, globs: tuple[str, ...]) -> Settings:
    """Return the settings of a project below the session's root; raises SettingsError.

    With an ini of its own it has its files where it has them when pytest runs in its folder; without one it has them
    as the session's own project does. How runs are made and compared is the session's matter where the ini is silent.

    globs  those that the session has for it, relative to it
    """
    folder = session.root / subfolder
    layouts = default_widgets(folder)
    if ini is None:
        golden_dir = folder / (session.relative(session.golden_dir) or session.golden_dir)
        merged = {**session.widgets, **widgets(layouts, "comfy_widgets")}
        return replace(session, subfolder=subfolder, workflows=globs, golden_dir=golden_dir, widgets=merged)

    def own(name: str, read: Callable[[str], Any]) -> Any:
        said = ini.text(f"comfy_{name}") and name not in session.cli
        return read(f"comfy_{name}") if said else getattr(session, name)

    def word(check: Callable[[Any, str], Any]) -> Callable[[str], Any]:
        return lambda name: check(ini.text(name), ini.named(name))

    layouts = [folder / name for name in ini.lines("comfy_widgets")] or layouts
    return replace(
        session,
        subfolder=subfolder,
        workflows=(*(ini.lines("comfy_workflows") or [DEFAULT_GLOB]), *globs),
        golden_dir=folder / (ini.text("comfy_golden_dir") or DEFAULT_GOLDEN_DIR),
        golden_files=own("golden_files", ini.switch),
        golden_previews=own("golden_previews", ini.switch),
        baseline=own("baseline", word(baseline_name)),
        tolerance=own("tolerance", word(tolerance_name)),
        timeout=own("timeout", word(seconds)),
        stall_timeout=own("stall_timeout", word(seconds)),
        widgets={**session.widgets, **widgets(layouts, ini.named("comfy_widgets"))},
        redact=(*session.redact, *patterns(ini.lines("comfy_redact"), ini.named("comfy_redact"))),
    )


def root_above(folder: Path) -> Path:
    """Return the project's folder for a session without an ini that was started below it, else the folder itself."""
    if _is_project(folder) or (folder / PROJECT_FILE).is_file() or (folder / WORKFLOWS).is_dir():
        return folder
    return next((parent for parent in folder.parents if _is_project(parent)), folder)


def _is_project(folder: Path) -> bool:
    return (folder / PROJECT_FILE).is_file() and (folder / WORKFLOWS).is_dir()


def projects_at(root: Path) -> Projects:
    """Return the projects of a folder as a session of pytest would have them that is started there, offline.

    What its command line or a conftest would change is not known here. Raises SettingsError.
    """
    layouts = widgets(default_widgets(root), WIDGETS_FILE)
    settings = Settings(root, golden_dir=root / DEFAULT_GOLDEN_DIR, report_dir=root / "comfy-report", widgets=layouts)
    ini = read_ini(root)
    if ini is not None:
        report_dir = root / (ini.text("comfy_report") or "comfy-report")
        settings = replace(_nested(settings, "", ini, ()), report_dir=report_dir)
    take_out_too(settings.redact)
    return Projects(settings)


def root_of(folder: Path) -> Path:
    """Return the folder that pytest would take for its root when it is started in a folder; raises SettingsError."""
    above = (folder, *folder.parents)
    found = next((path for path in above if read_ini(path) is not None), None)
    if found is None and _any_pyproject_counts():
        found = next((path for path in above if (path / "pyproject.toml").is_file()), None)
    return found or root_above(next((path for path in above if (path / "setup.py").is_file()), folder))


def _any_pyproject_counts() -> bool:
    """Whether the installed pytest takes a pyproject.toml without its section for an ini, as it does since 8.1."""
    from importlib.metadata import version

    major, minor = version("pytest").split(".")[:2]
    return (int(major), int(minor)) >= (8, 1)
