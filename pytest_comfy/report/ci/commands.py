"""Workflow commands of GitHub's runner: how they are written, and how foreign text is kept from being one.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import re

# Compiled, and kept, by re at the first use: pytest's start need not wait for it.
_START = r"(^|[\r\n\u0085\u2028\u2029])(\s*):(?=:)"


def neutral(text: str) -> str:
    """Return a text of which no line is a command: the runner looks for :: at the start of a line and ##[ in it."""
    return re.sub(_START, r"\1\2: ", text).replace("##[", "## [")


def command(name: str, message: str, **properties: str) -> str:
    """Return a workflow command in one line, whatever its message and its properties hold."""
    given = ",".join(f"{key}={_of_property(value)}" for key, value in properties.items() if value)
    return f"::{name}{' ' if given else ''}{given}::{_of_message(message)}"


def _of_message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace("##[", "## [")


def _of_property(text: str) -> str:
    return _of_message(text).replace(":", "%3A").replace(",", "%2C")
