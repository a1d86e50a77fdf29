"""Several outputs, or parts of one, at once: order, errors, memory, and what is global."""

from __future__ import annotations

import io
import os
import threading
import warnings

import pytest
from PIL import Image, ImageFile
from projects import png

from pytest_comfy.compare import CompareError, TooLargeError, threads
from pytest_comfy.compare.memory import decoded_once, require, taking, within
from pytest_comfy.compare.still.decoding import MAX_PIXELS, decode, guard
from pytest_comfy.compare.threads import each
from pytest_comfy.memory import Budget


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    """Whatever the machine has."""
    monkeypatch.setattr(threads, "_processors", lambda: 2)


def together():
    """Return what waits until two threads are there; it fails where they are not at work at the same time."""
    return threading.Barrier(2, timeout=30).wait


class TestOrder:
    def test_at_the_same_time_and_in_order(self):
        meet = together()
        assert each(lambda number: (meet(), number * number)[1], [3, 2]) == [9, 4]

    def test_not_where_it_is_not_worth_it(self):
        here = threading.get_ident()
        assert each(lambda _: threading.get_ident(), range(5), worth=False) == [here] * 5
        assert each(lambda _: threading.get_ident(), [1]) == [here]
        assert each(lambda _: threading.get_ident(), []) == []

    def test_one_within_the_other_waits_for_nobody(self):
        outer = each(lambda a: each(lambda b: (a, b, threading.get_ident()), range(3)), range(8))
        assert [[(a, b) for a, b, _ in inner] for inner in outer] == [[(a, b) for b in range(3)] for a in range(8)]
        assert all(len({thread for _, _, thread in inner}) == 1 for inner in outer)

    def test_the_first_that_fails_is_told(self):
        def work(number):
            if number in (2, 5):
                raise CompareError(f"no {number}")
            return number

        with pytest.raises(CompareError, match="no 2"):
            each(work, range(8))

    def test_an_interrupt_goes_through(self):
        interrupted = threading.Event()

        def work(_):
            if threading.current_thread() is threading.main_thread():
                interrupted.set()
                raise KeyboardInterrupt
            interrupted.wait(30)

        with pytest.raises(KeyboardInterrupt):
            each(work, range(4))
        assert each(str, [1, 2]) == ["1", "2"]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
    def test_a_fork_has_threads_of_its_own(self):
        each(str, range(4))
        with warnings.catch_warnings(action="ignore"):  # of threads that a fork leaves behind
            child = os.fork()
        if not child:
            meet = together()
            os._exit(0 if each(lambda number: (meet(), number)[1], [1, 2]) == [1, 2] else 1)
        assert os.waitpid(child, 0)[1] == 0


class TestMemory:
    def test_what_does_not_fit_beside_the_others_is_done_by_itself(self):
        meet, seen = together(), []

        def work(name):
            require(60, "one of two")
            seen.append((name, budget.held))
            if len(seen) == 1:
                meet()
            return name

        budget = Budget(100, option="")

        def asked(name):
            try:
                return work(name)
            except TooLargeError:
                meet()  # the other has its share still
                raise

        with within(budget):
            assert each(asked, "ab") == ["a", "b"]
        assert sorted(held for _, held in seen) == [0, 60]
        assert budget.held == 0

    def test_what_fits_nowhere_is_an_error_with_the_words_of_one_alone(self):
        def words_of(run):
            with within(Budget(100, option="")), pytest.raises(TooLargeError) as caught:
                run()
            return str(caught.value)

        def work(_):
            require(101, "the picture")

        assert words_of(lambda: each(work, "ab")) == words_of(lambda: work(""))

    def test_who_makes_do_without_is_asked_again_by_itself(self):
        meet, tried = together(), []

        def work(name):
            try:
                require(60, "the golden picture")
            except TooLargeError:
                tried.append(name)
                meet()
                return "without"
            if len(tried) == 0:
                meet()
            return "with"

        with within(Budget(100, option="")):
            assert each(work, "ab") == ["with", "with"]
        assert len(tried) == 1

    def test_what_is_open_is_counted_once(self):
        budget = Budget(1000, option="")

        def work(number):
            with taking(300, "a video"):
                require(100, "its frames")
            require(350, "a picture")
            return budget.held

        with within(budget):
            assert max(each(work, range(4))) <= 800
            assert budget.held == 0

    def test_what_was_decoded_is_kept_until_the_end_or_until_the_memory_is_needed(self):
        made = []

        def decode_it():
            made.append(1)
            return "picture"

        def get():
            return decoded_once(b"data", decode_it, lambda _: 40)

        budget = Budget(100, option="")
        with within(budget):
            assert get() is get()
            assert (len(made), budget.held) == (1, 40)
            require(60, "what fits beside it")
            assert (get(), len(made)) == ("picture", 1)
            require(61, "what does not")
            assert (budget.held, get(), len(made)) == (0, "picture", 2)
        assert budget.held == 0
        get()
        get()
        assert len(made) == 4

    def test_the_same_bytes_at_once_are_decoded_once(self):
        made = []
        with within(Budget(100, option="")):
            each(lambda _: decoded_once(b"data", lambda: made.append(1) or "x", lambda _: 1), range(50))
        assert made == [1]


class TestPillow:
    def test_its_switches_are_ours_while_anybody_is_inside_and_put_back(self, monkeypatch):
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
        meet, filters = together(), list(warnings.filters)

        def work(number):
            with guard():
                meet()  # both are inside
                if number:
                    return state()
            meet.__self__.wait()
            return None

        def state():
            found = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
            meet()  # the other has left
            return found, (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS)

        ours = False, MAX_PIXELS // 2
        assert each(work, [0, 1]) == [None, (ours, ours)]
        assert (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS) == (True, None)
        assert warnings.filters == filters

    def test_pictures_decoded_at_once_are_those_decoded_in_turn(self):
        files = [png(seed) for seed in range(12)]
        broken = files[5][:-40]

        def pixels(data):
            try:
                return decode(data).tobytes()
            except CompareError as error:
                return str(error)

        files[5] = broken
        assert each(pixels, files) == [pixels(data) for data in files]
        assert each(pixels, files)[3] == Image.open(io.BytesIO(files[3])).tobytes()
