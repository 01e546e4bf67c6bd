"""A model card in words."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

from ..card import Card
from ..hardware.system import available_threads
from ..serving.generation.directions import read_directions
from ..serving.inference.controls import Setting, settings_of

TILING = {
    "local": "convolutions alone, so a large picture can be cut into tiles",
    "global": "normalises with statistics of the whole picture, so tiles would differ from the whole",
    "unsafe": "must not be cut into tiles",
}


def run_here(path: Path) -> str:
    """What became of running the model once, on the provider that computes as ONNX says.

    Raises ModelFileError and ProviderError when it does not give what its card promises.
    """
    from ..serving.inference.opened import ModelFile
    from ..serving.runtime.model_file import read_model

    raw, card = read_model(path)
    ModelFile(path, card, hashlib.sha256(raw).hexdigest(), "cpu", available_threads()).open("fp32", raw)
    shown = "its golden probe came out as it should" if card.probe else "a small picture came out as the card promises"
    return f"yes, on the plain CPU: {shown}"


def describe(path: Path, card: Card, ran: str = "no; i2i info MODEL --check does") -> str:
    """The card for people: a line a fact; `ran` is what run_here says."""
    training = card.training
    size = f"any; padded to multiples of {card.multiple} and cropped back" if card.multiple > 1 else "any"
    if card.fixed_size is not None:
        height, width = card.fixed_size
        size = f"{width}x{height} pixels alone; " + (
            "larger pictures go in pieces" if card.tiling == "local" else "smaller ones are padded and cropped back"
        )
    if card.image is None:
        sides = card.outputs[0].shape
        of_kind = {"point": "a point of the plane", "volume": f"{'x'.join(map(str, sides))} voxels"}
        size = of_kind.get(card.outputs[0].kind) or f"{sides[2]}x{sides[1]} pixels"
    field = f"; an output pixel sees {card.receptive_field} pixels a side" if card.receptive_field else ""
    lines = [
        ("Model", f"{card.name} ({card.method}, {card.task})"),
        ("File", f"{path}, {path.stat().st_size / 2**20:.1f} MB"),
        _does(card),
        *((("Takes" if n == 0 else ""), _setting(setting)) for n, setting in enumerate(settings_of(card).values())),
        *_directions(path, card),
        ("Size", size + (f"; enlarges {card.scale} times" if card.scale > 1 else "")),
        *([] if card.image is None else [("Tiles", TILING[card.tiling] + field)]),
        ("Trained", _training(training)),
        ("Scores", ", ".join(f"{name} {value:.4g}" for name, value in card.metrics.items()) or "none recorded"),
        ("Checked", _parity(card)),
        (
            "Probe",
            "golden probe inside; every session proves itself with it"
            if card.probe
            else "none, so it is tried on a small picture when it is used",
        ),
        ("Run here", ran),
        ("Licence", card.licence),
        ("Made with", ", ".join(f"{k} {v}" for k, v in training.get("packages", {}).items()) or "unknown"),
    ]
    return "\n".join(f"{name + ':' if name else '':<11} {text}" for name, text in lines)


def _does(card: Card) -> tuple[str, str]:
    if card.image is None:
        return "Makes", f"{card.target} ({card.output_meaning}) from {_latents(card)}"
    return "Translates", f"{card.source} ({card.input_meaning}) to {card.target} ({card.output_meaning})"


def _latents(card: Card) -> str:
    """`100 numbers from N(0, 1)`."""
    drawn = {"normal": "N(0, 1)", "uniform": "U(-1, 1)"}
    latents = [port for port in card.inputs if port.kind == "latent"]
    counts = [math.prod(side or 0 for side in port.shape) for port in latents]
    return " and ".join(f"{n:,} numbers from {drawn[port.prior]}" for n, port in zip(counts, latents, strict=True))


def _directions(path: Path, card: Card) -> list[tuple[str, str]]:
    """Those that lie beside a file that makes pictures from noise."""
    if card.image is not None:
        return []
    names = [each.name for each in read_directions(path, hashlib.sha256(path.read_bytes()).hexdigest())]
    if not names:
        return [("", f"directions: none yet; i2i directions {path.name} finds some")]
    return [("", f"--with direction.NAME=…: steps along {', '.join(names)} (0 unless given)")]


def _setting(setting: Setting) -> str:
    """`label=NAME: summer, winter (summer unless given)`."""
    if setting.kind == "choice":
        may_be = ", ".join(setting.choices)
    elif setting.kind == "whole":
        may_be = "a whole number"
    else:
        may_be = f"{setting.low:g} to {setting.high:g}"
    shown = setting.default if setting.kind == "choice" else f"{setting.default:g}"
    return f"--with {setting.name}=…: {may_be} ({shown} unless given)"


def _training(facts: dict[str, object]) -> str:
    imported = facts.get("imported")
    if isinstance(imported, dict):
        return f"elsewhere; imported from {imported.get('file')}, a {imported.get('network')}"
    adopted = facts.get("adopted")
    if isinstance(adopted, dict):
        return f"elsewhere; adopted from {adopted.get('file')}"
    if "images" not in facts:
        return "unknown"
    text = f"{facts['images']} images shown"
    text += f" of {facts['pictures']} pictures" if facts.get("pictures") else ""
    text += f" at {facts['size']} pixels" if facts.get("size") else ""
    text += f", seed {facts['seed']}" if "seed" in facts else ""
    return text + (f", data {str(facts['fingerprint'])[:12]}" if facts.get("fingerprint") else "")


def _parity(card: Card) -> str:
    if card.worst_parity is None:
        return "not against torch"
    sizes = dict.fromkeys(size for figures in card.parity.values() for size in figures)
    what = "the adopted file" if "adopted" in card.training else "torch"
    return f"differs from {what} by at most {card.worst_parity:.1e} at {', '.join(sizes)} (n x height x width)"
