"""Which inputs hold secrets: by their names, by what their values look like, and by values seen under such a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..secrecy import REDACTED, expression_of, find_secrets, heard_of, is_distinctive, without_secrets
from .model import is_link

Known = re.Pattern[str] | None
"""Finds the values of secrets that are known, see `known_in`."""

_SERVICES = (
    "anthropic|aws|azure|bfl|deepl|fal|gemini|google|hf|huggingface|ideogram|kling|luma|minimax|openai|replicate|runway"
    "|stability"
)
_SECRET = re.compile(
    r"api[_-]?key|(?:auth|access|api|refresh|session|bearer|id)[_-]?token|secret|password|passwd|passphrase|authorization"
    rf"|bearer|credential|private[_-]?key|(?:^|[_-])(?:{_SERVICES})[_-]?key$|(?:^|[_-])token$|(?-i:[a-z]Token$)",
    re.IGNORECASE,
)
_SHORTEST_SECRET = 6
_PLAIN = frozenset((str, int, float, bool, type(None)))
"""Types of JSON values that hold no others; to ask whether a value is a Mapping takes long."""


@lru_cache(maxsize=4096)  # every input of every prompt is asked about several times, and few names there are
def is_secret(name: str) -> bool:
    """Whether a key of this name holds a secret, such as api_key_comfy_org, hf_token or privateKey."""
    return bool(_SECRET.search(name))


def secrets_in(*values: Any) -> set[str]:
    """Return the secret texts of JSON values: what stands under a secret name, and what looks like a secret."""
    return {text for value in values for text in _secrets(value) if text != REDACTED}


def known_in(*values: Any) -> Known:
    """Return what finds again, wherever else they stand, the distinctive values under the secret names of JSON values.

    None where there are none; see `secrecy.is_distinctive`.
    """
    return expression_of(_named(*values))


def hear(*values: Any) -> None:
    """Have what this process tells from now on be without the values under the secret names of JSON values."""
    heard_of(_named(*values))


def secret_headers(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return header -> its secrets, for headers that hold one: the value, and what stands in it behind names.

    Such as what follows "Bearer", and the values of cookies.
    """
    return {
        f"{name} secret": [value, *re.split(r"[\s;,=]+", value)]
        for name, value in headers
        if name.lower() == "cookie" or is_secret(name.replace("-", "_"))
    }


def masked(value: Any, known: Known = None, *, by_name: bool = True) -> Any:
    """Return a JSON value without what looks like a secret in its texts, is known for one, or has a secret name.

    by_name  False where keys are names of inputs and not those of values, as in node definitions
    """
    if isinstance(value, str):
        return without_secrets(value, known)
    if isinstance(value, (dict, Mapping)):
        under = masked_under if by_name else _texts_under
        return {key: under(str(key), item, known) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, known, by_name=by_name) for item in value]
    return REDACTED if known is not None and is_number(value) and known.fullmatch(str(value)) else value


def masked_under(name: str, value: Any, known: Known = None) -> Any:
    """Return the JSON value that stands under a name without secrets, see `masked`."""
    return REDACTED if is_secret(name) and value else masked(value, known)


def _texts_under(name: str, value: Any, known: Known) -> Any:
    return masked(value, known, by_name=False)


def redact_prompt(prompt: Mapping[str, Any], known: Known = None) -> dict[str, Any]:
    """Return a prompt without secrets; links and paths stay, as they are its meaning.

    known  finds values to be taken out beside those that stand under a secret name in the prompt itself
    """
    own = known_in(prompt)
    every = own if known is None else known if own is None else re.compile(f"{known.pattern}|{own.pattern}")
    return {node_id: _redact_node(node, prompt, every) for node_id, node in prompt.items()}


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _redact_node(node: Any, prompt: Mapping[str, Any], known: Known) -> Any:
    if not isinstance(node, (dict, Mapping)) or not isinstance(node.get("inputs"), (dict, Mapping)):
        return node
    inputs = {
        name: value if is_link(value) and value[0] in prompt else masked_under(name, value, known)
        for name, value in node["inputs"].items()
    }
    title = {"_meta": masked(node["_meta"], known)} if "_meta" in node else {}
    return {**node, "inputs": inputs, **title}


def _named(*values: Any) -> list[str]:
    """Return the distinctive texts and numbers that stand under a secret name, but for ids of nodes."""
    found = [text for value in values for text in _under_names(value)]
    if not found:
        return found
    ids = {key for value in values if isinstance(value, Mapping) for key in value}
    return [text for text in found if is_distinctive(text) and text not in ids]


def _secrets(value: Any) -> Iterator[str]:
    yield from (text for text in _under_names(value) if len(text) >= _SHORTEST_SECRET)
    yield from _looking_like_it(value)


def _under_names(value: Any, named: bool = False) -> list[str]:
    found: list[str] = []
    _gather(value, named, found)
    return found


def _gather(value: Any, named: bool, found: list[str]) -> None:
    """Add to `found` the texts and numbers under secret names; most values are texts and numbers under others."""
    kind = type(value)
    if kind is dict or (kind not in _PLAIN and isinstance(value, Mapping)):
        for key, item in value.items():
            under = named or is_secret(str(key))
            if under or type(item) not in _PLAIN:
                _gather(item, under, found)
    elif kind is list or (kind not in _PLAIN and isinstance(value, (list, tuple))):
        for item in value:
            _gather(item, named, found)
    elif named and (isinstance(value, str) or is_number(value)):
        found.append(str(value))


def _looking_like_it(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _looking_like_it(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _looking_like_it(item)
    elif isinstance(value, str):
        yield from find_secrets(value)
