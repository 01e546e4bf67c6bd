"""Finding the picture that goes in and the one that comes out of a foreign graph, and what it insists on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from ...errors import ModelFileError, RequestError, UnknownNameError, first_line
from ..runtime.boundary import sides_of
from .foreign import (
    CHANNELS,
    FIRST_SIZES,
    LAYOUTS,
    SIDES,
    TYPES,
    Foreign,
    Side,
    attempt,
    example_for,
    open_quietly,
)


def open_foreign(model: onnx.ModelProto, path: Path, output: str | None = None) -> Foreign:
    """The network in `model`; `output` names the picture among several outputs.

    Raises ModelFileError, saying what it is instead, when it is not a network that takes one picture and gives one.
    """
    entry = _picture_input(model, path)
    dims = sides_of(entry.type.tensor_type)
    freed = _freed(model)
    for each, sizes in ((freed, FIRST_SIZES), (model, ())):
        session = _session(each, path)
        for side, size in _candidates(entry, dims, sizes):
            for batch in dict.fromkeys((1, dims[0] or 1)):
                picture = example_for(side, size)
                outputs = [o.name for o in session.get_outputs()] if output is None else [output]
                answers = {name: attempt(session, side, picture, name, batch) for name in outputs}
                if all(answer is None for answer in answers.values()):
                    continue
                out = _picture_output(answers, each, side, size, path, output)
                others = [name for name in answers if name != out.name]
                chosen = f"without {', '.join(map(repr, others))}" if others else None
                found = Foreign(each, session, side, out, chosen, batch if batch > 1 else None, None, size)
                return _with_limits(found, dims)
    raise ModelFileError(_refusal(session, entry, dims, path))


def _picture_input(model: onnx.ModelProto, path: Path) -> onnx.ValueInfoProto:
    inputs = list(model.graph.input)
    if len(inputs) != 1:
        names = ", ".join(repr(each.name) for each in inputs) or "nothing"
        raise ModelFileError(
            f"{path} takes {len(inputs)} inputs ({names}); i2i adopts networks that take one picture. Export it with "
            "the others as constants."
        )
    (entry,) = inputs
    tensor = entry.type.tensor_type
    rank = len(tensor.shape.dim)
    if tensor.elem_type not in TYPES or rank != 4:
        kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        raise ModelFileError(
            f"{path} is no image-to-image network: its input {entry.name!r} has {rank} axes of type {kind}, where a "
            "picture has 4 (batch, channels, height, width) of float, float16, double or uint8."
        )
    return entry


def _freed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same with a free batch and free sides, as far as that stands in its declarations alone."""
    free = onnx.ModelProto()
    free.CopyFrom(model)
    del free.graph.value_info[:]
    (entry,) = free.graph.input
    for axis, dim in enumerate(entry.type.tensor_type.shape.dim):
        if axis == 0 or dim.dim_value not in (1, 2, 3, 4):
            dim.dim_param = f"free_{axis}"
    for each in free.graph.output:
        each.type.tensor_type.ClearField("shape")
    return free


def _session(model: onnx.ModelProto, path: Path) -> ort.InferenceSession:
    try:
        return open_quietly(model)
    except Exception as error:  # ONNX Runtime's own classes
        raise ModelFileError(f"{path}: ONNX Runtime cannot load it ({first_line(error)}). Export it again.") from error


def _candidates(
    entry: onnx.ValueInfoProto, dims: Sequence[int | None], sizes: Sequence[tuple[int, int]]
) -> Iterator[tuple[Side, tuple[int, int]]]:
    """Ways to read the input that its declaration leaves open, each with a height and width to try."""
    kind = entry.type.tensor_type.elem_type
    ways = []
    for layout in LAYOUTS:
        axis = layout.index("C")
        ways += [(layout, count) for count in CHANNELS if dims[axis] in (count, None)]
        if dims[axis] in (2, 4):
            ways.append((layout, int(dims[axis] or 0)))
    for layout, channels in sorted(ways, key=lambda way: dims[way[0].index("C")] is None):
        fixed = tuple(dims[layout.index(axis)] for axis in "HW")
        first = [] if None in fixed else [(int(fixed[0] or 0), int(fixed[1] or 0))]
        for size in (*first, *sizes):
            yield Side(entry.name, kind, layout, channels), size


def _picture_output(
    answers: dict[str, npt.NDArray[Any] | None],
    model: onnx.ModelProto,
    into: Side,
    size: tuple[int, int],
    path: Path,
    told: str | None,
) -> Side:
    """Which output is a picture; raises ModelFileError when none is, RequestError when several are."""
    types = {each.name: each.type.tensor_type.elem_type for each in model.graph.output}
    if told is not None and told not in types:
        raise UnknownNameError("output", told, types)
    found = []
    for name, answer in answers.items():
        layout = None if answer is None else _layout_of(answer, into, size)
        if layout is not None and answer is not None and types[name] in TYPES:
            found.append(Side(name, types[name], layout, answer.shape[layout.index("C")]))
    if len(found) == 1:
        picture = answers[found[0].name]
        if picture is not None and not np.isfinite(picture).all():
            raise ModelFileError(
                f"{path} answers a picture with values that are no numbers, so its weights are likely damaged. Copy, "
                "download or export it again."
            )
        return found[0]
    shapes = ", ".join(f"{name!r} {tuple(a.shape)}" for name, a in answers.items() if a is not None)
    if found:
        raise RequestError(f"{path} gives {len(found)} pictures: {shapes}. Say which with --output NAME.")
    raise ModelFileError(
        f"{path} is no image-to-image network: for a picture of {size[1]}x{size[0]} pixels it gives {shapes}"
        ". That is numbers about the picture, or maps of more than 4 channels, and no picture."
    )


def _layout_of(answer: npt.NDArray[Any], into: Side, size: tuple[int, int]) -> str | None:
    """The layout in which the answer is a picture, the input's own first; None when it is none."""
    if answer.ndim != 4:
        return None
    for layout in (into.layout, *(each for each in LAYOUTS if each != into.layout)):
        sides = [answer.shape[layout.index(axis)] for axis in "HW"]
        if answer.shape[layout.index("C")] in (1, 2, 3, 4) and all(
            given >= max(side // 2, 5) for given, side in zip(sides, size, strict=True)
        ):
            return layout
    return None


def _with_limits(found: Foreign, dims: Sequence[int | None]) -> Foreign:
    """The same with what the graph insists on: one size, one batch."""
    height, width = found.works_at
    fixed = None not in (dims[found.into.layout.index("H")], dims[found.into.layout.index("W")])
    others = [(side, side) for side in SIDES if (side, side) != found.works_at]
    if not fixed and all(found.run(example_for(found.into, size)) is None for size in others):
        found = dataclasses.replace(found, size=found.works_at)
    others = [(height * 2, width * 2), (height * 2, width * 3)]
    if fixed and not (all(_grows(found, size) for size in others) and _same_repeated(found)):
        found = dataclasses.replace(found, size=found.works_at)
    picture = example_for(found.into, found.works_at)
    two = attempt(found.session, found.into, np.concatenate([picture, picture[..., ::-1]]), found.out.name)
    one = attempt(found.session, found.into, picture, found.out.name)
    if (
        one is None
        or two is None
        or len(two) != 2
        or not np.allclose(two[:1], one, atol=1e-3 * (1 + np.abs(one).max()))
    ):
        found = dataclasses.replace(found, batch=found.batch or 1)
    return found


def _grows(found: Foreign, size: tuple[int, int]) -> bool:
    """Whether a larger picture gives a larger one in the same proportion."""
    before, after = found.run(example_for(found.into, found.works_at)), found.run(example_for(found.into, size))
    if before is None or after is None:
        return False
    more = [(a - b) / (new - old) for a, b, new, old in zip(
        after.shape[2:], before.shape[2:], size, found.works_at, strict=True)]  # fmt: skip
    return bool(min(more) >= 1 and more[0] == more[1])


def _same_repeated(found: Foreign) -> bool:
    """Whether a picture and four of it side by side give the same, by and large.

    They do not where the number of pixels stands in the graph as a constant, as of a sum that becomes a mean.
    """
    picture = example_for(found.into, found.works_at)
    once, repeated = found.run(picture), found.run(np.tile(picture, (1, 1, 2, 2)))
    if once is None or repeated is None:
        return False
    height, width = once.shape[2:]
    middle = slice(height // 4, -(-3 * height // 4)), slice(width // 4, -(-3 * width // 4))
    before, after = once[:, :, *middle], repeated[:, :, *middle]
    spread = max(float(before.std()), 1e-6)
    return bool(abs(before.mean() - after.mean()) < 0.5 * spread and 0.5 < (after.std() + 1e-6) / spread < 2)


def _refusal(session: ort.InferenceSession, entry: onnx.ValueInfoProto, dims: Sequence[int | None], path: Path) -> str:
    """Why nothing runs, in the runtime's words."""
    shape = ", ".join("free" if dim is None else str(dim) for dim in dims)
    try:
        sizes = [dim or (1 if axis == 0 else 3 if axis == 1 else 256) for axis, dim in enumerate(dims)]
        session.run(None, {entry.name: np.zeros(sizes, TYPES[entry.type.tensor_type.elem_type])})
        said = "none of the sizes that were tried"
    except Exception as error:  # ONNX Runtime's own classes
        said = first_line(error)
    return (
        f"{path} is no image-to-image network, or one of a kind that i2i does not know: its input {entry.name!r} "
        f"({shape}) took no picture of 1 or 3 channels ({said}). Export it with the input (batch, 3, height, width)."
    )
