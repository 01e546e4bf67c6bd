"""Standard output and error that hold out: no command ends for a code page that lacks a letter, or a closed pipe."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Any

from ..errors import StorageError

PLAIN = {
    "…": "...", "–": "-", "—": "-", "×": "x", "·": ".", "•": "*", "→": "->", "←": "<-", "↑": "^", "↓": "v",
    "≤": "<=", "≥": ">=", "±": "+-", "’": "'", "‘": "'", "“": '"', "”": '"', "─": "-", "━": "-", "═": "-",
    "│": "|", "┃": "|", "║": "|",
}  # fmt: skip
"""What is written for a sign of ours that the code page lacks; others of a table's lines become `+`."""

_ERRORS = "i2i.plain"


def steady_streams() -> None:
    """Let both streams write plainly what they cannot write as it is, and go on when nobody reads them any more."""
    codecs.register_error(_ERRORS, _plainly)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):  # the process's own, not a test's or a notebook's
            stream = _outliving_its_reader(stream)
            setattr(sys, name, stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(sign: str) -> str:
    """In ASCII: a sign of ours by the table, any other letter as its number, a byte that is no UTF-8 as itself."""
    if sign in PLAIN:
        return PLAIN[sign]
    if "\u2500" <= sign <= "\u257f":
        return "+"
    if "\udc80" <= sign <= "\udcff":
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("ascii", "backslashreplace").decode()


def _outliving_its_reader(stream: Any) -> Any:
    """The same stream on a file that swallows what nobody reads; itself where it is no file, as a Windows console."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if not isinstance(raw, io.FileIO):
        return stream
    stream.flush()
    file = _Unread(raw.fileno(), "wb", closefd=False)
    file.told = stream is sys.stdout
    return io.TextIOWrapper(
        file if buffer is raw else io.BufferedWriter(file),  # as Python does with -u
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Unread(io.FileIO):
    """A pipe whose reader may go, as `head` does after its lines, or a file that may become full."""

    told = True
    """Whether an error ends the command in a sentence, once."""

    def write(self, data: Any) -> int:
        """All of it is written, or nobody wants it; raises StorageError where the disk is full or the like."""
        size = memoryview(data).nbytes
        try:
            return super().write(data) if size else 0  # typer writes nothing, to see what a stream takes
        except OSError as error:
            if isinstance(error, BrokenPipeError) or not self.told:
                return size
            self.told = False
            full = StorageError(f"What is to be said cannot be written to standard output ({error.strerror}).")
            full.status = 1
            raise full from error
