"""Which inputs hold secrets, by their names."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"api[_-]?key|auth[_-]?token|access[_-]?token|secret|password|passwd|authorization|bearer|credential"
    r"|(?:^|[_-])token$",
    re.IGNORECASE,
)

REDACTED = "<redacted>"
"""What stands in golden runs, and in digests, in place of a secret."""


def is_secret(name: str) -> bool:
    """Whether a key of this name holds a secret, such as api_key_comfy_org or hf_token."""
    return bool(_SECRET.search(name))
