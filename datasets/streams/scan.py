"""One quick look at every file before training, so that what is wrong is known now and not after an hour."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import Generic

from ...errors import DataError, PictureError
from ...hardware.system import available_threads
from ..layouts.items import Item, Pair, Single, T
from ..layouts.layout import Layout
from .cache import PictureCache
from .duplicates import DuplicateFiles, find_duplicates
from .loading import Array, decode

SHOWN = 10


@dataclasses.dataclass(frozen=True)
class Broken:
    """A pair or single picture that cannot be used, and why."""

    item: Item
    reason: str
    """One sentence that names the file."""


@dataclasses.dataclass(frozen=True)
class Scan(Generic[T]):
    """What every file of a layout was found to be."""

    splits: dict[str, tuple[T, ...]]
    """The pairs, or the single pictures of all domains, that can be read."""
    broken: tuple[Broken, ...]
    channels: tuple[int, ...]
    """Of each domain: 1 where every picture is grey, 3 where any is RGB, else the number of bands."""
    depths: tuple[int, ...]
    """Most bits a channel of each domain: 8, 16, or 32 for floats."""
    smallest: tuple[int, int]
    """Width and height of the picture with the shortest side, in pixels."""
    fingerprint: str
    """SHA-256 over splits, names and file contents, in hex."""
    duplicates: DuplicateFiles
    """Files that are there twice, where that spoils a figure or a domain."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What one item is; sizes, channels and depths for each of its domains."""

    item: Item
    sizes: tuple[tuple[int, int], ...]
    channels: tuple[int, ...]
    depths: tuple[int, ...]
    digest: str

    @property
    def shortest(self) -> int:
        """Pixels of the shorter side of its first picture."""
        return min(self.sizes[0])


Rule = Callable[[list[Facts], int, str], Collection[Item]]
"""Checks the sizes of (all that can be read, the crop's side, what they are called); gives what is to be left out."""


def scan(
    layout: Layout[T],
    *,
    size: int,
    skip_broken: bool = False,
    channels: Sequence[int | None] = (),
    alike: bool = False,
    cache: PictureCache | None = None,
    progress: Callable[[int, int], None] | None = None,
    rule: Rule | None = None,
) -> Scan[T]:
    """Decode every file of the layout once, on all processors, filling `cache` with `train` on the way.

    `size` is the crop's side in pixels; `channels` overrides what is found, by domain; with `alike` all domains are
    read with the same. Raises DataError for files that cannot be read (unless `skip_broken` leaves them and their
    partners out), sides of a pair of different size, pictures smaller than the crop, channel counts that do not go
    together, or when nothing is left to train on. Another `rule` may check the sizes, and leave some out.
    """
    items = list(dict.fromkeys(item for split in layout.splits.values() for item in split))
    kept = set(layout.splits.get("train", ()))
    facts, broken = [], []
    for done, (found, arrays) in enumerate(_in_threads(items, kept, cache), 1):
        if isinstance(found, Broken):
            broken.append(found)
        else:
            facts.append(found)
            if cache is not None and arrays is not None:
                cache.hold(found.item, *arrays)
        if progress:
            progress(done, len(items))
    unit_name = _unit_name(items)
    if broken and not skip_broken:
        _refuse_broken(layout, broken, unit_name)
    small = (rule or check_sizes)(facts, size, unit_name)
    facts = [fact for fact in facts if fact.item not in small]
    readable: dict[Item, Facts] = {fact.item: fact for fact in facts}
    splits = {name: tuple(item for item in split if item in readable) for name, split in layout.splits.items()}
    _refuse_too_few(layout, splits, unit_name)
    least = min(facts, key=lambda fact: fact.shortest)
    return Scan(
        splits,
        tuple(broken),
        _channels(facts, layout.names, channels, alike),
        tuple(_deepest(facts, domain) for domain in range(len(layout.names))),
        least.sizes[0],
        _fingerprint(splits, readable),
        find_duplicates(splits, {item: fact.digest for item, fact in readable.items()}),
    )


def _in_threads(
    items: list[T], kept: set[T], cache: PictureCache | None
) -> Iterator[tuple[Facts | Broken, tuple[Array, ...] | None]]:
    executor = ThreadPoolExecutor(min(32, available_threads()))
    try:
        yield from executor.map(lambda item: _look(item, cache if item in kept else None), items)
    finally:
        executor.shutdown(cancel_futures=True)  # Ctrl-C does not wait for thousands of files


def _look(item: Item, cache: PictureCache | None) -> tuple[Facts | Broken, tuple[Array, ...] | None]:
    try:
        contents = {path: path.read_bytes() for path in item.files}
        arrays = decode(item, contents)
    except PictureError as error:
        return Broken(item, str(error)), None
    except OSError as error:
        return Broken(item, f"{error.filename or item.name} cannot be opened ({error.strerror})."), None
    digest = hashlib.sha256(b"".join(hashlib.sha256(contents[path]).digest() for path in item.files)).hexdigest()
    facts = Facts(
        item,
        tuple((pixels.shape[1], pixels.shape[0]) for pixels in arrays),
        tuple(pixels.shape[2] for pixels in arrays),
        tuple(pixels.dtype.itemsize * 8 for pixels in arrays),
        digest,
    )
    return facts, None if cache is None else cache.fitted(item, arrays)


def _unit_name(items: Iterable[Item]) -> str:
    """What the items are called in a sentence."""
    return "pairs" if all(isinstance(item, Pair) for item in items) else "pictures"


def _refuse_broken(layout: Layout[T], broken: list[Broken], unit_name: str) -> None:
    first = "\n".join(f"  {bad.reason}" for bad in broken[:SHOWN])
    more = f"\n  and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    total = sum(len(split) for split in layout.splits.values())
    raise DataError(
        f"{len(broken)} of {total} {unit_name} of {layout.root} cannot be read; mend or remove them, or leave them out "
        f"with --set data.skip_broken=true:\n{first}{more}"
    )


def _refuse_too_few(layout: Layout[T], splits: dict[str, tuple[T, ...]], unit_name: str) -> None:
    """Of every domain there must be two to train on, or one at all in a folder without `train`."""
    some = splits.get("train", tuple(item for split in splits.values() for item in split))
    counts = [len(some)]
    if layout.drawn_apart:
        counts = [sum(place in item.domains for item in some) for place in range(len(layout.names))]
    if min(counts) < (2 if "train" in splits else 1):
        raise DataError(f"Fewer than two {unit_name} of {layout.root} can be read; nothing is left to train on.")


def check_sizes(facts: list[Facts], size: int, unit_name: str) -> frozenset[Item]:
    """Raise DataError unless the sides of a pair are of one size, and all of `size` pixels; nothing is left out."""
    unequal = [fact for fact in facts if len(set(fact.sizes)) > 1]
    if unequal:
        one = unequal[0]
        others = f" (and {len(unequal) - 1} more pairs differ)" if len(unequal) > 1 else ""
        raise DataError(
            f"The two sides of a pair must be of one size, but {one.item.files[0]} is {times(one.sizes[0])} and "
            f"{one.item.files[1]} is {times(one.sizes[1])}{others}; `i2i data check` lists them all."
        )
    refuse_small([fact for fact in facts if fact.shortest < size], len(facts), size, unit_name)
    return frozenset()


def refuse_small(small: list[Facts], total: int, size: int, unit_name: str) -> None:
    """Raise DataError when there are some among `total`: they are smaller than the crop."""
    if not small:
        return
    least = min(small, key=lambda fact: fact.shortest)
    fits = 1 << (least.shortest.bit_length() - 1)
    name = least.item.name if isinstance(least.item, Pair) else least.item.files[0]
    raise DataError(
        f"{len(small)} of {total} {unit_name} are smaller than the {size} pixels to train at; the smallest is "
        f"{name} with {times(least.sizes[0])}. Use --size {fits}, or leave the small ones out."
    )


def _of_domain(facts: Iterable[Facts], domain: int) -> Iterator[tuple[Facts, int]]:
    """What has a picture of this domain, and the place of it."""
    return ((fact, fact.item.domains.index(domain)) for fact in facts if domain in fact.item.domains)


def _deepest(facts: Iterable[Facts], domain: int) -> int:
    return max((fact.depths[place] for fact, place in _of_domain(facts, domain)), default=8)


def _channels(
    facts: Sequence[Facts], names: Sequence[str], wanted: Sequence[int | None], alike: bool
) -> tuple[int, ...]:
    """The channels of every domain."""
    if alike:
        examples = {count: fact.item for fact in facts for count in fact.channels}
        return (_agree(examples, " and ".join(names), next(iter(wanted), None)),) * len(names)
    return tuple(
        _agree({fact.channels[place]: fact.item for fact, place in _of_domain(facts, domain)}, name, asked)
        for domain, (name, asked) in enumerate(zip_longest(names, wanted))
    )


def _agree(example: Mapping[int, Item], name: str, wanted: int | None) -> int:
    """One channel count for pictures of which there is an example of each count."""
    counts = set(example)
    some = example[max(counts)]
    if isinstance(some, Single) and some.alpha == "channel" and 4 in (*counts, wanted) and counts <= {1, 3, 4}:
        counts = {4}  # the opaque ones get an alpha
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


def _fingerprint(splits: dict[str, tuple[T, ...]], facts: dict[Item, Facts]) -> str:
    lines = sorted(f"{split}\0{item.key}\0{facts[item].digest}\n" for split, some in splits.items() for item in some)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def times(size: tuple[int, int]) -> str:
    """Width and height in words, `640x480`."""
    return f"{size[0]}x{size[1]}"
