"""Cases that did not come to their check: the server was not there, a file cannot be read, a test's own run failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .collect import (
    KNOWN,
    BrokenFile,
    CaseItem,
    drop_properties,
    is_told,
    keeping_of,
    not_judged,
    note_error,
    note_kept,
    settings_of,
)
from .fixtures import ASKED, subject_of_test
from .report.headline import HEADLINE

if TYPE_CHECKING:
    from .golden import GoldenRun
    from .judging.asked import Subject


def keep_error(item: Any, error: BaseException, when: str) -> bool:
    """Keep in the report that an item ended in an error, unless its check has done so; returns whether it is known."""
    if when == "setup" and isinstance(item, (CaseItem, BrokenFile)):
        drop_properties(item)  # of an earlier try
    verdicts = [value for name, value in item.user_properties if name == "comfy_verdict"]
    if verdicts and verdicts[-1] != "passed":
        return isinstance(item, CaseItem) and KNOWN in item.stash
    if isinstance(item, (CaseItem, BrokenFile)):
        subject = item.subject()
    elif "comfy_golden" in getattr(item, "fixturenames", ()) and is_told(error):
        subject = subject_of_test(item, "error" if verdicts else None)
    else:
        return False
    unjudged = when == "setup" or not_judged(error)
    note_error(item, error, unjudged)
    return note_kept(item, keeping_of(item, anew=False).unchecked(subject, _seen(item, subject), error, unjudged))


def tell_known(item: Any, report: Any) -> None:
    """Have the report of an item whose failure is known say that it failed as expected."""
    found = dict(report.user_properties)
    since = str(item.stash[KNOWN]).partition(":")[0]
    report.outcome = "skipped"
    report.wasxfail = f"{since}: {found[HEADLINE]}" if HEADLINE in found else since


def _seen(item: Any, subject: Subject) -> Any:
    from .judging.seen import Seen

    prompt = item.stash.get(ASKED, None)
    return Seen(_golden(item, subject) if prompt is not None else None, prompt)


def _golden(item: Any, subject: Subject) -> GoldenRun | None:
    from .golden import GoldenError, GoldenStore

    settings = settings_of(item.config, item.path)
    try:
        return GoldenStore(settings.golden_dir, settings.baseline).load(subject.key)
    except GoldenError:
        return None
