"""Recorded answers are known by the parameters that matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.golden.exchanges import Exchange, Exchanges, parameters

PAIRS = st.lists(st.tuples(st.sampled_from(["clientId", "filename", "a", "_"]), st.text(max_size=3)), max_size=4)


@pytest.mark.parametrize(
    ("path", "recorded", "asked", "found"),
    [
        ("/object_info", "clientId=1", "", True),
        ("/object_info", "", "clientId=2", True),
        ("/object_info/KSampler", "clientId=1&_=5", "clientId=2", True),
        ("/models/vae", "t=1", "", True),
        ("/system_stats", "", "cache=no", True),
        ("/view_metadata/vae", "filename=a&clientId=1", "filename=a", True),
        ("/view_metadata/vae", "filename=a", "filename=b", False),
        ("/pack/list", "page=1&clientId=1", "clientId=2&page=1", True),
        ("/pack/list", "page=1", "page=2", False),
        ("/object_infos", "a=1", "a=2", False),
    ],
)
def test_which_questions_are_the_same(path, recorded, asked, found):
    def pairs(text):
        return [tuple(one.split("=")) for one in text.split("&") if one]

    kept = Exchanges([Exchange("GET", path, tuple(pairs(recorded)), None, 200)])
    assert (kept.find("GET", path, pairs(asked)) is not None) is found
    assert (kept.find("GET", "/api" + path, pairs(asked)) is not None) is found


@given(st.sampled_from(["/object_info", "/view_metadata/x", "/pack/x"]), PAIRS)
def test_what_matters_is_a_part_of_what_was_asked(path, pairs):
    found = parameters(path, pairs)
    assert set(found) <= set(pairs) and list(found) == sorted(found)
    assert parameters(path, found) == found
