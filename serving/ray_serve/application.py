"""What `serve run` starts: doors, which are the HTTP server with its page, and behind them replicas that hold engines.

The doors admit, decode and encode as `i2i serve` does, with the same limits; the model computes in a replica. When one
dies under a picture, another one computes that.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from ..hosting.host import Host
from ..inference.engine import Engine
from ..web.doors import LOOPBACK, read_keys
from ..web.server import MAX_BYTES, create_app
from ..web.service import MAX_WAITING
from .remote import Remote, RemoteEngine
from .replica import Replica

REPLICAS = "Replica"
"""What they are called in Ray's own lists."""


class Options(BaseModel):
    """The arguments of `serve run`, as `models=runs/facades`."""

    model_config = ConfigDict(extra="forbid")

    models: str
    """Run directories, ONNX files or folders of them, with commas between; at these paths on every machine."""
    replicas: int = Field(2, ge=1)
    """Processes that hold every model."""
    processors: float = Field(1, gt=0)
    """That Ray sets aside for each, and threads that it computes with."""
    gpus: float = Field(0, ge=0)
    """Likewise."""
    device: str = "auto"
    precision: str = "auto"
    max_waiting: int = Field(MAX_WAITING, ge=0)
    """Pictures that may wait for a model."""
    max_megapixels: float = Field(16, gt=0)
    max_result_megapixels: float = Field(64, gt=0)
    deadline: float = Field(300, gt=0)
    """Seconds that a picture may take."""
    api_key_file: Path | None = None
    """One of the keys in it has to be sent; without it, only by this machine's own names is anything answered."""
    allow_host: str = ""
    """Further names to answer to, with commas between."""


def application(arguments: Options | Mapping[str, str]) -> serve.Application:
    """The application of these options, which `serve run` gives as it reads them.

    Raises RequestError and ModelFileError for what is not to be had, and pydantic's ValidationError (a ValueError).
    """
    options = arguments if isinstance(arguments, Options) else Options.model_validate(dict(arguments))
    models = [Path(name) for name in _listed(options.models)]
    keys = read_keys(options.api_key_file) if options.api_key_file is not None else []
    Host(models)  # what cannot be read is said now
    hosts = set(_listed(options.allow_host)) | (set() if keys else set(LOOPBACK))

    def built() -> Any:
        """The HTTP server, in the replica that is to be it."""
        name = serve.get_replica_context().app_name
        remote = Remote(serve.get_deployment_handle(REPLICAS, name))
        return create_app(
            Host(models, opening=lambda path: cast(Engine, RemoteEngine(path, remote))),
            max_bytes=MAX_BYTES,
            max_pixels=options.max_megapixels * 1e6,
            max_result_pixels=options.max_result_megapixels * 1e6,
            max_waiting=options.max_waiting,
            deadline=options.deadline,
            hosts=hosts or None,
            keys=keys,
        )

    threads = max(1, int(options.processors))
    replicas = serve.deployment(
        Replica,
        name=REPLICAS,
        num_replicas=options.replicas,
        max_ongoing_requests=options.max_waiting + 1,
        ray_actor_options={"num_cpus": options.processors, "num_gpus": options.gpus},
        health_check_period_s=2,
        graceful_shutdown_timeout_s=options.deadline,
    ).bind([str(path) for path in models], options.device, options.precision, threads)
    doors = serve.deployment(
        serve.ingress(built)(_Doors),
        name="Doors",
        max_ongoing_requests=1000,  # who is let in is decided inside
        ray_actor_options={"num_cpus": 0},
    )
    return doors.bind(replicas)


class _Doors:
    """Has the replicas started before it."""

    def __init__(self, replicas: Any) -> None:
        self.replicas = replicas


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
