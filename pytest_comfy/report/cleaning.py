"""What pytest tells of a test: without secrets, in tracebacks, captured output and properties."""

from __future__ import annotations

from typing import Any

from ..secrecy import fit_to_tell

_WORDS = {"comfy_verdicts", "comfy_verdict", "comfy_cache", "comfy_mode", "comfy_case"}
"""Properties that hold words and numbers of ours, by which the summary counts."""


def clean(report: Any) -> None:
    """Take secrets out of a test's report, before terminal, JUnit and other plugins see it."""
    report.longrepr = _cleaned(report.longrepr)
    report.sections = _cleaned(report.sections)
    report.user_properties = [
        (name, value if name in _WORDS else _cleaned(value)) for name, value in report.user_properties
    ]


def _cleaned(value: Any) -> Any:
    """Return what a report holds without secrets; pytest's own objects are changed in place."""
    if isinstance(value, str):
        return fit_to_tell(value)
    if type(value) in (list, tuple):
        return type(value)(_cleaned(item) for item in value)
    if type(value) is dict:
        return {key: _cleaned(item) for key, item in value.items()}
    if type(value).__module__.startswith("_pytest."):
        for name, held in vars(value).items():
            setattr(value, name, _cleaned(held))
    return value
