"""What was decided of the cases of a report, kept beside it in decisions.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...files import read_below, write_whole
from ...text import plain
from ..reading import Refused
from ..session import DECISIONS_FILE
from ..telling import dumps

APPROVED, REJECTED = "approved", "rejected"
LONGEST_REASON = 1000
_SCHEMA = 1
_LARGEST = 2**26
_MOST = 100_000


@dataclass(frozen=True)
class Decision:
    """One decision.

    number    its own, counted from 1
    case      folder of the case in the report
    started   when the run began that it is about: it says nothing of a later one
    output    the output's id within the case; None for the case as a whole
    decision  approved or rejected
    at        ISO time
    """

    number: int
    case: str
    started: str
    output: str | None
    decision: str
    reason: str
    at: str


@dataclass(frozen=True)
class Record:
    """What decisions.json holds.

    decisions  in the order in which they were made
    written    folder of a case -> that of the golden run that its approval was written to
    """

    decisions: tuple[Decision, ...]
    written: Mapping[str, str]


def read(report: Path) -> Record:
    """Return what was decided so far; raises Refused for a file that is not ours."""
    told = report / DECISIONS_FILE
    try:
        if told.is_file() and told.stat().st_size > _LARGEST:
            raise ValueError("it is too large")
        document = json.loads(read_below(report, DECISIONS_FILE))
        if document["schema"] != _SCHEMA:
            raise ValueError("it is of another version")
        written = {_word(case): _word(folder) for case, folder in document["written"].items()}
        return Record(tuple(_decision(one) for one in document["decisions"][:_MOST]), written)
    except FileNotFoundError:
        return Record((), {})
    except OSError as error:
        raise Refused(f"{told}: cannot be read ({error.strerror or error})") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(f"{told}: holds no decisions ({plain(error, 200)}): remove it") from error


def write(report: Path, decisions: Iterable[Decision], written: Mapping[str, str]) -> None:
    """Write decisions.json whole; raises OSError, and leaves what was."""
    document = {"schema": _SCHEMA, "decisions": [asdict(one) for one in decisions], "written": dict(written)}
    write_whole(report / DECISIONS_FILE, dumps(document))


def _decision(told: Any) -> Decision:
    output, number = told["output"], told["number"]
    if isinstance(number, bool) or not isinstance(number, int) or told["decision"] not in (APPROVED, REJECTED):
        raise ValueError("a decision is none")
    return Decision(
        number,
        _word(told["case"]),
        _word(told["started"]),
        None if output is None else _word(output),
        told["decision"],
        plain(_word(told["reason"]), LONGEST_REASON),
        plain(_word(told["at"]), 40),
    )


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} instead of a text")
    return value
