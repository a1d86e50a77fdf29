"""The pytest plugin: options and hooks. What they do is in the modules they call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .collect import STATE, BrokenFile, CaseItem, WorkflowFile, collect_file, keep_broken, not_judged
from .fixtures import (
    closing_sections,
    comfy_async_client,
    comfy_client,
    comfy_golden,
    comfy_lane,
    comfy_respx,
    comfy_run,
    comfy_server,
    comfy_workflow,
)
from .secrecy import Patterns, own_patterns, take_out
from .session import settings as _settings
from .session.projects import root_above
from .session.state import State

EARLIER: pytest.StashKey[Patterns] = pytest.StashKey()
"""What was taken out before this session, which may be run by a test of another."""

__all__ = [
    "comfy_async_client",
    "comfy_client",
    "comfy_golden",
    "comfy_lane",
    "comfy_respx",
    "comfy_run",
    "comfy_server",
    "comfy_workflow",
]


_NOT_WRONG = (pytest.skip.Exception, pytest.xfail.Exception)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("comfy", "ComfyUI workflow tests")

    def option(name: str, help: str, **more: Any) -> None:
        group.addoption(name, dest=name[2:].replace("-", "_"), default=None, help=help, **more)

    option("--comfy-url", "run live on this ComfyUI; repeat it to spread xdist workers over several "
           "(also COMFY_URL)", action="append", metavar="URL")  # fmt: skip
    option("--comfy-header", "a header that a gateway wants, for HTTP and WebSocket (repeatable; also COMFY_HEADERS, "
           "a line each)", action="append", metavar="'NAME: VALUE'")  # fmt: skip
    option("--comfy-ca", "certificates of the authority that signed the server's; off trusts any", metavar="FILE|off")
    option("--comfy-update", "approve live runs: write golden runs that are missing, changed (the bare flag) "
           "or all", nargs="?", const="changed", metavar="missing|changed|all")  # fmt: skip
    option("--comfy-reason", "why the runs are approved; kept in the golden run", metavar="TEXT")
    option("--comfy-allow-blank", "approve outputs that show nothing, such as black pictures", action="store_true")
    option("--comfy-fresh", "have every live run load its models anew", action="store_true")
    option("--comfy-baseline", "look for golden runs of this name first, then for plain ones", metavar="NAME")
    option("--comfy-report", "folder for the report: what differs, to look at and to approve (comfy-report)",
           metavar="DIR")  # fmt: skip
    option("--comfy-report-all", "keep identical cases in the report as well", action="store_true")
    option("--comfy-report-inline", "write the report's page as one file, pictures and all", action="store_true")
    option("--comfy-json", "write the report's document to this file as well", metavar="FILE")
    option("--comfy-server-log", "the server's log file: what it gains during a case is kept with it", metavar="FILE")
    option("--comfy-thumbnails", "show pictures of what changed, on a terminal with colours (needs rich-pixels)",
           action="store_true")  # fmt: skip
    option("--comfy-unused", "what to do about golden runs that no case claims: warn, fail or remove",
           metavar="MODE")  # fmt: skip
    option("--comfy-timeout", "wall-clock limit of one run in seconds (600)", metavar="S")
    option("--comfy-tolerance", "exact, strict, normal or loose", metavar="NAME")

    parser.addini("comfy_url", "run live on these ComfyUI servers", default="")
    parser.addini("comfy_headers", "headers that a gateway wants", type="linelist", default=[])
    parser.addini("comfy_ca", "certificates of the authority that signed the server's; off trusts any", default="")
    parser.addini("comfy_connect_timeout", "how long a server that wakes up is waited for, in seconds", default="")
    parser.addini("comfy_fresh", "have every live run load its models anew", type="bool", default=False)
    parser.addini("comfy_baseline", "look for golden runs of this name first", default="")
    parser.addini("comfy_report", "folder for the report", default="comfy-report")
    parser.addini("comfy_report_all", "keep identical cases in the report as well", type="bool", default=False)
    parser.addini("comfy_report_inline", "write the report's page as one file", type="bool", default=False)
    parser.addini("comfy_server_log", "the server's log file", default="")
    parser.addini("comfy_thumbnails", "show pictures of what changed on a terminal", type="bool", default=False)
    parser.addini("comfy_unused", "golden runs that no case claims: warn, fail or remove", default="warn")
    parser.addini("comfy_timeout", "wall-clock limit of one run in seconds", default="")
    parser.addini("comfy_stall_timeout", "how long queue and run may stand still, in seconds", default="")
    parser.addini("comfy_max_memory", "memory that one run may take, such as 2GB (the default)", default="")
    parser.addini("comfy_tolerance", "default tolerance", default="")
    parser.addini("comfy_workflows", "globs of workflow files to collect", type="linelist",
                  default=[_settings.DEFAULT_GLOB])  # fmt: skip
    parser.addini("comfy_redact", "regular expressions of what is neither recorded nor told", type="linelist",
                  default=[])  # fmt: skip
    parser.addini("comfy_golden_dir", "folder of golden runs", default="golden")
    parser.addini("comfy_golden_files", "keep output files in golden runs", type="bool", default=True)
    parser.addini("comfy_widgets", "files that say what JavaScript does to widgets (comfy-widgets.toml)",
                  type="linelist", default=[])  # fmt: skip
    parser.addini("comfy_golden_previews", "keep preview pictures in golden runs", type="bool", default=False)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> None:
    # argparse would take the word after a bare --comfy-update, a path perhaps, for its value.
    for at, word in enumerate(args):
        if word == "--comfy-update":
            mode = args[at + 1] if at + 1 < len(args) else ""
            given = mode in _settings.UPDATE_MODES and not Path(mode).exists()
            args[at] = f"--comfy-update={mode if given else 'changed'}"
            if given:
                del args[at + 1]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "comfy(timeout, stall_timeout, tolerance, allow_node_errors): a ComfyUI workflow, or a test's options",
    )
    config.addinivalue_line("markers", "comfy_respx(url, ...): where the fixture comfy_respx is found")
    try:
        root = config.rootpath if config.inipath or config.option.rootdir else root_above(config.rootpath)
        paths = [config.invocation_params.dir / word.partition("::")[0] for word in config.args]
        settings = _settings.resolve(config.getoption, config.getini, _settings.environment(), root, paths)
        config.stash[EARLIER] = own_patterns()
        take_out(settings.redact)
        config.stash[STATE] = State(settings)
        config.stash[STATE].projects.look_around(paths)
    except _settings.SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    if settings.live:
        from .session.ending import end_on_sigterm

        end_on_sigterm()
    config.pluginmanager.register(SessionHooks(config, config.stash[STATE]), "comfy-session")


def pytest_unconfigure(config: pytest.Config) -> None:
    state = config.stash.get(STATE, None)
    if state is not None:
        take_out(config.stash[EARLIER])
    if state is not None and state.settings.live:
        from .session.ending import leave_sigterm

        leave_sigterm()


def pytest_report_header(config: pytest.Config) -> list[str]:
    from .report.terminal import header

    return header(config.stash[STATE].projects)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> WorkflowFile | None:
    return collect_file(file_path, parent)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    # First, before -k and -m deselect: a deselected test still claims its golden run.
    from .fixtures import claim_tests

    claim_tests(config.stash[STATE], config, items)
    broken = [item for item in items if isinstance(item, BrokenFile)]
    yield
    keep_broken(items, broken, config.getoption("deselect") or ())


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    if call.excinfo is not None and call.when != "teardown" and not call.excinfo.errisinstance(_NOT_WRONG):
        from .erring import keep_error

        keep_error(item, call.excinfo.value, str(call.when))
    outcome: Any = yield
    ours = isinstance(item, (CaseItem, BrokenFile)) or _has_client(item)
    if ours and call.when == "call" and call.excinfo is not None:
        report = outcome.get_result()
        if report.failed and not_judged(call.excinfo.value):
            # A case without a verdict is an error; pytest counts failures outside the call as such.
            report.when = "setup"
    if call.when == "call" and call.excinfo is not None:
        outcome.get_result().sections.extend(closing_sections(item))
    if ours or any(name.startswith("comfy_") for name in getattr(item, "fixturenames", ())):
        from .report.cleaning import clean

        clean(outcome.get_result())


def _has_client(item: pytest.Item) -> bool:
    return not {"comfy_client", "comfy_async_client"}.isdisjoint(getattr(item, "fixturenames", ()))


class SessionHooks:
    """The hooks that gather what the reports say; an object, as some of them are not given the config."""

    def __init__(self, config: pytest.Config, state: State) -> None:
        self.config = config
        self.state = state

    def pytest_sessionstart(self) -> None:
        if self.state.settings.live:
            from .report.status import open_status

            self.state.follower = open_status(self.config, self.state.projects, _settings.environment())

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.state.deselected = self.state.deselected or bool(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.state.troubled = self.state.troubled or report.failed
        if report.when == "call" or (report.when == "setup" and report.failed):
            self.state.count(report.user_properties, report.outcome)
        if report.when == "teardown":
            self.state.count_unmatched(report.nodeid, report.user_properties)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["comfy"] = self.state.published()
            return
        if self.config.option.collectonly:
            return
        self._report(session)
        if self.state.outcomes:
            from .report.ci import tell_ci

            tell_ci(self.state, self.config.getoption("xmlpath", None), _settings.environment())
        well = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        self.state.judge_unused(well and not (session.shouldstop or session.shouldfail))
        found = self.state.unused or self.state.orphans
        if found and self.state.settings.unused == "fail" and well:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _report(self, session: pytest.Session) -> None:
        state = self.state
        if state.outcomes or state.settings.json_file:
            from .report.session import finish

            ended_well = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
            finish(state, interrupted=bool(session.shouldstop or session.shouldfail) or not ended_well)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        from .report.headline import with_headlines
        from .report.terminal import summarize

        summarize(terminalreporter, self.state)
        with_headlines(terminalreporter.stats.get("failed", ()))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """xdist: a worker is done; a crashed one has told nothing, and what it collected is not known."""
        published = getattr(node, "workeroutput", {}).get("comfy")
        if published is None:
            self.state.collection_failed()
        else:
            self.state.merge(published)
