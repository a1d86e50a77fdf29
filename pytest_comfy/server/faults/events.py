"""Faults of the event stream, of runs and of the whole server."""

from __future__ import annotations

import asyncio
import contextlib

from .model import Failure, Fault, FrameFault, Moment, PointFault, Sent, Target, check_seconds

_OUT_OF_MEMORY = "torch.OutOfMemoryError"
"""So called since PyTorch 2.5; torch.cuda.OutOfMemoryError before."""

_OUT_OF_MEMORY_TEXT = (
    "Allocation on device \nThis error means you ran out of memory on your GPU.\n\n"
    "TIPS: If the workflow worked before you might have accidentally set the batch_size to a large number."
)
"""What PyTorch says on CUDA, and what ComfyUI adds to it (execution.py, 0.3.64 and 0.8.0 alike)."""

_TURNS = 8
"""Turns of the loop in which the clients' tasks send what was said before; at speed 0 a run gives them none."""

_CLOSE_CODES = (0, *range(1000, 1004), *range(1007, 1015), *range(3000, 5000))
"""What may stand in a close frame (RFC 6455, 7.4), and 0."""


def drop(event: str, *, node: str | None = None, run: int | None = None, nth: int = 1, times: int = 1) -> Fault:
    """Never send the message."""
    return FrameFault("drop", lambda sent: [], Target(event, node, run), nth, times)


def duplicate(event: str, *, node: str | None = None, run: int | None = None, nth: int = 1, times: int = 1) -> Fault:
    """Send the message twice."""
    return FrameFault("duplicate", lambda sent: [sent, sent], Target(event, node, run), nth, times)


def reorder(event: str, *, node: str | None = None, run: int | None = None, nth: int = 1) -> Fault:
    """Send the message after the next one that is sent, whatever that is; a run's last one waits for the next run."""
    return _Reorder("reorder", Target(event, node, run), nth)


def delay(
    seconds: float, event: str, *, node: str | None = None, run: int | None = None, nth: int = 1, times: int = 1
) -> Fault:
    """Wait before the message, or until the run is interrupted; what follows waits as well: there is one stream."""
    check_seconds("delay", seconds)

    async def act(moment: Moment) -> Failure | None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(moment.interrupted.wait(), seconds)
        return None

    return PointFault("delay", act, Target(event, node, run), nth, times)


class Hold(PointFault):
    """Waits before a message until it is released; see `hold`."""

    def __init__(self, name: str, target: Target, nth: int = 1) -> None:
        super().__init__(name, self._wait, target, nth)
        self._released = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def release(self) -> None:
        """Let the run go on, or not stop at all; from any thread."""
        self._released = True
        for loop, event in list(self._waiting):
            with contextlib.suppress(RuntimeError):  # the server was stopped, and its loop is closed
                loop.call_soon_threadsafe(event.set)

    async def _wait(self, moment: Moment) -> Failure | None:
        released = asyncio.Event()
        # Noted before the look at the flag: `release` sets the flag first, and then looks here.
        entry = (asyncio.get_running_loop(), released)
        self._waiting.append(entry)
        waits = [asyncio.ensure_future(one.wait()) for one in (released, moment.interrupted)]
        try:
            if not self._released:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.remove(entry)
            for one in waits:
                one.cancel()
        return None


def hold(event: str, *, node: str | None = None, run: int | None = None, nth: int = 1) -> Hold:
    """Stop the run before the message until `.release()` or an interrupt; `.reached` is set when it stands there.

    event  a message type, or "run" (running, nothing sent yet) or "queue" (still pending)
    """
    return Hold("hold", Target(event, node, run), nth)


def stuck_queue(*, run: int | None = None) -> Hold:
    """Never take the next prompt: it stays pending, and so do all after it."""
    return Hold("stuck_queue", Target("queue", run=run))


def stuck_run(*, run: int | None = None) -> Hold:
    """Take the next prompt and never begin: it stays running without a message."""
    return Hold("stuck_run", Target("run", run=run))


def execution_error(
    message: str = "the fake server was told to fail",
    *,
    exception_type: str = "RuntimeError",
    node: str | None = None,
    class_type: str = "*",
    run: int | None = None,
    nth: int = 1,
    times: int = 1,
) -> Fault:
    """End the run with an error at a node: the one named, or the nth that begins (of this class)."""
    # ComfyUI puts its tips after the line, and there are none for most errors.
    return _failing("execution_error", Failure(exception_type, message + "\n"), node, class_type, run, nth, times)


def out_of_memory(
    *, node: str | None = None, class_type: str = "*", run: int | None = None, nth: int = 1, times: int = 1
) -> Fault:
    """End the run as ComfyUI does when the GPU's memory is full."""
    failure = Failure(_OUT_OF_MEMORY, _OUT_OF_MEMORY_TEXT)
    return _failing("out_of_memory", failure, node, class_type, run, nth, times)


def close_socket(
    event: str, *, code: int = 1001, node: str | None = None, run: int | None = None, nth: int = 1, times: int = 1
) -> Fault:
    """Close the owner's socket (all, where the prompt has no owner) before the message; 0: without a close frame."""
    if code not in _CLOSE_CODES:
        raise ValueError(f"close_socket: code={code} cannot be sent: 0, 1000 to 1003, 1007 to 1014, 3000 to 4999")

    async def act(moment: Moment) -> Failure | None:
        await _let_them_send()
        # The run goes on at once: what it says before the socket is closed is not to be heard.
        moment.silence()
        moment.close(code or None)
        return None

    return PointFault("close_socket", act, Target(event, node, run), nth, times)


def silent_socket(event: str, *, node: str | None = None, run: int | None = None, nth: int = 1) -> Fault:
    """From this message on send nothing to the sockets that would get it, and keep them open."""

    async def act(moment: Moment) -> Failure | None:
        moment.silence()
        return None

    return PointFault("silent_socket", act, Target(event, node, run), nth)


def restart(
    event: str, *, down: float = 0.0, node: str | None = None, run: int | None = None, nth: int = 1, times: int = 1
) -> Fault:
    """Restart the server before the message: sockets, queue and history are lost, numbers begin at 0.

    down  seconds for which connections are refused
    """
    check_seconds("restart", down)

    async def act(moment: Moment) -> Failure | None:
        await _let_them_send()
        moment.restart(down)
        # The restart cancels the task that waits here.
        await asyncio.Event().wait()
        return None

    return PointFault("restart", act, Target(event, node, run), nth, times)


class RefuseConnections(Fault):
    """While it is active, the port is closed; see `refuse_connections`."""


def refuse_connections() -> Fault:
    """Close the port, and cut all connections, until the fault is removed; `.reached` is set when it is closed."""
    return RefuseConnections("refuse_connections")


def _failing(
    name: str, failure: Failure, node: str | None, class_type: str, run: int | None, nth: int, times: int
) -> Fault:
    async def act(moment: Moment) -> Failure | None:
        return failure

    # "?*": the `executing` that ends a run is of no class, and begins no node that could fail.
    target = Target("executing", node, run, "?*" if class_type == "*" else class_type)
    return PointFault(name, act, target, nth, times)


class _Reorder(FrameFault):
    def __init__(self, name: str, target: Target, nth: int) -> None:
        super().__init__(name, self._keep, target, nth)
        self._kept: list[Sent] = []

    def _keep(self, sent: Sent) -> list[Sent]:
        self._kept.append(sent)
        return []

    def late(self) -> list[Sent]:
        kept, self._kept = self._kept, []
        return kept


async def _let_them_send() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
