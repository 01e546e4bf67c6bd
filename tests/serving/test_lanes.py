"""Short pictures wait neither for long ones nor for the session of these to be opened."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from test_batcher import Recorder, picture

from i2i.serving.inference.batcher import LONG, Batcher
from i2i.serving.inference.courteous import NICE, Courteous
from i2i.serving.runtime.jobs import Job, current, working_on


def lanes(usual: Recorder, beside) -> Batcher:
    """A batcher for which pictures from 32x32 on take long."""
    batcher = Batcher(usual)
    batcher.beside = beside
    batcher._seconds_a_pixel = LONG / 32**2
    return batcher


def ask(batcher: Batcher, side: int):
    batcher._seconds_a_pixel = LONG / 32**2  # each run teaches it another
    return batcher.submit({"image": picture(side, side)}).result()


def test_short_pictures_go_on_while_the_session_for_a_long_one_is_opened_and_while_it_is_computed():
    usual, second, may_open, opening = Recorder(), Recorder(), threading.Event(), threading.Event()
    second.gate.clear()

    def opened() -> Recorder:
        opening.set()
        assert may_open.wait(20)
        return second

    batcher = lanes(usual, opened)
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(ask, batcher, 32)
        assert opening.wait(20)
        np.testing.assert_array_equal(ask(batcher, 16), 1 - picture(16, 16)[0])
        may_open.set()
        assert second.begun.wait(20)
        np.testing.assert_array_equal(ask(batcher, 16), 1 - picture(16, 16)[0])
        assert not long.done()
        second.gate.set()
        np.testing.assert_array_equal(long.result(20), 1 - picture(32, 32)[0])
    assert (usual.batches, second.batches) == ([1, 1], [1])


def test_a_long_picture_passes_one_that_is_twice_as_long():
    usual, second = Recorder(), Recorder()
    second.gate.clear()
    batcher = lanes(usual, lambda: second)
    with ThreadPoolExecutor(1) as pool:
        longest = pool.submit(ask, batcher, 64)
        assert second.begun.wait(20)
        ask(batcher, 40)
        assert not longest.done()
        second.gate.set()
    assert (usual.batches, second.batches) == ([1], [1])


def test_where_no_second_session_can_be_opened_they_go_one_after_the_other():
    def opened() -> Recorder:
        raise MemoryError

    usual = Recorder()
    batcher = lanes(usual, opened)
    np.testing.assert_array_equal(ask(batcher, 32), 1 - picture(32, 32)[0])
    assert usual.batches == [1]
    assert batcher.beside is None


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux alone")
def test_what_takes_long_lets_others_go_first_for_the_job_of_its_caller():
    seen, before = [], os.getpriority(os.PRIO_PROCESS, 0)

    class Looks(Recorder):
        def run(self, feeds, into=None):
            seen.append((os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), current()))
            return super().run(feeds, into)

    job = Job()
    with working_on(job):
        out = Courteous(Looks).run({"image": picture(0)})
    np.testing.assert_array_equal(out, 1 - picture(0))
    assert seen == [(before + NICE, job)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
