"""What `i2i demo` does: pairs, a training as long as the time allows, conversion of a folder, scores."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

import torch

from ..datasets.layouts.holdout import hold_out
from ..datasets.layouts.paired import find_pairs
from ..datasets.streams.paired import PairedPictures
from ..datasets.synthetic.samples import SAMPLES
from ..errors import PictureError
from ..evaluation.evaluate import Evaluation
from ..files import write_atomically
from ..hardware.device import place
from ..images.decode import read_header
from ..images.encode import encode
from ..images.image import Picture, to_uint8
from ..methods import METHODS
from ..serving import Engine, convert_folder, resolve_model
from ..training.run_directory import Run
from .conversion_summary import Meter, summary
from .progress import Bar, Say, silent
from .request import Request, settings
from .scoring.evaluate import Scoring, score, table
from .train import train_run

SIZE, COUNT = 128, 600
"""Of the sample pairs: pixels a side, and training pairs."""
EXAMPLES = 8
LEAST, MOST = 1_200, 12_000
"""Images that a demo trains on, at least and at most."""
PROBING_SECONDS = 3
SETTINGS: dict[str, Any] = {
    "batch": 4,
    "generator": {"width": 32, "dropout": 0.0, "up": "resize"},
    "discriminator": {"width": 32},
    "optimizer": {"lr": 4e-4},
    "ema": {"images": 300},
}
"""A short run's: small networks at a high rate. `up` and `ema` keep a checkerboard out of a plain sky; docs/training.md
has what else was tried.
"""


def demo(data: Path | None, folder: Path, minutes: float, direction: str, say: Say = silent) -> int | None:
    """Run the demo into `folder`; gives the signal that stopped it, or None."""
    began = time.monotonic()
    pairs = data or _sample(folder.parent / "demo-data", say)
    size = _size(pairs)
    run = Run(folder)
    if run.exists:
        _make_way(run, pairs, direction, say)
    if run.exists:
        say(f"Going on with the demo in {folder}; to begin anew, remove that folder.")
    images = run.config(METHODS["pix2pix"].Config).images if run.exists else _affordable(size, minutes, say)
    flags = {"images": images, "direction": direction, "size": size}
    names = {} if data else {"data": {"a": "labels", "b": "buildings"}}
    stopped_by = train_run(Request("pix2pix", pairs, folder, flags=flags, assignments={**SETTINGS, **names}), say)
    if stopped_by is not None:
        return stopped_by

    engine = Engine(resolve_model(folder))
    say(f"\n{engine.reason}")
    channels = (engine.card.input_channels, engine.card.output_channels)
    _write_examples(pairs, folder / "examples", size, direction, channels)
    say("Converting a folder of held-out inputs ...")
    with Meter() as meter:
        converted = convert_folder(
            engine, folder / "examples", folder / "converted", existing="overwrite", progress=meter
        )
    say(summary(converted, dry_run=False))
    scores = score(engine, Scoring(pairs), folder / "evaluation")
    for reason in scores.broken:
        say(f"Left out: {reason}", err=True)
    say(table(scores))
    seconds = time.monotonic() - began
    _write_facts(folder / "demo.json", scores.result, seconds)
    say(_closing(folder, scores.result, seconds))
    return None


def _sample(out: Path, say: Say) -> Path:
    say("Painting sample pairs: label maps and the buildings they describe ...")
    with Bar("Painting", COUNT, "pairs") as bar:

        def painted(done: int, total: int) -> None:
            bar.total = total
            bar.update(done)

        SAMPLES["facades"].write(out, COUNT, SIZE, 0, painted)
    return out


def _make_way(run: Run, pairs: Path, direction: str, say: Say) -> None:
    """Move a demo on other pairs aside: nothing is lost, and the newest is always where the user looks."""
    config = run.config(METHODS["pix2pix"].Config)
    if Path(config.data.path).resolve() == pairs.resolve() and config.direction == direction:
        return
    aside = next(p for n in itertools.count(1) if not (p := run.path.with_name(f"{run.path.name}-{n}")).exists())
    run.path.rename(aside)
    say(f"The earlier demo, on {config.data.path}, is now in {aside}.")


def _size(pairs: Path) -> int:
    """The demo's size, or less where pictures are smaller: a multiple of 32."""
    smallest = SIZE
    for pair in find_pairs(pairs).splits.get("train", ()):
        try:
            header = read_header(pair.a)
        except PictureError:  # the scan will say it better
            continue
        smallest = min(smallest, header.width // (2 if pair.side_by_side else 1), header.height)
    return max(32, smallest // 32 * 32)


def _affordable(size: int, minutes: float, say: Say) -> int:
    """How many images this machine trains on in that time, by a few steps on noise."""
    request = Request("pix2pix", Path("noise"), Path(), flags={"size": size}, assignments=SETTINGS)
    config = settings(request)
    method_type = METHODS["pix2pix"]
    config = method_type.complete_config(config, COUNT)
    method = method_type.from_config(config, place())
    device = method.placement.device
    noise = torch.rand(config.batch, 3, config.size, config.size, device=device) * 2 - 1
    batch = {"a": noise, "b": noise.flip(0)}
    method.step(batch)
    started, steps = time.monotonic(), 0
    while time.monotonic() - started < PROBING_SECONDS or steps == 0:
        method.step(batch)["g_l1"].item()  # reading a value waits for the device
        steps += 1
    rate = steps * config.batch / (time.monotonic() - started)
    images = min(MOST, max(LEAST, int(rate * minutes * 60)))
    images -= images % config.batch
    say(f"About {rate:.0f} images/s here: training on {images} images in {images / rate / 60:.1f} minutes.")
    return images


def _write_examples(pairs: Path, out: Path, size: int, direction: str, channels: tuple[int, int]) -> None:
    """A few held-out inputs as pictures of their own, for conversion and for the page."""
    layout = hold_out(find_pairs(pairs))
    held_out = layout.splits.get("test") or layout.splits["val"]
    pictures = PairedPictures(held_out[:EXAMPLES], size=size, channels=channels, swap=direction == "b2a", cache_mb=0)
    for index, pair in enumerate(pictures.pairs):
        name = pair.name.replace("/", "-")
        middle = Picture(to_uint8((pictures.center_sample(index)["a"].transpose(1, 2, 0) + 1) / 2))
        format = "png" if middle.pixels.shape[2] in (1, 3) else "tiff"
        write_atomically(out / f"{name}.{format}", encode(middle, format))


def _write_facts(path: Path, result: Evaluation, seconds: float) -> None:
    facts = {
        "l1": result.value("l1"),
        "baselines": {name: result.value("l1", name) for name in result.baselines},
        "seconds": round(seconds, 1),
    }
    write_atomically(path, json.dumps(facts, indent=1).encode())


def _closing(folder: Path, result: Evaluation, seconds: float) -> str:
    ours = result.value("l1")
    better = min(result.value("l1", name) for name in result.baselines)
    names = {"input": "returning the input", "lookup": "the best lookup by colour"}
    lines = [
        "",
        f"Done in {seconds / 60:.1f} minutes. Error on {len(result.rows)} held-out pairs (mean absolute, 0 to 1):",
        f"  {'this translator':<28} {ours:.4f}",
        *(f"  {names[name]:<28} {result.value('l1', name):.4f}" for name in result.baselines),
        f"That is {1 - ours / better:.0%} below the better baseline.",
        "",
        f"Contact sheet: {folder / 'evaluation' / 'sheet.png'}   (input | output | truth)",
        f"Report:        {folder / 'report.html'}",
        f"Model:         {folder / 'model.onnx'}",
        f"Converted:     {folder / 'converted'}",
        "",
        "Next: make serve   (the page, with your translator in it)",
    ]
    return "\n".join(lines)
