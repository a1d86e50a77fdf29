"""By what recordings are found: the digest of a prompt, with its input files known by content and inputs left out.

A key is a digest with a word in front of it. Recordings are kept under several, and a prompt asks for several in turn:
the one that says most first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ...golden.inputs import bare_name
from ...workflow.digest import class_of, inputs_of, json_text, run_digest
from ...workflow.model import is_link
from ...workflow.secrets import Known

Prompt = Mapping[str, Any]
Contents = Mapping[str, str]
"""Name of an input file -> what stands for its content."""

_BY_CONTENT = "content:"
_UNKNOWN = "bare:"
"""Of recordings that do not tell what was in their files: found by the names, whatever is in the files of today."""
_ALIKE = "alike:"

_KNOWN = 4
"""Digests that are kept."""


class Digests:
    """Makes digests, and knows the last ones: of a prompt that is posted its recording has the very same JSON."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()

    def of(self, prompt: Prompt, targets: Any = None, known: Known = None) -> str:
        """Return what `run_digest` does."""
        if known is not None or isinstance(targets, list):
            return run_digest(prompt, targets, known)
        text = json_text(prompt)
        digest = self._known[text] = self._known.pop(text, "") or run_digest(prompt)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return digest


@dataclass(frozen=True, slots=True)
class Form:
    """One way to look at a prompt: the word of its keys, and the prompt as it is compared."""

    word: str
    prompt: Prompt

    def key(self, digests: Digests, targets: Any = None, known: Known = None) -> str:
        """Return the key, see `run_digest` for the arguments."""
        return self.word + digests.of(self.prompt, targets, known)


def keys_of(forms: Iterable[Form], digests: Digests, targets: Any = None) -> list[str]:
    """Return the keys of forms, of which several may look at the very same prompt."""
    known: dict[int, str] = {}
    found = []
    for form in forms:
        if id(form.prompt) not in known:
            known[id(form.prompt)] = digests.of(form.prompt, targets)
        found.append(form.word + known[id(form.prompt)])
    return found


def recorded_forms(prompt: Prompt, contents: Contents, ignored: Sequence[str]) -> list[Form]:
    """Return the forms that a recording is kept under.

    contents  of its files, as far as they are known
    ignored   patterns of inputs that are left out, such as "*.seed"
    """
    by_content = Form(_BY_CONTENT, with_contents(prompt, contents)) if contents else Form(_UNKNOWN, prompt)
    return _and_alike([by_content, Form("", prompt)], ignored)


def asked_forms(prompt: Prompt, contents: Contents, stored: bool, ignored: Sequence[str]) -> list[Form]:
    """Return the forms by which a posted prompt asks for recordings, in that order.

    contents  of the files that it names, as far as they are known
    stored    whether any of them was uploaded: then its name says nothing
    """
    by_content = [Form(_BY_CONTENT, with_contents(prompt, contents))] if contents else []
    return _and_alike([*by_content, Form(_UNKNOWN if stored else "", prompt)], ignored)


def form_of(word: str, forms: Sequence[Form]) -> Prompt:
    """Return the prompt of the form that has this word."""
    return next(form.prompt for form in forms if form.word == word)


def with_contents(prompt: Prompt, contents: Contents) -> Prompt:
    """Return a prompt with its files named by their content."""

    def told(value: Any) -> Any:
        token = contents.get(bare_name(value)) if isinstance(value, str) else None
        return value if token is None else f"<content {token}>"

    return with_values(prompt, told)


def with_values(prompt: Prompt, told: Callable[[Any], Any]) -> Prompt:
    """Return a prompt with `told(value)` in the place of each value of its nodes' inputs."""
    return {
        node_id: {**node, "inputs": {name: told(value) for name, value in inputs_of(node).items()}}
        if inputs_of(node)
        else node
        for node_id, node in prompt.items()
    }


def without_inputs(prompt: Prompt, ignored: Sequence[str]) -> Prompt:
    """Return a prompt without the values of which a pattern matches CLASS.INPUT or NODE.INPUT; links stay."""

    def is_ignored(node_id: str, node: Any, name: str) -> bool:
        places = (f"{class_of(node)}.{name}", f"{node_id}.{name}")
        return any(fnmatchcase(place, pattern) for place in places for pattern in ignored)

    return {
        node_id: {
            **node,
            "inputs": {
                name: value
                for name, value in inputs_of(node).items()
                if is_link(value) or not is_ignored(node_id, node, name)
            },
        }
        if inputs_of(node)
        else node
        for node_id, node in prompt.items()
    }


def _and_alike(forms: list[Form], ignored: Sequence[str]) -> list[Form]:
    if not ignored:
        return forms
    return [*forms, *(Form(_ALIKE + form.word, without_inputs(form.prompt, ignored)) for form in forms)]
