"""The hooks of a session that has something of ours in it. What they do is in the modules they call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .collect import KNOWN, STATE, BrokenFile, CaseItem, keep_broken, not_judged
from .fixtures import claim_tests, closing_sections
from .secrecy import Patterns, own_patterns, take_out
from .session import settings as _settings
from .session.given import SettingsError
from .session.projects import root_above
from .session.state import State

_NOT_WRONG = (pytest.skip.Exception, pytest.xfail.Exception)


def wake(config: pytest.Config) -> SessionHooks:
    """Resolve the settings of a session, and register its hooks, once; raises UsageError."""
    hooks: SessionHooks | None = config.pluginmanager.get_plugin("comfy-session")
    if hooks is not None:
        return hooks
    try:
        root = config.rootpath if config.inipath or config.option.rootdir else root_above(config.rootpath)
        paths = [config.invocation_params.dir / word.partition("::")[0] for word in config.args]
        settings = _settings.resolve(config.getoption, config.getini, _settings.environment(), root, paths)
        earlier = own_patterns()
        take_out(settings.redact)
        own = _own_server(config, settings)
        state = config.stash[STATE] = State(own.settings if own else settings)
        state.own = own
        hooks = SessionHooks(config, state, earlier)
        config.pluginmanager.register(hooks, "comfy-session")
        state.earlier = _earlier(config, settings)
        state.projects.look_around(paths)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    if settings.live:
        from .session.ending import end_on_sigterm

        end_on_sigterm()
    return hooks


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


def _has_client(item: pytest.Item) -> bool:
    return not {"comfy_client", "comfy_async_client"}.isdisjoint(getattr(item, "fixturenames", ()))


class SessionHooks:
    """The hooks, beside those that `plugin` has for every session; an object, as some are not given the config."""

    def __init__(self, config: pytest.Config, state: State, earlier: Patterns) -> None:
        self.config = config
        self.state = state
        self._earlier = earlier  # what was taken out before this session, which may be run by a test of another

    def pytest_unconfigure(self) -> None:
        take_out(self._earlier)
        if self.state.own is not None:
            self.state.own.end()
        if self.state.settings.live:
            from .session.ending import leave_sigterm

            leave_sigterm()

    def header(self) -> list[str]:
        """Return the lines for pytest's header."""
        from .report.terminal import header

        return header(self.state.projects)

    def claim(self, items: list[pytest.Item]) -> list[BrokenFile]:
        """Claim the golden runs of the tests, and return what stands for files that cannot be read."""
        claim_tests(self.state, self.config, items)
        broken = [item for item in items if isinstance(item, BrokenFile)]
        if self.state.settings.live or self.state.settings.order:
            from .arranging import arrange

            arrange(items, self.state)  # what others make of the order goes before
        return broken

    def keep(self, items: list[pytest.Item], broken: list[BrokenFile]) -> None:
        """Put back what stands for such files, whatever was deselected but by its name; of all, keep the shard's."""
        keep_broken(items, broken, self.config.getoption("deselect") or ())
        if self.state.settings.shard:
            from .arranging import keep_shard

            if away := keep_shard(items, self.state):
                self.config.hook.pytest_deselected(items=away)

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
            except SettingsError as error:
                raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self.state.own is not None:
            from .owning import refusal_for

            if refused := refusal_for(item, self.state):
                pytest.fail(refused, pytrace=False)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        # First, so outside of those of conftest files, whenever a session turns out to have something of ours.
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
