"""`i2i serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .choices import devices


@app.command()
def serve(
    models: Annotated[list[Path], typer.Argument(help="Run directories, ONNX files, or folders of them.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 7860,
    device: Annotated[str, typer.Option(help=f"{devices()}.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16; auto keeps deep pictures in fp32.")] = "auto",
    max_megapixels: Annotated[float, typer.Option(help="Largest picture that is sent.", min=0.01)] = 16,
    max_result_megapixels: Annotated[float, typer.Option(help="Largest result of super-resolution.", min=0.01)] = 64,
    max_megabytes: Annotated[float, typer.Option(help="Largest upload.", min=0.01)] = 32,
    max_waiting: Annotated[int, typer.Option(help="Pictures that may wait for a model.", min=0)] = 32,
    deadline: Annotated[float, typer.Option(help="Seconds that a picture may take, with its waiting.", min=0.1)] = 300,
    batch_wait: Annotated[
        float, typer.Option(help="Milliseconds that a picture waits for others of its size.", min=0, max=1000)
    ] = 0,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Answer to this name too; repeatable.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Let pages of this site use the server; repeatable.")
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask for one of the keys in it, one a line.")
    ] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open-to-all", help="No keys, though other machines reach the address.")
    ] = False,
    metrics_port: Annotated[
        int | None, typer.Option(metavar="N", help="Prometheus metrics, on a port of their own.")
    ] = None,
    access_log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A line of JSON for each request; - is standard output.")
    ] = None,
    grpc_port: Annotated[
        int | None, typer.Option(metavar="N", help="The Open Inference Protocol by gRPC, on a port of its own.")
    ] = None,
    batches: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take batches of pictures, and keep them in this file for a day."),
    ] = None,
    batches_megabytes: Annotated[float, typer.Option(help="Room for all batches.", min=1)] = 1000,
    max_memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Of models and pictures together, as in 4GB. [default: 3/4 of what is free]"),
    ] = None,
    unload_after: Annotated[
        float, typer.Option(help="Seconds without a request until a model is unloaded.", min=0)
    ] = 900,
    watch: Annotated[
        bool, typer.Option("--watch", help="Read the models again when they change, as SIGHUP does.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes that share the port.", min=1, max=64)] = 1,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="Prefix that a proxy serves it under, as in /i2i.")
    ] = "",
) -> None:
    """Open the page and the HTTP API on one port.

    \b
    i2i serve runs/facades
    curl --data-binary @sketch.png http://127.0.0.1:7860/v1/translate > photo.png
    """
    from ..serving import serve as run
    from ..serving.inference.memory import parse_memory

    run(
        models,
        host=host,
        port=port,
        device=device,
        precision=precision,
        max_pixels=max_megapixels * 1e6,
        max_result_pixels=max_result_megapixels * 1e6,
        max_bytes=int(max_megabytes * 2**20),
        max_waiting=max_waiting,
        deadline=deadline,
        batch_wait=batch_wait / 1000,
        allow_host=allow_host or (),
        allow_origin=allow_origin or (),
        api_key_file=api_key_file,
        open_to_all=open_to_all,
        root_path=root_path,
        metrics_port=metrics_port,
        access_log=access_log,
        grpc_port=grpc_port,
        batches=batches,
        batches_quota=batches_megabytes * 1e6,
        max_memory=parse_memory(max_memory, "--max-memory"),
        unload_after=unload_after,
        watch=watch,
        workers=workers,
    )
