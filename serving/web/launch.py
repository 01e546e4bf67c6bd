"""Runs the server until a signal stops it: a free port, a clear address, requests under way are finished."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from ...errors import RequestError
from ...hardware.system import available_threads
from ..hosting.host import Changes, Host
from ..hosting.keeper import Keeper
from ..hosting.ledger import Ledger
from ..inference.memory import Memory, return_large_blocks
from .batches.store import Store
from .connections import BACKLOG, Connections
from .doors import LOOPBACK, read_keys
from .jobs import Jobs
from .observed import open_log
from .server import MAX_BYTES, create_app
from .service import shared_decoder
from .workers.supervisor import supervise

UNLOAD_AFTER = 900.0
"""Seconds without a request after which a model is closed."""
KEPT = 86400
"""Seconds for which a batch is kept."""
_GRACE = 10
"""Seconds that clients have to read the last answers, and to send what is let in already, once the server is to end."""


def _said(text: str) -> None:
    print(text, flush=True)  # into a pipe, too


def serve(
    models: Iterable[Path],
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    workers: int = 1,
    api_key_file: Path | None = None,
    open_to_all: bool = False,
    allow_host: Sequence[str] = (),
    allow_origin: Sequence[str] = (),
    max_memory: int | None = None,
    say: Callable[[str], None] = _said,
    **options: Any,
) -> None:
    """Serve MODELs until SIGTERM or Ctrl-C; port 0 takes a free one. Further `options` are those of `serve_on` and
    `create_app`.

    On an address of this machine alone it answers to that address, `localhost` and `allow_host`; on another to
    `allow_host`, or to any name. Another address needs keys, or the word `open_to_all`.

    `workers` processes share the port, the processors and `max_memory`, which models and pictures together keep to:
    three quarters of what is free unless given.

    Raises RequestError when the port is taken, the host is not this machine's, keys cannot be read or are missing, and
    what loading a model raises.
    """
    keys = read_keys(api_key_file) if api_key_file is not None else []
    if not (is_loopback(host) or keys or open_to_all):
        raise RequestError(
            f"{host} is reachable from other machines, and anyone who reaches it may use the models. Ask for keys "
            "with --api-key-file FILE, or say that all may: --open-to-all."
        )
    if not (is_loopback(host) or keys):
        say(f"Warning: {host} is reachable from other machines, and anyone who reaches it may use the models.")
    hosts = {*LOOPBACK, _shown(host), *allow_host} if is_loopback(host) else set(allow_host) or None
    options |= {"models": list(models), "host": host, "hosts": hosts, "origins": list(allow_origin), "keys": keys}
    listening = bind(host, port)  # first: a taken port should not cost the loading of a model
    with contextlib.closing(listening):
        if workers == 1:
            serve_on(listening, max_memory=max_memory, say=say, **options)
            return
        each = (Memory().room() if max_memory is None else max_memory) // workers
        shared = {"max_memory": each, "threads": max(1, available_threads() // workers)}
        supervise(workers, listening, serve_on, {**options, **shared}, say)


def serve_on(
    listening: socket.socket,
    *,
    models: Iterable[Path],
    host: str,
    direction: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    metrics_port: int | None = None,
    grpc_port: int | None = None,
    access_log: Path | None = None,
    batches: Path | None = None,
    batches_quota: float = 1e9,
    max_memory: int | None = None,
    unload_after: float = UNLOAD_AFTER,
    watch: bool = False,
    number: int = 0,
    ready: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = _said,
    **options: Any,
) -> None:
    """Serve on a socket that listens at `host`, as one process; further `options` go to `create_app`.

    Metrics for Prometheus are on `metrics_port` of the same host, the Open Inference Protocol by gRPC on `grpc_port`,
    of each further process on the next ones. `access_log` is a file, or `-`, that gets a line of JSON for each request.
    `batches` is a file in which batches are kept for a day, of `batches_quota` bytes together at most.

    The first model is opened at once, others when they are asked for; but for the first they are closed after
    `unload_after` seconds without a request. With `watch`, and on SIGHUP, the MODELs are read again. Of several
    processes only the first, by `number`, says anything; `ready` is called before it serves.
    """
    say = say if number == 0 else _nothing
    add_rpc = None if grpc_port is None else _rpc(host, grpc_port + number)
    with contextlib.ExitStack() as stack:
        return_large_blocks()
        shared_decoder().start()
        offered = Host(models, direction, device, precision, Ledger(max_memory), threads)
        open_first(offered, say)
        app = create_app(
            offered,
            access_log=open_log(access_log),
            batches=None if batches is None else Store(batches, batches_quota, KEPT),
            number=number,
            **options,
        )
        if metrics_port is not None:
            stack.callback(app.state.metrics.serve(host, metrics_port + number))
        if add_rpc is not None:
            add_rpc(app, options["keys"], options.get("max_bytes", MAX_BYTES))
            say(f"gRPC at {_shown(host)}:{grpc_port} (Open Inference Protocol).")
        ready()
        say(f"Serving at http://{_shown(host)}:{listening.getsockname()[1]}/ (API: /docs). Stop with Ctrl-C.")
        with _quiet_end(), keeping(app, offered, unload_after, watch, say):
            Server(app).run(sockets=[listening])


def _rpc(host: str, port: int) -> Callable[[FastAPI, Sequence[str], int], None]:
    """Adds gRPC to an application; raises RequestError where that or the port is not to be had."""
    try:
        from .oip.rpc import Calls, RpcServer
    except ImportError as error:
        raise RequestError("gRPC needs grpcio: pip install 'i2i[grpc]', or leave --grpc-port out.") from error
    bind(host, port).close()

    def add(app: FastAPI, keys: Sequence[str], max_bytes: int) -> None:
        state = app.state
        calls = Calls(state.services, state.jobs, [key.encode() for key in keys], state.metrics)
        state.background.append(RpcServer(calls, f"{_shown(host)}:{port}", max_bytes))

    return add


def _nothing(_text: str) -> None:
    """What the processes but the first say."""


def open_first(host: Host, say: Callable[[str], None]) -> None:
    """Open the first model of a host, so that what is wrong with it, or with the machine, is told before it serves."""
    first, *others = host.values()
    with first.held() as engine:
        say(f"{first.name}: {engine.reason}")
    if others:
        say(f"Opened when they are first asked for: {', '.join(model.name for model in others)}.")


@contextlib.contextmanager
def keeping(app: FastAPI, host: Host, idle: float, watches: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Within, models are closed, and read again on SIGHUP and when they change (keeper.py)."""

    def tell(changes: Changes) -> None:
        app.state.services.follow()
        say(str(changes))

    keeper = Keeper(host, idle, watches, tell)
    is_told = hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread()  # Windows has none
    before = signal.signal(signal.SIGHUP, lambda *_: keeper.again.set()) if is_told else None
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()
        if is_told:
            signal.signal(signal.SIGHUP, before)


class Server(uvicorn.Server):
    """Serves an application of `create_app`. A signal lets it finish what is under way first (draining): it takes no
    more pictures, says so at /health/ready, and ends with the last answer. A second signal cancels what is left.
    """

    def __init__(self, app: FastAPI, connections: Connections | None = None) -> None:
        self.jobs: Jobs = app.state.jobs
        self.connections_open = connections or Connections()
        super().__init__(
            uvicorn.Config(
                app,
                http=self.connections_open.make,  # type: ignore[arg-type]  # called as a class is
                ws="none",
                log_level="error",  # what clients do wrong is no line of ours
                timeout_graceful_shutdown=_GRACE,
                server_header=False,
                backlog=BACKLOG,
            )
        )
        self.grace: float = _GRACE
        self._watching: asyncio.Task[None] | None = None
        self._closing_since: float | None = None

    def handle_exit(self, sig: int, _frame: Any) -> None:
        """See uvicorn.Server."""
        self._captured_signals.append(sig)
        if self.jobs.is_closing:
            self.should_exit = True
        self.jobs.is_closing = True

    async def on_tick(self, counter: int) -> bool:
        """See uvicorn.Server; True ends the loop."""
        if self._watching is None:
            self._watching = asyncio.create_task(self.connections_open.watch())
        if self.jobs.is_closing:
            self._closing_since = self._closing_since or time.monotonic()
            if time.monotonic() - self._closing_since > self.grace:
                self.connections_open.end_unfinished()
        ends = await super().on_tick(counter) or (self.jobs.is_closing and self.jobs.count == 0)
        if ends:
            self._watching.cancel()
            self.jobs.is_closing = True
            self.jobs.cancel_all()
        return ends


def _shown(host: str) -> str:
    """As it stands in an address."""
    return f"[{host}]" if ":" in host else host


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
