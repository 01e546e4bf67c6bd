"""An XMP packet as elements with their places in it, so that some can go or move and all else stays byte by byte.

(Namespaces in XML 1.0, W3C 2009; XMP specification, part 1: RDF in which properties are attributes or elements.)
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "http://www.w3.org/XML/1998/namespace"
DECLARED = "xmlns"
"""In place of its namespace, of an attribute that declares one; its name is the prefix then."""
MOST_ELEMENTS, MOST_DEPTH, MOST_SPACES = 100_000, 100, 500
"""Far beyond any packet of a picture: what has more is as good as damaged, and would take minutes and gigabytes."""
_NAME = rb"[^\s=<>/\"']+"
_ATTRIBUTE = re.compile(rb"\s+(" + _NAME + rb")\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_START = re.compile(rb"<(" + _NAME + rb")((?:" + _ATTRIBUTE.pattern + rb")*)\s*(/?)>")


class Attribute(NamedTuple):
    """With the white space before it."""

    space: str
    """Its namespace, or DECLARED."""
    name: str
    start: int
    end: int


class Element(NamedTuple):
    """From `start` to `end`; what is in it lies from `inside` to `stop`."""

    space: str
    name: str
    depth: int
    """Of the root 0."""
    start: int
    head: int
    """Where its name ends."""
    inside: int
    stop: int
    end: int
    attributes: tuple[Attribute, ...]
    spaces: ChainMap[str, str]
    """Namespaces by prefix, of all that are declared where it stands, as they are written."""


def elements(packet: bytes) -> list[Element]:
    """In the order in which they begin; `packet` is in UTF-8.

    Raises ValueError on what is not well-formed XML, and on what has more than MOST_… of anything.
    """
    found: list[Element] = []
    opened: list[int] = []
    parser = expat.ParserCreate("UTF-8")

    def start(_name: str, _attributes: object) -> None:
        above = found[opened[-1]].spaces if opened else ChainMap({"xml": XML, "": ""})
        if len(found) >= MOST_ELEMENTS or len(opened) >= MOST_DEPTH:
            raise ValueError("XMP of more elements, or of more within each other, than any picture has")
        opened.append(len(found))
        found.append(_element(packet, parser.CurrentByteIndex, len(opened) - 1, above))

    def end(_name: str) -> None:
        place = opened.pop()
        each, at = found[place], parser.CurrentByteIndex
        is_empty = packet[each.inside - 2 : each.inside] == b"/>"
        if not is_empty:  # of an empty one the parser tells another place
            found[place] = each._replace(stop=at, end=packet.index(b">", at) + 1)

    def doctype(*_: object) -> None:
        raise ValueError("XMP has no document type")  # whose entities could grow without end

    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = start, end, doctype
    try:
        parser.Parse(packet, True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return found


def _element(packet: bytes, at: int, depth: int, above: ChainMap[str, str]) -> Element:
    tag = _START.match(packet, at)
    if tag is None:
        raise ValueError("a tag of XMP that does not end")
    raw = [(each[1].decode(), *each.span()) for each in _ATTRIBUTE.finditer(packet, tag.end(1), tag.end(2))]
    declared = {
        name.removeprefix(DECLARED).removeprefix(":"): packet[start:end].split(b"=", 1)[1].strip()[1:-1].decode()
        for name, start, end in raw
        if name == DECLARED or name.startswith(f"{DECLARED}:")
    }
    spaces = ChainMap(declared, *above.maps) if declared else above  # of which a copy each would take gigabytes
    if len(declared) > MOST_SPACES:
        raise ValueError("XMP of more namespaces than any picture has")
    return Element(
        *_named(tag[1].decode(), spaces, spaces[""]),
        depth,
        *(at, tag.end(1), tag.end(), tag.end(), tag.end()),
        tuple(Attribute(*_named(name, spaces, ""), start, end) for name, start, end in raw),
        spaces,
    )


def _named(name: str, spaces: Mapping[str, str], default: str) -> tuple[str, str]:
    """Namespace and local name; `default` is the namespace of names without a prefix."""
    prefix, _, local = name.rpartition(":")
    if name == DECLARED or prefix == DECLARED:
        return DECLARED, local if prefix else ""
    return (spaces.get(prefix, prefix) if prefix else default), local


def without(packet: bytes, places: Iterable[tuple[int, int]]) -> bytes:
    """The packet without what lies from, to; places may lie in one another."""
    kept, at = [], 0
    for start, end in sorted(places):
        if start >= at:
            kept.append(packet[at:start])
        at = max(at, end)
    return b"".join([*kept, packet[at:]])
