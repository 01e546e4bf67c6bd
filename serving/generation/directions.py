"""Directions of a file: ways through its w, or its latent, that have names.

They lie beside the model as JSON, for people to edit: `digits.directions.json` of `digits.onnx`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...card import Card
from ...errors import ModelFileError
from ...files import write_atomically

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]

SUFFIX = ".directions.json"
MOST = 64
"""Directions of a file."""
LARGEST = 1e6
"""What no number of a vector is beyond."""


@dataclasses.dataclass(frozen=True)
class Direction:
    """One way."""

    name: str
    """As `--with direction.NAME=2` has it; anything without `=`."""
    port: str
    """Which input moves along it: the file's `w`, or its latent."""
    vector: tuple[float, ...]
    """What a step of 1 adds: one standard deviation along it. Of a w that of every layer."""
    share: float = 0.0
    """Of the variance, 0 to 1: of w, of early features, or of the pictures' pixels."""
    layers: tuple[int, int] | None = None
    """Of a w: from which layer on, and before which one it ends; None is all of them."""

    def add(self, arrays: dict[str, Array], steps: float) -> None:
        """Go so many steps along it, from where `arrays` are."""
        held = arrays[self.port]
        step = steps * np.asarray(self.vector, np.float32)
        moved = held.copy()
        first, end = self.layers or (0, held.shape[1])
        if held.ndim == 3:
            moved[:, first:end] += step
        else:
            moved += step.reshape(held.shape[1:])
        arrays[self.port] = moved


def place_of(model: Path) -> Path:
    """Where the directions of a model lie."""
    return model.with_name(model.stem + SUFFIX)


def read_directions(model: Path, sha256: str) -> tuple[Direction, ...]:
    """Those that lie beside the model; none where there is no file, or where it is of another model.

    Raises ModelFileError on a file that says no directions.
    """
    place = place_of(model)
    try:
        told = json.loads(place.read_text("utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{place} cannot be read ({error}). Mend it, or make it again: i2i directions --overwrite"
        ) from error
    try:
        if told["sha256"] != sha256:
            return ()
        found = tuple(_direction(row) for row in told["directions"][:MOST])
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(
            f"{place} says no directions ({type(error).__name__}: {error}). Mend it, or make it again: i2i directions "
            "--overwrite"
        ) from error
    if len({direction.name for direction in found}) < len(found):
        raise ModelFileError(f"Two directions in {place} have the same name. Give one of them another.")
    return found


def check_directions(found: Sequence[Direction], card: Card, model: Path) -> None:
    """Raises ModelFileError on one that does not fit the model's ports."""
    ports = {port.name: port for port in card.inputs if port.kind in ("state", "latent")}
    for each in found:
        port = ports.get(each.port)
        style = port is not None and port.kind == "state" and len(port.shape) == 2
        shape = () if port is None else port.shape[1:] if style else port.shape
        first, end = each.layers or (0, 1)
        in_range = not style or 0 <= first < end <= (0 if port is None else port.shape[0] or 0)
        if port is None or len(each.vector) != math.prod(side or 0 for side in shape) or not in_range:
            raise ModelFileError(
                f"{place_of(model)}: the direction {each.name!r} does not fit {model.name}. Mend it, or make it again: "
                "i2i directions --overwrite"
            )


def write_directions(model: Path, sha256: str, directions: tuple[Direction, ...], **about: Any) -> Path:
    """Write the file; gives its place. Raises StorageError."""
    place = place_of(model)
    rows = [{**dataclasses.asdict(each), "vector": [float(f"{x:.6g}") for x in each.vector]} for each in directions]
    told = {"about": "Give them names: i2i generate --with direction.NAME=2", "sha256": sha256, **about}
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    head = json.dumps(told, ensure_ascii=False, indent=1)[:-2]
    write_atomically(place, f'{head},\n "directions": [\n{lines}\n ]\n}}\n'.encode())
    return place


def _direction(row: dict[str, Any]) -> Direction:
    layers = row.get("layers")
    if layers is not None and (len(layers) != 2 or not all(type(layer) is int for layer in layers)):
        raise ValueError(f"layers are two whole numbers, not {layers!r}")
    vector, share = tuple(float(x) for x in row["vector"]), float(row.get("share", 0))
    name, port = row["name"], row["port"]
    if not isinstance(name, str) or not name or "=" in name or not isinstance(port, str):
        raise ValueError(f"a name is a text without '=', not {name!r}")
    if not all(abs(x) <= LARGEST for x in (*vector, share)):  # nor what is no number
        raise ValueError(f"the vector of {name!r}, or its share, has values that are no numbers, or beyond {LARGEST:g}")
    return Direction(name, port, vector, share, None if layers is None else (layers[0], layers[1]))
