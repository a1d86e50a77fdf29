"""What is said to a real server and what it says, written down as captures hold it."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests

from .captures import Event
from .driver import Ear, Socket, ask, is_status
from .names import Names

PATIENCE = 120.0
"""Seconds that a run may take."""

MOST_FRAME, MOST_BODY = 2_000, 200_000
"""Bytes kept of a binary message, and of an answer."""


class Tape(Ear):
    """The events of a scenario, each with the seconds since it began; other paths are put for those of the machine."""

    def __init__(self, hidden: Mapping[str, str]) -> None:
        super().__init__()
        self._hidden = hidden
        self._began = time.monotonic()

    def add(self, event: Event) -> None:
        """Write down an event."""
        text = json.dumps({"t": round(time.monotonic() - self._began, 4), **_shortened(event)})
        for path, shown in self._hidden.items():
            text = text.replace(path, shown)
        super().add(json.loads(text))


def _shortened(event: Event) -> Event:
    if event["kind"] == "ws-binary":
        frame = base64.b64decode(event["base64"])
        if len(frame) > MOST_FRAME:
            kept = base64.b64encode(frame[:MOST_FRAME]).decode()
            return {**event, "base64": kept, "cut": True, "bytes": len(frame)}
    length = len(json.dumps(event["response"])) if event["kind"] == "http" else 0
    if length > MOST_BODY:
        told = {key: event["response"][key] for key in ("status", "headers")}
        return {**event, "response": {**told, "bytes": int(told["headers"].get("Content-Length", length))}}
    return event


class Recorder:
    """A client of a real server; what it does and hears goes to the tape. Clients are called by letters."""

    def __init__(self, url: str, hidden: Mapping[str, str]) -> None:
        self.url = url
        self.tape = Tape(hidden)
        self._session = requests.Session()
        self._session.trust_env = False
        self._ids: dict[str, str] = {}
        self._open: dict[str, Socket] = {}

    def note(self, text: str) -> None:
        """Say what comes next."""
        self.tape.add({"kind": "note", "text": text})

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """Send a request (json, data, params, files, headers) and return the answer's JSON, or None."""
        asked = {"method": method, "path": path, **request}
        answer = ask(self._session, self.url, asked, Names())
        self.tape.add({"kind": "http", "request": asked, "response": answer})
        return answer.get("json")

    def upload(self, name: str, size: int = 120, route: str = "image", **data: str) -> Any:
        """Upload a picture of so many bytes."""
        more = {"data": data} if data else {}
        return self.ask("POST", f"/upload/{route}", files={"image": [name, size, "image/png"]}, **more)

    def connect(self, client: str = "a", *first: Mapping[str, Any]) -> None:
        """Open the socket of a client, say something, and wait for the greeting."""
        client_id = self._ids.setdefault(client, str(uuid.uuid4()))
        self.tape.add({"kind": "ws-open", "client": client, "client_id": client_id})
        greeted = self._statuses(client)
        self._open[client] = Socket(self.url, client, client_id, self.tape)
        for message in first:
            self.tape.add({"kind": "ws-sent", "client": client, "json": message})
            self._open[client].send(message)
        self._wait(lambda events: _statuses(events, client) > greeted)
        self._open[client].drain()

    def disconnect(self, client: str = "a") -> None:
        """Close the socket of a client."""
        self.tape.add({"kind": "ws-close-by-client", "client": client})
        self._open.pop(client).close()

    def post(self, prompt: Mapping[str, Any], client: str | None = "a", **body: Any) -> str:
        """Queue a prompt; returns its id, "" where it was refused."""
        owner = {"client_id": self._ids[client]} if client else {}
        answer = self.ask("POST", "/prompt", json={"prompt": prompt, **owner, **body})
        return str(answer.get("prompt_id", "")) if isinstance(answer, Mapping) else ""

    def until(self, prompt_id: str, kind: str, nth: int = 1, **data: Any) -> None:
        """Wait for the nth message of a run, of this type and with these data."""

        def is_it(event: Event) -> bool:
            told = event["json"].get("data") if event["kind"] == "ws-text" else None
            if not isinstance(told, Mapping) or event["json"]["type"] != kind:
                return False
            return all(told.get(key) == value for key, value in {"prompt_id": prompt_id, **data}.items())

        self._wait(lambda events: sum(map(is_it, events)) >= nth)

    def end(self, prompt_id: str) -> None:
        """Wait for the end of a run that somebody hears of."""
        self.until(prompt_id, "executing", node=None)

    def results(self, prompt_id: str, look: bool = True) -> None:
        """Ask for history, and for each file that it names."""
        entry = (self.ask("GET", f"/history/{prompt_id}") or {}).get(prompt_id, {})
        for item in _files(entry.get("outputs", {})) if look else ():
            self.ask("GET", "/view", params=item)

    def run(self, prompt: Mapping[str, Any], client: str = "a", **body: Any) -> str:
        """Queue a prompt, wait for its end, and ask for what came of it."""
        prompt_id = self.post(prompt, client, **body)
        self.end(prompt_id)
        self.results(prompt_id)
        return prompt_id

    def run_unheard(self, prompt: Mapping[str, Any], listener: str = "a") -> str:
        """Queue a prompt of nobody's; its end shows in the third `status`: it was queued, began, and ended."""
        before = self._statuses(listener)
        prompt_id = self.post(prompt, client=None)
        self._wait(lambda events: _statuses(events, listener) >= before + 3)
        self.results(prompt_id)
        return prompt_id

    def idle(self) -> None:
        """Wait, unheard, until nothing is queued."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = self._session.get(f"{self.url}/prompt", timeout=PATIENCE).json()
            if answer["exec_info"]["queue_remaining"] == 0:
                return
            time.sleep(0.05)
        raise TimeoutError("the server does not become idle")

    def close(self) -> None:
        """Hear what is still under way, and close all sockets."""
        for socket in self._open.values():
            socket.drain()
        # What sockets say while they are closed belongs to no scenario.
        events = list(self.tape.events)
        for socket in self._open.values():
            socket.close()
        self.tape.events = events

    def _statuses(self, client: str) -> int:
        return _statuses(self.tape.events, client)

    def _wait(self, is_there: Any) -> None:
        if not self.tape.wait(is_there, PATIENCE):
            raise TimeoutError("what was waited for never came")


def _statuses(events: Sequence[Event], client: str) -> int:
    return sum(is_status(event) and event["client"] == client for event in events)


def _files(outputs: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for output in outputs.values():
        for items in output.values():
            for item in items if isinstance(items, list) else ():
                if isinstance(item, Mapping) and "filename" in item:
                    yield {key: str(item.get(key, "")) for key in ("filename", "subfolder", "type")}
