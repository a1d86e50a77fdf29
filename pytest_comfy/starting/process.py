"""A server in a process of its own, with a keeper, waited for until it answers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import keeper
from .errors import StartError
from .keeper import GRACE, LOG, end_all
from .log import last_lines, text_of

if TYPE_CHECKING:
    from ..client import ComfyClient

Tell = Callable[[float, str], None]
"""Told now and then while a server starts: seconds, and the last line of its log."""

_LOOK = 0.25
_ANSWER_SECONDS = 5.0
_PATIENCE = 10.0
"""Seconds that the keeper has beside the grace of the server."""


class Process:
    """A server that was started in its own folder, and its keeper.

    told  the command line, for people
    """

    def __init__(self, words: Sequence[str], cwd: Path, folder: Path, told: str, lock: int | None = None) -> None:
        self.folder = folder
        self.told = told
        self._pid: int | None = None
        self._over = threading.Event()
        self._problem = ""
        self._status: int | None = None
        self._begun = time.monotonic()
        self._keeper = self._kept(words, cwd, lock)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def wait(self, client: ComfyClient, timeout: float, tell: Tell) -> dict[str, Any]:
        """Wait until the server answers and return its `/system_stats`.

        Raises StartError where it ends before, or does not answer within `timeout` seconds.
        """
        from ..client import ServerUnreachable, TooLarge

        while not self._over.wait(_LOOK):
            with contextlib.suppress(ServerUnreachable, TooLarge):
                stats = client.system_stats(timeout=_ANSWER_SECONDS)
                if not self._is_foreign(stats):
                    return stats
            if self.seconds > timeout:
                raise StartError(
                    self._why(f"does not answer at {client.url} after {timeout:g} s (comfy_start_timeout)")
                )
            tell(self.seconds, (last_lines(text_of(self.folder / LOG), 1) or [""])[0])
        raise StartError(self._why(self._ended()))

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._begun

    @property
    def ended(self) -> str:
        """Why it is there no more, with the last lines of its log; "" while it is."""
        return self._why(self._ended()) if self._over.is_set() else ""

    def end(self) -> None:
        """End the server with all that it started, and remove its folder; it may be called again."""
        stdin, stdout = self._keeper.stdin, self._keeper.stdout
        with contextlib.suppress(OSError):
            if stdin is not None:
                stdin.close()
        try:
            self._keeper.wait(GRACE + _PATIENCE)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        if self._pid is not None and self.folder.exists():
            # The keeper was killed before it could do so.
            end_all(self._pid, self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._listener.join(_PATIENCE)
        if stdout is not None and not self._listener.is_alive():
            stdout.close()

    def _kept(self, words: Sequence[str], cwd: Path, lock: int | None) -> subprocess.Popen[str]:
        start = [sys.executable, "-I", keeper.__file__, str(self.folder), str(cwd), str(os.getpid()), *words]
        # Beside it the installation gets no compiled files either.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
        own_group: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        return subprocess.Popen(
            start,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            pass_fds=() if lock is None else (lock,),
            **own_group,
        )

    def _listen(self) -> None:
        """Take what the keeper tells, until it ends."""
        with contextlib.suppress(ValueError, OSError):
            for line in self._keeper.stdout or ():
                what, value = json.loads(line)
                if what == "pid":
                    self._pid = value
                elif what == "problem":
                    self._problem = value
                elif what == "ended":
                    self._status = value
                    self._over.set()
        self._over.set()

    def _is_foreign(self, stats: dict[str, Any]) -> bool:
        """Whether another ComfyUI answers, which took the port meanwhile: ours has its folder on its command line."""
        argv = stats.get("system", {}).get("argv") if isinstance(stats.get("system"), dict) else None
        words = [str(word) for word in argv] if isinstance(argv, list) else []
        return any(word.startswith("--") for word in words) and not any(self.folder.name in word for word in words)

    def _ended(self) -> str:
        if self._problem:
            return f"cannot be started ({self._problem})"
        if self._status is None:
            return "was ended, as its keeper was killed"
        return f"ended ({f'signal {-self._status}' if self._status < 0 else f'exit status {self._status}'})"

    def _why(self, what: str) -> str:
        lines = last_lines(text_of(self.folder / LOG))
        told = f"comfy_start: {self.told} {what}"
        return f"{told}; the last lines of its log:\n" + "\n".join(f"  {line}" for line in lines) if lines else told
