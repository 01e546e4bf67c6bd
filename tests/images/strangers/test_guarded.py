"""What strangers send is decoded by workers: the same pixels, within limits, and a worker's end is nobody else's."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import re
import signal
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from amplifiers import AMPLIFIERS, JPEG, chunk, png, saved
from fuzzed_files import FILES, PIXELS
from PIL import Image

from i2i.errors import PictureError
from i2i.images.decode import read_header, read_picture
from i2i.images.encode import encode
from i2i.images.formats import public_names
from i2i.images.guarded import wire
from i2i.images.guarded.guard import Guard
from i2i.images.guarded.lanes import Lane
from i2i.images.guarded.limits import STRANGERS
from i2i.images.guarded.seen import CrowdedError, DecoderError
from i2i.images.image import Picture
from i2i.images.structure import bounds

DEAR = AMPLIFIERS["png, a packed profile"](16_000)
"""Within all bounds: 16 MB in 16 kB, which takes more than a quick job has."""


@pytest.fixture(scope="module")
def guard():
    with_workers = Guard(2)
    yield with_workers
    with_workers.close()


def decoded(guard, data, max_pixels=10**8):
    return guard.picture(data, guard.look(data), max_pixels)


def large(kind, **options):
    return saved(
        kind, Image.fromarray(np.tile(PIXELS, (150, 250, 1))), **options
    )  # 1250x1050: none of the first look's


@pytest.mark.parametrize(
    "data",
    [JPEG, FILES["png, 16 bits"], FILES["tiff, floats"], FILES["gif"], encode(Picture(PIXELS, PIXELS[..., 0], b"profile"), "png"),
     FILES["avif, 10 bits"], png(chunk(b"gAMA", (45455).to_bytes(4))), large("JPEG"), large("PNG"), large("TIFF"), large("BMP")],
)  # fmt: skip
def test_a_worker_gives_the_pixels_and_colours_that_the_decoder_gives(guard, data):
    seen, plain = guard.look(data), read_picture(data)
    picture = guard.picture(data, seen, 10**8)
    assert seen.header == read_header(data)
    assert picture.pixels.dtype == plain.pixels.dtype
    np.testing.assert_array_equal(picture.pixels, plain.pixels)
    np.testing.assert_equal(picture.alpha, plain.alpha)
    assert (picture.icc, picture.colour_chunks) == (plain.icc, plain.colour_chunks)
    picture.pixels[0, 0, 0] = 1  # the engine may


def test_a_refusal_is_that_of_the_decoder(guard):
    with pytest.raises(PictureError, match="a text file|is not a JPEG"):
        guard.look(b"a text file")
    seen = guard.look(JPEG[:-400])  # cut short
    assert seen.header == read_header(JPEG)
    with pytest.raises(PictureError, match="damaged or cut short"):
        guard.picture(JPEG[:-400], seen, 10**6)
    with pytest.raises(PictureError, match="1250x1050 = 1 megapixels; the limit is 1"):
        decoded(guard, large("PNG"), 10**6)


def test_what_costs_more_time_than_its_size_explains_is_refused_and_the_next_is_decoded(guard):
    assert decoded(guard, DEAR).pixels.shape == (64, 64, 3)  # in the slow lane
    hasty = Guard(1, dataclasses.replace(STRANGERS, seconds=0.06))
    try:
        with pytest.raises(PictureError, match=r"not decoded within 0\.1 s: it is damaged, or made to be costly"):
            decoded(hasty, DEAR)
        assert decoded(hasty, JPEG).pixels.shape == (64, 64, 3)
    finally:
        hasty.close()


def test_what_needs_more_memory_than_its_size_explains_is_refused_and_the_next_is_decoded():
    tight = Guard(1, dataclasses.replace(STRANGERS, memory=-24 << 20))
    try:
        with pytest.raises(PictureError, match="not enough memory|made its decoder fail"):
            decoded(tight, large("PNG"))
        tight.limits = STRANGERS
        assert decoded(tight, large("PNG")).pixels.shape == (1050, 1250, 3)
    finally:
        tight.close()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"progressive": True}),
        ("PNG", {"compress_level": 1}),
        ("TIFF", {"compression": "tiff_lzw"}),
        pytest.param("WEBP", {"method": 0}, marks=pytest.mark.slow),
        pytest.param("AVIF", {"speed": 10, "subsampling": "4:4:4"}, marks=pytest.mark.slow),
    ],
)
def test_a_picture_of_16_megapixels_has_time_and_memory_enough(guard, kind, options):
    image = Image.merge("RGB", [Image.linear_gradient("L").resize((4000, 4000))] * 3)
    assert decoded(guard, saved(kind, image, **options)).pixels.shape == (4000, 4000, 3)


@pytest.mark.parametrize("name", ["png, entries of EXIF in a text", "jpg, scans", "tiff, tags"])
def test_an_amplifier_ends_with_a_refusal(guard, name):
    with pytest.raises(PictureError):
        decoded(guard, AMPLIFIERS[name](1_000_000))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name in FILES if name.split(",")[0] in public_names()))
def test_no_number_in_a_small_file_makes_its_decoding_dear(guard, name):
    """Each place in it says a thousand and a million, in two and in four bytes of both orders."""
    for place in range(0, len(FILES[name]), 1 + len(FILES[name]) // 2000):
        for form, value in itertools.product([">H", "<H", ">I", "<I"], [1000, 1_000_000]):
            size = struct.calcsize(form)
            changed = struct.pack(form, value & ((1 << 8 * size) - 1))
            data = FILES[name][:place] + changed + FILES[name][place + size :]
            began = time.monotonic()
            with contextlib.suppress(PictureError):
                decoded(guard, data, 16_000_000)
            assert time.monotonic() - began < 10  # 0.8 at most where nothing else runs, of 90,000


def test_a_worker_that_fails_leaves_nothing_on_the_disk(guard):
    decoded(guard, JPEG)
    limits = Path(f"/proc/{guard._idle[0][0].pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)


def test_a_worker_that_is_killed_costs_its_own_picture_alone(guard):
    decoded(guard, JPEG)
    (idle, *_) = guard._idle[0]
    os.kill(idle.pid, signal.SIGKILL)  # while it waits: nobody notices
    time.sleep(0.1)
    assert decoded(guard, JPEG).pixels.shape == (64, 64, 3)
    with ThreadPoolExecutor(1) as pool:
        under_way, made = threading.Event(), guard._worker

        def told(lane):
            worker = made(lane)
            if lane == 1:
                guard.killed = worker
                under_way.set()
            return worker

        guard._worker = told
        try:
            waiting = pool.submit(decoded, guard, DEAR)
            assert under_way.wait(20)
            time.sleep(0.1)
            os.kill(guard.killed.pid, signal.SIGKILL)
            with pytest.raises(DecoderError, match="ended while it read the picture. Send it again"):
                waiting.result(20)
        finally:
            del guard._worker
    assert decoded(guard, JPEG).pixels.shape == (64, 64, 3)


def test_when_all_its_processes_are_killed_the_next_picture_starts_them_again():
    own = Guard(1)
    try:
        decoded(own, JPEG)
        own._nursery._process.kill()
        own._nursery._process.wait()
        own._idle[0].pop().end()
        assert decoded(own, JPEG).pixels.shape == (64, 64, 3)
    finally:
        own.close()


def test_small_pictures_pass_those_that_turn_out_to_be_dear_of_which_few_wait(guard):
    order = []

    def timed(name, data):
        try:
            decoded(guard, data)
            order.append(name)
        except CrowdedError:
            order.append("refused")

    with ThreadPoolExecutor(24) as pool:
        dear = [pool.submit(timed, "dear", DEAR) for _ in range(20)]
        small = [pool.submit(timed, "small", JPEG) for _ in range(4)]
        for each in (*dear, *small):
            each.result(120)
    assert order.count("small") == 4
    assert "refused" in order
    assert order[-4:] == ["dear"] * 4


def test_those_who_wait_go_by_their_cost_and_not_too_many_wait():
    lane, order, release = Lane(1, 2), [], threading.Event()

    def take(cost):
        with lane.place(cost):
            order.append(cost)
            release.wait(20)

    with ThreadPoolExecutor(3) as pool:
        for count, cost in enumerate([5, 9, 1], 0):
            pool.submit(take, cost)
            deadline = time.monotonic() + 10
            while len(lane._waiting) + len(order) <= count and time.monotonic() < deadline:
                time.sleep(0.002)
        with pytest.raises(CrowdedError), lane.place(0):
            pass
        release.set()
    assert order == [5, 1, 9]


def test_an_answer_of_a_worker_that_contradicts_itself_is_none():
    import socket

    whole = {
        "shape": [2, 2, 3],
        "type": "uint8",
        "alpha": False,
        "icc": False,
        "colours": [],
        "blobs": [0],
        "inline": True,
    }
    lies = [
        {"header": [2, 2, 3, 8], "picture": {**whole, "type": "object"}},
        {"header": [2, 2, 3, 8], "picture": {**whole, "shape": [2, 2, -3]}},
        {"header": [2, 2, 3, 8], "picture": {**whole, "shape": [10**6, 10**6, 3]}},
        {"header": [2, 2, 3, 8], "picture": {**whole, "blobs": [2**40]}},
        {"header": [2, 2, 3, 8], "picture": {**whole, "blobs": []}},
        {"header": [0, 2, 3, 8]},
        {"header": "x"},
        {},
    ]
    for said in lies:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(bytes(100))
            with pytest.raises(wire.GoneError):
                wire.receive_seen(ours, said)
    ours, theirs = socket.socketpair()
    with ours, theirs:  # memory that could shrink under its reader would end the server
        wire.send_memory(theirs, [bytes(12)])
        with pytest.raises(wire.GoneError):
            wire.receive_seen(ours, {"header": [2, 2, 3, 8], "picture": {**whole, "inline": False}})


def test_strangers_have_narrower_bounds_than_ones_own_folder():
    assert all(bounds.STRANGERS.most[what] <= bounds.OWN.most[what] for what in bounds.MOST)
