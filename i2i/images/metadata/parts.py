"""What XMP says of further parts of a file, such as the film of a motion photograph, which i2i leaves out.

It goes with them, as other programs would look for what is not there. (Google, "Motion Photo format 1.0" and "Ultra HDR
Image Format v1.1"; gain maps of Adobe and Apple.)
"""

from __future__ import annotations

import re

from .xmp_elements import Attribute, Element, elements, without

_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_LISTS = {
    *("http://ns.google.com/photos/1.0/container/", "http://ns.google.com/photos/1.0/container/item/"),
    "http://ns.google.com/photos/dd/1.0/container/",
}
_GAINS = {"http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.apple.com/HDRGainMap/1.0/"}
_HINT = re.compile(rb"MotionPhoto|MicroVideo|photos/(?:dd/)?1\.0/container|hdr-gain-map|HDRGainMap")
FILM, GAIN_MAP = "film of a motion photograph", "gain map (HDR)"


def without_parts(packet: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The packet, and the names of the parts that it told of; one that is not well-formed stays as it is."""
    if not _HINT.search(packet):
        return packet, ()
    try:
        found = elements(packet)
    except ValueError:
        return packet, ()
    named: list[Attribute | Element] = [*found, *(each for element in found for each in element.attributes)]
    gone = [(each.start, each.end, kind) for each in named if (kind := _kind(each)) is not None]
    words = dict.fromkeys(kind for *_, kind in gone if kind)
    return without(packet, [(start, end) for start, end, _ in gone]), tuple(words)


def _kind(each: Attribute | Element) -> str | None:
    """The part that a property is of; empty of a list of parts; None of what says something of the picture."""
    if each.space == _CAMERA and each.name.startswith(("MotionPhoto", "MicroVideo")):
        return FILM
    return GAIN_MAP if each.space in _GAINS else "" if each.space in _LISTS else None
