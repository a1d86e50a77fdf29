"""What the short summary shows of a failure: its line is cut to the terminal, so what changed comes first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

HEADLINE = "comfy_headline"
"""Property of a report: what changed, in few words. It goes with the report from the workers of pytest-xdist."""


@dataclass(frozen=True)
class Crash:
    """What pytest takes the short summary's words from."""

    message: str


class Told:
    """The text of a failure, as pytest takes what it shows of one, with a headline of its own."""

    def __init__(self, text: str, headline: str) -> None:
        self.text = text
        self.reprcrash = Crash(headline)

    def __str__(self) -> str:
        return self.text


def with_headlines(reports: Iterable[Any]) -> None:
    """Have the reports whose failure is a text of ours show their headlines in the short summary, which comes last."""
    for report in reports:
        headline = dict(getattr(report, "user_properties", ())).get(HEADLINE)
        if headline and isinstance(report.longrepr, str):
            report.longrepr = Told(report.longrepr, str(headline))
