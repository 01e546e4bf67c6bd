"""How the sessions of a file that makes pictures from noise are opened."""

from __future__ import annotations

import contextlib
import dataclasses
import functools

import onnx
import onnx.utils

from ...card import Card
from ...errors import ProviderError
from ..inference.opened import ModelFile
from ..runtime import nvidia
from ..runtime.providers import Running


def opened_file(file: ModelFile, precision: str, raw: bytes) -> tuple[ModelFile, Running]:
    """The file as it is run: of what `auto` may be, by CUDA or else the plain CPU provider.

    That gives a picture the same bytes alone and in batches. OpenVINO promises no such thing, and one by one took 1.2
    times (DCGAN of 128 pixels) to 4 times (32 pixels) as long on two cores. Raises what `open_session` raises.
    """
    if file.device != "auto":
        return file, file.open(precision, raw)
    on = functools.partial(ModelFile, file.path, file.card, file.sha256, threads=file.threads)
    if nvidia.missing(0) is None:
        with contextlib.suppress(ProviderError):
            return on("cuda"), on("cuda").open(precision, raw)
    running = on("cpu").open(precision, raw)
    return on("cpu"), dataclasses.replace(running, reason=f"Plain CPU in {running.precision}.")


def mapping_of(raw: bytes, card: Card, output: str) -> bytes:
    """The part of the graph that gives one output, w say, with all of the file's inputs.

    ONNX Runtime computes the whole graph whatever is asked of it: of a StyleGAN2 of 32 pixels that took 6.4 ms a w
    instead of 0.2, its drawing included.
    """
    part = onnx.utils.Extractor(onnx.ModelProto.FromString(raw)).extract_model(
        [port.name for port in card.inputs], [output]
    )
    cut: bytes = part.SerializeToString()
    return cut
