"""What failing cases share that passing ones have not is told once, the likeliest first, and honestly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.upgrade.causes import causes_in, causes_of, compared_in

COMFYUI, TORCH, MODEL = "ComfyUI 0.8.0 -> 0.30.0", "torch 2.8.0 -> 2.9.0", "model a.safetensors size 5 -> size 6"


def cases(failing=(), passing=()):
    """Cases by how many have which differences: ((5, COMFYUI, TORCH), (1,))."""
    return [
        (failed, frozenset(lines))
        for failed, groups in ((True, failing), (False, passing))
        for number, *lines in groups
        for _ in range(number)
    ]


def told(failing=(), passing=()):
    return list(causes_of(cases(failing, passing)).told())


@pytest.mark.parametrize(
    ("failing", "passing", "lines"),
    [
        ([(5, COMFYUI)], [(12,)], [f"likely cause: {COMFYUI} (5 of 5 failing cases, 0 of 12 passing)"]),
        ([(5, COMFYUI)], [], [f"likely cause: {COMFYUI} (5 of 5 failing cases, none passed)"]),
        ([(1, COMFYUI)], [(2,)], [f"likely cause: {COMFYUI} (1 of 1 failing case, 0 of 2 passing)"]),
        ([(2, COMFYUI, TORCH)], [],
         [f"possible cause: {one} (2 of 2 failing cases, none passed)" for one in (COMFYUI, TORCH)]),
        ([(2, COMFYUI)], [(3, COMFYUI)],
         [f"may be the cause, though every case has it: {COMFYUI} (2 of 2 failing cases, 3 of 3 passing)"]),
        ([(3, COMFYUI, MODEL), (2, COMFYUI)], [(9, COMFYUI)],
         [f"likely cause: {MODEL} (3 of 5 failing cases, 0 of 9 passing)",
          f"may be the cause, though every case has it: {COMFYUI} (5 of 5 failing cases, 9 of 9 passing)"]),
        ([(4, TORCH)], [(1, TORCH), (3,)], [f"possible cause: {TORCH} (4 of 4 failing cases, 1 of 4 passing)"]),
        ([(1, TORCH), (4,)], [(9, TORCH)], []),  # more of those that pass have it
        ([(1, TORCH), (1, MODEL)], [(2,)], []),  # no two share it
        ([(2,)], [(2,)], []),
        ([], [(2, COMFYUI)], []),
        ([], [], []),
    ],
)  # fmt: skip
def test_words(failing, passing, lines):
    assert told(failing, passing) == lines


def test_all_differences_are_counted_causes_or_not():
    assert causes_of(cases([(2, COMFYUI)], [(1, TORCH), (1,)])).to_json() == {
        "failing": 2,
        "passing": 2,
        "differences": [
            {"difference": COMFYUI, "failing": 2, "passing": 0, "cause": "likely"},
            {"difference": TORCH, "failing": 0, "passing": 1, "cause": None},
        ],
    }


LINES = st.frozensets(st.sampled_from([COMFYUI, TORCH, MODEL, "x"]))
COMPARED = st.lists(st.tuples(st.booleans(), LINES), max_size=12)


@given(COMPARED, COMPARED)
def test_reports_together_are_as_one(first, second):
    whole = causes_of([*first, *second])
    documents = [causes_of(first).to_json(), causes_of(second).to_json()]
    assert causes_in(documents) == whole
    # A case that a later report has as well counts once.
    assert causes_in(documents, second) == causes_of(first)


@given(COMPARED)
def test_a_likely_cause_is_in_no_case_that_passed(compared):
    for word, text, _ in causes_of(compared).found():
        having = [failed for failed, lines in compared if text in lines]
        assert any(having)
        if word == "likely":
            assert all(having)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["failing", "passing", "differences", "difference"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(st.lists(JSON, max_size=3))
def test_reports_of_strangers(documents):
    found = causes_in(documents)
    assert all(0 <= one.failing <= found.failing and 0 <= one.passing <= found.passing for one in found.differences)


@pytest.mark.parametrize(
    ("outcome", "environment", "found"),
    [
        ("failed", {"golden": "a", "actual": "b", "differences": [TORCH]}, (True, {TORCH})),
        ("error", {"golden": "a", "actual": "b", "differences": []}, (True, set())),
        ("passed", {"golden": "a", "actual": "b", "differences": [TORCH]}, (False, {TORCH})),
        ("xfailed", {"golden": "a", "actual": "b", "differences": [TORCH]}, None),
        ("approved", {"golden": "a", "actual": "b", "differences": [TORCH]}, None),
        ("failed", {"golden": None, "actual": "b", "differences": []}, None),
        ("failed", {"golden": "a", "actual": None, "differences": []}, None),
        ("failed", {"golden": "a", "actual": "b"}, None),
        ("failed", None, None),
    ],
)
def test_entries_of_a_report(outcome, environment, found):
    assert compared_in({"outcome": outcome, "environment": environment}) == found
