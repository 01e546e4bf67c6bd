"""From somebody's ONNX file to one of i2i's: what it takes is found out, bridged in the graph, and proved."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

import onnx
import onnxruntime as ort

from ...card import CARD_KEY, Card
from ...errors import ModelFileError, RequestError, first_line, require
from ...files import write_atomically
from ...hardware.system import versions
from ...ports import Port, picture_port
from ...probes import Arrays, golden_probe
from ...tail import end_in_convolution
from ..runtime.boundary import sides_of
from .bridge import Bridge, bridged
from .declared import RANGES, channel_order
from .finding import ASSUMED, DECLARED, GIVEN, PROBED, Finding
from .foreign import Foreign, open_quietly
from .opening import open_foreign
from .proof import parity
from .ranges import Ranges, find_ranges
from .reading import read_foreign
from .sizes import Sizes, find_sizes
from .tiling import find_tiling

ORDERS = {"rgb": "red first", "bgr": "blue first", "y": "luma alone"}
"""What the channels of a picture can be."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
    """What the user says of a file; None is found out."""

    input_range: str | None = None
    """A key of RANGES."""
    scale: int | None = None
    channels: str | None = None
    """One of ORDERS."""
    output: str | None = None
    """Which of several outputs is the picture."""
    name: str | None = None
    """Short name for lists and URLs; else that of the file to write."""
    licence: str = "unspecified"


@dataclasses.dataclass(frozen=True)
class Adopted:
    """What came of it."""

    card: Card
    findings: list[Finding]


def adopt(path: Path, out: Path, told: Told | None = None) -> Adopted:
    """Write the network in `path` as `out`, with a card and a golden probe.

    Raises ModelFileError on what is no image-to-image network of standard operations, RequestError when something has
    to be told (its sentence names the option), ExportError when both files disagree, StorageError on a full disk;
    nothing is written then.
    """
    told = told or Told()
    if told.input_range is not None:
        require("range", told.input_range, RANGES)
    if told.channels is not None:
        require("order of channels", told.channels, ORDERS)
    if told.scale is not None and told.scale < 1:
        raise RequestError(f"--scale is a whole number from 1 on, not {told.scale}.")
    if out.is_dir() or out.resolve() == path.resolve():
        raise RequestError(f"{out} cannot be written as the adopted file. Name a new file, such as model.onnx.")
    model = read_foreign(path)
    foreign = open_foreign(model, path, told.output)
    sizes = find_sizes(foreign, path, told.scale)
    ranges = find_ranges(foreign, sizes, path, told.input_range)
    order, how = _order(foreign, ranges, sizes, told.channels, path)
    bridge = Bridge(sizes, ranges.into, ranges.out, order)
    made = bridged(foreign, bridge)
    end_in_convolution(made)
    session = _session(made, path)
    card = _card(foreign, bridge, ranges, told, path, out)
    card, tiling = find_tiling(made, session, card)
    card = dataclasses.replace(card, parity={"translation": parity(foreign, bridge, session, _sizes(card))})
    findings = [*_about(model, foreign, sizes, bridge, told), *ranges.findings, how, tiling]
    card = _with_probe(card, session)
    entry = made.metadata_props.add()
    entry.key, entry.value = CARD_KEY, card.to_json()
    write_atomically(out, made.SerializeToString())
    return Adopted(card, findings)


def _session(made: onnx.ModelProto, path: Path) -> ort.InferenceSession:
    try:
        onnx.checker.check_model(made)
        return open_quietly(made)
    except Exception as error:  # of ONNX's and ONNX Runtime's own
        said = first_line(error)
        raise ModelFileError(f"{path} cannot be brought into i2i's form ({said}). Export it again.") from error


def _order(foreign: Foreign, ranges: Ranges, sizes: Sizes, told: str | None, path: Path) -> tuple[str, Finding]:
    """`rgb`, `bgr` or `y`, and how it is known."""
    count = foreign.into.channels
    if told == "y" and count != 1:
        raise RequestError(f"{path} takes {count} channels, so it does not run on luma alone. Leave out --channels y.")
    if told in ("rgb", "bgr") and count == 1:
        raise RequestError(f"{path} takes one channel, so there is no order. Leave out --channels {told}.")
    if told is not None:
        return told, Finding("channels", told, GIVEN)
    if count == 1:
        if foreign.out.channels == 1 and (sizes.scale > 1 or ranges.keeps):
            return "y", Finding("channels", "y", ASSUMED, "one channel that keeps the content: luma; colour is carried")
        return "rgb", Finding("channels", "grey", PROBED)
    said = channel_order(foreign.model)
    if said is not None and said[0] in ("rgb", "bgr"):
        return said[0], Finding("channels", said[0], DECLARED, said[1])
    return "rgb", Finding("channels", "rgb", ASSUMED, "as most are; --channels bgr says otherwise")


def _card(foreign: Foreign, bridge: Bridge, ranges: Ranges, told: Told, path: Path, out: Path) -> Card:
    sizes = bridge.sizes
    least = max(sizes.smallest - 2 * bridge.pad, bridge.pad + 1, 1)
    facts = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    keeps = sizes.scale > 1 or ranges.keeps
    return Card(
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", told.name or out.stem).strip("-.") or "model",
        method="adopted",
        supervision="unknown",
        task="super-resolution" if sizes.scale > 1 else "restoration" if keeps else "translation",
        source="low resolution" if sizes.scale > 1 else "pictures",
        target="high resolution" if sizes.scale > 1 else "pictures",
        inputs=(_port("image", bridge.channels(foreign.into), bridge.fixed(foreign)),),
        outputs=(_port("translation", bridge.channels(foreign.out), bridge.fixed(foreign), sizes.scale),),
        scale=sizes.scale,
        multiple=sizes.multiple,
        smallest=-(-least // sizes.multiple) * sizes.multiple,
        tiling="global",
        training={"adopted": facts, "packages": versions()},
        licence=told.licence,
    )


def _port(name: str, channels: int, size: tuple[int, int] | None, scale: int = 1) -> Port:
    port = picture_port(name, channels)
    sides = (None, None) if size is None else (size[0] * scale, size[1] * scale)
    return dataclasses.replace(port, shape=(channels, *sides))


def _sizes(card: Card) -> list[tuple[int, int]]:
    """Sizes at which both files are compared."""
    if card.fixed_size is not None:
        return [card.fixed_size] * 2
    units = [card.multiple * -(-max(side, card.smallest) // card.multiple) for side in (2, 48, 96, 150)]
    return [(units[0], units[0]), (units[1], units[2]), (units[3], units[1])]


def _about(model: onnx.ModelProto, foreign: Foreign, sizes: Sizes, bridge: Bridge, told: Told) -> list[Finding]:
    """The rows on shape and size."""
    dims = sides_of(model.graph.input[0].type.tensor_type)
    kind = onnx.TensorProto.DataType.Name(foreign.into.type).lower()
    layout = Finding("layout", f"{foreign.into.layout}, {kind}", DECLARED if any(dims) else PROBED)
    rows = [layout]
    if any(entry.key == CARD_KEY for entry in model.metadata_props):
        rows.insert(0, Finding("card", "a new one", DECLARED, "the file had one of i2i's, which is left out"))
    if foreign.chosen is not None or told.output is not None:
        rows.append(Finding("output", foreign.out.name, GIVEN if told.output else PROBED, foreign.chosen or ""))
    any_size = f"any multiple of {sizes.multiple}" if sizes.multiple > 1 else "any"
    sides = [dims[foreign.into.layout.index(axis)] for axis in "HW"]
    if foreign.size is not None:
        rows.append(Finding("size", f"{foreign.size[1]}x{foreign.size[0]} alone", PROBED))
    elif None not in sides:
        was = f"the file says {sides[1]}x{sides[0]}, its graph takes any"
        rows.append(Finding("size", any_size, PROBED, was))
    else:
        rows.append(Finding("size", any_size, PROBED))
    if foreign.size is None:
        rows.append(Finding("smallest", f"{sizes.smallest} a side", PROBED))
    rows.append(Finding("scale", str(sizes.scale), GIVEN if told.scale and foreign.size else PROBED))
    if sizes.cut:
        each = sizes.cut / 2
        why = f"gives {sizes.cut} pixels {'less' if sizes.cut > 0 else 'more'} than {sizes.scale} times the side"
        rows.append(
            Finding("border", f"{each:g} pixels at each side", PROBED, f"{why}; {bridge.pad} are reflected before")
        )
    if foreign.batch is not None:
        rows.append(Finding("batch", str(foreign.batch), PROBED, "pictures go one by one"))
    return rows


def _with_probe(card: Card, session: ort.InferenceSession) -> Card:
    def run(arrays: Arrays) -> Arrays:
        return {"translation": session.run(["translation"], dict(arrays))[0]}

    side = card.multiple * -(-max(32, card.smallest) // card.multiple)
    return dataclasses.replace(card, probe=golden_probe(run, card, *(card.fixed_size or (side, side))))
