"""Pictures of one size go together where no byte changes by it; one computation runs at a time, and nobody waits."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from i2i.errors import ProviderError
from i2i.images.image import Picture
from i2i.serving.inference.batcher import BATCH_PIXELS, LARGEST_BATCH, Batcher
from i2i.serving.inference.engine import Engine
from i2i.serving.runtime.jobs import Turns

EXPORTED = sorted((Path(__file__).parent.parent / "witnesses").glob("*/exported/*.onnx"))


def picture(seed: int, side: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).random((1, 3, side, side), dtype=np.float32)


class Recorder:
    """1 - x, with the sizes of the batches; `change` may spoil an answer, and `gate` holds the first one up."""

    def __init__(self, change=None) -> None:
        self.batches: list[int] = []
        self.gate, self.begun = threading.Event(), threading.Event()
        self.gate.set()
        self.change = change or (lambda _batch, out: out)
        self.inside = self.most_inside = 0

    def run(self, feeds, _into=None):
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.batches.append(len(feeds["image"]))
        self.begun.set()
        assert self.gate.wait(20)
        try:
            return self.change(feeds["image"], 1 - feeds["image"])
        finally:
            self.inside -= 1


def together(batcher: Batcher, feeds: list[dict]) -> list:
    """What each gives (an array or its error), all of them submitted before the first is computed."""
    pending = [batcher.submit(each) for each in feeds]
    found = []
    for each in pending:
        try:
            found.append(each.result())
        except ProviderError as error:
            found.append(error)
    return found


def proved(executor: Recorder, **limits: int) -> Batcher:
    batcher = Batcher(executor, **limits)
    batcher.is_proved = True
    return batcher


def test_of_many_that_wait_only_the_one_whose_turn_it_is_wakes():
    turns, looks, begun = Turns(), [0] * 12, []

    def wait(number: int) -> None:
        def is_settled() -> bool:
            looks[number] += 1
            return False

        with turns.taken(is_settled=is_settled):
            begun.append(number)

    with ThreadPoolExecutor(12) as pool:
        with turns.taken():
            done = []
            for number in range(12):
                done.append(pool.submit(wait, number))
                while not looks[number]:
                    time.sleep(0.001)
        for each in done:
            each.result(10)
    assert begun == list(range(12))
    assert sum(looks) < 3 * 12  # all would look at each end: 78 times


# Exactness


@pytest.mark.parametrize("model", EXPORTED, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_a_picture_gives_the_same_bytes_alone_and_in_any_batch_on_the_cpu_provider(model):
    engine = Engine(model, device="cpu")
    channels = engine.card.input_channels
    for size in ((16, 16), (33, 20), (64, 64)):
        pictures = np.random.default_rng(1).random((LARGEST_BATCH, channels, *size), dtype=np.float32)
        alone = [engine.run(pictures[n : n + 1])[0].tobytes() for n in range(LARGEST_BATCH)]
        for count in range(2, LARGEST_BATCH + 1):
            assert [each.tobytes() for each in engine.run(pictures[:count])] == alone[:count]


@pytest.mark.parametrize("graph", ["network", "blocks", "enlarge"])
def test_translations_in_a_batch_are_the_ones_alone(make_model, graph):
    engine = Engine(make_model(graph, multiple=4), device="cpu")
    pictures = [np.random.default_rng(n).integers(0, 256, (24, 17, 3), dtype=np.uint8) for n in range(6)]
    alone = [engine(each) for each in pictures]
    prepared = [engine.prepare(Picture(each)) for each in pictures]
    pending = [engine.batcher.submit(each.feeds) for each in prepared]
    done = [engine.finish(p, each.result()).pixels for p, each in zip(prepared, pending, strict=True)]
    assert engine.batcher.is_proved
    np.testing.assert_array_equal(done, alone)


def test_a_model_whose_bytes_differ_in_batches_goes_one_by_one_from_then_on():
    executor = Recorder(lambda batch, out: out if len(batch) == 1 else np.nextafter(out, np.float32(2)))
    batcher = Batcher(executor)
    for _ in range(2):
        answers = together(batcher, [{"image": picture(n)} for n in range(3)])
        np.testing.assert_array_equal(answers, [1 - picture(n)[0] for n in range(3)])
    assert executor.batches == [3, 1, 1, 1, 1, 1, 1]


def test_a_graph_that_takes_one_picture_at_a_time_is_given_one_at_a_time():
    def one_alone(batch, out):
        if len(batch) > 1:
            raise ProviderError("The graph's N is 1.")
        return out

    executor = Recorder(one_alone)
    batcher = Batcher(executor)
    for _ in range(2):
        np.testing.assert_array_equal(
            together(batcher, [{"image": picture(n)} for n in range(2)]), [1 - picture(n)[0] for n in range(2)]
        )
    assert executor.batches == [2, 1, 1, 1, 1]


def test_providers_that_promise_no_equal_bytes_get_one_picture_at_a_time(make_model, monkeypatch):
    monkeypatch.setattr("i2i.serving.inference.engine.EXACT", ("another",))
    assert Engine(make_model(), device="cpu").batcher.largest == 1


# What goes together


def test_what_waits_meanwhile_is_computed_together_and_the_first_waits_for_nothing():
    executor = Recorder()
    executor.gate.clear()
    batcher = proved(executor)
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(lambda: batcher.submit({"image": picture(0)}).result())
        assert executor.begun.wait(20)
        assert executor.batches == [1]
        others = [pool.submit(lambda n=n: batcher.submit({"image": picture(n)}).result()) for n in range(1, 5)]
        deadline = time.monotonic() + 10
        while len(batcher._waiting) < 5 and time.monotonic() < deadline:
            time.sleep(0.005)
        executor.gate.set()
        for n, each in enumerate([first, *others]):
            np.testing.assert_array_equal(each.result(), 1 - picture(n)[0])
    assert executor.batches == [1, 4]
    assert executor.most_inside == 1
    assert batcher._waiting == []


def test_a_picture_waits_for_its_batch_to_fill_and_no_longer_than_it_may():
    executor = Recorder()
    batcher = proved(executor, largest=3)
    batcher.wait = 60.0
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(lambda n=n: batcher.submit({"image": picture(n)}).result()) for n in range(3)]
        for n, each in enumerate(asked):
            np.testing.assert_array_equal(each.result(20), 1 - picture(n)[0])
    assert executor.batches == [3]
    batcher.wait, began = 0.1, time.monotonic()
    batcher.submit({"image": picture(0)}).result()
    assert executor.batches == [3, 1]
    assert time.monotonic() - began >= 0.1
    batcher.submit({"image": picture(0, side=256)}).result()  # of which one is a batch


def test_sizes_and_controls_that_differ_are_not_mixed():
    executor = Recorder()
    batcher = proved(executor)
    winter, summer = ({"label": np.array([n])} for n in (0, 1))
    feeds = [{"image": picture(0), **winter}, {"image": picture(1), **summer}, {"image": picture(2), **winter}]
    feeds.append({"image": picture(3, side=8), **winter})
    for n, answer in enumerate(together(batcher, feeds)):
        np.testing.assert_array_equal(answer, 1 - feeds[n]["image"][0])
    assert executor.batches == [2, 1, 1]


@pytest.mark.parametrize(("side", "batches"), [(16, [8, 2]), (128, [4, 4, 2]), (256, [1] * 10)])
def test_a_batch_is_bounded_in_count_and_in_pixels(side, batches):
    executor = Recorder()
    together(proved(executor), [{"image": picture(n, side)} for n in range(10)])
    assert executor.batches == batches
    assert max(batches) <= LARGEST_BATCH
    assert max(batches) * side**2 <= BATCH_PIXELS


# What can go wrong


def test_an_error_belongs_to_its_picture_alone():
    def refuse_black(batch, out):
        if (batch == 0).all((1, 2, 3)).any():
            raise ProviderError("black")
        return out

    executor = Recorder(refuse_black)
    batcher = proved(executor)
    answers = together(batcher, [{"image": picture(0)}, {"image": np.zeros_like(picture(1))}, {"image": picture(2)}])
    assert str(answers[1]) == "black"
    for n in (0, 2):
        np.testing.assert_array_equal(answers[n], 1 - picture(n)[0])
    assert batcher.largest == LARGEST_BATCH  # it is no fault of batches


def test_what_is_withdrawn_is_not_computed():
    executor = Recorder()
    batcher = proved(executor)
    kept, given_up = batcher.submit({"image": picture(0)}), batcher.submit({"image": picture(1)})
    given_up.withdraw()
    kept.result()
    assert executor.batches == [1]


# Beside the computation


def test_pictures_are_prepared_and_finished_while_another_is_computed(make_model):
    engine = Engine(make_model(), device="cpu")
    gate, begun, plain = threading.Event(), threading.Event(), engine._executor.whole.session

    class Slow:
        def run(self, names, feeds):
            begun.set()
            assert gate.wait(20)
            return plain.run(names, feeds)

    engine._executor.whole.session = Slow()
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    with ThreadPoolExecutor(2) as pool:
        under_way = pool.submit(engine, pixels)
        assert begun.wait(20)
        prepared = pool.submit(engine.prepare, Picture(pixels)).result(timeout=10)
        done = pool.submit(engine.finish, prepared, 1 - prepared.feeds["image"][0]).result(timeout=10)
        assert not under_way.done()
        gate.set()
        np.testing.assert_array_equal(under_way.result(), done.pixels)
