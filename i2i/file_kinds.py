"""What a file is, by how it begins, in words for a sentence: for files that were taken for something else.

Standard library only. Nothing is unpacked or run.
"""

from __future__ import annotations

import io
import re
import zipfile

BEGINNINGS: dict[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"RIFF": "a WebP picture, or another RIFF file",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"%PDF": "a PDF",
    b"\x89HDF": "an HDF5 file, as of Keras",
    b"GGUF": "a GGUF file, as of language models",
    b"\x93NUMPY": "an array of numpy's (.npy)",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"version https://git-lfs": "a pointer of Git LFS, which stands for the file (git lfs pull fetches it)",
}
"""How files begin, and what they are."""

TORCH, SAFETENSORS = "weights of torch's", "weights in safetensors"
"""The kinds that `i2i import` may take."""
CUT_ZIP = "a zip archive cut short, as files of torch's are"


def kind_of(raw: bytes) -> str | None:
    """What a file with these bytes is, such as `a PNG picture`; None where its beginning says nothing."""
    if raw.startswith(b"PK"):
        return _kind_of_zip(raw)
    if re.match(rb"\x80[\x02-\x05]", raw):
        return TORCH
    if raw[4:8] == b"TFL3":
        return "a model of TensorFlow Lite"
    if 2 <= int.from_bytes(raw[:8], "little") <= 100_000_000 and raw[8:9] == b"{":
        return SAFETENSORS
    for beginning, words in BEGINNINGS.items():
        if raw.startswith(beginning):
            return words
    return "text" if _is_text(raw[:4096]) else None


def _kind_of_zip(raw: bytes) -> str:
    try:
        names = zipfile.ZipFile(io.BytesIO(raw)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return CUT_ZIP
    if any(name.endswith("data.pkl") for name in names):
        return TORCH
    if names and all(name.endswith(".npy") for name in names):
        return "arrays of numpy's (.npz)"
    if any(name.endswith(".onnx") for name in names):
        return "a zip archive with an ONNX file in it (unpack it first)"
    return "a zip archive"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", "strict" if len(head) < 4096 else "ignore")
    except UnicodeDecodeError:
        return False
    return bool(text) and all(character.isprintable() or character in "\t\r\n\f" for character in text)
