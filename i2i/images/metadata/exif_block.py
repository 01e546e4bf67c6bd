"""An EXIF block changed in place, so that all else in it stays at its byte: what makers note points into the block.

(Exif 2.32, CIPA DC-008; the block is a TIFF of its own. A rebuilt block would break Canon's and Pentax' notes.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Set
from fractions import Fraction

import numpy as np

HEAD = b"Exif\0\0"
ORIENTATION, EXIF, GPS, INTEROPERABILITY = 0x0112, 0x8769, 0x8825, 0xA005
WIDTHS, HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
"""ImageWidth and ImageLength, and those that EXIF has of its own (PixelXDimension, PixelYDimension)."""
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_ENTRY = 12
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
"""Of one value, by type."""


class ExifBlock:
    """One block, to be changed; raises struct.error, ValueError or KeyError where it is damaged."""

    def __init__(self, exif: bytes = b"") -> None:
        """With or without its `Exif` head; an empty one unless given."""
        while exif.startswith(HEAD):
            exif = exif[len(HEAD) :]
        self.data = bytearray(exif or struct.pack("<2sHIHI", b"II", 42, 8, 0, 0))
        self.order = {b"II": "<", b"MM": ">"}[bytes(self.data[:2])]
        self.entries(self.first)

    @property
    def first(self) -> int:
        """The place of the first directory."""
        return int(self._get("I", 4))

    def __bytes__(self) -> bytes:
        return HEAD + bytes(self.data)

    def entries(self, at: int | None) -> dict[int, int]:
        """The places of a directory's entries by tag; none where there is no directory."""
        if at is None:
            return {}
        count = self._get("H", at)
        if at + 2 + count * _ENTRY > len(self.data):
            raise ValueError("a directory of EXIF ends beyond it")
        return {self._get("H", at + 2 + n * _ENTRY): at + 2 + n * _ENTRY for n in range(count)}

    def directory(self, tag: int) -> int | None:
        """The place of a directory below the first (EXIF, GPS) or, of interoperability, below EXIF's."""
        above = self.entries(self.first if tag in (EXIF, GPS) else self.directory(EXIF))
        place = self._get("I", above[tag] + 8) if tag in above else None
        return place if place and place + 2 <= len(self.data) else None

    def values(self, tags: Set[int]) -> Iterator[tuple[int, int, int, bytes]]:
        """(tag, type, count, bytes) of those of the first directory that are there whole."""
        for tag, entry in self.entries(self.first).items():
            start, stop = self._value(entry)
            kind, count = self._get("H", entry + 2), self._get("I", entry + 4)
            if tag in tags and 0 < stop - start == count * _BYTES.get(kind, 0):
                yield tag, kind, count, bytes(self.data[start:stop])

    def text(self, tag: int, directory: int | None) -> bytes:
        """The value of an ASCII tag, without its end; empty where there is none."""
        entry = self.entries(directory).get(tag)
        return b"" if entry is None else bytes(self.data[slice(*self._value(entry))]).rstrip(b"\0")

    def is_empty(self) -> bool:
        """Whether nothing is said in it."""
        return not self.entries(self.first)

    def rational(self, tag: int) -> float | None:
        """Of the first directory."""
        entry = self.entries(self.first).get(tag)
        if entry is None or self._get("H", entry + 2) != 5:
            return None
        over, under = struct.unpack_from(self.order + "II", self.data, self._get("I", entry + 8))
        return over / under if under else None

    def number(self, tag: int, default: int, directory: int | None = None) -> int:
        """A SHORT, of the first directory unless another is given."""
        entry = self.entries(directory or self.first).get(tag)
        return default if entry is None else int(self._get("H", entry + 8))

    def set_short(self, tag: int, directory: int | None, number: int) -> None:
        """Where it is said, this."""
        entry = self.entries(directory).get(tag)
        if entry is not None:
            struct.pack_into(self.order + "HIHH", self.data, entry + 2, 3, 1, number, 0)

    def set_short_text(self, tag: int, directory: int | None, text: bytes) -> None:
        """The same, of up to three letters."""
        entry = self.entries(directory).get(tag)
        if entry is not None:
            struct.pack_into(self.order + "HI4s", self.data, entry + 2, 2, len(text) + 1, text)

    def set_sizes(self, width: int, height: int) -> None:
        """Wherever sizes are said, these."""
        for directory in (self.first, self.directory(EXIF)):
            for tag, entry in self.entries(directory).items():
                if tag in WIDTHS + HEIGHTS:
                    number = width if tag in WIDTHS else height
                    struct.pack_into(self.order + "HII", self.data, entry + 2, 4, 1, number)

    def multiply_resolution(self, scale: int) -> None:
        """So that the print keeps its size."""
        for tag in (X_RESOLUTION, Y_RESOLUTION):
            before = self.rational(tag)
            if before is not None:
                place = self._get("I", self.entries(self.first)[tag] + 8)
                struct.pack_into(self.order + "II", self.data, place, *_ratio(before * scale))

    def add_resolution(self, dpi: tuple[float, float]) -> None:
        """In pixels an inch, in the place of what is said of it."""
        self.remove((X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT))
        ratios = [struct.pack(self.order + "II", *_ratio(each)) for each in dpi]
        unit = struct.pack(self.order + "H", 2)
        self._add({X_RESOLUTION: (5, 1, ratios[0]), Y_RESOLUTION: (5, 1, ratios[1]), RESOLUTION_UNIT: (3, 1, unit)})

    def add_text(self, tag: int, text: str) -> None:
        """An ASCII tag of the first directory, in the place of the one that is there."""
        self.remove((tag,))
        value = text.encode("ascii", "replace") + b"\0"
        self._add({tag: (2, len(value), value)})

    def remove(self, tags: Iterable[int], directory: int | None = None) -> None:
        """Entries of the first directory or another, with the directories that they lead to."""
        at, gone = directory or self.first, set(tags)
        entries, following = self._split(at)
        kept = [entry for entry in entries if self._tag(entry) not in gone]
        if len(kept) == len(entries):
            return
        dropped = [part for entry in entries if self._tag(entry) in gone for part in self._below(entry)]
        length = self._get("H", at) * _ENTRY + len(following)
        self._put("H", at, len(kept))
        self.data[at + 2 : at + 2 + length] = (b"".join(kept) + following).ljust(length, b"\0")
        self._wipe(dropped)

    def wipe_unused(self) -> None:
        """Zeros where nothing of these directories lies."""
        self._wipe([(0, len(self.data))])

    def remove_thumbnail(self) -> None:
        """The second directory, which holds it."""
        link = self.first + 2 + self._get("H", self.first) * _ENTRY
        second = self._get("I", link) if link + 4 <= len(self.data) else 0
        if not second:
            return
        self._put("I", link, 0)
        try:
            entries = self.entries(second)
        except (struct.error, ValueError):
            return
        dropped = [(second, second + 6 + len(entries) * _ENTRY), *(self._value(entry) for entry in entries.values())]
        if {0x0201, 0x0202} <= set(entries):  # where its JPEG begins, and its length
            start, length = (self._get("I", entries[tag] + 8) for tag in (0x0201, 0x0202))
            dropped.append((start, start + length))
        self._wipe(dropped)

    def _split(self, at: int) -> tuple[list[bytes], bytes]:
        """The entries of a directory, and the link to the next."""
        places = self.entries(at).values()
        end = at + 2 + self._get("H", at) * _ENTRY
        return [bytes(self.data[place : place + _ENTRY]) for place in places], bytes(self.data[end : end + 4])

    def _tag(self, entry: bytes) -> int:
        return int(struct.unpack_from(self.order + "H", entry)[0])

    def _add(self, values: Mapping[int, tuple[int, int, bytes]]) -> None:
        """(type, count, value) by tag, in a first directory that is written anew at the end."""
        entries, following = self._split(self.first)
        old = (self.first, self.first + 2 + len(entries) * _ENTRY + len(following))
        for tag, (kind, count, value) in values.items():
            is_short = len(value) <= 4
            place = value.ljust(4, b"\0") if is_short else struct.pack(self.order + "I", self._append(value))
            entries.append(struct.pack(self.order + "HHI", tag, kind, count) + place)
        table = b"".join(sorted(entries, key=lambda entry: int(struct.unpack_from(self.order + "H", entry)[0])))
        whole = struct.pack(self.order + "H", len(entries)) + table + following.ljust(4, b"\0")
        self._put("I", 4, self._append(whole))
        self._wipe([old])

    def _append(self, value: bytes) -> int:
        self.data += b"\0" * (len(self.data) % 2)  # values begin at even places
        self.data += value
        return len(self.data) - len(value)

    def _below(self, entry: bytes) -> list[tuple[int, int]]:
        """What belongs to an entry that was taken out: its value, or the directory that it points at."""
        tag, kind, count, place = struct.unpack(self.order + "HHII", entry)
        size = count * _BYTES.get(kind, 0)
        if tag not in (EXIF, GPS):
            return [(place, place + size)] if size > 4 else []
        try:
            entries = self.entries(place)
        except (struct.error, ValueError):
            return []
        table = (place, place + 6 + len(entries) * _ENTRY)
        return [table, *(self._value(each) for each in entries.values())]

    def _value(self, entry: int) -> tuple[int, int]:
        """Where the value of an entry lies: from, to."""
        size = self._get("I", entry + 4) * _BYTES.get(self._get("H", entry + 2), 0)
        start = entry + 8 if size <= 4 else self._get("I", entry + 8)
        return start, min(start + size, len(self.data))

    def _kept(self) -> list[tuple[int, int]]:
        """Where the head, the directories and their values lie."""
        found = [(0, 8)]
        for directory in (self.first, *(self.directory(tag) for tag in (EXIF, GPS, INTEROPERABILITY))):
            if directory is not None:
                entries = self.entries(directory)
                found += [(directory, directory + 6 + len(entries) * _ENTRY)]
                found += [self._value(entry) for entry in entries.values()]
        return found

    def _wipe(self, dropped: list[tuple[int, int]]) -> None:
        """Zeros where nothing that is kept lies, as a damaged block may use a place twice; zeros at the end go."""
        kept, gone = (np.zeros(len(self.data), bool) for _ in range(2))
        for ranges, mask in ((self._kept(), kept), (dropped, gone)):
            for start, stop in ranges:
                mask[start:stop] = True
        np.frombuffer(self.data, np.uint8)[gone & ~kept] = 0
        end = int(np.flatnonzero(kept)[-1]) + 1
        if not any(self.data[end:]):
            del self.data[end:]

    def _get(self, form: str, at: int) -> int:
        return int(struct.unpack_from(self.order + form, self.data, at)[0])

    def _put(self, form: str, at: int, number: int) -> None:
        struct.pack_into(self.order + form, self.data, at, number)


def _ratio(value: float) -> tuple[int, int]:
    """As EXIF holds it: two integers of 32 bits."""
    ratio = Fraction(value).limit_denominator(10_000)
    return min(ratio.numerator, 2**32 - 1), ratio.denominator
