"""Settings: command line over mark and sidecar over environment and ini over defaults, resolved once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..memory import DEFAULT_MAX_MEMORY, OPTION, parse_size
from ..places import DEFAULT_GLOB, DEFAULT_GOLDEN_DIR, WIDGETS_FILE
from ..secrecy import Patterns, compiled
from ..text import did_you_mean
from . import given
from .given import SettingsError, seconds
from .globs import base, matches
from .servers import Server, ServerError, lines_of, servers_of

if TYPE_CHECKING:
    from ..workflow.graph.layouts import Layout

UPDATE_MODES = ("none", "missing", "changed", "all")
PREFLIGHT_MODES = ("fail", "warn", "off")
ORDERS = ("file", "model", "longest")
UNUSED_MODES = ("warn", "fail", "remove")
TOLERANCES = ("exact", "strict", "normal", "loose")


@dataclass(frozen=True, eq=False, repr=False)  # what is not needed is not made: every start of pytest pays for it
class Settings:
    """The settings of a test session, for the files of one of its projects.

    root       pytest's, to which paths are told
    subfolder  the project's below it, "" where it is the root itself
    max_memory  bytes that one run may keep
    widgets  class -> what its JavaScript does to its widgets, from the files of comfy_widgets
    connect_timeout  how long a server that wakes up is waited for, in seconds; None for gateways alone, and a while
    against  the old servers that each case runs on as well, to be compared with
    blame    whether the node is looked for that makes a case differ
    probes   whether golden runs keep the values between nodes, for `blame`
    calibrate  how often each case runs to learn how far it moves by itself; 0 where that is not asked
    slower   how many times as long a node may take, None where time is no failure
    lookahead  how many cases each live server has queued behind the one that it executes
    order    of cases, a name of ORDERS; "" for the longest first on several servers, else pytest's
    shard    (k, n): the k-th of n parts of the session is run, from 1; None for all of it
    fresh    whether every live run has the server load its models anew
    redact   what is taken out of all that is recorded and told, beside what looks like a secret
    preflight  what becomes of cases of which it is sure before they run that they break: fail, warn or off
    allow_api_nodes  whether live runs may have API nodes, which may cost money
    report_all  whether the report keeps identical cases as well
    report_inline  whether the report's page is one file, with all that it shows
    json_file   where the report's document is written to as well
    known       the report of before by which failures are known, a folder or the file of its document
    server_log  the file that the server of the runs writes its log to
    thumbnails  whether the terminal shows pictures of what changed
    start    the ComfyUI that is started for the session, a folder or a command line; "" for none
    start_timeout  seconds that it may take until it answers
    custom_nodes   packs under test, which it gets
    cli      what was given on the command line, which beats marks and sidecars
    """

    root: Path
    subfolder: str = ""
    servers: tuple[Server, ...] = ()
    against: tuple[Server, ...] = ()
    update: str = "none"
    reason: str | None = None
    baseline: str | None = None
    report_dir: Path = Path("comfy-report")
    report_all: bool = False
    report_inline: bool = False
    json_file: Path | None = None
    known: Path | None = None
    server_log: Path | None = None
    thumbnails: bool = False
    unused: str = "warn"
    timeout: float = 600.0
    stall_timeout: float = 300.0
    connect_timeout: float | None = None
    max_memory: int = DEFAULT_MAX_MEMORY
    tolerance: str = "normal"
    workflows: tuple[str, ...] = (DEFAULT_GLOB,)
    golden_dir: Path = Path("golden")
    golden_files: bool = True
    golden_previews: bool = False
    widgets: Mapping[str, Layout] = field(default_factory=dict)
    cli: frozenset[str] = frozenset()
    allow_blank: bool = False
    redact: Patterns = ()
    fresh: bool = False
    blame: bool = False
    probes: bool = False
    calibrate: int = 0
    slower: float | None = None
    preflight: str = "fail"
    allow_api_nodes: bool = False
    start: str = ""
    start_timeout: float = 300.0
    custom_nodes: tuple[str, ...] = ()
    lookahead: int = 2
    order: str = ""
    shard: tuple[int, int] | None = None

    @property
    def live(self) -> bool:
        """Whether a real server is asked."""
        return bool(self.servers or self.start)

    @property
    def folder(self) -> Path:
        """The project's folder: workflows and golden runs lie below it, and golden runs name their sources from it."""
        return self.root / self.subfolder if self.subfolder else self.root

    def claims(self, path: Path) -> bool:
        """Whether a file is one of the workflows to collect without being named."""
        relative = self.within(path)
        return relative is not None and any(matches(relative, glob) for glob in self.workflows)

    def relative(self, path: Path) -> str | None:
        """Return a path relative to the session's root with forward slashes, None outside of it."""
        return _below(self.root, path)

    def within(self, path: Path) -> str | None:
        """Return a path relative to the project's folder with forward slashes, None outside of it."""
        return _below(self.folder, path)

    @property
    def golden_name(self) -> str:
        """The folder of golden runs as it is told: relative to the root where it is below it."""
        return self.relative(self.golden_dir) or str(self.golden_dir)

    def report_key(self, key: str) -> str:
        """Return the folder in the report of what has this golden key: projects of a session share one report."""
        return f"{self.subfolder}/{key}" if self.subfolder else key

    def golden_key(self, path: Path) -> str:
        """Return the folder of a workflow's golden runs: its path below the glob's fixed folders."""
        relative = self.within(path)
        if relative is None:
            return path.stem
        stem = relative.removesuffix(path.suffix)
        for glob in self.workflows:
            if matches(relative, glob) and base(glob):
                return stem.removeprefix(base(glob) + "/")
        return stem

    def is_own(self, path: Path) -> bool:
        """Whether a file lies among the golden runs or in the report, where no workflow is looked for."""
        return any(folder in path.parents for folder in (self.golden_dir, self.report_dir))


def _below(folder: Path, path: Path) -> str | None:
    text, start = str(path), f"{folder}{os.sep}"
    if text.startswith(start):
        return text[len(start) :].replace(os.sep, "/")
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return None


def resolve(
    option: Callable[[str], Any],
    ini: Callable[[str], Any],
    environ: Mapping[str, str],
    root: Path,
    arguments: Iterable[Path] = (),
) -> Settings:
    """Read the settings of a session that was started for some files and folders; raises SettingsError."""
    cli: set[str] = set()

    def pick(name: str) -> Any:
        given = option(f"comfy_{name}")
        if given not in (None, []):
            cli.add(name)
            return given
        return ini(f"comfy_{name}") or None

    urls, start = _whom(option, ini, environ)
    update = option("comfy_update") or "none"
    _one_of("--comfy-update", update, UPDATE_MODES)
    unused = pick("unused") or "warn"
    _one_of("comfy_unused", unused, UNUSED_MODES)
    preflight = pick("preflight") or "fail"
    _one_of("comfy_preflight", preflight, PREFLIGHT_MODES)
    order = pick("order") or ""
    _one_of("comfy_order", order or "file", ORDERS)
    tolerance = tolerance_name(pick("tolerance") or "normal", "comfy_tolerance")
    baseline = pick("baseline")
    baseline = baseline_name(baseline, "comfy_baseline") if baseline else None
    if update != "none" and not urls and not start:
        raise SettingsError(
            f"--comfy-update={update} approves a live run: give the server with --comfy-url, "
            "such as --comfy-url http://127.0.0.1:8188"
        )
    against = option("comfy_against") or _words(ini("comfy_against"))
    if option("comfy_against") and not urls and not start:
        raise SettingsError(
            "--comfy-against names the old server, and --comfy-url is to name the new one: give both, such as "
            "--comfy-url http://127.0.0.1:8189 --comfy-against http://127.0.0.1:8188"
        )
    return Settings(
        root=root,
        servers=_servers(urls, option, ini, environ, root, arguments),
        against=_servers(against if urls or start else (), option, ini, environ, root, arguments),
        update=update,
        reason=option("comfy_reason"),
        baseline=baseline,
        report_dir=root / (pick("report") or "comfy-report"),
        report_all=bool(option("comfy_report_all") or ini("comfy_report_all")),
        report_inline=bool(option("comfy_report_inline") or ini("comfy_report_inline")),
        json_file=_path(root, option("comfy_json")),
        known=_path(root, pick("known")),
        server_log=_path(root, pick("server_log")),
        thumbnails=bool(option("comfy_thumbnails") or ini("comfy_thumbnails")),
        unused=unused,
        timeout=seconds(pick("timeout") or 600.0, "comfy_timeout"),
        stall_timeout=seconds(ini("comfy_stall_timeout") or 300.0, "comfy_stall_timeout"),
        connect_timeout=_wait(ini("comfy_connect_timeout")),
        max_memory=_size(ini(OPTION)),
        tolerance=tolerance,
        workflows=tuple(ini("comfy_workflows")) or (DEFAULT_GLOB,),
        golden_dir=root / (ini("comfy_golden_dir") or DEFAULT_GOLDEN_DIR),
        golden_files=bool(ini("comfy_golden_files")),
        golden_previews=bool(ini("comfy_golden_previews")),
        widgets=widgets([root / name for name in ini("comfy_widgets") or ()] or default_widgets(root), "comfy_widgets"),
        cli=frozenset(cli),
        allow_blank=bool(option("comfy_allow_blank")),
        fresh=bool(option("comfy_fresh") or ini("comfy_fresh")),
        blame=bool(option("comfy_blame") or ini("comfy_blame")),
        calibrate=given.runs(option("comfy_calibrate"), bool(urls), bool(against)),
        slower=given.factor(pick("slower")),
        probes=bool(option("comfy_probes") or ini("comfy_probes")),
        redact=patterns(ini("comfy_redact") or (), "comfy_redact"),
        preflight=preflight,
        allow_api_nodes=bool(option("comfy_allow_api_nodes") or ini("comfy_allow_api_nodes")),
        start=start,
        start_timeout=seconds(ini("comfy_start_timeout") or 300.0, "comfy_start_timeout"),
        custom_nodes=tuple(ini("comfy_custom_nodes") or ()),
        lookahead=given.lookahead(pick("lookahead")),
        order=order,
        shard=given.shard(option("comfy_shard") or environ.get("COMFY_SHARD")),
    )


def _whom(option: Callable[[str], Any], ini: Callable[[str], Any], environ: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the servers that are asked, or the ComfyUI that is started: what is said nearer to the session counts.

    Raises SettingsError where the command line says both.
    """
    urls, start = option("comfy_url"), option("comfy_start")
    if urls and start:
        raise SettingsError("--comfy-url and --comfy-start: a session asks servers that run, or starts one: give one")
    if urls or start:
        return urls or [], start or ""
    urls = _words(environ.get("COMFY_URL"))
    start = ini("comfy_start") or ""
    return ([], start) if start and not urls else (urls or _words(ini("comfy_url")), "")


def _servers(
    urls: Any,
    option: Callable[[str], Any],
    ini: Callable[[str], Any],
    environ: Mapping[str, str],
    root: Path,
    arguments: Iterable[Path],
) -> tuple[Server, ...]:
    below = {folder for path in arguments for folder in (path, *path.parents) if root in folder.parents}
    headers = [*(ini("comfy_headers") or ()), *lines_of(environ.get("COMFY_HEADERS")), *(option("comfy_header") or ())]
    try:
        return servers_of(
            urls or (), headers, option("comfy_ca") or ini("comfy_ca") or None, root, environ, sorted(below)
        )
    except ServerError as error:
        raise SettingsError(str(error)) from None


def _path(root: Path, given: str | None) -> Path | None:
    return root / given if given else None


def _wait(value: Any) -> float | None:
    return 0.0 if value in (0, "0") else seconds(value, "comfy_connect_timeout") if value else None


def patterns(texts: Iterable[str], name: str) -> Patterns:
    """Return the regular expressions of comfy_redact; raises SettingsError for one that cannot be used."""
    try:
        return compiled(texts, name)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def default_widgets(root: Path) -> list[Path]:
    """Return the project's file of widget layouts, if it has one."""
    path = root / WIDGETS_FILE
    return [path] if path.is_file() else []


def widgets(paths: Iterable[Path], name: str) -> dict[str, Layout]:
    """Read files of widget layouts, the later ones going first; raises SettingsError."""
    found: dict[str, Layout] = {}
    for path in paths:
        # Not at the top: only projects that have such files pay for it.
        from ..workflow import WorkflowError
        from ..workflow.graph.layouts import read

        try:
            found.update(read(path.read_text(encoding="utf-8-sig"), str(path)))
        except OSError as error:
            raise SettingsError(f"{name}: {path}: cannot be read ({error.strerror or error})") from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"{name}: {path}: not UTF-8 text (byte {error.start})") from error
        except (WorkflowError, RecursionError) as error:
            raise SettingsError(f"{name}: {error}") from error
    return found


def tolerance_name(value: Any, name: str) -> str:
    """Return the name of a tolerance; raises SettingsError for what is none."""
    _one_of(name, value, TOLERANCES)
    return str(value)


def baseline_name(value: Any, name: str) -> str:
    """Return the name of a baseline; raises SettingsError for what cannot be in a folder's name."""
    if not re.fullmatch(r"[\w.-]+", str(value)):
        raise SettingsError(f"{name} {value!r}: use letters, digits, '-', '_' and '.'")
    return str(value)


def _size(value: Any) -> int:
    try:
        return parse_size(value) if value else DEFAULT_MAX_MEMORY
    except ValueError as error:
        raise SettingsError(f"{OPTION} {value!r}: {error}") from error


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingsError(f"{name} {value!r}: must be one of {', '.join(known)}{did_you_mean(str(value), known)}")


def _words(text: Any) -> list[str]:
    return re.split(r"[,\s]+", text.strip()) if isinstance(text, str) and text.strip() else []


def environment() -> Mapping[str, str]:
    """Return the process environment."""
    return os.environ
