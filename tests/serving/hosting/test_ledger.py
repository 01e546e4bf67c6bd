"""One budget of memory for models and pictures: order, room for small ones, models that make room."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from i2i.serving.hosting.ledger import ASIDE, LEAST, SMALL, Ledger, NoRoomError
from i2i.serving.inference.memory import resident
from i2i.serving.runtime.jobs import CancelledError, Job, working_on

MB = 10**6


@pytest.fixture
def ledger():
    """A budget with 1,024 MB beside what the process holds."""
    return Ledger(resident() + 1024 * MB)


class Held:
    """A model as the ledger sees it."""

    size, kept, is_idle, is_retired = 0, 0, True, False

    def __init__(self, ledger):
        self.ledger, self.last_used, self.is_open = ledger, time.monotonic(), False

    def open(self, size):
        self.ledger.make_room(self, size)
        self.is_open = True
        return self

    def let_go(self):
        self.has_let_go = True

    def close(self):
        self.is_open = False
        self.ledger.closed(self)


def until(holds):
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert holds()


def test_pictures_in_memory_are_together_within_the_budget_and_keep_their_order(ledger):
    order, full, half = [], threading.Event(), ledger.largest // 2

    def hold(name, size):
        with ledger.holding(0, size) as granted:
            order.append(name)
            assert granted == min(size, ledger.largest)
            full.wait(20)

    with ThreadPoolExecutor(4) as pool:
        sizes = [("a", half), ("b", half), ("larger than all", 10**12), ("small", int(0.1 * ledger.room))]
        for count, (name, size) in enumerate(sizes, 1):
            pool.submit(hold, name, size)
            until(lambda count=count: len(ledger._queue) + ledger.count == count)
        assert order == ["a", "b"]  # a small one does not overtake the large one for ever
        full.set()
    assert order[2:] == ["larger than all", "small"]
    assert ledger.count == 0


def test_a_small_picture_does_not_wait_behind_large_ones_that_wait(ledger):
    order, full = [], threading.Event()

    def hold(name, size):
        with ledger.holding(size):
            order.append(name)
            full.wait(20)

    fit = int(ASIDE / SMALL)
    with ThreadPoolExecutor(fit + 3) as pool:
        pool.submit(hold, "large", ledger.largest)
        until(lambda: ledger.count == 1)
        pool.submit(hold, "another", ledger.largest)
        for _ in range(fit + 1):
            pool.submit(hold, "small", int(SMALL * ledger.room))
        until(lambda: ledger.count == 1 + fit)
        assert order == ["large", *["small"] * fit]
        assert ledger.of_pictures <= ledger.room
        full.set()
    assert len(order) == fit + 3


def test_who_waits_for_memory_leaves_when_the_job_is_cancelled(ledger):
    job = Job()

    def wait():
        with working_on(job), ledger.holding(ledger.largest):
            raise AssertionError("there was no room")

    with ThreadPoolExecutor(1) as pool, ledger.holding(ledger.largest):
        waiting = pool.submit(wait)
        until(lambda: len(ledger._queue) == 1)
        job.cancel()
        with pytest.raises(CancelledError):
            waiting.result(10)


def test_what_sessions_keep_is_used_again_by_the_same_model_and_given_back_for_another(ledger):
    one, two = Held(ledger).open(10 * MB), Held(ledger).open(10 * MB)
    large = int(ledger.largest * 0.7)
    for _ in range(2):
        with ledger.holding(MB, large, 0, one) as run:
            assert run == large
    assert one.kept == large
    before = ledger.of_pictures
    with ledger.holding(MB, large, 0, one):
        assert ledger.of_pictures - before == MB  # the rest is there already
    assert not hasattr(one, "has_let_go")
    with ledger.holding(MB, large, 0, two):
        assert one.has_let_go
        assert (one.kept, two.kept) == (0, 0)
    assert two.kept == large


def test_a_measurement_waits_for_pictures_and_lets_none_in(ledger):
    order, full = [], threading.Event()

    def hold(name):
        with ledger.holding(1000):
            order.append(name)
            full.wait(20)

    def measure():
        with ledger.alone():
            order.append("measured")
            until(lambda: len(ledger._queue) == 1)
            time.sleep(0.05)
            order.append("done")

    with ThreadPoolExecutor(3) as pool:
        pool.submit(hold, "before")
        until(lambda: ledger.count == 1)
        measuring = pool.submit(measure)
        until(lambda: ledger._is_kept_free)
        pool.submit(hold, "after")
        full.set()
        measuring.result(20)
    assert order == ["before", "measured", "done", "after"]


def test_a_picture_is_not_refused_while_a_model_is_opened_as_what_that_holds_is_not_known_yet(ledger, monkeypatch):
    monkeypatch.setattr("i2i.serving.hosting.ledger.PATIENCE", 0.1)
    opened = Held(ledger).open(500 * MB)
    opened.is_idle = False
    monkeypatch.setattr(ledger, "look", lambda: None)  # which would see that it holds nothing
    with ThreadPoolExecutor(1) as pool:
        with ledger.opening:
            waiting = pool.submit(contextlib.ExitStack().enter_context, ledger.holding(600 * MB))
            time.sleep(0.5)
            assert not waiting.done()
            ledger.resize(opened, 100 * MB)
        assert waiting.result(20) == 0  # bytes for a run: it has none


def test_the_longest_unused_model_makes_room_for_another(ledger):
    one, two = Held(ledger).open(250 * MB), Held(ledger).open(250 * MB)
    one.last_used = time.monotonic() + 1
    three = Held(ledger).open(200 * MB)
    assert (one.is_open, two.is_open, three.is_open) == (True, False, True)
    assert ledger.of_models == 450 * MB
    assert ledger.room <= 1024 * MB - 450 * MB


def test_a_model_waits_while_those_that_are_open_are_in_use(ledger):
    busy = Held(ledger).open(400 * MB)
    busy.is_idle = False
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(Held(ledger).open, 300 * MB)
        time.sleep(0.1)
        assert not waiting.done()
        with ledger.changed:
            busy.is_idle = True
            ledger.changed.notify_all()
        assert waiting.result(10).is_open
    assert not busy.is_open


def test_one_model_may_take_more_than_half_when_it_is_alone_but_not_all(ledger):
    assert Held(ledger).open(800 * MB).is_open
    assert ledger.room >= LEAST
    with pytest.raises(NoRoomError, match="1000 MB"):
        Held(ledger).open(1000 * MB)


def test_a_second_session_is_counted_where_it_fits_and_refused_where_not(ledger):
    model = Held(ledger).open(200 * MB)
    assert ledger.grow(model, 200 * MB)
    assert not ledger.grow(model, 200 * MB)
    assert ledger.of_models == 400 * MB
    model.close()
    assert ledger.of_models == 0


def test_what_nobody_used_for_so_long_is_closed(ledger):
    first, old, new, replaced = (Held(ledger).open(10 * MB) for _ in range(4))
    for model in (first, old):
        model.last_used -= 1000
    replaced.last_used, replaced.is_retired = replaced.last_used - 61, True
    ledger.close_idle(900, but=first)
    assert [model.is_open for model in (first, old, new, replaced)] == [True, False, True, False]
