"""Capture files: what is in them, and what they tell of each run.

A capture is what a real ComfyUI said in one scenario: `{"scenario", "server": version, "events": [...]}`, in order
of arrival. Events are `http` (request and response, written when the answer arrived), `ws-open`, `ws-sent`,
`ws-text`, `ws-binary` (`cut`: only the first bytes were kept), `ws-close-by-client` and `note`.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Event = dict[str, Any]

PREVIEW, TEXT, PREVIEW_WITH_METADATA = 1, 3, 4
"""Numbers of the binary messages: pictures, and what a node says of its progress."""

ENDS = ("execution_success", "execution_error", "execution_interrupted")


@dataclass(frozen=True)
class Post:
    """A `POST /prompt` that was accepted: where it stands, what was sent and what was answered."""

    index: int
    body: Mapping[str, Any]
    prompt_id: str
    number: float


@dataclass(frozen=True)
class Message:
    """One message of a run: where it stands in the capture, when (s), to which client, as a golden run has it."""

    index: int
    at: float
    client: str
    row: dict[str, Any]
    picture: bytes | None = None

    @property
    def kind(self) -> str:
        """The type of a text message; "preview" or "text" of a frame, as faults call it."""
        return str(self.row.get("type") or {TEXT: "text"}.get(self.row["binary"], "preview"))

    @property
    def has_metadata(self) -> bool:
        """Whether it is a picture with metadata."""
        return self.row.get("binary") == PREVIEW_WITH_METADATA


@dataclass(frozen=True)
class Capture:
    """One scenario of one server."""

    scenario: str
    version: str
    events: Sequence[Event]

    @classmethod
    def load(cls, path: Path) -> Capture:
        """Read `*.json` or `*.json.gz`."""
        content = path.read_bytes()
        document = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
        events = heard_before_closing(document["events"])
        return cls(document["scenario"], document["server"], [with_own_length(one) for one in events])

    @cached_property
    def posts(self) -> list[Post]:
        """The accepted prompts, in order."""
        return [
            Post(index, event["request"]["json"], answer["prompt_id"], answer["number"])
            for index, event in enumerate(self.events)
            if is_post(event) and event["response"]["status"] == 200
            for answer in [event["response"]["json"]]
        ]

    @cached_property
    def prompt_of(self) -> dict[int, str]:
        """Index of a socket's event -> id of the prompt it belongs to; broadcasts and greetings have none."""
        found: dict[int, str] = {}
        latest: dict[str, str] = {}
        for index, event in enumerate(self.events):
            if event["kind"] == "ws-text":
                data = event["json"].get("data")
                prompt_id = data.get("prompt_id") if isinstance(data, Mapping) else None
                if prompt_id is not None:
                    found[index] = latest[event["client"]] = prompt_id
            elif event["kind"] == "ws-binary" and event["client"] in latest:
                found[index] = latest[event["client"]]
        return found

    def messages(self, prompt_id: str) -> list[Message]:
        """Return what the owner's sockets heard of a run; of a run without owner, what one socket heard."""
        indexes = [index for index, owner in self.prompt_of.items() if owner == prompt_id]
        post = next(one for one in self.posts if one.prompt_id == prompt_id)
        if not post.body.get("client_id") and indexes:
            listener = self.events[indexes[0]]["client"]
            indexes = [index for index in indexes if self.events[index]["client"] == listener]
        messages = [self._message(index, prompt_id) for index in indexes]
        return sorted([*messages, *self._unheard(messages, prompt_id)], key=lambda message: message.index)

    def _unheard(self, messages: Sequence[Message], prompt_id: str) -> Iterator[Message]:
        """Yield what nobody heard of a run, but that the greeting of a socket tells: the node that began meanwhile."""
        for index, event in enumerate(self.events):
            if event["kind"] != "ws-text" or event["json"]["type"] != "executing" or index in self.prompt_of:
                continue
            following = (at for at in self.prompt_of if at > index and self.events[at]["client"] == event["client"])
            if self.prompt_of.get(next(following, -1)) != prompt_id:
                continue
            node = event["json"]["data"]["node"]
            begun = [one.row["data"]["node"] for one in messages if one.kind == "executing" and one.index < index]
            if begun[-1:] != [node]:
                data = {"node": node, "display_node": node, "prompt_id": prompt_id}
                opened = [at for at in range(index) if self.events[at]["kind"] == "ws-open"][-1]
                yield Message(opened, event["t"], event["client"], {"type": "executing", "data": data})

    def _message(self, index: int, prompt_id: str) -> Message:
        event = self.events[index]
        if event["kind"] == "ws-text":
            return Message(index, event["t"], event["client"], event["json"])
        frame = base64.b64decode(event["base64"])
        number = int.from_bytes(frame[:4], "big")
        data: dict[str, Any] = {}
        picture = frame[8:]
        length = int.from_bytes(frame[4:8], "big")
        if number == TEXT:
            data = {"node_id": picture[:length].decode(), "text": picture[length:].decode(errors="replace")}
            return Message(index, event["t"], event["client"], {"binary": number, "data": data})
        if number == PREVIEW_WITH_METADATA:
            # Of a frame that was cut nothing but the beginning of the metadata is left: any picture will do.
            complete = len(frame) >= 8 + length
            data = json.loads(frame[8 : 8 + length]) if complete else {}
            picture = frame[8 + length :] if complete else b"\xff\xd8\xff\xd9"
            data.pop("image_type", None)
        return Message(index, event["t"], event["client"], {"binary": number, "data": data}, picture)

    @cached_property
    def history(self) -> dict[str, Any]:
        """Prompt id -> entry, of all answers to `GET /history` (the last one counts)."""
        found: dict[str, Any] = {}
        for event in self.events:
            if event["kind"] == "http" and event["request"]["path"].startswith("/history"):
                found.update(event["response"].get("json") or {})
        return found

    @cached_property
    def files(self) -> dict[tuple[str, str, str], bytes]:
        """(type, subfolder, file name) -> bytes, of all answers to `GET /view` that give a file as it is."""
        found = {}
        for event in self.events:
            if event["kind"] != "http" or event["request"]["path"] != "/view" or event["response"]["status"] != 200:
                continue
            asked = event["request"].get("params", {})
            if event["request"]["method"] == "GET" and not {"preview", "channel"} & asked.keys():
                key = (asked.get("type", "output"), asked.get("subfolder", ""), asked["filename"])
                found[key] = content_of(event["response"])
        return found

    @cached_property
    def refused(self) -> int:
        """How many refused prompts took a number: all that were objects and named none themselves."""
        return sum(
            isinstance(event["request"].get("json"), Mapping)
            and "number" not in event["request"]["json"]
            and event["response"]["status"] in (400, 500)
            for event in self.events
            if is_post(event)
        )

    @cached_property
    def classes(self) -> set[str]:
        """The classes of all prompts that were posted, refused ones too."""
        bodies = [event["request"].get("json") for event in self.events if is_post(event)]
        prompts = [body.get("prompt") for body in bodies if isinstance(body, Mapping)]
        nodes = [node for prompt in prompts if isinstance(prompt, Mapping) for node in prompt.values()]
        return {node["class_type"] for node in nodes if isinstance(node, Mapping) and "class_type" in node}

    @cached_property
    def starts(self) -> dict[str, int]:
        """Prompt id -> when it began (ms since the epoch), of the prompts posted here."""
        own = {post.prompt_id for post in self.posts}
        told = [event["json"] for event in self.events if event["kind"] == "ws-text"]
        told += [
            {"type": kind, "data": data}
            for entry in self.history.values()
            for kind, data in entry["status"]["messages"]
        ]
        return {
            message["data"]["prompt_id"]: message["data"]["timestamp"]
            for message in told
            if message["type"] == "execution_start" and message["data"]["prompt_id"] in own
        }

    @cached_property
    def unfinished(self) -> set[str]:
        """Ids of the prompts that had begun, and whose end the client did not wait for."""
        kinds = {post.prompt_id: [one.kind for one in self.messages(post.prompt_id)] for post in self.posts}
        return {
            prompt_id
            for prompt_id, heard in kinds.items()
            if heard and not set(heard) & set(ENDS) and not self.history.get(prompt_id)
        }

    @cached_property
    def numbers(self) -> tuple[float, int] | None:
        """Return the first number that the server counted here, and how many it counted; None for none at all."""
        counted = [abs(post.number) for post in self.posts if "number" not in post.body]
        return (counted[0], len(counted) + self.refused) if counted else None


def with_own_length(event: Event) -> Event:
    """Return an answer whose Content-Length is that of the JSON that was kept.

    The paths of the machine were replaced in captures after the length was noted; where none was, it is the same.
    """
    if event["kind"] != "http" or "json" not in event["response"]:
        return event
    length = len(json.dumps(event["response"]["json"]).encode())
    headers = {**event["response"]["headers"], "Content-Length": str(length)}
    return {**event, "response": {**event["response"], "headers": headers}}


def heard_before_closing(events: Sequence[Event]) -> list[Event]:
    """Return the events with what a socket heard while it was being closed put before that.

    Its closing is noted when it begins, and ends with the server's consent: what was under way arrives between.
    """
    found: list[Event] = []
    closing: dict[str, int] = {}
    for event in events:
        if event["kind"] == "ws-open":
            closing.pop(event["client"], None)
        if event["kind"] in ("ws-text", "ws-binary") and event["client"] in closing:
            place = closing[event["client"]]
            found.insert(place, event)
            closing = {client: at + (at >= place) for client, at in closing.items()}
            continue
        if event["kind"] == "ws-close-by-client":
            closing[event["client"]] = len(found)
        found.append(event)
    return found


def content_of(response: Mapping[str, Any]) -> bytes:
    """Return the body of an answer as it was sent, whichever way the capture holds it."""
    if response.get("base64") is not None:
        return base64.b64decode(response["base64"])
    return str(response.get("text", "")).encode() or (
        json.dumps(response["json"]).encode() if "json" in response else b""
    )


def is_post(event: Event) -> bool:
    """Whether an event is a `POST /prompt`."""
    if event["kind"] != "http":
        return False
    return (event["request"]["method"], event["request"]["path"]) == ("POST", "/prompt")
