"""Which inputs hold secrets: by their names, and by what their values look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..text import REDACTED, without_secrets

__all__ = ["REDACTED", "is_secret", "masked"]

_SERVICES = (
    "anthropic|aws|azure|bfl|deepl|fal|gemini|google|hf|huggingface|ideogram|kling|luma|minimax|openai|replicate|runway"
    "|stability"
)
_SECRET = re.compile(
    r"api[_-]?key|(?:auth|access|api|refresh|session|bearer|id)[_-]?token|secret|password|passwd|passphrase|authorization"
    rf"|bearer|credential|private[_-]?key|(?:^|[_-])(?:{_SERVICES})[_-]?key$|(?:^|[_-])token$|(?-i:[a-z]Token$)",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Whether a key of this name holds a secret, such as api_key_comfy_org, hf_token or privateKey."""
    return bool(_SECRET.search(name))


def masked(value: Any) -> Any:
    """Return a JSON value without what looks like a secret in its texts; the value itself where there is none."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, (list, tuple)) else value
