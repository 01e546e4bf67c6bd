"""One quick look at every file before training, so that what is wrong is known now and not after an hour."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from ..errors import DataError, PictureError
from .cache import PairCache
from .layouts import Layout, Pair
from .loading import Array, decode_pair

SHOWN = 10


@dataclasses.dataclass(frozen=True)
class Broken:
    """A pair that cannot be used, and why."""

    pair: Pair
    reason: str
    """One sentence that names the file."""


@dataclasses.dataclass(frozen=True)
class Scan:
    """What every file of a layout was found to be."""

    splits: dict[str, tuple[Pair, ...]]
    """The pairs that can be read."""
    broken: tuple[Broken, ...]
    channels: tuple[int, int]
    """Of sides A and B: 1 where every picture is grey, 3 where any is RGB, else the number of bands."""
    depths: tuple[int, int]
    """Most bits a channel on sides A and B: 8, 16, or 32 for floats."""
    smallest: tuple[int, int]
    """Width and height of the pair with the shortest side, in pixels."""
    fingerprint: str
    """SHA-256 over splits, names and file contents, in hex."""


@dataclasses.dataclass(frozen=True)
class _Facts:
    pair: Pair
    size_a: tuple[int, int]
    size_b: tuple[int, int]
    channels: tuple[int, int]
    depths: tuple[int, int]
    digest: str


def scan(
    layout: Layout,
    *,
    size: int,
    skip_broken: bool = False,
    channels: tuple[int | None, int | None] = (None, None),
    cache: PairCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scan:
    """Decode every file of the layout once, on all processors, filling `cache` with `train` on the way.

    `size` is the crop's side in pixels; `channels` overrides what is found. Raises DataError for files that cannot
    be read (unless `skip_broken` leaves their pairs out), sides of different size, pictures smaller than the crop,
    channel counts that do not go together, or when nothing is left to train on.
    """
    pairs = list(dict.fromkeys(pair for split in layout.splits.values() for pair in split))
    kept = set(layout.splits.get("train", ()))
    facts, broken = [], []
    for done, (found, arrays) in enumerate(_in_threads(pairs, kept, cache), 1):
        if isinstance(found, Broken):
            broken.append(found)
        else:
            facts.append(found)
            if cache is not None and arrays is not None:
                cache.hold(found.pair, *arrays)
        if progress:
            progress(done, len(pairs))
    if broken and not skip_broken:
        _refuse_broken(layout, broken)
    readable = {fact.pair: fact for fact in facts}
    splits = {name: tuple(p for p in split if p in readable) for name, split in layout.splits.items()}
    if not facts or ("train" in splits and len(splits["train"]) < 2):
        raise DataError(f"Fewer than two pairs of {layout.root} can be read; nothing is left to train on.")
    _check_sizes(facts, size)
    least = min(facts, key=lambda fact: min(fact.size_a))
    return Scan(
        splits,
        tuple(broken),
        (_agree(facts, 0, layout.a_name, channels[0]), _agree(facts, 1, layout.b_name, channels[1])),
        (max(fact.depths[0] for fact in facts), max(fact.depths[1] for fact in facts)),
        least.size_a,
        _fingerprint(splits, readable),
    )


def _in_threads(
    pairs: list[Pair], kept: set[Pair], cache: PairCache | None
) -> Iterator[tuple[_Facts | Broken, tuple[Array, Array] | None]]:
    executor = ThreadPoolExecutor(min(32, os.cpu_count() or 1))
    try:
        yield from executor.map(lambda pair: _look(pair, cache if pair in kept else None), pairs)
    finally:
        executor.shutdown(cancel_futures=True)  # Ctrl-C does not wait for thousands of files


def _look(pair: Pair, cache: PairCache | None) -> tuple[_Facts | Broken, tuple[Array, Array] | None]:
    try:
        contents = {path: path.read_bytes() for path in {pair.a, pair.b}}
        a, b = decode_pair(pair, contents)
    except PictureError as error:
        return Broken(pair, str(error)), None
    except OSError as error:
        return Broken(pair, f"{error.filename or pair.name} cannot be opened ({error.strerror})."), None
    digest = hashlib.sha256(b"".join(hashlib.sha256(contents[path]).digest() for path in (pair.a, pair.b)))
    facts = _Facts(pair, _size(a), _size(b), (a.shape[2], b.shape[2]), (_bits(a), _bits(b)), digest.hexdigest())
    return facts, None if cache is None else (cache.fit(a), cache.fit(b))


def _refuse_broken(layout: Layout, broken: list[Broken]) -> None:
    first = "\n".join(f"  {bad.reason}" for bad in broken[:SHOWN])
    more = f"\n  and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    total = sum(len(split) for split in layout.splits.values())
    raise DataError(
        f"{len(broken)} of {total} pairs of {layout.root} cannot be read; mend or remove them, or leave them out "
        f"with --set data.skip_broken=true:\n{first}{more}"
    )


def _check_sizes(facts: list[_Facts], size: int) -> None:
    unequal = [fact for fact in facts if fact.size_a != fact.size_b]
    if unequal:
        one = unequal[0]
        others = f" (and {len(unequal) - 1} more pairs differ)" if len(unequal) > 1 else ""
        raise DataError(
            f"The two sides of a pair must be of one size, but {one.pair.a} is {_times(one.size_a)} and "
            f"{one.pair.b} is {_times(one.size_b)}{others}; `i2i data check` lists them all."
        )
    small = [fact for fact in facts if min(fact.size_a) < size]
    if small:
        least = min(small, key=lambda fact: min(fact.size_a))
        fits = 1 << (min(least.size_a).bit_length() - 1)
        raise DataError(
            f"{len(small)} of {len(facts)} pairs are smaller than the {size} pixels to train at; the smallest is "
            f"{least.pair.name} with {_times(least.size_a)}. Use --size {fits}, or leave the small ones out."
        )


def _agree(facts: Iterable[_Facts], side: int, name: str, wanted: int | None) -> int:
    """One channel count for all the pictures of a side."""
    example = {fact.channels[side]: fact.pair for fact in facts}
    counts = set(example)
    if not counts <= {1, 3} and len(counts) > 1:
        said = ", ".join(f"{count} in {example[count].name}" for count in sorted(counts))
        raise DataError(
            f"The pictures of {name!r} have different numbers of channels ({said}), which do not go together; "
            f"keep those of one kind."
        )
    found = max(counts)
    if wanted is not None and wanted != found and not {wanted, *counts} <= {1, 3}:
        raise DataError(f"The pictures of {name!r} have {found} channels; they cannot be read with {wanted}.")
    return wanted or found


def _fingerprint(splits: dict[str, tuple[Pair, ...]], facts: dict[Pair, _Facts]) -> str:
    lines = sorted(f"{split}\0{pair.name}\0{facts[pair].digest}\n" for split, some in splits.items() for pair in some)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _size(pixels: Array) -> tuple[int, int]:
    return pixels.shape[1], pixels.shape[0]


def _bits(pixels: Array) -> int:
    return pixels.dtype.itemsize * 8


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
