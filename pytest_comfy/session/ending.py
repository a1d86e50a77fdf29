"""The end of a session that is told to end."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def end_on_sigterm() -> None:
    """Have SIGTERM end the session as Ctrl-C does: what runs is taken off the server, and the summary is written.

    Nothing is changed where somebody else listens to it already, or where this is not the main thread.
    """
    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def leave_sigterm() -> None:
    """Undo what `end_on_sigterm` did."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is _interrupt:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt("SIGTERM")
