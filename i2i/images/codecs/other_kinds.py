"""What a file is that i2i does not read, by what it begins with: people rename files, and servers answer with pages."""

from __future__ import annotations

import re

from ..formats import HEAD, claimed, format_titles

OTHER_KINDS: dict[str, bytes] = {
    "a JPEG 2000 picture": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "a JPEG XR picture": rb"II\xbc\x01",
    "a JPEG-LS picture": rb"\xff\xd8\xff\xf7",
    "a PSD picture (Photoshop)": rb"8BPS",
    "an XCF picture (GIMP)": rb"gimp xcf",
    "an SVG drawing": rb"(\xef\xbb\xbf)?\s*(<\?xml.*|<!--.*|<!DOCTYPE svg.*)?<svg[\s>]",
    "a raw picture of a Canon camera": rb"II\*\0.{4}CR\x02\0|.{4}ftypcrx ",
    "a raw picture of a Fujifilm camera": rb"FUJIFILMCCD-RAW",
    "a raw picture of an Olympus camera": rb"IIR[OS]|MMOR",
    "a raw picture of a Panasonic camera": rb"IIU\0",
    "a raw picture of a Sigma camera": rb"FOVb",
    "a Radiance HDR picture": rb"#\?(RADIANCE|RGBE)",
    "a PFM picture": rb"P[Ff]\s",
    "a PAM picture": rb"P7\s",
    "a PCX picture": rb"\x0a[\0-\x05]\x01[\x01\x02\x04\x08]",
    "an SGI picture": rb"\x01\xda[\0\x01][\x01\x02]",
    "a QOI picture": rb"qoif",
    "a DDS picture": rb"DDS ",
    "a FITS picture": rb"SIMPLE  =",
    "a DICOM picture": rb".{128}DICM",
    "an icon (ICO)": rb"\0\0[\x01\x02]\0[\x01-\x40]\0",
    "a PDF document": rb"%PDF",
    "an EPS drawing": rb"%!PS|\xc5\xd0\xd3\xc6",
    "a film (MP4 or QuickTime)": rb".{4}ftyp(isom|iso2|mp4|avc1|qt  |M4V|3gp)|.{4}(moov|mdat)",
    "a film (Matroska or WebM)": rb"\x1a\x45\xdf\xa3",
    "a web page (HTML)": rb"(\xef\xbb\xbf)?\s*(<!--.*)?<(!DOCTYPE html|html|head|body)[\s>]",
    "an archive (ZIP)": rb"PK\x03\x04",
    "a pointer of Git LFS, not the file that it stands for": rb"version https://git-lfs",
}
"""What sentences call them, and what they begin with, as a regular expression."""

BEGINNING = 1024
"""Bytes in which it shows."""


def other_kind(head: bytes) -> str | None:
    """What a file that begins so is, where it is one of OTHER_KINDS."""
    return next((kind for kind, begins in OTHER_KINDS.items() if re.match(begins, head, re.DOTALL | re.I)), None)


def not_read(name: str, head: bytes, titles: str | None = None) -> str:
    """The sentence that refuses the file of that name, which begins so; `titles` are the kinds that are taken."""
    kind = other_kind(head)
    begun = next((row.title for row in claimed(head[:HEAD]) if row.begins), None)
    if titles is not None and begun is not None:
        return f"{name} is a {begun} picture, which is not taken here; send it as {titles}."
    if kind is None and begun is not None:
        return f"{name} begins as {begun}, but is damaged or cut short."
    if kind is None:
        return f"{name} is not a {titles or format_titles()} picture."
    way_out = "; save it as PNG or TIFF" if "picture" in kind or "drawing" in kind else ""
    return f"{name} is {kind}, which i2i does not read{way_out}."
