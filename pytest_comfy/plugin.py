"""The pytest plugin: options and hooks. What they do is in the modules they call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .collect import KNOWN, STATE, BrokenFile, CaseItem, WorkflowFile, collect_file, keep_broken, not_judged
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
from .options import add_options
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
    add_options(parser.getgroup("comfy", "ComfyUI workflow tests").addoption, parser.addini)


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
        own = _own_server(config, settings)
        config.stash[STATE] = State(own.settings if own else settings)
        config.stash[STATE].own = own
        config.stash[STATE].earlier = _earlier(config, settings)
        config.stash[STATE].projects.look_around(paths)
    except _settings.SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    if settings.live:
        from .session.ending import end_on_sigterm

        end_on_sigterm()
    config.pluginmanager.register(SessionHooks(config, config.stash[STATE]), "comfy-session")


def _own_server(config: pytest.Config, settings: _settings.Settings) -> Any:
    """Return the ComfyUI of --comfy-start, None without it; raises SettingsError."""
    if not settings.start:
        return None
    from .owning import own_server

    return own_server(settings, config)


def _earlier(config: pytest.Config, settings: _settings.Settings) -> Any:
    """Return the report by which failures are known; nothing is known with --runxfail. Raises UsageError."""
    if settings.known is None or config.getoption("runxfail", False) or config.option.collectonly:
        return None
    from .report.drift.earlier import Earlier
    from .report.reading import Refused

    try:
        return Earlier.open(
            settings.known, settings.report_dir, settings.relative(settings.known) or str(settings.known)
        )
    except Refused as error:
        raise pytest.UsageError(f"--comfy-known: {error}".replace(f"{settings.root}/", "")) from None


def pytest_unconfigure(config: pytest.Config) -> None:
    state = config.stash.get(STATE, None)
    if state is not None:
        take_out(config.stash[EARLIER])
    if state is not None and state.own is not None:
        state.own.end()
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
    settings = config.stash[STATE].settings
    if settings.live or settings.order:
        from .arranging import arrange

        arrange(items, config.stash[STATE])  # what others make of the order goes before
    yield
    keep_broken(items, broken, config.getoption("deselect") or ())
    if settings.shard:
        from .arranging import keep_shard

        if away := keep_shard(items, config.stash[STATE]):
            config.hook.pytest_deselected(items=away)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    known = call.when == "call" and call.excinfo is None and KNOWN in item.stash
    if call.excinfo is not None and call.when != "teardown" and not call.excinfo.errisinstance(_NOT_WRONG):
        from .erring import keep_error

        known = keep_error(item, call.excinfo.value, str(call.when))
    outcome: Any = yield
    if known:
        from .erring import tell_known

        tell_known(item, outcome.get_result())
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
            from .pool.turns import Turns

            self.state.turns = Turns(self.config)
            self.config.pluginmanager.register(self.state.turns, "comfy-turns")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        if self.state.own is not None:
            from .owning import start_for

            try:
                start_for(session, self.state)
            except _settings.SettingsError as error:
                raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self.state.own is not None:
            from .owning import refusal_for

            if refused := refusal_for(item, self.state):
                pytest.fail(refused, pytrace=False)

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
