"""How the sessions of a file that makes pictures from noise are opened, and of which part of its graph."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math

import onnx
import onnx.shape_inference
import onnx.utils

from ...card import Card
from ...errors import ProviderError
from ..inference.opened import ModelFile
from ..runtime import nvidia
from ..runtime.providers import Running
from .picks import latents_of


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


def part_of(raw: bytes, card: Card, tensor: str) -> bytes:
    """The part of the graph that gives one of its tensors, w or a map inside, with all of the file's inputs.

    ONNX Runtime computes the whole graph whatever is asked of it: of a StyleGAN2 of 32 pixels that took 6.4 ms a w
    instead of 0.2, its drawing included.
    """
    whole = onnx.ModelProto.FromString(raw)
    if tensor not in {given.name for given in whole.graph.output}:
        whole = with_shapes(raw)  # an output has a type and a shape
    part = onnx.utils.Extractor(whole).extract_model([port.name for port in card.inputs], [tensor])
    cut: bytes = part.SerializeToString()
    return cut


def with_shapes(raw: bytes) -> onnx.ModelProto:
    """The graph with types and shapes of the tensors inside, as far as they can be known."""
    return onnx.shape_inference.infer_shapes(onnx.ModelProto.FromString(raw), data_prop=True)


def first_map(raw: bytes, card: Card) -> tuple[str, tuple[int, ...]] | None:
    """Name and shape (C, H, W), of volumes (C, D, H, W), of the first map that follows from the latent; None where the
    graph has none (a perceptron's first map is the picture itself).

    A map's sides are those of the sample halved once or more, rounded up: attention's tensors have as many axes, and
    are no maps.
    """
    sample = card.outputs[0]
    sides = tuple(side or 0 for side in (sample.shape if sample.kind == "volume" else sample.shape[1:]))
    halved = {tuple(-(-side // 2**times) for side in sides) for times in range(1, max(sides, default=0).bit_length())}
    graph = with_shapes(raw).graph
    shapes = {value.name: _shape(value) for value in graph.value_info}
    moved = {latents_of(card)[0].name}
    for node in graph.node:
        if moved & set(node.input):
            moved |= set(node.output)
            for name in node.output:
                shape = shapes.get(name, ())
                if shape[1:] in halved and math.prod(shape[1:]) > 1:
                    return name, shape
    return None


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """Without the axis of the pictures; 0 where a side is not known."""
    return tuple(side.dim_value for side in value.type.tensor_type.shape.dim[1:])
