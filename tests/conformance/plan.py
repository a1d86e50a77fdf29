"""What a captured client did, and what had to happen before it could: read off one capture, nothing is sent here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .captures import Capture, Message
from .effects import Effects


@dataclass
class Stop:
    """A place at which a run has to stand still: before its nth message of a type, for some actions.

    event    as faults call it; "queue" where the run has not yet been taken from the queue, "run" where it has
    before   index of the message before which it stands
    actions  indexes of what the client does meanwhile
    carries  the run still stands there when the scenario is over
    carried  the run is one that an earlier scenario left
    notices  there the run notices that it was interrupted, and nowhere else: a node at work goes on to its end
    """

    prompt_id: str
    event: str
    nth: int
    before: int
    actions: list[int] = field(default_factory=list)
    carries: bool = False
    carried: bool = False
    notices: bool = False


class Plan:
    """The client's side of one capture."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self._effects = Effects(capture)
        self.actions = self._effects.actions

    def awaited(self, until: int, action: int | None = None) -> list[int]:
        """Return indexes of the messages before `until`, without what `action` itself causes."""
        own = self._effects.own.get(action, set()) if action is not None else set()
        return [index for index in self._effects.heard if index < until and index not in own]

    @cached_property
    def _messages(self) -> dict[str, list[Message]]:
        """Id of each run that said anything -> its messages."""
        told = {post.prompt_id: self.capture.messages(post.prompt_id) for post in self.capture.posts}
        return {prompt_id: messages for prompt_id, messages in told.items() if messages}

    @cached_property
    def stops(self) -> list[Stop]:
        """The places at which runs have to stand still, in order."""
        found = self._carried()
        begins = {prompt_id: messages[0].index for prompt_id, messages in self._messages.items()}
        for action in self.actions:
            known = [post.prompt_id for post in self.capture.posts if post.index < action]
            places = [place for one in known if (place := self._place(action, one)) is not None]
            unfinished = next((one for one in known if one in self.capture.unfinished), None)
            if not places and unfinished:
                behind = len(self.capture.events)
                places = [Stop(unfinished, "execution_success", 1, behind, carries=True)]
            if places:
                # Of several runs it is the one that began first: the others wait for its end.
                place = min(places, key=lambda one: begins.get(one.prompt_id, 0))
                found.setdefault(place.before, place).actions.append(action)
        for prompt_id, messages in self._messages.items():
            for at in [at for at, message in enumerate(messages) if _ends(message)]:
                found.setdefault(messages[at].index, self._at(prompt_id, at))
        return list(found.values())

    def _place(self, action: int, prompt_id: str) -> Stop | None:
        """Return where a run stands while the client acts, None where it has ended or says nothing."""
        messages = self._messages.get(prompt_id)
        if messages is None:
            return None
        effect, own = self._effects.of(action, messages), self._effects.own.get(action, set())
        left = [at for at, one in enumerate(messages) if one.index > effect or (_ends(one) and one.index in own)]
        if not left:
            return None
        if left[0] == 0:
            taken = self._effects.taken(messages[0])
            waits = taken is not None and effect < taken
            return Stop(prompt_id, "queue", 1, taken) if waits else Stop(prompt_id, "run", 1, messages[0].index)
        return self._at(prompt_id, left[0])

    def _at(self, prompt_id: str, at: int) -> Stop:
        messages = self._messages[prompt_id]
        return Stop(prompt_id, *_named(messages, at), messages[at].index, notices=_ends(messages[at]))

    def _carried(self) -> dict[int, Stop]:
        """Return where a run of an earlier scenario stands: until a `status` tells that it ended.

        In 0.3.64 the client of reconnect_during_run gave up waiting; client_chosen_prompt_id is greeted with 1.
        """
        effects = self._effects
        if not effects.statuses or effects.remaining(effects.statuses[0]) == 0:
            return {}
        ended = effects.moved(effects.statuses, effects.remaining(effects.statuses[0]), -1)
        return {ended: Stop("", "", 0, ended, [one for one in self.actions if one < ended], carried=True)}


def _ends(message: Message) -> bool:
    return message.kind == "execution_interrupted"


def _named(messages: Sequence[Message], at: int) -> tuple[str, int]:
    """Return type and number of a message as faults count them."""
    kind = messages[at].kind
    if kind == "execution_interrupted":
        return "execution_success", 1  # where it would have ended: its golden run does not know of the interruption
    number = sum(message.kind == kind for message in messages[: at + 1])
    # Of each picture there are two messages, with metadata and then without; a client gets one of them.
    return kind, 2 * number - messages[at].has_metadata if kind == "preview" else number
