"""A foreign network as something that can be asked: pictures of any size in, the picture that it gives out.

At this boundary pictures are float32 NCHW, in the file's own range and order of channels; its layout, its type and
its fixed batch are seen to here.
"""

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
from ...probes import Floats, probe_picture
from ..runtime.boundary import sides_of

TYPES: dict[int, Any] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.FLOAT16: np.float16,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.UINT8: np.uint8,
}
"""Elements that a picture may have at the boundary of a foreign file."""
LAYOUTS = ("NCHW", "NHWC")
CHANNELS = (3, 1)
"""Tried in this order where the file does not say."""
FIRST_SIZES = (
    (32, 64),
    (64, 128),
    (128, 256),
    (256, 512),
    (48, 48),
    (64, 64),
    (96, 96),
    (128, 128),
    (224, 224),
    (256, 256),
    (512, 512),
)
"""(height, width) at which a file that fixes no size is first run."""
SIDES = (32, 48, 64, 96, 128, 224, 256, 512)
"""Sides that most networks take, in pixels."""


@dataclasses.dataclass(frozen=True)
class Side:
    """The picture that goes in, or the one that comes out, as the foreign graph has it."""

    name: str
    type: int
    """A key of TYPES."""
    layout: str
    channels: int


@dataclasses.dataclass(frozen=True)
class Foreign:
    """A network that takes one picture and gives one."""

    model: onnx.ModelProto
    """With sides that are free where the graph allows it."""
    session: ort.InferenceSession
    into: Side
    out: Side
    chosen: str | None
    """What was passed over for `out` among several outputs, in words; None where there is one."""
    batch: int | None
    """What the graph insists on; None: any."""
    size: tuple[int, int] | None
    """Likewise, height and width."""
    works_at: tuple[int, int]
    """A height and width at which it is known to run."""

    def run(self, pictures: Floats) -> Floats | None:
        """(1, C, H, W) in the file's range -> (1, C', H', W') likewise; None where it does not run at this size."""
        answer = attempt(self.session, self.into, pictures, self.out.name, self.batch or 1)
        if answer is None or answer.ndim != 4:
            return None
        return np.ascontiguousarray(as_nchw(answer[:1].astype(np.float32), self.out.layout))


def attempt(
    session: ort.InferenceSession, into: Side, pictures: Floats, output: str, batch: int = 1
) -> npt.NDArray[Any] | None:
    """What the output gives, untouched; None when the runtime refuses."""
    values = pictures if into.layout == "NCHW" else pictures.transpose(0, 2, 3, 1)
    kind = TYPES[into.type]
    if kind is np.uint8:
        values = np.clip(np.rint(values), 0, 255)
    feed = np.ascontiguousarray(np.repeat(values, batch, axis=0) if batch > 1 else values).astype(kind)
    try:
        answer: npt.NDArray[Any] = session.run([output], {into.name: feed})[0]
    except Exception:  # ONNX Runtime's own classes; that a size is refused is what probing is for
        return None
    return answer if isinstance(answer, np.ndarray) else None


def as_nchw(array: npt.NDArray[Any], layout: str) -> npt.NDArray[Any]:
    """(N, C, H, W) of either layout."""
    return array if layout == "NCHW" else array.transpose(0, 3, 1, 2)


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
                picture = _picture(side, size)
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


def open_quietly(model: onnx.ModelProto) -> ort.InferenceSession:
    """A session on the plain provider that prints nothing; raises ONNX Runtime's own classes."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(
        model.SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
        enable_fallback=0,  # to the same provider, with a banner on standard output
    )


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


def _picture(side: Side, size: tuple[int, int]) -> Floats:
    scale = 255 if TYPES[side.type] is np.uint8 else 1
    picture: Floats = probe_picture(side.channels, *size, 0) * np.float32(scale)
    return picture


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
    if not fixed and all(found.run(_picture(found.into, size)) is None for size in others):
        found = dataclasses.replace(found, size=found.works_at)
    others = [(height * 2, width * 2), (height * 2, width * 3)]
    if fixed and not (all(_grows(found, size) for size in others) and _same_repeated(found)):
        found = dataclasses.replace(found, size=found.works_at)
    picture = _picture(found.into, found.works_at)
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
    before, after = found.run(_picture(found.into, found.works_at)), found.run(_picture(found.into, size))
    if before is None or after is None:
        return False
    more = [(a - b) / (new - old) for a, b, new, old in zip(
        after.shape[2:], before.shape[2:], size, found.works_at, strict=True)]  # fmt: skip
    return bool(min(more) >= 1 and more[0] == more[1])


def _same_repeated(found: Foreign) -> bool:
    """Whether a picture and four of it side by side give the same, by and large.

    They do not where the number of pixels stands in the graph as a constant, as of a sum that becomes a mean.
    """
    picture = _picture(found.into, found.works_at)
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
