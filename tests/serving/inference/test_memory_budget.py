"""Memory is foretold before a picture is computed, and held."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest

from i2i.errors import RequestError
from i2i.serving import Engine
from i2i.serving.inference import batcher, memory
from i2i.serving.inference.engine import QUICK
from i2i.serving.inference.executors import IMAGE
from i2i.serving.inference.memory import Memory, Peak, living, parse_memory, sample_sides
from i2i.serving.inference.planes import Canvas, Planes


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("800mb", 8 * 10**8), (None, None)]
)
def test_a_size_of_memory_is_read_as_people_write_it(text, size):
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["2", "GB", "2 apples", "-1GB", "50MB", ""])
def test_a_size_that_is_none_is_refused_with_an_example(text):
    with pytest.raises(RequestError, match="as in 2GB"):
        parse_memory(text)


def test_a_limit_counts_what_the_process_holds_already(monkeypatch):
    monkeypatch.setattr(memory, "resident", lambda: 600)
    monkeypatch.setattr(memory, "available_memory", lambda: 10_000)
    monkeypatch.setattr(memory, "reusable", lambda: 0)
    assert Memory(1000).room() == 400
    assert Memory(500).room() == 0
    assert Memory(20_000).room() == 10_000
    assert Memory(None).room() == 7_500


def test_what_lives_at_once_is_counted_from_the_graph(make_model):
    """Two maps of 16 channels beside each other are the most that this network holds, 4 bytes a value."""
    model = onnx.load(make_model("network"))
    assert living(model, {"image": (1, 3, 100, 50)}) == 2 * 16 * 100 * 50 * 4


def test_a_run_that_was_seen_tells_what_larger_ones_take(make_model, monkeypatch):
    engine = Engine(make_model("network"), device="cpu")
    peak = Peak(engine.path.read_bytes, engine.card)
    first = peak.of(10**6)
    used = iter([0, 50 * 10**6])
    monkeypatch.setattr(memory, "_highest", lambda reset=False: next(used))  # noqa: ARG005
    monkeypatch.setattr(peak, "_base", 0)
    with peak.seen(10**6):
        pass
    assert first != peak.of(10**6) == max(int(1.1 * 50 * 10**6), int(1.1 * 1.1 * peak.least(10**6)))


def test_what_a_model_takes_is_seen_though_the_machine_was_busy_when_it_was_opened(make_model, monkeypatch):
    engine = Engine(make_model("network"), device="cpu")
    seen, run, now = [], engine._executor.whole.run, [0.0]

    def busy(feeds, into=None):  # on a clock of its own: the first run takes a second, the others nothing
        seen.append(feeds[IMAGE].shape[2:])
        now[0] += 1.0 if len(seen) == 1 else 0.001
        return run(feeds, into)

    monkeypatch.setattr(batcher.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(engine._executor.whole, "run", busy)
    engine.let_short_ones_by()
    assert engine.batcher.seconds(512**2) > QUICK
    engine.measure()
    assert seen[-1] == (512, 512)


def test_what_others_hold_is_not_taken_for_a_models_own(make_model):
    engine = Engine(make_model("network"), device="cpu")
    unseen, _ = engine.foretold(1000, 1000)
    engine.let_short_ones_by()
    others = np.ones(15_000_000)  # bytes of requests that came while it was opened: 120 MB
    engine.measure()
    seen, _ = engine.foretold(1000, 1000)
    assert seen < 0.6 * unseen
    del others


def test_tiles_shrink_before_a_run_that_would_not_fit(make_model, monkeypatch):
    engine = Engine(make_model("enlarge", scale=2), device="cpu")
    asked, real = [], engine._executor.whole.session

    class Spy:
        def run(self, names, feeds):
            asked.append(feeds[IMAGE].shape[2:])
            return real.run(names, feeds)

    monkeypatch.setattr(engine._executor.whole, "session", Spy())
    batch = np.random.default_rng(0).random((1, 3, 700, 600), np.float32)
    wanted = engine.run(batch)
    assert asked.pop() == (700, 600)
    monkeypatch.setattr(engine._executor.memory, "room", lambda *_: engine._executor.peak.of(500 * 400))
    np.testing.assert_array_equal(engine.run(batch), wanted)
    assert max(height * width for height, width in asked) <= 500 * 400


def test_a_model_that_has_no_sample_size_is_taken_to_need_much(make_model):
    peak = Peak(lambda: b"no model", Engine(make_model("network"), device="cpu").card)
    assert peak.least(1000) == 1000 * memory.UNKNOWN


def test_samples_have_a_size_that_the_network_takes(make_model):
    card = Engine(make_model("network", multiple=96, smallest=300), device="cpu").card
    assert sample_sides(card) == {"image": (1, 3, 384, 384)}


def test_parts_of_a_large_picture_are_those_of_its_floats():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    planes = Planes(pixels, 3, lambda part: part.astype(np.float32) / 255)
    whole = (pixels / 255).astype(np.float32).transpose(2, 0, 1)[None]
    np.testing.assert_array_equal(np.asarray(planes), whole)
    np.testing.assert_array_equal(planes[:, :, 3:9, 5:30], whole[:, :, 3:9, 5:30])
    assert planes.shape == whole.shape


def test_parts_of_an_answer_become_pixels_where_they_belong(monkeypatch):
    monkeypatch.setattr("i2i.serving.inference.planes.ROWS", 64)
    answer = np.random.default_rng(0).random((1, 3, 50, 20), np.float32)
    canvas = Canvas((1, 3, 50, 20), 3, np.uint8, lambda part: np.rint(part * 255).astype(np.uint8))
    for down in (slice(0, 17), slice(17, 50)):
        for right in (slice(0, 11), slice(11, 20)):
            canvas[:, :, down, right] = answer[:, :, down, right]
    np.testing.assert_array_equal(canvas.pixels, np.rint(answer[0].transpose(1, 2, 0) * 255))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc tells it")
def test_memory_that_was_freed_and_is_held_counts_as_free():
    held = [bytearray(50_000) for _ in range(400)]  # too small to be given back at once
    before = memory.reusable()
    del held[::2]
    assert memory.reusable() > before + 5_000_000


def test_a_small_picture_is_computed_without_reading_the_file_again(make_model):
    """Which is hundreds of megabytes for a large network, before its first picture."""
    peak = Peak(lambda: pytest.fail("the file was read"), Engine(make_model("network"), device="cpu").card)
    assert peak.fits(256 * 256, 10**9)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_stacks_of_threads_are_small_where_data_is_limited_and_as_usual_elsewhere():
    code = """
import resource, threading
from i2i.serving.inference.memory import STACK, fit_stacks
def data():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) // 1024
def taken():
    before, go = data(), threading.Event()
    threads = [threading.Thread(target=go.wait) for _ in range(8)]
    [thread.start() for thread in threads]
    taken = data() - before
    go.set()
    return taken
resource.setrlimit(resource.RLIMIT_STACK, (8 * 2**20, resource.RLIM_INFINITY))
assert not fit_stacks()
resource.setrlimit(resource.RLIMIT_DATA, (2**31, resource.RLIM_INFINITY))
assert fit_stacks()
print(taken())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 8 * 2 + 3
