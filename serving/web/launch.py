"""Runs the server until a signal stops it: a free port, a clear address, requests under way are finished."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from ...errors import RequestError
from .server import create_app, load_engines

_GRACE = 10
"""Seconds that requests under way have after SIGTERM."""


def serve(
    models: Iterable[Path],
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    direction: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    page: bool = True,
    say: Callable[[str], None] = print,
    **limits: Any,
) -> None:
    """Serve MODELs until SIGTERM or Ctrl-C; `limits` go to `create_app`, port 0 takes a free one.

    Raises RequestError when the port is taken or the host is not this machine's, and what loading a model raises.
    """
    listening = bind(host, port)  # first: a taken port should not cost the loading of a model
    with contextlib.closing(listening):
        engines = load_engines(models, direction, device, precision)
        for name, engine in engines.items():
            say(f"{name}: {engine.reason}")
        if not is_loopback(host):
            say(f"Warning: {host} is reachable from other machines, and anyone who reaches it may use the models.")
        app = create_app(engines, page=page, **limits)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE, server_header=False)
        shown = f"[{host}]" if ":" in host else host
        say(f"Serving at http://{shown}:{listening.getsockname()[1]}/ (API: /docs). Stop with Ctrl-C.")
        with _quiet_end():
            uvicorn.Server(config).run(sockets=[listening])


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises RequestError with the way out when it cannot be had."""
    if not 0 <= port <= 65535:
        raise RequestError(f"There is no port {port}; ports are numbered from 0 to 65535, as in --port 7860.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, OverflowError, UnicodeError) as error:
        raise RequestError(f"{host!r} port {port} is no address of this machine. Leave --host out.") from error
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise RequestError(
                f"Port {port} is in use on {host}. Stop the other server, or choose another: --port {port + 1}."
            ) from error
        raise RequestError(f"Cannot listen on {host} port {port} ({error.strerror}).") from error
    return listening


def is_loopback(host: str) -> bool:
    """Whether `host` is reachable from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextlib.contextmanager
def _quiet_end() -> Iterator[None]:
    """Uvicorn raises the signal that stopped it once more after a clean end; here that is the end of `serve`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, lambda *_: None) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
