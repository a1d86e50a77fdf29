"""What holds of decisions whatever is decided, and whatever lies in the place of decisions.json."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from kept import tree

from pytest_comfy.report.reading import Refused
from pytest_comfy.report.review import Desk
from pytest_comfy.report.review.decisions import Decision, read, write
from pytest_comfy.report.review.sending import _wanted

from .desks import SECRET, lay, pictures

CASES = {"garden": [None, "9.images.0"], "batch": [None, "9.images.0", "9.images.1"]}
STEPS = st.one_of(
    st.sampled_from([(name, output) for name, outputs in CASES.items() for output in outputs]).flatmap(
        lambda slot: st.tuples(st.just("decide"), st.just(slot), st.sampled_from(["approved", "rejected"]))
    ),
    st.tuples(st.just("undo"), st.integers(0, 5), st.none()),
)
TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
DECISION = st.fixed_dictionaries(
    {
        "number": st.integers() | JSON, "case": TEXT | JSON, "started": TEXT | JSON, "output": st.none() | TEXT | JSON,
        "decision": st.sampled_from(["approved", "rejected"]) | JSON, "reason": TEXT | JSON, "at": TEXT | JSON,
    }
)  # fmt: skip
DOCUMENT = st.fixed_dictionaries(
    {"schema": st.just(1), "decisions": st.lists(DECISION, max_size=3) | JSON, "written": JSON}
)


@settings(max_examples=25)
@given(st.lists(STEPS, max_size=10))
def test_golden_runs_are_what_the_decisions_say_and_undone_as_they_were(steps):
    with tempfile.TemporaryDirectory() as folder:
        root, keep = Path(folder, "project"), Path(folder, "keep")
        root.mkdir()
        keep.mkdir()
        lay(root, tuple(CASES))
        before = tree(root / "golden")
        desk = Desk(root / "comfy-report", root, SECRET, keep)
        version = desk.state()["version"]
        for what, which, decision in steps:
            taken = desk.state()["decisions"]
            if what == "decide":
                desk.decide(version, f"{which[0]}-default", which[1], decision, "why")
            elif taken:
                desk.undo(version, taken[which % len(taken)]["number"])
            cases = desk.state()["cases"]
            states = [cases[f"{name}-default"]["state"] for name in CASES]
            assert pictures(root, CASES) == [2 if state == "approved" else 1 for state in states]
            # What was kept tells the same to the next session.
            again = Desk(root / "comfy-report", root, SECRET, keep)
            assert again.state()["cases"] == cases
        for one in desk.state()["decisions"]:
            desk.undo(version, one["number"])
        assert tree(root / "golden") == before and desk.state()["decisions"] == []


@settings(max_examples=200)
@given(st.one_of(JSON, DOCUMENT).map(lambda document: json.dumps(document).encode()) | st.binary(max_size=50))
def test_any_decisions_are_read_or_refused_in_a_sentence(content):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "decisions.json").write_bytes(content)
        try:
            found = read(Path(folder))
        except Refused as error:
            assert "\n" not in str(error) and "decisions.json" in str(error)
        else:
            write(Path(folder), found.decisions, found.written)
            assert read(Path(folder)) == found


@given(
    st.builds(
        Decision, st.integers(1, 9), TEXT, TEXT, st.none() | TEXT, st.sampled_from(["approved", "rejected"]),
        st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=20), st.just("2026-11-26T07:00:00Z"),
    )
)  # fmt: skip
def test_decisions_come_back(decision):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), [decision], {decision.case: "golden"})
        found = read(Path(folder))
    assert found.decisions == (decision,) and found.written == {decision.case: "golden"}


@given(st.from_regex(r"bytes=\d{0,4}-\d{0,4}", fullmatch=True) | st.text(max_size=20), st.integers(0, 2000))
def test_pieces_are_of_the_file(told, size):
    start, stop = _wanted(told, size)
    assert 0 <= start <= stop <= size
    assert start < stop or size == 0
