"""What a captured client did, and what had to happen before it could: read off one capture, nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .captures import Capture, Event, Message

ACTIONS = ("http", "ws-open", "ws-sent", "ws-close-by-client")


@dataclass
class Stop:
    """A place at which a run has to stand still: before its nth message of a type, for some actions.

    before   index of the message before which it stands
    actions  indexes of what the client does meanwhile
    carries  the run still stands there when the scenario is over
    carried  the run is one that an earlier scenario left
    """

    prompt_id: str
    event: str
    nth: int
    before: int
    actions: list[int] = field(default_factory=list)
    carries: bool = False
    carried: bool = False


class Plan:
    """The client's side of one capture."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.actions = [index for index, event in enumerate(capture.events) if event["kind"] in ACTIONS]
        self._heard = [index for index, event in enumerate(capture.events) if event["kind"] in ("ws-text", "ws-binary")]

    def awaited(self, until: int, action: int | None = None) -> list[int]:
        """Return indexes of the messages before `until`, without what `action` itself causes."""
        own = self._own.get(action, set()) if action is not None else set()
        return [index for index in self._heard if index < until and index not in own]

    @cached_property
    def _own(self) -> dict[int, set[int]]:
        """Index of a request -> messages that stand before its answer, but that it causes."""
        found: dict[int, set[int]] = {}
        begin, previous = 0, None
        for action in self.actions:
            event = self.capture.events[action]
            if event["kind"] == "http" and event["request"]["method"] == "POST":
                window = [index for index in self._heard if begin <= index < action]
                found[action] = self._caused(event, window, self._before(begin, previous, found))
            begin, previous = action + 1, action
        return found

    def _caused(self, event: Event, window: list[int], before: int) -> set[int]:
        path, answer = event["request"]["path"], event["response"].get("json")
        statuses = [index for index in window if self._status(index)]
        if path == "/prompt" and event["response"]["status"] == 200:
            own = {index for index in window if self.capture.prompt_of.get(index) == answer["prompt_id"]}
            risen = self._moved(statuses, before, 1)
            return own | {index for index in statuses if index >= risen}
        caused: set[int] = set()
        if path == "/queue" or path.endswith("/cancel"):
            fallen = self._moved(statuses, before, -1)
            caused |= {index for index in statuses if index >= fallen}
        if path == "/interrupt" or path.endswith("/cancel"):
            ended = [index for index in window if self._type(index) == "execution_interrupted"]
            caused |= {index for index in window if ended and index >= ended[0]}
        return caused

    def _moved(self, statuses: list[int], before: int, direction: int) -> int:
        """Return the index of the first `status` whose number went up (1) or down (-1), or one behind all."""
        for index in statuses:
            now = self._remaining(index)
            if "sid" in self.capture.events[index]["json"]["data"]:
                before = now  # a greeting tells how it is; only broadcasts tell that it moved
            if (now - before) * direction > 0:
                return index
            before = now
        return len(self.capture.events)

    def _before(self, begin: int, previous: int | None, found: dict[int, set[int]]) -> int:
        """Return how many prompts the server had before `begin`, as the statuses until then and a post tell."""
        told = next((self._remaining(one) for one in reversed(self._heard) if one < begin and self._status(one)), 0)
        accepted = {post.index for post in self.capture.posts}
        heard = any(self._status(one) for one in found.get(previous, ())) if previous is not None else False
        return told + (previous in accepted and not heard)

    def _type(self, index: int) -> str:
        event = self.capture.events[index]
        return str(event["json"]["type"]) if event["kind"] == "ws-text" else "binary"

    def _status(self, index: int) -> bool:
        return self._type(index) == "status"

    def _remaining(self, index: int) -> int:
        status: Mapping[str, Any] = self.capture.events[index]["json"]["data"]["status"]
        return int(status["exec_info"]["queue_remaining"])

    @cached_property
    def stops(self) -> list[Stop]:
        """The places at which runs have to stand still, in order."""
        messages = {post.prompt_id: self.capture.messages(post.prompt_id) for post in self.capture.posts}
        posted = {post.index: post.prompt_id for post in self.capture.posts}
        found = self._carried()
        for action in self.actions:
            known = {prompt_id for index, prompt_id in posted.items() if index < action}
            rest = [
                (message.index, prompt_id, position)
                for prompt_id in known
                for position, message in enumerate(messages[prompt_id])
                if message.index > action
            ]
            unfinished = next((one for one in known if one in self.capture.unfinished), None)
            if not rest and unfinished:
                stop = found.get(len(self.capture.events)) or Stop(
                    unfinished, "execution_success", 1, len(self.capture.events), carries=True
                )
                stop.actions.append(action)
                found[stop.before] = stop
            if not rest:
                continue
            before, prompt_id, position = min(rest)
            stop = found.get(before) or Stop(prompt_id, *_place(messages[prompt_id], position), before)
            stop.actions.append(action)
            found[before] = stop
        return list(found.values())

    def _carried(self) -> dict[int, Stop]:
        """Return where a run of an earlier scenario stands: until a `status` tells that it ended.

        In 0.3.64 the client of reconnect_during_run gave up waiting; client_chosen_prompt_id is greeted with 1.
        """
        statuses = [index for index in self._heard if self._status(index)]
        if not statuses or self._remaining(statuses[0]) == 0:
            return {}
        ended = self._moved(statuses, self._remaining(statuses[0]), -1)
        return {ended: Stop("", "", 0, ended, [one for one in self.actions if one < ended], carried=True)}


def _place(messages: list[Message], position: int) -> tuple[str, int]:
    """Return type and number of the message at a position, "run" for the first one of all."""
    if position == 0:
        return "run", 1
    kind = messages[position].kind
    if kind == "execution_interrupted":
        return "execution_success", 1  # where it would have ended: its golden run does not know of the interruption
    return kind, sum(message.kind == kind for message in messages[: position + 1])
