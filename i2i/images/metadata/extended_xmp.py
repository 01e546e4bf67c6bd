"""XMP of more than 64 KB in a JPEG: a first packet with what fits, and the rest in segments that name their part of it.

(XMP specification, part 3, 1.1.3.1: ExtendedXMP. The rest is a packet of its own, known by the MD5 of its bytes, which
the first names as xmpNote:HasExtendedXMP.)
"""

from __future__ import annotations

import hashlib
import itertools
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from PIL import Image

from .xmp import clean
from .xmp_elements import DECLARED, RDF, XML, Attribute, Element, elements, without

HEAD, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
NOTE = "http://ns.adobe.com/xmp/note/"
MOST = 65_502
"""Bytes of a packet that one segment of a JPEG holds."""
_PART = 65_400
"""Bytes of the rest in one segment, as the specification advises."""
_MOST_ADDED = 1 << 22
"""Bytes of namespaces that joining adds."""
_PLACE = struct.Struct(">32sII")
"""Behind the head of such a segment: the MD5 in hexadecimal digits, the length of the rest, where this part begins."""


def parts_of(image: Image.Image) -> list[bytes]:
    """What the segments of a JPEG say of it, in the order of the file, heads apart."""
    applied = getattr(image, "applist", ())
    return [content[len(EXTENSION) :] for name, content in applied if name == "APP1" and content.startswith(EXTENSION)]


def joined(first: bytes, parts: Iterable[bytes]) -> tuple[bytes, bool]:
    """One packet of a JPEG's first one and the parts of the rest, and whether that is all.

    Damage costs the rest alone.
    """
    packet = clean(first)
    if packet is None:
        return first, False
    try:
        guid = _guid(packet)
        packet = without_note(packet)
        rest = None if guid is None else _whole(guid, parts)
        return (packet, False) if rest is None else (_merged(packet, rest), True)
    except ValueError:
        return packet, False


def without_note(packet: bytes) -> bytes:
    """Without the name of a rest, which stands in other segments of another file."""
    if b"HasExtendedXMP" not in packet:
        return packet
    try:
        return without(packet, [(each.start, each.end) for each in _notes(packet)])
    except ValueError:
        return packet


def split(packet: bytes) -> tuple[bytes, bytes] | None:
    """A first packet of at most MOST bytes, and the rest, which may be empty; None where it cannot be cut."""
    end = packet.rfind(b"<?xpacket end")
    if len(packet) > MOST and end > 0:
        packet = packet[:end].rstrip() + b"\n" + packet[end:].rstrip()  # without room for programs that write in place
    if len(packet) <= MOST:
        return packet, b""
    try:
        return _cut(packet)
    except ValueError:
        return None


def segments(packet: bytes) -> bytes:
    """The segments APP1 of a JPEG; raises ValueError where `split` finds no way."""
    cut = split(packet)
    if cut is None:
        raise ValueError("XMP is too long for a JPEG")
    first, rest = cut
    contents, guid = [HEAD + first], _digest(rest)
    for at in range(0, len(rest), _PART):
        contents.append(EXTENSION + _PLACE.pack(guid, len(rest), at) + rest[at : at + _PART])
    return b"".join(b"\xff\xe1" + struct.pack(">H", 2 + len(content)) + content for content in contents)


def _digest(rest: bytes) -> bytes:
    return hashlib.md5(rest, usedforsecurity=False).hexdigest().upper().encode()


def _notes(packet: bytes) -> Iterator[Attribute | Element]:
    for element in elements(packet):
        named: list[Attribute | Element] = [*element.attributes, element]
        yield from (each for each in named if (each.space, each.name) == (NOTE, "HasExtendedXMP"))


def _guid(packet: bytes) -> bytes | None:
    """Of the rest that belongs to this packet."""
    note = next(_notes(packet), None) if b"HasExtendedXMP" in packet else None
    found = note and re.search(rb"[\"'>]\s*([0-9A-Fa-f]{32})\s*[\"'<]", packet[note.start : note.end])
    return found[1].upper() if found else None


def _whole(guid: bytes, parts: Iterable[bytes]) -> bytes | None:
    """The rest of that name, whatever the order of its parts; None where one is missing, or they are another's."""
    found: dict[int, bytes] = {}
    sizes = set()
    for part in parts:
        if len(part) >= _PLACE.size and part[:32].upper() == guid:
            _, size, at = _PLACE.unpack_from(part)
            sizes.add(size)
            found[at] = part[_PLACE.size :]
    rest = bytearray()
    for at, content in sorted(found.items()):
        if at != len(rest):
            return None
        rest += content
    is_it = sizes == {len(rest)} and _digest(bytes(rest)) == guid
    return bytes(rest) if is_it else None


def _merged(packet: bytes, rest: bytes) -> bytes:
    """The descriptions of the rest behind those of the packet, each with the namespaces declared around it."""
    place, found = _rdf(elements(packet)), elements(rest)
    around = _rdf(found)
    moved, size = [], 0
    for each in found:
        if each.depth == around.depth + 1 and around.start < each.start < around.stop:
            declared = _declared(around.spaces, each)
            size += len(declared)
            if size > _MOST_ADDED:
                raise ValueError("XMP of more namespaces and descriptions than any picture has")
            moved.append(rest[each.start : each.head] + declared + rest[each.head : each.end])
    if place.stop == place.end:  # an empty one has no inside
        raise ValueError("nothing can be added to an empty packet")
    return packet[: place.stop] + b"".join(moved) + packet[place.stop :]


def _rdf(found: list[Element]) -> Element:
    """Raises ValueError where there is none."""
    for each in found:
        if (each.space, each.name) == (RDF, "RDF"):
            return each
    raise ValueError("there is no RDF in it")


def _declared(spaces: Mapping[str, str], element: Element) -> bytes:
    """Namespaces as attributes, but for those that the element declares itself, and that of XML."""
    own = {each.name for each in element.attributes if each.space == DECLARED} | {"xml"}
    said = ((prefix, uri) for prefix, uri in spaces.items() if prefix not in own and uri)
    return b"".join(_namespace(prefix, uri) for prefix, uri in said)


def _namespace(prefix: str, uri: str) -> bytes:
    name = f"{DECLARED}:{prefix}" if prefix else DECLARED
    return f' {name}="{uri.replace(chr(34), "&quot;")}"'.encode()


class _Property(NamedTuple):
    """Of the subject of a packet, as an attribute of a description or as an element in it."""

    start: int
    end: int
    of: Element
    is_attribute: bool


def _cut(packet: bytes) -> tuple[bytes, bytes] | None:
    """The longest properties go until the first packet is short enough."""
    found = elements(packet)
    around = _rdf(found)
    above, properties = around, list[_Property]()
    for each in found:
        if not around.start < each.start < around.stop:
            continue
        if each.depth == around.depth + 1:
            above = each
            properties += [_Property(a.start, a.end, each, True) for a in each.attributes if _is_property(a)]
        elif each.depth == around.depth + 2:
            properties.append(_Property(each.start, each.end, above, False))
    properties.sort(key=lambda each: each.start - each.end)
    left, count = len(packet) + len(_note(around, bytes(32))), 0
    while left > MOST and count < len(properties):
        left -= properties[count].end - properties[count].start
        count += 1
    if left > MOST:
        return None
    rest = _rest(packet, sorted(properties[:count]))
    head, tail = packet[: around.stop], packet[around.stop :]
    gone = [(each.start, each.end) for each in properties[:count]]
    return without(head, gone) + _note(around, _digest(rest)) + tail, rest


def _is_property(attribute: Attribute) -> bool:
    return attribute.space not in ("", DECLARED, RDF, XML)


def _subject(packet: bytes, description: Element) -> bytes:
    """Its attributes that are no properties: namespaces, what it is about, its language."""
    return b"".join(packet[a.start : a.end] for a in description.attributes if not _is_property(a))


def _note(around: Element, guid: bytes) -> bytes:
    prefix = next(prefix for prefix, uri in around.spaces.items() if uri == RDF)
    return b'<%s:Description %s:about="" xmlns:xmpNote="%s" xmpNote:HasExtendedXMP="%s"/>' % (
        prefix.encode(), prefix.encode(), NOTE.encode(), guid,
    )  # fmt: skip


def _rest(packet: bytes, moved: list[_Property]) -> bytes:
    """A packet of these properties, in the order and the descriptions that they had."""
    lines = [b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s">' % RDF.encode()]
    for _, group in itertools.groupby(moved, key=lambda each: each.of.start):
        properties = list(group)
        of = properties[0].of
        name = packet[of.start : of.head]
        tag = name + _declared(of.spaces, of) + _subject(packet, of)
        attributes, inside = (
            b"".join(packet[each.start : each.end] for each in properties if each.is_attribute == wanted)
            for wanted in (True, False)
        )
        lines.append(tag + attributes + b">" + inside + b"</" + name[1:] + b">")
    return b"".join([*lines, b"</rdf:RDF></x:xmpmeta>"])
