"""Batches as ordered sets: what moved, is missing, is new, or repeats."""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_comfy.compare import Comparison, Kept, compare_output, describe, known
from pytest_comfy.compare.batch import comparing as batches
from pytest_comfy.compare.batch import looks
from pytest_comfy.compare.batch.comparing import Finding, Made, Wanted, explain_batch

BLACK = -1


@cache
def picture(seed: int, lift: int = 0) -> bytes:
    """A picture of its own for every seed, black for BLACK; another encoder's when lifted by a level."""
    cells = np.random.default_rng(abs(seed)).integers(40, 200, (8, 8, 3)) * (seed != BLACK)
    image = Image.fromarray(cells.astype(np.uint8)).resize((48, 48), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    Image.fromarray((np.asarray(image) + lift).clip(0, 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@cache
def described(data: bytes, media_type: str, masks: tuple[Any, ...]) -> dict[str, Any]:
    return describe(data, media_type, masks)


def kept(data: bytes, media_type: str = "image/png", masks: tuple[Any, ...] = (), file: bool = True) -> Kept:
    found = described(data, media_type, masks)
    return Kept(
        media_type,
        found["sha256"],
        found["pixels_sha256"],
        found["fingerprint"],
        masks,
        (lambda: data) if file else None,
    )


def explain(golden: Mapping[int, Wanted], actual: Mapping[int, Made]) -> list[Finding]:
    compared: dict[int, Comparison] = {}
    for at in golden.keys() & actual.keys():
        wanted, made = golden[at], actual[at]
        compared[at] = compare_output(
            wanted.kept, made.data, made.media_type, tolerance=wanted.tolerance, masks=wanted.masks
        )
    return explain_batch(golden, actual, compared)


def batch(before: Sequence[int], after: Sequence[int | tuple[int, int]], **wanted: Any) -> list[Finding]:
    """Explain a batch of pictures by their seeds; (seed, lift) where the actual one is lifted."""
    made = [picture(*one) if isinstance(one, tuple) else picture(one) for one in after]
    return explain(
        {at: Wanted(kept(picture(seed)), **wanted) for at, seed in enumerate(before)},
        {at: Made(data, "image/png") for at, data in enumerate(made)},
    )


def told(findings: Sequence[Finding]) -> list[str]:
    """Verdict and message of all that is not as it was."""
    return [f"{one.verdict}: {one.message}" for one in findings if one.verdict not in ("identical", "within tolerance")]


def verdicts(findings: Sequence[Finding]) -> list[tuple[int | None, int | None, str]]:
    return [(one.golden, one.actual, one.verdict) for one in findings]


class TestOrder:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ("ABCD", "ACBD", ["pictures 2 and 3 changed places", "picture 3 is now second"]),
            ("AB", "BA", ["pictures 1 and 2 changed places", "picture 2 is now first"]),
            ("ABC", "CBA", ["pictures 1 and 3 changed places", "picture 3 is now first"]),
            ("ABCDE", "BAEDC", ["pictures 1 and 2, pictures 3 and 5 changed places", *["picture"] * 3]),
            ("ABCD", "DCBA", ["pictures 1 to 4 come in reverse order", *["picture"] * 3]),
            ("ABCDEF", "AFEDCB", ["pictures 2 to 6 come in reverse order", *["picture"] * 3]),
            (
                "ABC",
                "BCA",
                [
                    "the order changed: picture 1 is now third, picture 2 first, picture 3 second",
                    "picture 2 is now first",
                    "picture 3 is now second",
                ],
            ),
            ("ABCDE", "BCDEA", ["the order changed: picture 1 is now fifth; the others keep theirs", *["picture"] * 4]),
            ("ABCDE", "AEBCD", ["the order changed: picture 5 is now second; the", *["picture"] * 3]),
            (
                "ABCDEFGHIJKL",
                "BADCFEHGJILK",
                [
                    "the order changed: picture 1 is now second, picture 2 first, picture 3 fourth, picture 4 third, "
                    "picture 5 sixth, picture 6 fifth, 6 more moved",
                    *["picture"] * 11,
                ],
            ),
        ],
    )
    def test_moves_are_told(self, before: str, after: str, expected: list[str]) -> None:
        found = batch([*map(ord, before)], [*map(ord, after)])
        messages = [one.message for one in found if one.verdict == "different"]
        assert all(message.startswith(start) for message, start in zip(messages, expected, strict=True)), messages
        for one in found:
            moved = one.golden != one.actual
            assert one.verdict == ("different" if moved else "identical")
            assert one.comparison is not None and one.comparison.kinds == (("order",) if moved else ())

    @given(st.integers(1, 7).flatmap(lambda n: st.permutations(range(n))), st.integers(0, 1))
    @settings(max_examples=40)
    def test_any_permutation_is_explained_exactly(self, order: list[int], lift: int) -> None:
        found = batch(range(len(order)), [(seed, lift) for seed in order])
        assert [one.golden for one in found] == [*range(len(order))]
        assert [one.actual for one in found] == [order.index(seed) for seed in range(len(order))]
        for one in found:
            assert (one.verdict == "different") == (one.golden != one.actual)
        moved = sorted(at for at, seed in enumerate(order) if at != seed)
        if len(moved) == 2:
            assert told(found)[0].endswith(f"pictures {moved[0] + 1} and {moved[1] + 1} changed places")

    def test_picture_that_matches_its_own_place_has_not_moved(self) -> None:
        """Both of a pair of twins match both places."""
        assert verdicts(batch([1, 2, 1, 3], [(1, 1), 2, 1, 3])) == [
            (0, 0, "within tolerance"), (1, 1, "identical"), (2, 2, "identical"), (3, 3, "identical")
        ]  # fmt: skip

    def test_exact_takes_no_picture_for_another_that_is_only_like_it(self) -> None:
        assert told(batch([1, 2], [2, 1], tolerance="exact"))[0] == "different: pictures 1 and 2 changed places"
        lifted = batch([1, 2], [(2, 1), (1, 1)], tolerance="exact")
        assert [one.comparison and "order" in one.comparison.kinds for one in lifted] == [False, False]

    def test_fingerprints_are_enough_without_golden_files(self) -> None:
        golden = {at: Wanted(kept(picture(seed), file=False)) for at, seed in enumerate([1, 2])}
        actual = {at: Made(picture(seed, 1), "image/png") for at, seed in enumerate([2, 1])}
        assert told(explain(golden, actual))[0] == "different: pictures 1 and 2 changed places"

    def test_fingerprints_of_another_version_are_made_anew(self) -> None:
        golden = {
            at: Wanted(replace(kept(picture(seed)), fingerprint={"version": 0}, pixels_sha256=None))
            for at, seed in enumerate([1, 2, 3])
        }
        actual = {at: Made(picture(seed, 1), "image/png") for at, seed in enumerate([2, 1, 3])}
        assert told(explain(golden, actual))[0] == "different: pictures 1 and 2 changed places"

    def test_masks_stay_at_their_place(self) -> None:
        """What a mask hides does not keep a picture from being found again."""
        mask = ((0, 0, 24, 48),)
        golden = {at: Wanted(kept(picture(seed), masks=mask), masks=mask) for at, seed in enumerate([1, 2])}

        def half(seed: int) -> bytes:
            image = Image.open(io.BytesIO(picture(seed)))
            image.paste((255, 0, 0), (0, 0, 24, 48))
            stream = io.BytesIO()
            image.save(stream, "PNG")
            return stream.getvalue()

        actual = {at: Made(half(seed), "image/png") for at, seed in enumerate([2, 1])}
        assert told(explain(golden, actual))[0] == "different: pictures 1 and 2 changed places"


class TestMissing:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ("ABCD", "ACD", ["missing: picture 2 of 4 is missing; the others are there, in order"]),
            ("ABCD", "BCD", ["missing: picture 1 of 4 is missing; the others are there, in order"]),
            ("ABCD", "ABC", ["missing: picture 4 of 4 is missing; the others are there, in order"]),
            ("AB", "B", ["missing: picture 1 of 2 is missing; the other is there"]),
            (
                "ABCDE",
                "ADE",
                [
                    "missing: pictures 2 and 3 of 5 are missing; the others are there, in order",
                    "missing: picture 3 of 5 is missing",
                ],
            ),
            ("ABAC", "BAC", ["missing: picture 1 of 4 is missing; the others are there, in order"]),
            ("ABBC", "BBC", ["missing: picture 1 of 4 is missing; the others are there, in order"]),
            ("ABBBC", "BBBC", ["missing: picture 1 of 5 is missing; the others are there, in order"]),
            ("ABB", "BB", ["missing: picture 1 of 3 is missing; the others are there, in order"]),
            (
                "BBAB",
                "AB",
                [
                    "missing: pictures 1 and 2 of 4 are missing; the others are there, in order",
                    "missing: picture 2 of 4 is missing",
                ],
            ),
        ],
    )
    def test_which_is_missing_is_told_once(self, before: str, after: str, expected: list[str]) -> None:
        assert told(batch([*map(ord, before)], [*map(ord, after)])) == expected

    @given(
        st.integers(2, 7).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), max_size=n - 1))),
        st.integers(0, 1),
    )
    @settings(max_examples=40)
    def test_any_subset_that_is_removed_is_named_exactly(self, case: tuple[int, set[int]], lift: int) -> None:
        count, gone = case
        left = [seed for seed in range(count) if seed not in gone]
        found = batch(range(count), [(seed, lift) for seed in left])
        assert [one.golden for one in found if one.verdict == "missing"] == sorted(gone)
        assert [one.actual for one in found if one.verdict != "missing"] == [*range(len(left))]
        assert {one.verdict for one in found} <= {"missing", "within tolerance" if lift else "identical"}

    def test_with_another_that_changed(self) -> None:
        first, second = told(batch([1, 2, 3, 4], [1, 3, 9]))
        assert first == "missing: picture 2 of 4 is missing"
        assert second.startswith("different: picture 4 is now third: ")

    def test_with_others_that_moved(self) -> None:
        assert told(batch([1, 2, 3, 4, 5], [2, 5, 4, 3])) == [
            "missing: picture 1 of 5 is missing",
            "different: pictures 3 and 5 changed places",
            "different: picture 5 is now second",
        ]

    def test_positions_that_are_left_out_are_in_neither(self) -> None:
        golden = {at: Wanted(kept(picture(at))) for at in (0, 2, 3)}
        assert told(explain(golden, {0: Made(picture(0), "image/png"), 2: Made(picture(3), "image/png")})) == [
            "missing: picture 3 of 4 is missing; the others are there, in order"
        ]


class TestNew:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ("AB", "AXB", ["unexpected: picture 2 of 3 is new; the others are there, in order"]),
            ("A", "XA", ["unexpected: picture 1 of 2 is new; the other is there"]),
            (
                "AB",
                "ABXY",
                [
                    "unexpected: pictures 3 and 4 of 4 are new; the others are there, in order",
                    "unexpected: picture 4 of 4 is new",
                ],
            ),
            ("AB", "ABB", ["unexpected: picture 3 repeats picture 2; the golden run has 2"]),
            (
                "ABC",
                "BCX",
                ["missing: picture 1 of 3 is missing", "unexpected: picture 3 of 3 is new; the golden run has 3"],
            ),
        ],
    )
    def test_which_is_new_is_told(self, before: str, after: str, expected: list[str]) -> None:
        assert told(batch([*map(ord, before)], [*map(ord, after)])) == expected


class TestRepeated:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ("ABCD", "ABBD", ["picture 3 repeats picture 2"]),
            ("ABCD", "ACCD", ["picture 2 repeats picture 3"]),
            ("AABC", "AAAC", ["picture 3 repeats picture 2"]),
            ("ABCD", "AAAA", ["all 4 pictures are the same", *(f"picture {n} repeats picture 1" for n in (3, 4))]),
            ("ABC", "XXX", ["all 3 pictures are the same", *(f"picture {n} repeats picture 1" for n in (2, 3))]),
            ("AB", "AA", ["both pictures are the same"]),
            ("ABCD", "AXXD", ["", "picture 3 repeats picture 2"]),
            ("ABBD", "AXXD", ["", ""]),
            ("AAA", "XXX", [""] * 3),
        ],
    )
    def test_repetition_that_the_golden_batch_has_not(self, before: str, after: str, expected: list[str]) -> None:
        found = [one for one in batch([*map(ord, before)], [*map(ord, after)]) if one.verdict == "different"]
        messages = [one.message for one in found]
        assert all(message.startswith(start) for message, start in zip(messages, expected, strict=True)), messages
        assert [start for start in expected if start] == [one for one in messages if "repeat" in one or "same" in one]
        for one in found:
            assert one.comparison is not None
            assert ("repeated" in one.comparison.kinds) == ("repeats" in one.message or "same" in one.message)

    def test_what_is_black_throughout_is_the_same(self) -> None:
        assert told(batch([1, 2, 3], [BLACK] * 3))[0].startswith("different: all 3 pictures are the same")


class TestTwins:
    """Golden pictures that are legitimately alike."""

    @given(
        st.text("ABC", min_size=2, max_size=7).flatmap(
            lambda text: st.tuples(
                st.just(text), st.sets(st.integers(0, len(text) - 1), min_size=1, max_size=len(text) - 1)
            )
        )
    )
    @settings(max_examples=60)
    def test_what_is_left_of_a_batch_has_not_moved(self, case: tuple[str, set[int]]) -> None:
        whole, gone = case
        left = "".join(letter for at, letter in enumerate(whole) if at not in gone)
        found = batch([*map(ord, whole)], [*map(ord, left)])
        assert sorted(one.verdict for one in found) == ["identical"] * len(left) + ["missing"] * len(gone)
        lost = sorted(whole[one.golden] for one in found if one.verdict == "missing" and one.golden is not None)
        assert lost == sorted(whole[at] for at in gone)
        found = batch([*map(ord, left)], [*map(ord, whole)])
        assert sorted(one.verdict for one in found) == ["identical"] * len(left) + ["unexpected"] * len(gone)

    @given(st.text("ABCD", min_size=1, max_size=6), st.text("ABCD", min_size=1, max_size=6))
    @settings(max_examples=60)
    def test_every_picture_is_told_of_once(self, before: str, after: str) -> None:
        found = batch([*map(ord, before)], [*map(ord, after)])
        assert [one.golden for one in found if one.golden is not None] == [*range(len(before))]
        assert sorted(one.actual for one in found if one.actual is not None) == [*range(len(after))]
        for one in found:
            assert (one.verdict == "missing") == (one.actual is None)
            assert (one.verdict == "unexpected") == (one.golden is None)
            if one.golden is None or one.actual is None:
                continue
            same = before[one.golden] == after[one.actual]
            moved = one.comparison is not None and "order" in one.comparison.kinds
            assert same or one.verdict == "different"
            assert one.verdict == "identical" or moved == same
            assert not (moved and after[one.golden : one.golden + 1] == before[one.golden])
        assert all(one.verdict == "identical" for one in found) == (before == after)


class TestBounds:
    def test_place_by_place_comes_first_and_is_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(known, "describe", None)
        monkeypatch.setattr(looks.Wanted, "compare", None)
        assert told(batch([1, 2, 3], [(1, 1), (2, 1), (3, 1)])) == []

    def test_each_picture_is_described_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[bytes] = []

        def counted(data: bytes, *rest: Any, **more: Any) -> dict[str, Any]:
            seen.append(data)
            return describe(data, *rest, **more)

        monkeypatch.setattr(known, "describe", counted)
        batch(range(8), [(seed, 1) for seed in (0, 1, 2, 4, 3, 6, 7, 5)])
        assert sorted(seen) == sorted(picture(seed, 1) for seed in (3, 4, 5, 6, 7))

    def test_large_batches_are_explained_by_equal_content(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(looks, "MOST_PAIRS", 8)
        monkeypatch.setattr(looks, "_compare_looks", None)
        assert told(batch([1, 2, 3, 4], [1, 3, 4])) == [
            "missing: picture 2 of 4 is missing; the others are there, in order"
        ]
        assert told(batch([1, 2, 3], [3, 2, 1]))[0] == "different: pictures 1 and 3 changed places"

    def test_huge_batches_are_compared_place_by_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batches, "MOST_STEPS", 8)
        found = batch([1, 2, 3, 4], [1, 3, 4])
        assert verdicts(found) == [(0, 0, "identical"), (1, 1, "different"), (2, 2, "different"), (3, None, "missing")]
        assert found[3].message == "picture 4 of 4 is missing"

    def test_broken_pictures_are_told_as_broken(self) -> None:
        golden = {at: Wanted(kept(picture(at))) for at in range(3)}
        actual = {at: Made(data, "image/png") for at, data in enumerate([picture(0), b"", picture(1)])}
        found = explain(golden, actual)
        assert [one.verdict for one in found] == ["identical", "identical", "missing", "unexpected"]


class TestWords:
    def test_texts(self) -> None:
        lines = [b"a hat", b"a cat", b"a bat"]
        golden = {at: Wanted(kept(data, "text/plain")) for at, data in enumerate(lines)}
        made = {at: Made(lines[was], "text/plain") for at, was in enumerate([1, 0, 2])}
        assert told(explain(golden, made))[0] == "different: texts 1 and 2 changed places"

    @pytest.mark.parametrize("media_type", ["model/x-unknown", "application/octet-stream"])
    def test_files(self, media_type: str) -> None:
        data = [b"one", b"two", b"three"]
        golden = {at: Wanted(kept(one, media_type)) for at, one in enumerate(data)}
        made = {at: Made(one, media_type) for at, one in enumerate(data[1:])}
        assert told(explain(golden, made)) == ["missing: file 1 of 3 is missing; the others are there, in order"]

    def test_kinds_that_do_not_mix(self) -> None:
        golden = {0: Wanted(kept(picture(1))), 1: Wanted(kept(b"note", "text/plain"))}
        made = {0: Made(b"note", "text/plain"), 1: Made(picture(1), "image/png")}
        assert told(explain(golden, made))[0] == "different: files 1 and 2 changed places"


def test_what_stands_elsewhere_as_another_is_missing_is_told_as_what_it_is():
    kept_one, missing, shifted = batch([1, 2, 3], [1, (3, 1)])
    assert (kept_one.verdict, missing.verdict, shifted.verdict) == ("identical", "missing", "within tolerance")
    assert (shifted.golden, shifted.actual) == (2, 1)
    assert shifted.message.endswith(", moved most")
    assert "is now" not in shifted.message


def test_a_batch_that_passed_is_not_kept_in_memory():
    gc.collect()
    gc.disable()
    try:
        made = Made(picture(1), "image/png")
        wanted = Wanted(kept(picture(1)))
        compared = wanted.compare(made)
        assert [one.verdict for one in explain_batch({0: wanted}, {0: made}, {0: compared})] == ["identical"]
        held = weakref.ref(made)
        del made
        assert held() is None
    finally:
        gc.enable()
