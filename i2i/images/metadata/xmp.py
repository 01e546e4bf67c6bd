"""An XMP packet with what it says of orientation and size made true; all else in it stays as it is.

(XMP specification, part 1 and 2, Adobe 2012. Properties are found in the text, as attributes and as elements: a packet
that was parsed and written anew would lose the prefixes and the order that other programs gave it.)
"""

from __future__ import annotations

import re

URIS = {"tiff": b"http://ns.adobe.com/tiff/1.0/", "exif": b"http://ns.adobe.com/exif/1.0/"}
SIZES = {("tiff", b"ImageWidth"): 0, ("tiff", b"ImageLength"): 1, ("exif", b"PixelXDimension"): 0,
         ("exif", b"PixelYDimension"): 1}  # fmt: skip
"""Properties that say the width (0) and the height (1)."""


def clean(xmp: bytes) -> bytes | None:
    """The packet in UTF-8, without the zeros behind it; None where it is none."""
    xmp = xmp.rstrip(b"\0")
    if b"\0" in xmp:  # the specification allows UTF-16 and UTF-32
        try:
            start = xmp[:4]
            wide = "utf-32" if b"\0\0" in start else "utf-16"
            marked = start[:2] in (b"\xff\xfe", b"\xfe\xff") or start == b"\0\0\xfe\xff"
            little = "" if marked else "-le" if start[:1] != b"\0" else "-be"
            xmp = xmp.decode(wide + little).encode()
        except UnicodeDecodeError:
            return None
    return xmp if b":RDF" in xmp else None


def upright(xmp: bytes) -> bytes:
    """With the orientation of a picture that stands upright."""
    return _set(xmp, "tiff", b"Orientation", b"1")


def with_sizes(xmp: bytes, width: int, height: int) -> bytes:
    """With these wherever it says sizes, in pixels."""
    for (space, name), axis in SIZES.items():
        xmp = _set(xmp, space, name, b"%d" % (width, height)[axis])
    return xmp


def with_resolution(xmp: bytes, scale: int) -> bytes:
    """With the resolution multiplied, so that the print keeps its size."""
    for name in (b"XResolution", b"YResolution"):
        found = re.search(_pattern(xmp, "tiff", name), xmp)
        ratio = re.fullmatch(rb"\s*(\d{1,9})(?:/(\d{1,9}))?\s*", found[2]) if found else None
        if ratio:
            xmp = _set(xmp, "tiff", name, b"%d/%d" % (int(ratio[1]) * scale, int(ratio[2] or 1)))
    return xmp


def _pattern(xmp: bytes, space: str, name: bytes) -> bytes:
    """Of a property: what stands before its value, the value, what stands behind it."""
    bound = re.search(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(URIS[space]) + rb"[\"']", xmp)
    full = re.escape(bound[1] if bound else space.encode()) + b":" + name
    return rb"(\s%s\s*=\s*[\"']|<%s(?:\s[^<>]*)?(?<!/)>)([^\"'<]*)([\"']|</%s\s*>)" % (full, full, full)


def _set(xmp: bytes, space: str, name: bytes, value: bytes) -> bytes:
    if name not in xmp:  # which is much quicker to see, of packets of megabytes
        return xmp
    return re.sub(_pattern(xmp, space, name), rb"\g<1>%s\g<3>" % value, xmp)
