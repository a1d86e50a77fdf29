"""Replays the client's side of captures against a server, over real sockets, and writes down what it hears."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import requests
import websocket

from pytest_comfy.server import FakeComfyServer, faults
from pytest_comfy.server.faults.events import Hold
from pytest_comfy.server.faults.model import Target

from .captures import Capture, Event, is_post
from .life import REFUSED, Life
from .names import Names
from .plan import Plan, Stop
from .scenario import compare_http

WAIT = 10.0
"""Seconds for what must come; only a server that does not send it makes anyone wait that long."""

WAIT_AGAIN = 0.5
"""Seconds once something has not come: what follows from it will not come either."""


class Ear:
    """All that the sockets of a scenario hear, in order of arrival."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()

    def add(self, event: Event) -> None:
        """Write down an event."""
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait(self, is_there: Callable[[Sequence[Event]], bool], seconds: float) -> bool:
        """Wait until the events are as wanted."""
        with self._changed:
            return self._changed.wait_for(lambda: is_there(self.events), seconds)


class Socket:
    """One WebSocket connection; a thread of its own reads it until it ends."""

    def __init__(self, url: str, client: str, client_id: str | None, ear: Ear) -> None:
        query = f"?clientId={quote(client_id)}" if client_id else ""
        self._connection = websocket.create_connection(f"{url.replace('http', 'ws', 1)}/ws{query}", timeout=WAIT)
        self._connection.settimeout(None)
        self._pong = threading.Event()
        self._client, self._ear = client, ear
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def send(self, message: Any) -> None:
        """Send a text message."""
        self._connection.send(json.dumps(message))

    def drain(self) -> None:
        """Return when all has arrived that the server had sent until now: the answer to a ping comes after it."""
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._pong.clear()
            self._connection.ping()
            self._pong.wait(WAIT)

    def close(self) -> None:
        """Close the connection; returns when the server has agreed."""
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._connection.send_close()
        self._thread.join(WAIT)
        self._connection.shutdown()  # type: ignore[no-untyped-call]

    def _read(self) -> None:
        while True:
            try:
                opcode, frame = self._connection.recv_data(control_frame=True)
            except (OSError, websocket.WebSocketException):
                opcode = websocket.ABNF.OPCODE_CLOSE
            if opcode == websocket.ABNF.OPCODE_TEXT:
                self._ear.add({"kind": "ws-text", "client": self._client, "json": json.loads(frame)})
            elif opcode == websocket.ABNF.OPCODE_BINARY:
                text = base64.b64encode(frame).decode()
                self._ear.add({"kind": "ws-binary", "client": self._client, "base64": text})
            elif opcode == websocket.ABNF.OPCODE_PONG:
                self._pong.set()
            elif opcode == websocket.ABNF.OPCODE_CLOSE:
                self._pong.set()
                return


class Stand(Hold):
    """Lets a run stand still until it is released, also where it is interrupted meanwhile.

    interrupted  ids of runs that were interrupted and have not noticed yet; it is noted there, and taken from there
    """

    def __init__(self, stop: Stop, run: int, interrupted: set[str]) -> None:
        super().__init__("stand", Target(stop.event, run=run), stop.nth)
        self._stop, self._interrupted = stop, interrupted

    async def _wait(self, moment: faults.Moment) -> faults.Failure | None:
        await super()._wait(replace(moment, interrupted=asyncio.Event()))
        if moment.interrupted.is_set():
            self._interrupted.add(self._stop.prompt_id)
            moment.interrupted.clear()
        if self._stop.notices and self._stop.prompt_id in self._interrupted:
            moment.interrupted.set()
        return None


class Driver:
    """Drives the scenarios of one server life, one after another.

    accepted  prompts that our server took, counted as its faults count them
    carried   a run that the captured client left standing, and the hold it stands at
    """

    def __init__(self, server: FakeComfyServer) -> None:
        self.server = server
        self.names = Names()
        self.accepted = 0
        self.carried: Any = None
        self.session = requests.Session()
        self.session.trust_env = False

    def before(self, life: Life) -> list[str]:
        """Make the server what it was before the first scenario; returns what went wrong."""
        trouble = []
        if life.settings is not None:
            # To look for settings makes the folder.
            self.session.get(f"{self.server.url}/settings", timeout=WAIT).raise_for_status()
        if life.settings:
            self.session.post(f"{self.server.url}/settings", json=life.settings, timeout=WAIT).raise_for_status()
        for kind, name in life.files:
            sent = {"image": (name, b"earlier")}
            url = f"{self.server.url}/upload/image"
            self.session.post(url, data={"type": kind}, files=sent, timeout=WAIT).raise_for_status()
        for body in life.earlier:
            answer = self.session.post(f"{self.server.url}/prompt", json=body, timeout=WAIT)
            self.accepted += answer.status_code == 200
            if answer.status_code != (400 if body is REFUSED else 200):
                trouble.append(f"a prompt from before the first scenario: {answer.status_code} {answer.text[:300]}")
        return trouble + self.settle()

    def drive(self, capture: Capture, uncounted: int = 0) -> tuple[list[Event], list[str]]:
        """Do what the captured client did; returns the events of our server, and what never came.

        uncounted  numbers that the captured server had given before and nothing tells to whom: refused prompts
        """
        for _ in range(uncounted):
            self.session.post(f"{self.server.url}/prompt", json=REFUSED, timeout=WAIT)
        return _Scenario(self, capture).drive()

    def settle(self) -> list[str]:
        """Wait until the queue is empty; a run that hangs is interrupted, so that the next scenario can begin."""
        ear = Ear()
        watch = Socket(self.server.url, "watch", "conformance-watch", ear)
        try:
            if ear.wait(_is_idle, WAIT):
                return []
            for fault in list(self.server.faults):
                fault.release()
            self.session.post(f"{self.server.url}/queue", json={"clear": True}, timeout=WAIT)
            self.session.post(f"{self.server.url}/interrupt", json={}, timeout=WAIT)
            ear.wait(_is_idle, WAIT)
            return ["the queue does not become empty"]
        finally:
            watch.close()


class _Scenario:
    def __init__(self, driver: Driver, capture: Capture) -> None:
        self._driver, self._capture, self._plan = driver, capture, Plan(capture)
        self._ear = Ear()
        self._sockets: list[Socket] = []
        self._open: dict[str, Socket] = {}
        self._holds: dict[int, Any] = {}
        self._lost: set[str] = set()
        self._interrupted: set[str] = set()
        self._trouble: list[str] = []
        self._patience = WAIT

    def drive(self) -> tuple[list[Event], list[str]]:
        events = self._capture.events
        stops = {action: stop for stop in self._plan.stops for action in stop.actions}
        try:
            for action in self._plan.actions:
                stop = stops.get(action)
                if stop is not None and stop.before in self._holds:
                    self._reach(self._holds[stop.before], stop)
                self._await(action, action)
                self._act(action)
                if stop is not None and stop.actions[-1] == action:
                    self._await(stop.before, None)
                    self._release(stop)
            self._await(len(events), None)
            if self._driver.carried is None:
                self._trouble += self._driver.settle()
            for socket in self._sockets:
                socket.drain()
        finally:
            for hold in self._holds.values():
                if hold is not self._driver.carried:
                    hold.release()
            for socket in self._sockets:
                socket.close()
        return list(self._ear.events), self._trouble

    def _reach(self, hold: Any, stop: Stop) -> None:
        if not hold.reached.wait(self._patience):
            self._complain(f"the run never came to its {stop.event} number {stop.nth}")

    def _release(self, stop: Stop) -> None:
        hold = self._driver.carried if stop.carried else self._holds.get(stop.before)
        if stop.carries:
            self._driver.carried = hold
        elif hold is not None:
            hold.release()
            if stop.carried:
                self._driver.carried = None

    def _await(self, until: int, action: int | None) -> None:
        """Wait until all has arrived that stands before `until`, but for what `action` itself causes."""
        wanted: Counter[tuple[str, bool]] = Counter()
        for index in self._plan.awaited(until, action):
            if self._capture.prompt_of.get(index) not in self._lost:
                event = self._capture.events[index]
                wanted[event["client"], is_status(event)] += 1

        def is_there(events: Sequence[Event]) -> bool:
            return wanted <= Counter((one["client"], is_status(one)) for one in events if "client" in one)

        if not self._ear.wait(is_there, self._patience):
            heard = Counter((one["client"], is_status(one)) for one in self._ear.events if "client" in one)
            missing = {f"{client}{' status' if status else ''}": n for (client, status), n in (wanted - heard).items()}
            self._complain(f"before event {until}: never came {missing}")

    def _complain(self, text: str) -> None:
        self._trouble.append(text)
        self._patience = WAIT_AGAIN

    def _act(self, action: int) -> None:
        event = self._capture.events[action]
        if event["kind"] == "http":
            self._ask(action, event)
            return
        client = event["client"]
        if event["kind"] == "ws-open":
            self._ear.add({"kind": "ws-open", "client": client, "client_id": event["client_id"]})
            self._open[client] = Socket(self._driver.server.url, client, event["client_id"], self._ear)
            self._sockets.append(self._open[client])
        elif event["kind"] == "ws-sent":
            self._open[client].send(event["json"])
        else:
            self._open[client].close()

    def _ask(self, action: int, event: Event) -> None:
        names, driver = self._driver.names, self._driver
        accepted = is_post(event) and event["response"]["status"] == 200
        if accepted:
            self._hold(event["response"]["json"]["prompt_id"])
        answer = ask(driver.session, driver.server.url, event["request"], names)
        heard: Event = {"kind": "http", "request": event["request"], "response": answer}
        self._ear.add(heard)
        if is_post(event):
            driver.accepted += answer["status"] == 200
        if accepted and answer["status"] != 200:
            self._lost.add(event["response"]["json"]["prompt_id"])
        # What the answer calls things is needed for the next request.
        compare_http(event, heard, names)

    def _hold(self, prompt_id: str) -> None:
        for stop in self._plan.stops:
            if stop.prompt_id == prompt_id:
                hold = Stand(stop, self._driver.accepted + 1, self._interrupted)
                if not stop.actions:
                    hold.release()
                self._holds[stop.before] = hold
                self._driver.server.faults.add(hold)


def ask(session: requests.Session, url: str, request: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Send a captured request in the names of our server; returns the answer as captures hold it."""
    sent: dict[str, Any] = {"headers": request.get("headers"), "params": names.translate(request.get("params"))}
    if "json" in request:
        sent["json"] = names.translate(request["json"])
    if "data" in request:
        sent["data"] = request["data"]
    if "files" in request:
        # Of an upload the capture keeps name, length and type.
        sent["files"] = {key: (name, picture(size), kind) for key, (name, size, kind) in request["files"].items()}
    path = names.translate(request["path"])
    answer = session.request(request["method"], url + path, allow_redirects=False, timeout=WAIT, **sent)
    told: dict[str, Any] = {"status": answer.status_code, "headers": dict(answer.headers)}
    kind = answer.headers.get("Content-Type", "")
    if "json" in kind and answer.content:
        told["json"] = answer.json()
    elif kind.startswith("text/"):
        told["text"] = answer.text
    else:
        told["base64"] = base64.b64encode(answer.content).decode()
    return told


def picture(size: int) -> bytes:
    """Return a PNG of exactly `size` bytes (100 or more): 16 x 16, RGBA, filled up with a comment."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 6, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(16 * (1 + 16 * 4)), 9))
    tail = chunk(b"IEND", b"")
    room = size - len(head) - len(rows) - len(tail) - 12
    if room < 2:
        raise ValueError(f"no picture fits into {size} bytes")
    return head + chunk(b"tEXt", b"x\0" + b"x" * (room - 2)) + rows + tail


def is_status(event: Event) -> bool:
    """Whether an event is the message `status`."""
    return bool(event["kind"] == "ws-text" and event["json"].get("type") == "status")


def _is_idle(events: Sequence[Event]) -> bool:
    return any(
        event["json"]["data"]["status"]["exec_info"]["queue_remaining"] == 0 for event in events if is_status(event)
    )
