"""What a server had before the first scenario is read off what it tells later."""

from __future__ import annotations

import pytest

from pytest_comfy.golden import GoldenRun

from .before import files_before, refused_before, settings_before
from .captures import Capture


def asked(path, told, method="GET", status=200, **request):
    return {"kind": "http", "t": 0, "request": {"method": method, "path": path, **request},
            "response": {"status": status, "headers": {}, "json": told}}  # fmt: skip


def captures(*events):
    return [Capture("one", "0.30.0", list(events))]


def total(number):
    return asked("/api/jobs?limit=2", {"jobs": [], "pagination": {"total": number}})


def entry(number):
    return {"id": {"prompt": [number, "id", {}, {}, []]}}


@pytest.mark.parametrize(
    ("events", "known", "refused"),
    [
        ([], set(), set()),
        ([total(5)], set(), set()),
        ([total(3)], set(), {3, 4}),
        ([total(3)], {4}, {2, 3}),
        ([asked("/history?max_items=1&offset=1", entry(3)), total(3)], {3}, {0, 1}),
        ([asked("/history?max_items=1&offset=1", entry(3)), total(2)], {3}, {0, 1, 4}),
        ([asked("/history", None, "POST", json={"clear": True}), total(0)], set(), set()),
        ([asked("/history", None, "POST", json={"delete": ["x"]}), total(4)], set(), set()),
        ([asked("/api/jobs?status=failed", {"jobs": [], "pagination": {"total": 0}})], set(), set()),
    ],
)
def test_numbers_that_history_does_not_know_were_refused(events, known, refused):
    assert refused_before(captures(*events), 5, known) == refused


def test_settings_that_are_there_were_there_before():
    assert settings_before(captures(asked("/settings", {"a": 1}))) == {"a": 1}
    assert settings_before(captures(asked("/settings", {}))) is None
    assert settings_before(captures()) is None


def test_files_that_no_run_made_were_there_before():
    item = {"filename": "mine_00001_.png", "subfolder": "", "type": "output"}
    run = GoldenRun({"ui": {"4": {"images": [item]}}}, None, {})
    listed = asked("/internal/files/output", ["new.png [output]", "mine_00001_.png [output]", "old.png [output]"])
    assert files_before(captures(listed), [run]) == [("output", "old.png"), ("output", "new.png")]
