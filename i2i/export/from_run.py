"""From a run directory to its ONNX files: which checkpoint, which generators, and the facts for the card."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..card import SUPERVISION, Card
from ..errors import RunError, require
from ..hardware.system import versions
from ..methods import METHODS, Method
from ..methods.config import TrainConfig
from ..ports import Port, translator_ports
from ..training import checkpoint
from ..training.run_directory import Run
from .onnx_file import export_onnx

CHECKPOINTS = ("last", "best")
PRECISIONS = ("fp32", "fp16")
DIRECTIONS = ("a2b", "b2a")
SUPERVISION_OF_DATA = {"paired": "paired", "unpaired": "unpaired", "superres": "degraded", "single": "unlabelled"}
"""What a method learns from, by the kind of its data."""


def export_run(
    run: Run,
    which: str = "last",
    *,
    direction: str | None = None,
    out: Path | None = None,
    precision: str = "fp32",
    say: Callable[[str], object] = lambda _: None,
) -> list[Path]:
    """Write the run's generators as ONNX files, into the run or to `out`, and give their paths.

    `which` is `last` or `best`; where that is damaged it is the one before, which `say` is told. Raises RunError when
    the run has no such checkpoint, or `out` cannot name several files; ExportError when a file differs from its
    network.
    """
    require("checkpoint", which, CHECKPOINTS)
    require("precision", precision, PRECISIONS)
    if direction is not None:
        require("direction", direction, DIRECTIONS)
    kind = run.method()
    require("method", kind, METHODS)
    config = run.config(METHODS[kind].Config)
    method = METHODS[kind]
    path, images = _checkpoint(run, which, say)
    generators, names = method.generators(config), method.exported_weights(config)
    checkpoint.load_networks(path, {names[stem]: network for stem, network in generators.items()})

    stems = [s for s in generators if direction is None or s in ("model", direction)]
    if not stems:
        raise RunError(f"{run.path} has no direction {direction!r}; it has {', '.join(generators)}.")
    if out is not None and len(stems) > 1:
        raise RunError(f"{run.path} has {len(stems)} generators; say which with --direction a2b or b2a.")
    written = []
    for stem in stems:
        path = out or run.path / f"{stem}.onnx"
        card = _card(run, config, method, stem, images)
        export_onnx(generators[stem], path, card, precision)
        written.append(path)
    return written


def _checkpoint(run: Run, which: str, say: Callable[[str], object]) -> tuple[Path, int]:
    """The folder of the weights, and the images that they have seen."""
    if which == "best":
        best, damaged = run.best(), run.best_damage()
        path, images = (best[0], int(best[1]["images"])) if best else (None, 0)
        told = [f"{damaged} The best one before is taken."] if damaged and best else []
    else:
        path, told = run.newest_whole()
        images = int(path.name) if path else 0
    for sentence in told:
        say(sentence)
    if path is None:
        raise RunError(f"{run.path} has no whole {which} checkpoint yet. Train it on with i2i train, then export.")
    return path, images


def _card(run: Run, config: TrainConfig, method: type[Method], stem: str, images: int) -> Card:
    facts = run.environment().get("data", {})
    a, b = (*facts.get("domains", ()), facts.get("a", "a"), facts.get("b", "b"))[:2]
    names = (str(a), str(b))
    channels = config.data.channels_of("a", "b")
    if (config.direction == "b2a") != (stem == "b2a"):
        names, channels = names[::-1], channels[::-1]
    ports = method.file_ports(config, stem)
    if ports is None:
        ports = translator_ports(*channels)
        ports["inputs"] = (*ports["inputs"], *_extra_ports(method, facts))
    else:
        data = Path(config.data.path).resolve()
        names = "noise", data.stem if data.is_file() else data.name
    return Card(
        name=slug(run.path.resolve().name) + ("" if stem == "model" else f"-{stem}"),
        method=config.method,
        supervision=SUPERVISION_OF_DATA.get(method.data_kind, SUPERVISION.get(config.method, "unknown")),
        task=method.task(config),
        source=names[0],
        target=names[1],
        **ports,
        tiling="global",
        training={
            "images": images,
            "size": config.size,
            "direction": stem if stem in DIRECTIONS else config.direction,
            "seed": config.seed,
            "held_out": facts.get("held_out", []),
            "stretch": config.data.stretch,
            "interpolation": config.data.interpolation,
            "pictures": facts.get("counts", {}).get("train"),
            "fingerprint": facts.get("fingerprint"),
            "precision": run.environment().get("precision"),
            "packages": versions(),
            **method.card_facts(config),
        },
        metrics=_figures(run, images),
        licence=config.licence,
    )


def _extra_ports(method: type[Method], facts: Mapping[str, Any]) -> tuple[Port, ...]:
    """The method's ports beside the picture; a label without choices has the names of the data's domains."""
    domains = tuple(str(name) for name in facts.get("domains", ()))
    return tuple(
        dataclasses.replace(port, choices=domains) if port.kind == "label" and not port.choices else port
        for port in method.ports
    )


def slug(name: str) -> str:
    """The name for lists and URLs: letters, digits, '-', '_' and '.' alone."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-") or "model"


def _figures(run: Run, images: int) -> dict[str, float]:
    """The validation figures nearest before `images`."""
    found: dict[str, float] = {}
    for record in run.records():
        if record["images"] <= images:
            found.update({k: v for k, v in record.items() if k.startswith("val_")})
    return found
