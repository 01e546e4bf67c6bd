"""`i2i convert` beyond a folder once: one picture through a pipe (`-`), and a folder that is watched (`--watch`)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import PictureError, RequestError, require
from ..files import write_atomically
from ..images.formats import format_of
from ..serving import ConversionReport, convert_folder
from ..serving.conversion.convert import Spread
from ..serving.conversion.pipe import convert_bytes
from ..serving.conversion.pipeline import Translator
from ..serving.conversion.report import FileResult, ReportFile, notes_on_left_out, notes_on_written
from ..serving.conversion.stores.url import Url, placed
from ..serving.conversion.watch import State, state_of, watch
from ..serving.inference.chain import Chain
from ..serving.inference.engine import Engine

PIPE = "-"
_STDOUT, _STDERR = 1, 2
"""Descriptors, as libraries in C know them."""


def _on_ray(
    engine: Engine | Chain,
    loading: Mapping[str, Any],
    address: str | None,
    workers: int | None,
    say: Callable[[str], object],
) -> Spread:
    from ..serving.conversion.on_ray.job import OnRay

    return OnRay(engine, loading, address, workers, say)


ENGINES: dict[str, Callable[..., Spread | None]] = {"local": lambda *_: None, "ray": _on_ray}
"""What converts the pictures of a folder, by the name that `--engine` takes; None: this process."""


def check_engine(name: str, address: str | None, *, watch: bool, piped: bool) -> None:
    """Raises RequestError (or one of its kind) when nothing can be converted by the engine that is named."""
    require("engine", name, ENGINES)
    if name == "local" and address is not None:
        raise RequestError("--ray-address is of --engine ray. Give both, or neither.")
    if name != "local" and (watch or piped):
        raise RequestError(f"--engine {name} is for a folder that is converted once. Leave it out with --watch and -.")


def through_pipe(
    engine: Translator,
    source: Path,
    target: Path,
    *,
    existing: str,
    format: str,
    quality: int | None,
    metadata: str,
    controls: Mapping[str, object],
) -> None:
    """One picture from standard input or a file, its translation to standard output or a file.

    What was left out is told on standard error. Raises RequestError when the target is a terminal, or is there and
    `existing` is not `overwrite`; PictureError for what is no picture.
    """
    for place in (source, target):
        if isinstance(placed(place), Url):
            raise RequestError(f"{placed(place)} is a URL, which is for folders and --engine ray. Copy the picture.")
    if str(target) == PIPE:
        if sys.stdout.isatty():
            raise RequestError("A picture is not for a terminal. Write it to a file: i2i convert MODEL - - > out.png")
    else:
        if target.exists() and existing != "overwrite":
            raise RequestError(f"{target} is there already. Give --existing overwrite to replace it.")
        format = format_of(target.suffix) if format == "keep" else format
    data = sys.stdin.buffer.read() if str(source) == PIPE else _read(source)
    with _aside() if str(target) == PIPE else contextlib.nullcontext():
        result = convert_bytes(engine, data, format, quality, metadata, controls)
    if str(target) == PIPE:
        sys.stdout.buffer.write(result.data)
        sys.stdout.buffer.flush()
    else:
        write_atomically(target, result.data)
    left_out = [f"Left out: {', '.join(result.left_out)}."] if result.left_out else []
    for sentence in (*left_out, *(f"{note}." for note in result.notes)):
        print(sentence, file=sys.stderr)


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    """What libraries print, in Python or in C, goes to standard error, so that the pipe has the picture alone."""
    sys.stdout.flush()
    kept = os.dup(_STDOUT)
    try:
        os.dup2(_STDERR, _STDOUT)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with contextlib.suppress(Exception):  # where there is no libc by itself
            ctypes.CDLL(None).fflush(None)  # which holds back what C prints into a pipe
        os.dup2(kept, _STDOUT)
        os.close(kept)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"{path} cannot be opened ({error.strerror}).") from error


def watch_and_convert(
    engine: Translator,
    source: Path,
    target: Path,
    *,
    existing: str,
    report: Path | None,
    say: Callable[[str], object],
    stop: threading.Event | None = None,
    **options: Any,
) -> ConversionReport:
    """Convert what is in `source` and what comes into it, until it is interrupted or `stop` is set.

    `options` are convert_folder's.

    What changes after it was converted is converted again, whatever `existing` says of what was there before; what
    fails and then changes is no failure. `say` gets a sentence on each. Raises RequestError for what is no folder, and
    what convert_folder raises.
    """
    if not placed(source).is_dir():
        raise RequestError(f"--watch is of a folder, and {placed(source)} is none.")
    files: list[FileResult] = []
    began = time.monotonic()

    with ReportFile(report) as lines:
        lines.begin(model=engine.card.name, provider=engine.provider, watch=str(source))

        def convert(turn: Mapping[Path, State], again: bool) -> None:
            def settled(result: FileResult) -> None:
                if result.source not in turn and any(file.source == result.source for file in files):
                    return  # a folder that cannot be opened is in each round
                if result.status == "failed" and state_of(result.source) not in (None, turn.get(result.source)):
                    return  # it was not whole yet; its turn comes again
                files[:] = [file for file in files if (file.source, file.status) != (result.source, "failed")]
                files.append(result)
                lines.add(result)
                say(f"{result.status}: {result.error or result.target}")

            policy = "overwrite" if again else existing
            convert_folder(engine, source, target, existing=policy, ready=turn.__contains__, settled=settled, **options)

        with contextlib.suppress(KeyboardInterrupt, SystemExit):  # the way in which a watch ends
            watch(convert, source, target, stop or threading.Event())
        notes = (*notes_on_left_out(files), *notes_on_written(files, engine.card.scale))
        whole = ConversionReport(files, engine.provider, time.monotonic() - began, Counter(), notes)
        lines.end(whole)
    return whole
