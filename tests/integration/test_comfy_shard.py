"""--comfy-shard: the parts of a session are of about the same length, and together they are the whole."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import graph, lines_of

from pytest_comfy.pool.shards import shard_of

NAMES = "abcdefghij"


@pytest.fixture
def project(project):
    for name in NAMES:
        project.both(name, graph(color=ord(name)))
    project.write("test_plain.py", "def test_one(): pass\ndef test_two(): pass\n")
    return project


def passed(result):
    return {line.split()[0] for line in lines_of(result) if " PASSED" in line}


@pytest.mark.parametrize("shards", [2, 3])
def test_together_they_are_the_whole(project, shards):
    whole = passed(project.run("-v"))
    assert len(whole) == len(NAMES) + 2
    parts = [passed(project.run("-v", f"--comfy-shard={one + 1}/{shards}")) for one in range(shards)]
    assert sorted(name for part in parts for name in part) == sorted(whole)
    assert all(len(part) >= 2 for part in parts)


def test_header_says_it_and_pytest_what_was_left_out(project, monkeypatch):
    monkeypatch.setenv("COMFY_SHARD", "1/2")
    result = project.run()
    result.stdout.fnmatch_lines(["comfy: shard 1 of 2", "collected 12 items / * deselected / * selected"])
    assert result.ret == 0


def test_golden_runs_of_other_shards_are_claimed(project):
    result = project.run("--comfy-shard=1/2", "--comfy-unused=fail")
    assert result.ret == 0


@pytest.mark.parametrize("value", ["0/2", "3/2", "2", "1/0", "a/b", "1/2/3", "-1/2"])
def test_what_is_no_part(project, value):
    result = project.run(f"--comfy-shard={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"--comfy-shard '{value}': must be K/N with K from 1 to N, such as 2/5" in result.stderr.str()


SECONDS = st.dictionaries(st.text(min_size=1, max_size=8), st.floats(0.0, 1000.0), max_size=60)


@given(SECONDS, st.integers(1, 9))
def test_each_item_has_one_shard(seconds, shards):
    found = shard_of(seconds, shards)
    assert found.keys() == seconds.keys()
    assert set(found.values()) <= set(range(shards))
    assert found == shard_of(dict(reversed(seconds.items())), shards)


@given(st.integers(40, 120), st.integers(2, 6), st.integers(0, 2**32))
def test_lengths_are_alike_and_few_move_when_one_is_added(count, shards, seed):
    seconds, found, after = before_and_after(count, shards, seed)
    lengths = [sum(seconds[one] for one in seconds if found[one] == shard) for shard in range(shards)]
    # The room of a shard, a step of the durations, and the last one that fits nowhere else.
    assert max(lengths) <= 1.05 * 1.1 * sum(lengths) / shards + 10
    assert sum(found[one] != after[one] for one in found) <= count / 3


def test_usually_one_in_twenty_moves():
    moved = []
    for seed in range(40):
        _, found, after = before_and_after(80, 4, seed)
        moved.append(sum(found[one] != after[one] for one in found) / 80)
    assert sum(moved) / len(moved) < 0.08


def before_and_after(count, shards, seed):
    """Return the seconds of so many cases, their shards, and those that they have where one more is there."""
    draw = Random(seed)  # chosen to be so, durations could move more
    seconds = {f"w{at}": draw.uniform(1, 10) for at in range(count)}
    return seconds, shard_of(seconds, shards), shard_of({**seconds, "another": 5.0}, shards)
