"""Where a picture was taken, taken out of all that a file says beside its pixels: `--metadata strip-gps`.

(Exif 2.32, the directory of GPS; IPTC-IIM 4, record 2; XMP of photoshop, IPTC Core and IPTC Extension.) Free text, such
as a caption or keywords, stays.
"""

from __future__ import annotations

import re

from .exif_block import EXIF, GPS, ExifBlock
from .xmp_elements import Attribute, Element, elements, without

MAKERS_NOTES = "makers' notes"
"""What reports call them where they go: Panasonic's, Nikon's and Pentax' name places, others nobody has read whole."""
_NOTES_OF_EXIF, _PRIVATE = 0x927C, 0xC634
"""MakerNote in EXIF's own directory, and where Adobe's programs keep it in the first (DNGPrivateData)."""
RECORDS = {(2, number) for number in (26, 27, 90, 92, 95, 100, 101)}
"""Of IPTC: codes and names of locations, city, sublocation, province, code and name of the country."""
NAMES = {
    "http://ns.adobe.com/photoshop/1.0/": {"City", "State", "Country"},
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": {"CountryCode"},
    "http://purl.org/dc/elements/1.1/": {"coverage"},
    "http://www.w3.org/2003/01/geo/wgs84_pos#": {"lat", "long", "lat_long", "alt", "Point"},
    "http://rs.tdwg.org/dwc/terms/": {
        *("continent", "country", "countryCode", "county", "island", "islandGroup", "locality", "municipality"),
        *("stateProvince", "verbatimLocality", "waterBody"),
    },
}
"""Properties of XMP by namespace, beside those of such a name in any (drones and phones have their own)."""
_ANYWHERE = re.compile("gps|latitude|longitude|altitude|location|makernote", re.IGNORECASE)
_TEXTS = re.compile(r"gps|latitude|longitude|altitude|location|\b(?:city|country)", re.IGNORECASE)


def exif_without_place(exif: bytes) -> bytes | None:
    """Without GPS and makers' notes; None where nothing is left. Raises what parsing a damaged block raises."""
    had_notes, block = has_makers_notes(exif), ExifBlock(exif)
    block.remove((GPS, _PRIVATE))
    if block.directory(EXIF) is not None:
        block.remove((_NOTES_OF_EXIF,), block.directory(EXIF))
    if had_notes:
        block.wipe_unused()  # some makers keep a part of their notes elsewhere in the block
    return None if block.is_empty() else bytes(block)


def has_makers_notes(exif: bytes) -> bool:
    """Raises what parsing a damaged block raises."""
    block = ExifBlock(exif)
    return _PRIVATE in block.entries(block.first) or _NOTES_OF_EXIF in block.entries(block.directory(EXIF))


def xmp_without_place(packet: bytes) -> bytes:
    """Raises ValueError on a packet that is not well-formed."""
    found = elements(packet)
    named: list[Attribute | Element] = [*found, *(each for element in found for each in element.attributes)]
    return without(packet, [(each.start, each.end) for each in named if _is_place(each)])


def _is_place(each: Attribute | Element) -> bool:
    return each.name in NAMES.get(each.space, ()) or _ANYWHERE.search(each.name) is not None


def iptc_without_place(records: bytes) -> bytes:
    """Raises ValueError or IndexError on records that do not end."""
    kept, at = [], 0
    while at < len(records):
        if records[at] != 0x1C:
            raise ValueError("no record of IPTC begins there")
        length, begin = int.from_bytes(records[at + 3 : at + 5]), at + 5
        if length & 0x8000:  # of so many bytes is the length itself
            size = length & 0x7FFF
            length, begin = int.from_bytes(records[begin : begin + size]), begin + size
        end = begin + length
        if end > len(records):
            raise ValueError("a record of IPTC ends beyond it")
        if (records[at + 1], records[at + 2]) not in RECORDS:
            kept.append(records[at:end])
        at = end
    return b"".join(kept)


def texts_without_place(texts: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """By their keywords."""
    return tuple(each for each in texts if not _TEXTS.search(each[0]))
