"""What pytest tells of a test: without secrets, in tracebacks, captured output and properties.

On GitHub, whose runner takes lines of the log for commands, without what looks like one.
"""

from __future__ import annotations

import os
from typing import Any

from ..secrecy import fit_to_tell
from .ci.commands import neutral

_WORDS = {"comfy_verdicts", "comfy_verdict", "comfy_cache", "comfy_mode", "comfy_case"}
"""Properties that hold words and numbers of ours, by which the summary counts."""


def clean(report: Any) -> None:
    """Take secrets out of a test's report, before terminal, JUnit and other plugins see it."""
    report.longrepr = _cleaned(report.longrepr)
    report.sections = _cleaned(report.sections)
    report.user_properties = [
        (name, value if name in _WORDS else _cleaned(value)) for name, value in report.user_properties
    ]


def fit_to_log(text: str) -> str:
    """Return a text that may stand in the log: where GitHub's runner reads it, no line of it is a command."""
    return neutral(text) if os.environ.get("GITHUB_ACTIONS") else text


def _cleaned(value: Any) -> Any:
    """Return what a report holds without secrets; pytest's own objects are changed in place."""
    if isinstance(value, str):
        return fit_to_log(fit_to_tell(value))
    if type(value) in (list, tuple):
        return type(value)(_cleaned(item) for item in value)
    if type(value) is dict:
        return {key: _cleaned(item) for key, item in value.items()}
    if type(value).__module__.startswith("_pytest."):
        for name, held in vars(value).items():
            setattr(value, name, _cleaned(held))
    return value
