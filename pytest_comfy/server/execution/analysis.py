"""What is known of a posted prompt before it is queued: whether it is valid, and which recordings it asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Protocol

from ...golden import GoldenError
from ...golden.inputs import bare_name, content_token, texts_of
from ...workflow.digest import class_of
from ...workflow.replacing import replaced
from ...workflow.secrets import Known
from ...workflow.validate import Validation, validate
from ..files import FileStore, StoredFile, file_key
from ..recordings.accepted import loosened
from ..recordings.facts import facts_of, node_definitions
from ..recordings.library import Library
from ..recordings.likeness import Digests, Form, asked_forms, with_values
from ..recordings.offered import all_names
from ..recordings.replacing import replacements_of
from ..versions import Trait, Version

Asked = tuple[tuple[str, Form], ...]
"""Keys to look recordings up by, in that order, each with the form of the prompt that has it."""


class Posted(Protocol):
    """What a prompt is held against."""

    library: Library

    @property
    def version(self) -> Version:
        """The version that is spoken."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a posted prompt: `key` is its text, `asked` finds its recordings, `whole` those of all of it."""

    key: str
    validation: Validation
    asked: Asked
    whole: Asked


@dataclass(frozen=True, slots=True)
class Analyst:
    """Looks at prompts, with the server's files.

    named  whether files that golden runs name count as there
    """

    world: Posted
    files: FileStore
    named: bool

    def analysed(self, prompt: Any, targets: Any, key: str, secrets: Known) -> tuple[Analysis, bool]:
        """Return the analysis, and whether it lasts: one that asked for files of earlier runs does not."""
        library = self.world.library
        asked: list[str] = []
        definitions = node_definitions(library)
        if isinstance(prompt, Mapping) and _is_undefined(prompt, definitions, library):
            checked = Validation(dict(prompt), None, {}, library.outputs_of(prompt, key))
        else:
            checked = self._validated(prompt, targets, asked, secrets)
        if checked.error is not None:
            return Analysis(key, checked, (), ()), not asked
        prompts = [prompt, checked.prompt] if checked.prompt != prompt else [prompt]
        # Golden runs made by hand may hold what stood beside the prompt when it was posted.
        ways = [
            (form, known)
            for known in dict.fromkeys((secrets, None))
            for form in _in_order([self.forms(one) for one in prompts])
        ]
        keyed = _keyed(ways, library.digests, targets)
        # Without targets what is asked for is the whole.
        return Analysis(
            key, checked, keyed, _keyed(ways, library.digests) if isinstance(targets, list) else keyed
        ), not asked

    def forms(self, prompt: Mapping[str, Any]) -> list[Form]:
        """Return the forms by which a prompt asks for recordings."""
        library = self.world.library
        told = library.contents()
        contents, stored = {}, False
        for text in texts_of(prompt):
            name = bare_name(text)
            token = self._content(name)
            stored |= token is not None
            token = told.get(name) if token is None else token
            if token is not None:
                contents[name] = token
        return asked_forms(prompt, contents, stored, library.ignored)

    def told(self, prompt: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a prompt with its uploaded files named as golden runs name that content, else with the content."""
        names = {token: name for name, token in self.world.library.contents().items()}

        def name_of(value: Any) -> Any:
            token = self._content(bare_name(value)) if isinstance(value, str) else None
            return value if token is None else names.get(token, f"{value} (SHA-256 {token}…)")

        return with_values(prompt, name_of)

    def _validated(self, prompt: Any, targets: Any, asked: list[str], secrets: Known) -> Validation:
        """Validate a prompt. One that a real server accepted is not refused for what only its node packs decide."""
        library, manners = self.world.library, self.world.version.manners
        definitions = node_definitions(library)
        prompt = self._replaced(prompt, definitions)
        rules = self._live(prompt, definitions)
        is_file = self._is_file(asked)
        first = checked = validate(prompt, rules, manners=manners, targets=targets, is_file=is_file)
        if not checked.node_errors or checked.error is None:
            return checked
        forms = (form for one in (prompt, checked.prompt) for form in self.forms(one))
        if not any(library.peek(form.key(library.digests, targets, secrets)) is not None for form in forms):
            return checked
        # Each round shows the errors that those of the round before have hidden.
        for _ in range(len(prompt)):
            looser = loosened(rules, checked.node_errors)
            if looser is None:
                return first
            rules = looser
            checked = validate(prompt, rules, manners=manners, targets=targets, is_file=is_file)
            if checked.error is None:
                return checked
        return first

    def _live(self, prompt: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the definitions with the files that are there among the choices of the classes in a prompt."""
        nodes = prompt.values() if isinstance(prompt, Mapping) else ()
        classes = {name for name in map(class_of, nodes) if isinstance(name, str)}
        live = facts_of(self.world.library).live(classes, self.files, named=self.named)
        return {**definitions, **live} if live else definitions

    def _is_file(self, asked: list[str]) -> Callable[[str], bool]:
        named = all_names(facts_of(self.world.library).named()) if self.named else set()

        def is_file(name: str) -> bool:
            asked.append(name)
            return _stored(self.files, name) is not None or bare_name(name) in named

        return is_file

    def _content(self, name: str) -> str | None:
        """Return what stands for the content of an uploaded file, None where there is none of that name."""
        folder, _, last = name.rpartition("/")
        key = file_key("input", folder, last) if last else None
        stored = self.files.get(key) if key is not None else None
        try:
            return None if stored is None else content_token(hashlib.sha256(stored.load()).hexdigest())
        except (GoldenError, OSError):
            return None

    def _replaced(self, prompt: Any, definitions: Mapping[str, Any]) -> Any:
        """Return the prompt with its obsolete classes replaced, where the version does that."""
        if not self.world.version.has(Trait.NODE_REPLACEMENTS) or not isinstance(prompt, Mapping):
            return prompt
        return replaced(prompt, replacements_of(self.world.library), definitions)


def _keyed(ways: Iterable[tuple[Form, Known]], digests: Digests, targets: Any = None) -> Asked:
    found: dict[str, Form] = {}
    for form, known in ways:
        found.setdefault(form.key(digests, targets, known), form)
    return tuple(found.items())


def _in_order(forms: list[list[Form]]) -> list[Form]:
    """Return the forms of several prompts: first those that say most, of each prompt, and so on."""
    return [form for rank in zip_longest(*forms) for form in rank if form is not None]


def _is_undefined(prompt: Mapping[str, Any], definitions: Mapping[str, Any], library: Library) -> bool:
    """Whether definitions cannot say anything of a prompt: there are none, or golden runs lack them."""
    classes = {class_of(node) for node in prompt.values()}
    if not prompt or None in classes or not all(isinstance(name, str) for name in classes):
        return False
    missing = classes - definitions.keys()
    return not definitions or (bool(missing) and missing <= library.classes)


def _stored(files: FileStore, name: str) -> StoredFile | None:
    folder, _, last = name.rpartition("/")
    kind = "input"
    for one in ("input", "output", "temp"):
        if last.endswith(f"[{one}]"):
            last, kind = last[: -len(one) - 2].rstrip(), one
    key = file_key(kind, folder, last)
    return None if key is None else files.get(key)
