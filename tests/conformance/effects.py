"""When a request took effect, as a socket saw it: its answer came on another connection, earlier or later.

Each broadcast `status` tells how many prompts are left. What a request does to that number shows in the next `status`
that moved the same way; and where an answer tells how a run stood, that counts for more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from .captures import ENDS, Capture, Event, Message

ACTIONS = ("http", "ws-open", "ws-sent", "ws-close-by-client")


class Effects:
    """What the requests of one capture did, and where that stands among what its sockets heard."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.actions = [index for index, event in enumerate(capture.events) if event["kind"] in ACTIONS]
        self.heard = [index for index, event in enumerate(capture.events) if event["kind"] in ("ws-text", "ws-binary")]

    @cached_property
    def own(self) -> dict[int, set[int]]:
        """Index of a request -> messages that stand before its answer, but that it causes."""
        found: dict[int, set[int]] = {}
        for action in self.actions:
            event = self.capture.events[action]
            if event["kind"] == "http" and event["request"]["method"] == "POST":
                window = [index for index in self.heard if self._begin(action) <= index < action]
                found[action] = self._caused(action, window)
        return found

    def of(self, action: int, messages: Sequence[Message]) -> int:
        """Return the index from which on a run goes on after an action, as the socket that hears of it saw it."""
        event, first = self.capture.events[action], messages[0]
        if event["kind"] != "http":
            return action
        taken = self.taken(first)
        waits = _waits(event, str(self.capture.prompt_of.get(first.index)))
        if waits is not None and taken is not None:
            return min(action, taken - 1) if waits else max(self._shown(action, messages), taken)
        return self._shown(action, messages)

    def _shown(self, action: int, messages: Sequence[Message]) -> int:
        if not self._moves(action):
            return action
        # What moves after the run's end was moved by that.
        first = messages[0]
        ended = next((one.index for one in messages if one.kind in ENDS), len(self.capture.events))
        seen = [one for one in self.statuses if self.capture.events[one]["client"] == first.client and one < ended]
        moved = self._moved_at(action, seen)
        return action if moved == len(self.capture.events) else moved

    def _moves(self, action: int) -> int:
        """Return which way a request moves the number of prompts: 1 up, -1 down, 0 not at all."""
        event = self.capture.events[action]
        if event["kind"] != "http" or event["request"]["method"] != "POST" or event["response"]["status"] != 200:
            return 0
        path = event["request"]["path"]
        if path.endswith("/cancel"):
            return -bool(event["response"]["json"]["cancelled"])
        return {"/prompt": 1, "/queue": -1}.get(path, 0)

    def taken(self, first: Message) -> int | None:
        """Return the index of the first `status` that tells that a run left the queue, None where nobody heard it.

        first  the run's first message. The number stays the same then, and moves for all other reasons.
        """
        still = [one for one in self._still if one < first.index]
        own = [one for one in still if self.capture.events[one]["client"] == first.client]
        if not own:
            return None
        # Others were told at the same moment, and may have read it earlier.
        begin = max((one for one in self.actions if one < own[-1]), default=0)
        heard = {self.capture.events[one]["client"]: one for one in still if begin < one <= own[-1]}
        return min([own[-1], *heard.values()])

    @cached_property
    def _still(self) -> list[int]:
        """Indexes of the messages `status` with the number of the one before, on the same socket."""
        found, before = [], dict[str, int]()
        for index in self.statuses:
            client, now = self.capture.events[index]["client"], self.remaining(index)
            if before.get(client) == now:
                found.append(index)
            before[client] = now
        return found

    def moved(self, statuses: Sequence[int], before: int, direction: int) -> int:
        """Return the index of the first `status` whose number went up (1) or down (-1), or one behind all."""
        for index in statuses:
            now = self.remaining(index)
            if "sid" in self.capture.events[index]["json"]["data"]:
                before = now  # a greeting tells how it is; only broadcasts tell that it moved
            if (now - before) * direction > 0:
                return index
            before = now
        return len(self.capture.events)

    def remaining(self, index: int) -> int:
        """Return how many prompts are left, as a `status` tells it."""
        status: Mapping[str, Any] = self.capture.events[index]["json"]["data"]["status"]
        return int(status["exec_info"]["queue_remaining"])

    def _caused(self, action: int, window: list[int]) -> set[int]:
        event = self.capture.events[action]
        moved = self._moved_at(action, [index for index in window if self._type(index) == "status"])
        caused = {index for index in window if index >= moved}
        path, answer = event["request"]["path"], event["response"].get("json")
        if self._moves(action) > 0:
            caused |= {index for index in window if self.capture.prompt_of.get(index) == answer["prompt_id"]}
        if path.endswith(("/interrupt", "/cancel")):
            ended = [index for index in window if self._type(index) == "execution_interrupted"]
            caused |= {index for index in window if ended and index >= ended[0]}
        return caused

    def _begin(self, action: int) -> int:
        return max((one + 1 for one in self.actions if one < action), default=0)

    def _before(self, action: int) -> tuple[int, int]:
        """Return how many prompts the server had before an action, and the index from which on this may move."""
        begin = self._begin(action)
        earlier = next((one for one in reversed(self.actions) if one < begin and self._moves(one)), None)
        late = len(self.capture.events) if earlier is None else self._moved_at(earlier, self.statuses)
        if begin <= late < len(self.capture.events):
            return self.remaining(late), late + 1  # what the one before it did was still to be told
        return next((self.remaining(one) for one in reversed(self.statuses) if one < begin), 0), begin

    def _moved_at(self, action: int, statuses: Sequence[int]) -> int:
        """Return the index of the first of these `status` that tells what an action did, one behind all for none."""
        before, begin = self._before(action)
        return self.moved([one for one in statuses if one >= begin], before, self._moves(action))

    @cached_property
    def statuses(self) -> list[int]:
        """Indexes of all messages `status`."""
        return [index for index in self.heard if self._type(index) == "status"]

    def _type(self, index: int) -> str:
        event = self.capture.events[index]
        return str(event["json"]["type"]) if event["kind"] == "ws-text" else "binary"


def _waits(event: Event, prompt_id: str) -> bool | None:
    """Return whether a request shows that a run was still pending, None where it shows nothing of it."""
    answer, asked = event["response"].get("json"), event["request"].get("json")
    if event["request"]["path"] == "/queue" and isinstance(asked, Mapping):
        dropped = asked.get("clear") or prompt_id in (asked.get("delete") or ())
        return False if dropped else None  # it ran nevertheless: what is taken cannot be dropped any more
    for kind, waits in (("queue_pending", True), ("queue_running", False)):
        items = answer.get(kind, []) if isinstance(answer, Mapping) else []
        if any(item[1] == prompt_id for item in items):
            return waits
    told = next((job.get("status") for job in _jobs(answer) if job.get("id") == prompt_id), None)
    return {"pending": True, "in_progress": False}.get(str(told))


def _jobs(answer: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(answer, Mapping):
        yield from (one for one in answer.get("jobs", [answer]) if isinstance(one, Mapping))
