"""Provider, precision, tiles and batch: what runs a model quickest here and is good enough; what `i2i tune` does."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...errors import ModelFileError, ProviderError, first_line
from ...files import write_atomically
from ...hardware.system import available_threads
from ..inference.batcher import BATCH_PIXELS, EXACT, LARGEST_BATCH
from ..inference.executors import IMAGE, Executor, Feeds, FloatArray
from ..inference.memory import Memory
from ..inference.opened import ModelFile
from ..inference.tiles import Tile
from ..runtime.model_file import read_model
from ..runtime.profiles import Profile, keep_profile, quantised_file
from ..runtime.providers import BACKENDS, INT8
from . import int8
from .samples import samples

TILES = (512, 256)
"""Inner sides that are tried beside what `auto` does."""
ROUNDS = 3
CLEARLY = 1.03
"""How many times as fast something has to be to be taken instead of what is usual; less is noise."""
FLOOR = 45.0
"""dB against fp32: at worst what rounding to 7 bits does."""

EQUAL = 150.0
"""dB of what is equal but for fp32's own rounding."""

Say = Callable[[str], object]


@dataclasses.dataclass
class Way:
    """One way to run the model, and what was measured of it."""

    device: str
    precision: str
    tile: Tile
    executor: Executor
    seconds: list[float] = dataclasses.field(default_factory=list)
    """Of all samples, in each round."""
    psnr: float = EQUAL
    """Against fp32 by the plain provider, in dB."""
    loss: float | None = None
    """Of int8: dB of PSNR that are lost on pictures held out; None otherwise."""

    def reaches(self, floor: float | None) -> bool:
        """Whether it is as near to fp32 as the user wants; where that is not said, int8 has a gate of its own."""
        if floor is None:
            floor = 0 if self.precision == INT8 else FLOOR
        return self.precision == "fp32" or self.psnr >= floor

    @property
    def keeps_detail(self) -> bool:
        """Whether int8 loses no more than it may."""
        return self.loss is None or self.loss <= int8.GATE

    @property
    def median(self) -> float:
        """Seconds for all samples."""
        return statistics.median(self.seconds)


@dataclasses.dataclass(frozen=True)
class Tuned:
    """What was found."""

    ways: list[Way]
    """All that run, the one that `auto` takes by itself first."""
    refused: list[str]
    """Why others do not."""
    megapixels: float
    """That each round went through."""
    best: Way
    profile: Profile
    path: Path
    """Where the profile is kept."""

    @property
    def gain(self) -> float:
        """How many times as fast the best is as what `auto` takes by itself."""
        return self.ways[0].median / self.best.median


def digest_of(path: Path) -> str:
    """By which a model's profile is known; raises ModelFileError."""
    return hashlib.sha256(read_model(path)[0]).hexdigest()


def tune(path: Path, pictures: Sequence[Path] = (), floor: float | None = None, say: Say = lambda _text: None) -> Tuned:
    """Measure every way on the same pictures in turns, keep the quickest that is good enough: reduced precision reaches
    `floor` dB against fp32 (FLOOR unless given), int8 its own gate, and `floor` where that is given.

    Raises ModelFileError, RequestError on pictures that cannot be read, ProviderError when nothing runs the model.
    """
    raw, card = read_model(path)
    sha256 = hashlib.sha256(raw).hexdigest()
    threads, memory = available_threads(), Memory()
    plain = ModelFile(path, card, sha256, "cpu", threads)
    exact = plain.executor(plain.open("fp32", raw), "auto", memory)
    feeds = samples(card, exact.run, pictures)
    refused: list[str] = []
    files = [ModelFile(path, card, sha256, device, threads) for device in BACKENDS]
    ways = _ways(raw, files, None, memory, feeds, refused)
    ways += _in_int8(raw, files, exact, pictures, memory, feeds, refused, say)
    ways = _measured(ways, feeds, [exact.run(each) for each in feeds], refused, say)
    if not ways:
        raise ProviderError(f"No provider of this machine runs the model: {' '.join(refused)}")
    best = _best(ways, floor)
    copy = quantised_file(sha256)
    digest = hashlib.sha256(copy.read_bytes()).hexdigest() if best.precision == INT8 else ""
    if not digest:
        copy.unlink(missing_ok=True)
    batch = _batch(best, feeds[0]) if best.device in EXACT else 1
    tile = best.tile if isinstance(best.tile, int) else "auto"
    today = time.strftime("%Y-%m-%d")
    profile = Profile(best.device, best.precision, tile, batch, round(best.psnr, 1), today, digest)
    pixels = sum(math.prod(each[IMAGE].shape[2:]) for each in feeds)
    return Tuned(ways, refused, pixels / 1e6, best, profile, keep_profile(sha256, profile))


def _ways(
    raw: bytes,
    files: Sequence[ModelFile],
    precision: str | None,
    memory: Memory,
    feeds: list[Feeds],
    refused: list[str],
) -> list[Way]:
    """Every way that there is, those of one provider and precision with one session; why not others, in `refused`."""
    ways: list[Way] = []
    for file in files:
        backend, tiles = BACKENDS[file.device], _tiles(file, feeds)
        why_not = backend.missing(0)
        if why_not is not None:
            refused.append(f"{backend.title}: {why_not}.")
            continue
        for each in (*backend.precisions(), *backend.asked) if precision is None else [precision]:
            try:
                running = file.open(each, raw)
            except (ProviderError, ModelFileError) as error:
                refused.append(str(error))
                continue
            ways += [Way(file.device, each, tile, file.executor(running, tile, memory)) for tile in tiles]
    return ways


def _in_int8(
    raw: bytes,
    files: Sequence[ModelFile],
    exact: Executor,
    pictures: Sequence[Path],
    memory: Memory,
    feeds: list[Feeds],
    refused: list[str],
    say: Say,
) -> list[Way]:
    """The same ways with a copy of the model in int8, and what they lose; none, with the reason in `refused`."""
    card, sha256 = files[0].card, files[0].sha256
    why_not = int8.why_not(card, pictures)
    if why_not is not None:
        refused.append(why_not)
        return []
    say("int8: calibrating ...")
    calibrating, held_out = int8.split(card, pictures, max(feeds[0][IMAGE].shape[2:]), exact.run)
    if len(held_out) < int8.LEAST // 2:
        refused.append("int8: too few of the pictures are large enough.")
        return []
    try:
        copy = int8.quantised(raw, calibrating)
    except Exception as error:  # the quantiser's own, of any kind
        refused.append(f"int8: the model cannot be quantised ({first_line(error)}).")
        return []
    write_atomically(quantised_file(sha256), copy)
    digest = hashlib.sha256(copy).hexdigest()
    copies = [file.quantised(digest) for file in files if file.device in int8.DEVICES]
    ways = _ways(copy, copies, INT8, memory, feeds, refused)
    best, lost = int8.psnr(exact.run, held_out), dict[str, float]()
    for way in ways:
        if way.device not in lost:
            lost[way.device] = best - int8.psnr(way.executor.run, held_out)
        way.loss = lost[way.device]
    return ways


def _tiles(file: ModelFile, feeds: list[Feeds]) -> list[Tile]:
    """Those that the model may be cut into, and that are smaller than every sample."""
    sides = TILES if file.card.tiling == "local" and file.card.fixed_size is None else ()
    return ["auto", *(side for side in sides if all(max(each[IMAGE].shape[2:]) > side for each in feeds))]


def _measured(ways: list[Way], feeds: list[Feeds], exact: list[FloatArray], refused: list[str], say: Say) -> list[Way]:
    """Those ways that run the samples, with their times and how near to fp32 they are."""
    run: list[Way] = []
    for way in ways:  # the first run of a size is dear, and is not timed
        say(f"{way.device} in {way.precision}, {in_words(way.tile)} ...")
        try:
            errors = [np.mean((way.executor.run(each) - truth) ** 2) for each, truth in zip(feeds, exact, strict=True)]
        except (ProviderError, ModelFileError) as error:
            refused.append(f"{BACKENDS[way.device].title} in {way.precision}, {in_words(way.tile)}: {error}")
            continue
        way.psnr = min(float(-10 * np.log10(max(np.mean(errors), 1e-20))), EQUAL)
        run.append(way)
    for number in range(1, ROUNDS + 1):
        say(f"round {number} of {ROUNDS} ...")
        for way in run:
            way.seconds.append(_seconds(way.executor, feeds))
    return run


def in_words(tile: Tile) -> str:
    """Of tiles."""
    return f"tiles of {tile}" if isinstance(tile, int) else "whole where it can be"


def _seconds(executor: Executor, feeds: Sequence[Feeds]) -> float:
    began = time.perf_counter()
    for each in feeds:
        executor.run(each)
    return time.perf_counter() - began


def _best(ways: list[Way], floor: float | None) -> Way:
    """The quickest that is good enough, as fp32 always is; what is usual, unless another is clearly quicker."""
    good = [way for way in ways if way.reaches(floor) and way.keeps_detail]
    quickest = min(good, key=lambda way: way.median)
    usual = next((way for way in good if way.device == ways[0].device and way.tile == "auto"), quickest)
    return quickest if usual.median > CLEARLY * quickest.median else usual


def _batch(way: Way, feeds: Feeds) -> int:
    """LARGEST_BATCH where four small pictures together are clearly quicker than one by one, else 1."""
    if len(feeds) > 1:  # what lies beside the picture may follow its sides
        return LARGEST_BATCH
    side = math.isqrt(BATCH_PIXELS // 4)
    small = feeds[IMAGE][:, :, :side, :side]
    alone: list[Feeds] = [{IMAGE: small}] * 4
    together: list[Feeds] = [{IMAGE: np.repeat(small, 4, axis=0)}]
    try:
        for work in (alone, together):
            _seconds(way.executor, work)
        times = [[_seconds(way.executor, work) for work in (alone, together)] for _ in range(ROUNDS)]
    except (ModelFileError, ProviderError):  # a graph of one picture at a time
        return 1
    one_by_one, as_one = (statistics.median(column) for column in zip(*times, strict=True))
    return LARGEST_BATCH if one_by_one > CLEARLY * as_one else 1
