"""When the session's own ComfyUI is started: after the collection, if something needs it, before the first case.

Only sessions that have one load this.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .report.cleaning import fit_to_log
from .text import plain

if TYPE_CHECKING:
    from .session.settings import Settings
    from .session.state import State
    from .starting.own import OwnServer

_ASKING = frozenset({"comfy_lane", "comfy_client", "comfy_async_client"})
"""Fixtures that ask the server; all others of ours that do come to one of them."""


def own_server(settings: Settings, config: Any) -> OwnServer:
    """Return the ComfyUI that the session is to have for itself; raises SettingsError."""
    from .session.given import SettingsError
    from .starting.own import OwnServer

    own = OwnServer(settings)
    here, home, ini = config.invocation_params.dir, own.program.home, config.inipath
    if ini is not None and home is not None and ini.is_relative_to(home) and not here.is_relative_to(home):
        own.end()
        raise SettingsError(
            f"comfy_start: pytest took {ini} for its ini, as a path in a word of its own counts when it looks for one: "
            "write --comfy-start=PATH"
        )
    return own


def start_for(session: Any, state: State) -> None:
    """Start the session's own server where an item needs it, and tell how that goes.

    Raises SettingsError, but in a worker of pytest-xdist: there the items that need it are told.
    """
    config = session.config
    items = getattr(session, "items", ())  # the controller of workers collects none; before pytest 8 it has no list
    if not any(map(_asks, items)) or config.option.collectonly or _stops_before(session):
        return
    if hasattr(config, "workerinput"):
        if refusal(state):
            state.own.repeat()
        return
    terminal = _Terminal(config)
    terminal.line(f"comfy: starting {plain(state.own.told, 200)}")
    stats = state.own.ensure(terminal.progress)
    state.packs = state.own.packs
    if stats is not None:
        from .golden.environment import describe_system, summary

        told = summary(describe_system(stats))
        terminal.line(f"comfy: {state.settings.servers[0].told} after {state.own.seconds:.1f} s: {told}")


def refusal(state: State) -> str:
    """Have the session's own server run; returns why it does not, "" where it does."""
    from .session.given import SettingsError

    try:
        state.own.ensure()
        state.packs = state.own.packs
    except SettingsError as error:
        return str(error)
    return ""


def refusal_for(item: Any, state: State) -> str:
    """Return why an item that needs the session's own server cannot have it, a sentence; "" where it can."""
    return refusal(state) if _asks(item) else ""


def _asks(item: Any) -> bool:
    return not _ASKING.isdisjoint(getattr(item, "fixturenames", ()))


def _stops_before(session: Any) -> bool:
    """Whether pytest runs nothing, as something could not be collected."""
    return bool(session.testsfailed) and not session.config.option.continue_on_collection_errors


class _Terminal:
    """Writes how far the start is: on a terminal in one line that is written over."""

    def __init__(self, config: Any) -> None:
        self._reporter = config.pluginmanager.getplugin("terminalreporter")
        self._quiet = self._reporter is None or config.option.verbose < 0
        drawn = not self._quiet and self._reporter.isatty and os.environ.get("TERM", "dumb") != "dumb"
        self._drawn = drawn and not os.environ.get("CI")

    def line(self, text: str) -> None:
        """Write a line, unless that is not wanted."""
        if not self._quiet:
            self._reporter.ensure_newline()
            self._reporter.rewrite("", erase=True) if self._drawn else None
            self._reporter.line(fit_to_log(plain(text, 300)))

    def progress(self, seconds: float, log: str) -> None:
        """Tell that it still goes on."""
        if self._drawn:
            width = self._reporter._tw.fullwidth - 1
            self._reporter.rewrite(f"comfy: starting, {seconds:.0f} s  {log}"[:width], erase=True)
