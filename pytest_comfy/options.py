"""The flags and inis that pytest is told of; `session.settings` resolves them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .places import DEFAULT_GLOB


def add_options(addoption: Callable[..., None], ini: Callable[..., None]) -> None:
    """Declare the flags, each with its destination named like its ini, and the inis, by pytest's own methods."""

    def option(name: str, help: str, **more: Any) -> None:
        addoption(name, dest=name[2:].replace("-", "_"), default=None, help=help, **more)

    option("--comfy-url", "run live on this ComfyUI; repeat it for a pool of several "
           "(also COMFY_URL)", action="append", metavar="URL")  # fmt: skip
    option("--comfy-against", "run each case on this ComfyUI as well, the old one, and compare both: no golden run is "
           "needed; several as of --comfy-url", action="append", metavar="URL")  # fmt: skip
    option("--comfy-header", "a header that a gateway wants, for HTTP and WebSocket (repeatable; also COMFY_HEADERS, "
           "a line each)", action="append", metavar="'NAME: VALUE'")  # fmt: skip
    option("--comfy-ca", "certificates of the authority that signed the server's; off trusts any", metavar="FILE|off")
    option("--comfy-start", "start a ComfyUI for this session: the folder of its main.py, or a command line",
           metavar="PATH_OR_COMMAND")  # fmt: skip
    option("--comfy-update", "approve live runs: write golden runs that are missing, changed (the bare flag) "
           "or all", nargs="?", const="changed", metavar="missing|changed|all")  # fmt: skip
    option("--comfy-reason", "why the runs are approved; kept in the golden run", metavar="TEXT")
    option("--comfy-allow-blank", "approve outputs that show nothing, such as black pictures", action="store_true")
    option("--comfy-fresh", "have every live run load its models anew", action="store_true")
    option("--comfy-lookahead", "how many cases are queued on each live server behind the one that it executes (2); 0 "
           "has each queued at its turn", metavar="N")  # fmt: skip
    option("--comfy-order", "file: cases run in pytest's order; model: those that share a checkpoint after each other; "
           "longest: the longest first, as several servers have it unless told", metavar="NAME")  # fmt: skip
    option("--comfy-shard", "run the K-th of N parts of the session, of about the same length by golden runs (also "
           "COMFY_SHARD)", metavar="K/N")  # fmt: skip
    option("--comfy-blame", "run cases that differ again, and name the node that makes them differ: by the old server, "
           "or by what golden runs keep of --comfy-probes", action="store_true")  # fmt: skip
    option("--comfy-probes", "with --comfy-update: keep the values between nodes as well, for --comfy-blame",
           action="store_true")  # fmt: skip
    option("--comfy-calibrate", "run each case N times, or once on each of several --comfy-url, and keep in its golden "
           "run how far it moves by itself: tolerances are no narrower", metavar="N")  # fmt: skip
    option("--comfy-slower", "fail cases of which a node takes X times as long as in its calibrated golden run, or on "
           "the old server, by medians of three runs", metavar="X")  # fmt: skip
    option("--comfy-preflight", "what becomes of cases of which it is known before they run that they break: fail, "
           "warn or off", metavar="MODE")  # fmt: skip
    option("--comfy-allow-api-nodes", "queue API nodes, which may cost money", action="store_true")
    option("--comfy-baseline", "look for golden runs of this name first, then for plain ones", metavar="NAME")
    option("--comfy-report", "folder for the report: what differs, to look at and to approve (comfy-report)",
           metavar="DIR")  # fmt: skip
    option("--comfy-report-all", "keep identical cases in the report as well", action="store_true")
    option("--comfy-report-inline", "write the report's page as one file, pictures and all", action="store_true")
    option("--comfy-json", "write the report's document to this file as well", metavar="FILE")
    option("--comfy-known", "a report of before: failures that it has as well, unchanged, are told apart and fail "
           "nothing", metavar="FILE|DIR")  # fmt: skip
    option("--comfy-server-log", "the server's log file: what it gains during a case is kept with it", metavar="FILE")
    option("--comfy-thumbnails", "show pictures of what changed, on a terminal with colours (needs rich-pixels)",
           action="store_true")  # fmt: skip
    option("--comfy-unused", "what to do about golden runs that no case claims: warn, fail or remove",
           metavar="MODE")  # fmt: skip
    option("--comfy-timeout", "wall-clock limit of one run in seconds (600)", metavar="S")
    option("--comfy-tolerance", "exact, strict, normal or loose", metavar="NAME")

    ini("comfy_url", "run live on these ComfyUI servers", default="")
    ini("comfy_against", "run each case on these ComfyUI servers as well, the old ones", default="")
    ini("comfy_headers", "headers that a gateway wants", type="linelist", default=[])
    ini("comfy_ca", "certificates of the authority that signed the server's; off trusts any", default="")
    ini("comfy_connect_timeout", "how long a server that wakes up is waited for, in seconds", default="")
    ini("comfy_start", "start a ComfyUI for the session: the folder of its main.py, or a command line", default="")
    ini("comfy_start_timeout", "how long it may take until it answers, in seconds (300)", default="")
    ini("comfy_custom_nodes", "node packs under test, which the started ComfyUI gets", type="linelist",
                  default=[])  # fmt: skip
    ini("comfy_fresh", "have every live run load its models anew", type="bool", default=False)
    ini("comfy_lookahead", "cases queued on each live server behind the one that it executes", default="")
    ini("comfy_order", "the order of cases: file, model or longest", default="")
    ini("comfy_blame", "name the node that makes a case differ", type="bool", default=False)
    ini("comfy_probes", "golden runs keep the values between nodes", type="bool", default=False)
    ini("comfy_slower", "how many times as long a node may take", default="")
    ini("comfy_preflight", "cases that are sure to break: fail, warn or off", default="fail")
    ini("comfy_allow_api_nodes", "queue API nodes, which may cost money", type="bool", default=False)
    ini("comfy_baseline", "look for golden runs of this name first", default="")
    ini("comfy_report", "folder for the report", default="comfy-report")
    ini("comfy_report_all", "keep identical cases in the report as well", type="bool", default=False)
    ini("comfy_report_inline", "write the report's page as one file", type="bool", default=False)
    ini("comfy_known", "a report of before, by which failures are known", default="")
    ini("comfy_server_log", "the server's log file", default="")
    ini("comfy_thumbnails", "show pictures of what changed on a terminal", type="bool", default=False)
    ini("comfy_unused", "golden runs that no case claims: warn, fail or remove", default="warn")
    ini("comfy_timeout", "wall-clock limit of one run in seconds", default="")
    ini("comfy_stall_timeout", "how long queue and run may stand still, in seconds", default="")
    ini("comfy_max_memory", "memory that one run may take, such as 2GB (the default)", default="")
    ini("comfy_tolerance", "default tolerance", default="")
    ini("comfy_workflows", "globs of workflow files to collect", type="linelist",
                  default=[DEFAULT_GLOB])  # fmt: skip
    ini("comfy_redact", "regular expressions of what is neither recorded nor told", type="linelist",
                  default=[])  # fmt: skip
    ini("comfy_golden_dir", "folder of golden runs", default="golden")
    ini("comfy_golden_files", "keep output files in golden runs", type="bool", default=True)
    ini("comfy_widgets", "files that say what JavaScript does to widgets (comfy-widgets.toml)",
                  type="linelist", default=[])  # fmt: skip
    ini("comfy_golden_previews", "keep preview pictures in golden runs", type="bool", default=False)


def defaults() -> dict[str, Any]:
    """Return ini -> what it is where nobody says anything."""
    found: dict[str, Any] = {}
    add_options(lambda *words, **more: None, lambda name, help, *, default, **more: found.update({name: default}))
    return found
