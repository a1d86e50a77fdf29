from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.compare import parse_tolerance
from pytest_comfy.compare.tolerance import FACTORS, NORMAL_LIMITS

BEYOND_FLOAT = 10**400
parts = st.sampled_from(sorted(NORMAL_LIMITS))
limits = st.floats(min_value=0, allow_nan=False) | st.integers(0, 10**6) | st.just(BEYOND_FLOAT)


def test_names_scale_every_limit() -> None:
    found = {name: parse_tolerance(name).limit("alpha") for name in FACTORS}
    assert found == {"exact": 0, "strict": pytest.approx(5.36), "normal": 8, "loose": 16}
    assert [name for name in FACTORS if parse_tolerance(name).exact] == ["exact"]
    assert {parse_tolerance(name).limit("phash") for name in FACTORS} == {math.inf}, "judged only when asked for"


@given(st.dictionaries(parts, limits, min_size=1), st.sampled_from(sorted(FACTORS)))
def test_table_limits_win_and_base_gives_the_rest(table: dict[str, float], base: str) -> None:
    tolerance = parse_tolerance({"base": base, **table})
    for part in NORMAL_LIMITS:
        given_limit = table.get(part)
        expected = parse_tolerance(base).limit(part)
        if given_limit is not None:
            expected = math.inf if given_limit == BEYOND_FLOAT else float(given_limit)
        assert tolerance.limit(part) == expected
    assert not tolerance.exact
    assert tolerance.name.startswith(f"{base} with ")


def test_table_without_base_starts_from_normal() -> None:
    tolerance = parse_tolerance({"phash": 12})
    assert (tolerance.name, tolerance.limit("phash"), tolerance.limit("alpha")) == (
        "normal with phash=12",
        12,
        8,
    )


@pytest.mark.parametrize("name", sorted(FACTORS))
def test_table_of_a_base_alone_is_that_tolerance(name: str) -> None:
    assert parse_tolerance({"base": name}) == parse_tolerance(name)


def test_tolerance_passes_through() -> None:
    tolerance = parse_tolerance({"chroma": 3})
    assert parse_tolerance(tolerance) is tolerance


@given(st.text().filter(lambda name: name not in FACTORS))
def test_unknown_name_lists_the_known(name: str) -> None:
    with pytest.raises(ValueError, match=r"did you mean '\w+'\? Known: exact, strict, normal, loose"):
        parse_tolerance(name)


@pytest.mark.parametrize(
    ("value", "nearest"),
    [
        ("strikt", "strict"),
        ("Loose", "loose"),
        ({"pash": 4}, "phash"),
        ({"croma": 4}, "chroma"),
        ({"base": "norm"}, "normal"),
    ],
)
def test_unknown_name_offers_the_nearest(value: object, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
        parse_tolerance(value)  # type: ignore[arg-type]


@given(
    parts,
    st.floats(max_value=0, exclude_max=True)
    | st.integers(max_value=-1)
    | st.sampled_from([math.nan, True, False, None, "8", [8], -(10**400)]),
)
def test_unusable_limits_are_refused(part: str, limit: object) -> None:
    with pytest.raises(ValueError, match=f"the limit of {part} must be"):
        parse_tolerance({part: limit})  # type: ignore[dict-item]


@pytest.mark.parametrize("value", [3, None, True, ["normal"], {"base": 1}, {3: 4}])
def test_what_is_no_tolerance_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        parse_tolerance(value)  # type: ignore[arg-type]
