"""The Ray cluster of a conversion: one of this machine alone, which ends with it, or one that is there already."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ....errors import ProviderError, RequestError, first_line
from ....hardware.system import available_threads

INSTALL = "pip install 'i2i[ray]'"

ALWAYS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # it reports to its makers otherwise
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # it tells of argument stores and the like on standard error
}
OURS = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on every system: all that listens does so on loopback alone
    "RAY_AUTH_MODE": "token",  # and answers nobody else of this machine either
}
"""Environment of every use of Ray, and of clusters that are started here. Ray reads some of it when it is imported."""
STORE = 128 * 2**20
"""Bytes of shared memory of a cluster that is started here: paths and results pass through it, no pictures."""
AN_ENGINE = 4
"""Processors of one engine, unless told otherwise; more engines than that decode and encode no faster."""


ANSWER = 10
"""Seconds that a machine has to take a connection."""


@dataclasses.dataclass(frozen=True)
class Share:
    """How the processors of a cluster are dealt out."""

    engines: int
    threads: int
    """Of each engine."""
    processors: float
    """That Ray sets aside for each; fewer than one where there are more engines than processors."""
    gpus: int
    machines: int

    def __str__(self) -> str:
        engines, threads = counted(self.engines, "engine"), counted(self.threads, "thread")
        return f"Ray: {engines} of {threads} each on {counted(self.machines, 'machine')}."

    @property
    def memory(self) -> float:
        """Share of its machine's memory that an engine takes."""
        return min(1.0, self.machines / self.engines)


def check_installed() -> None:
    """Raises RequestError where Ray is not installed; does not import it."""
    if importlib.util.find_spec("ray") is None:
        raise RequestError(
            f"--engine ray needs Ray, which is not installed. Type: {INSTALL}. Or leave --engine out to convert on "
            "this machine alone."
        )


def ray_module() -> Any:
    """Ray, imported; raises RequestError where it is not installed with what Ray Data needs."""
    for name, value in ALWAYS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise RequestError(f"Ray Data cannot be used here ({first_line(error)}). Type: {INSTALL}.") from error
    for logger in ("ray", "ray.data"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    return ray


@contextlib.contextmanager
def cluster(address: str | None = None) -> Iterator[Any]:
    """Ray, connected to the cluster at `address` (by default RAY_ADDRESS), or to one of this machine, ended at the end.

    Raises RequestError where Ray is not installed, ProviderError where no cluster answers or starts.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None or _is_connected():
        check_answers(address)
        with _connected(ray_module(), f"No Ray cluster answers at {address}", address=address) as ray:
            yield ray
        return
    _prepare_environment()
    with tempfile.TemporaryDirectory(prefix="i2i-ray-", ignore_cleanup_errors=True) as place:
        options = {"address": "local", "num_cpus": available_threads(), "include_dashboard": False, "_temp_dir": place}
        store = max(min(STORE, shutil.disk_usage(place).free // 4), 80 * 2**20)
        with _connected(ray_module(), "Ray did not start", **options, object_store_memory=store) as ray:
            yield ray


def check_answers(address: str | None) -> None:
    """Raises ProviderError where nothing listens at HOST:PORT; Ray itself would try for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit() or _is_connected():
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER):
            return
    except OSError as error:
        raise ProviderError(
            f"No Ray cluster answers at {address} ({error.strerror or first_line(error)}). Start one there with "
            "`ray start --head`, or leave the address and RAY_ADDRESS out to start one on this machine alone."
        ) from error


def _is_connected() -> bool:
    """Whether the program that calls is connected to a cluster already."""
    return "ray" in sys.modules and bool(sys.modules["ray"].is_initialized())


def _prepare_environment() -> None:
    """What Ray reads when it is imported; raises RequestError where it is too late for that."""
    if "ray" in sys.modules and not OURS.keys() <= os.environ.keys():
        raise RequestError(
            "Ray was imported before, so a cluster that is closed to others cannot be started any more. Call "
            "ray.init() first, which is then used, or name the address of a cluster."
        )
    for name, value in (OURS | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}).items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def _connected(ray: Any, complaint: str, **options: Any) -> Iterator[Any]:
    """A program that is connected already stays so."""
    if ray.is_initialized():
        yield ray
        return
    try:
        with _own_sigterm(), _quiet():
            ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=False, **options)
    except Exception as error:
        ray.shutdown()
        raise ProviderError(
            f"{complaint} ({first_line(error)}). Leave --engine out to convert on this machine alone."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what libraries in C say on standard error: here, that they heed RAY_BACKEND_LOG_LEVEL."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Ray takes SIGTERM for itself when it is connected."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def share(ray: Any, engines: int | None, *, on_gpu: bool) -> Share:
    """The processors of the cluster dealt out to so many engines; by default one for each AN_ENGINE of them.

    Raises ProviderError for a cluster without a processor, or without a GPU where one is asked for.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    processors = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
    if not processors:
        raise ProviderError("The Ray cluster has no processor free for work. Add a machine with `ray start --address`.")
    if on_gpu:
        gpus = int(sum(node.get("GPU", 0) for node in nodes))
        if not gpus:
            raise ProviderError("The Ray cluster knows of no GPU. Give --device cpu, or start Ray with --num-gpus.")
        engines = min(engines or gpus, gpus)
    total = sum(processors)
    if engines is None:
        threads = min(AN_ENGINE, *processors)
        engines = sum(each // threads for each in processors)
    threads = max(1, min(total // engines, *processors))
    return Share(engines, threads, min(float(threads), total / engines), int(on_gpu), len(processors))


def counted(number: int, what: str) -> str:
    """`1 engine`, `2 engines`."""
    return f"{number} {what}" + ("s" if number != 1 else "")
