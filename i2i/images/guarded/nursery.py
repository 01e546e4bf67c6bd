"""The process that workers are forked from: decoders are loaded in it once, so that a new worker costs milliseconds.

It decodes nothing itself and has one thread. Its socket takes `fork` with the worker's end of a new connection, and
`reap` with the number of a process that has ended or is about to; a number is not given anew before that.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import resource
import signal
import socket
import sys

from . import wire, worker

DECODERS = ("Jpeg", "Mpo", "Png", "WebP", "Tiff", "Bmp", "Gif", "Avif")
"""Of Pillow."""
CODECS = (
    "png_decode",
    "jpeg_decode",
    "avif_decode",
    "lzw_decode",
    "zlib_decode",
    "deflate_decode",
    "packbits_decode",
    "delta_decode",
)
"""Of imagecodecs, which loads each when it is named."""


def main(descriptor: int) -> None:
    """Until the other side closes."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(
        resource.RLIMIT_CORE, (0, 0)
    )  # a decoder that fails would leave a stranger's picture on the disk
    _load()
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    with connection, contextlib.suppress(wire.GoneError):
        wire.send(connection, {"ready": os.getpid()})
        while True:
            said = wire.receive(connection)
            if said["do"] == "reap":
                _, status = os.waitpid(int(said["pid"]), 0)
                wire.send(connection, {"status": os.waitstatus_to_exitcode(status)})
                continue
            end = wire.receive_file(connection)
            pid = os.fork()
            if not pid:
                connection.close()
                _work(end, int(said["nice"]))
            os.close(end)
            wire.send(connection, {"pid": pid})


def _work(descriptor: int, nice: int) -> None:
    """In the child; does not return."""
    status = 1
    try:
        os.nice(nice)
        with socket.socket(fileno=descriptor) as connection:
            worker.run(connection)
        status = 0
    finally:
        os._exit(status)


def _load() -> None:
    for name in DECODERS:
        importlib.import_module(f"PIL.{name}ImagePlugin")
    imagecodecs = importlib.import_module("imagecodecs")
    for name in CODECS:
        getattr(imagecodecs, name, None)
    importlib.import_module("tifffile")
    gc.freeze()  # so that collecting in a worker does not copy these pages


if __name__ == "__main__":
    main(int(sys.argv[1]))
