"""What DiscoGAN finds that plain GANs do not: `python -m benchmarks.experiments.discogan_relations [--images N]`.

Arrows and lollipops that share a hidden angle (`i2i data sample shapes`) are trained on without pairs, as in the
paper's experiment with cars (Kim et al., 2017, section 4.1): by DiscoGAN, by a GAN that reconstructs one of the two
domains, and by plain GANs, alike in everything else. The exported translators turn test arrows into lollipops, whose
angles are read off and laid against the true ones. Writes docs/images/relations.png and the table of docs/unpaired.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from i2i.datasets.synthetic.samples import SAMPLES
from i2i.datasets.synthetic.shapes import read_truth, shape_angle
from i2i.files import write_atomically
from i2i.images.decode import read_picture
from i2i.serving import Engine, resolve_model
from i2i.training.run_directory import Run
from i2i.workflows.request import Request
from i2i.workflows.train import train_run

from ..command import end_with
from ..results import ROOT, Results, facts, put_between_marks, where_measured

PAGE = ROOT / "docs" / "unpaired.md"
PICTURE = ROOT / "docs" / "images" / "relations.png"
MARK = "<!-- measured: written by python -m benchmarks.experiments.discogan_relations -->"

VARIANTS = {
    "DiscoGAN": "both",
    "GAN with reconstruction of A": "a",
    "plain GANs": "none",
}
"""Heading -> `reconstruct`."""
SETTINGS = {
    "generator": {"width": 16},
    "discriminator": {"width": 16},
    "gan": {"feature_matching": 0},  # it keeps plain GANs from collapsing too
    "curriculum": 0,
    "rate": 0.9,  # as the authors have it for pose
}
"""Beside the defaults, those of the authors' code."""
COUNT, SHOWN, PLOT = 2000, 8, 256
WAYS = {"a2b": ("A", "b"), "b2a": ("B", "a")}
"""Direction -> folder of what goes in, domain of what comes out."""

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Way:
    """What the translator of one direction made of the test pictures."""

    true: Floats
    """Angles of what went in, in degrees."""
    read: Floats
    """Angles of what came out."""
    pictures: list[npt.NDArray[np.uint8]]
    """The first few: input above output."""

    @property
    def r(self) -> float:
        """Pearson's correlation; its sign is arbitrary, for a mirrored relation is as good a relation."""
        return float(np.corrcoef(self.true, self.read)[0, 1])


@dataclasses.dataclass(frozen=True)
class Found:
    """What one variant came to after so many images, by seed."""

    name: str
    images: int
    runs: list[dict[str, Way]]
    minutes: float
    """Of training, on average."""

    def rs(self, way: str) -> list[float]:
        """The correlations of a direction."""
        return [run[way].r for run in self.runs]

    @property
    def worst(self) -> dict[str, Way]:
        """The run whose weaker direction is the weakest."""
        return min(self.runs, key=lambda run: min(abs(way.r) for way in run.values()))


def measure(name: str, data: Path, folder: Path, images: int, seeds: int) -> Found | None:
    """Train (or go on) and look; None when training was stopped by a signal."""
    runs, minutes = [], []
    for seed in range(seeds):
        run = folder / f"{VARIANTS[name]}-{images}-{seed}"
        flags = {"images": images, "seed": seed}
        assignments = {**SETTINGS, "reconstruct": VARIANTS[name]}
        if train_run(Request("discogan", data, run, flags=flags, assignments=assignments)) is not None:
            return None
        runs.append({way: look(Engine(resolve_model(run, way)), data, *WAYS[way]) for way in WAYS})
        minutes.append(Run(run).records()[-1]["seconds"] / 60)
    return Found(name, images, runs, sum(minutes) / len(minutes))


def look(translate: Engine, data: Path, folder: str, domain: str) -> Way:
    """Translate the test pictures of a folder, and read the angles in what comes out."""
    truth = read_truth(data)
    read, shown = [], []
    for stem in truth:
        given = read_picture(data / f"test{folder}" / f"{stem}.png").pixels
        made = translate(given)
        read.append(shape_angle(made, domain))
        shown.append(np.concatenate([given, made]))
    return Way(np.array(list(truth.values())), np.array(read), shown[:SHOWN])


def draw(found: list[Found]) -> Image.Image:
    """A column a variant: of its worst run the angles that came out over those that went in, and some pictures."""
    font, gap, head = ImageFont.load_default(13), 24, 40
    strip = 2 * PLOT // SHOWN
    sheet = Image.new("RGB", (len(found) * (PLOT + gap) + gap, head + PLOT + gap + strip + gap), "white")
    pen = ImageDraw.Draw(sheet)
    for column, one in enumerate(found):
        left, worst = gap + column * (PLOT + gap), one.worst
        direction = min(worst, key=lambda key: abs(worst[key].r))
        way = worst[direction]
        said = f"{one.name}\n{'A to B' if direction == 'a2b' else 'B to A'}, r = {way.r:+.3f}"
        pen.text((left, 6), said, "black", font, spacing=2)
        plot(pen, left, head, way)
        row = Image.fromarray(np.concatenate(way.pictures, axis=1)).resize((PLOT, strip), Image.Resampling.LANCZOS)
        sheet.paste(row, (left, head + PLOT + gap // 2))
    return sheet


def plot(pen: ImageDraw.ImageDraw, left: int, top: int, way: Way) -> None:
    """Dots in a square of PLOT pixels: -90 to 90 degrees, what went in to the right, what came out upwards."""
    middle = PLOT / 2
    pen.rectangle((left, top, left + PLOT, top + PLOT), outline="#999")
    pen.line((left, top + middle, left + PLOT, top + middle), "#ddd")
    pen.line((left + middle, top, left + middle, top + PLOT), "#ddd")
    for true, read in zip(way.true, way.read, strict=True):
        x, y = left + (true / 90 + 1) * middle, top + (1 - read / 90) * middle
        pen.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill="#2563a8")


def table(found: list[Found], environment: Results) -> str:
    """The figures and where they come from, as Markdown."""
    lines = [
        "| | images | r, A to B | r, B to A | least standard deviation of the angles found | minutes each |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        there, back = (", ".join(f"{r:+.3f}" for r in one.rs(way)) for way in WAYS)
        spread = min(way.read.std() for run in one.runs for way in run.values())
        lines.append(f"| {one.name} | {one.images:,} | {there} | {back} | {spread:.0f}° | {one.minutes:.1f} |")
    lines.append(f"| the truth | | ±1 | ±1 | {found[0].worst['a2b'].true.std():.0f}° | |")
    return "\n".join(lines) + "\n\n" + where_measured(environment)


def main() -> int:
    """Train what is not trained yet, measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments.discogan_relations", description=__doc__)
    parser.add_argument(
        "--images", type=int, nargs="+", default=[30_000, 80_000], help="lengths of the runs, in images"
    )
    parser.add_argument("--seeds", type=int, default=2, help="runs of each, of seeds 0 and on (%(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("runs/relations"), help="where the runs lie (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, not into the documentation")
    asked = parser.parse_args()
    command = " ".join(["python -m benchmarks.experiments.discogan_relations", *sys.argv[1:]])
    environment = facts(command)
    data = SAMPLES["shapes"].write(asked.runs / "shapes", COUNT, 64, 0)
    found = []
    for images, name in itertools.product(asked.images, VARIANTS):
        print(f"\n{name}, {images} images", flush=True)
        one = measure(name, data, asked.runs, images, asked.seeds)
        if one is None:
            return 130
        found.append(one)
    print(table(found, environment))
    if asked.json:
        rows = [
            {"reconstruct": VARIANTS[f.name], "images": f.images, "r": {way: f.rs(way) for way in WAYS}} for f in found
        ]
        write_atomically(asked.json, json.dumps(rows, indent=1).encode())
    else:
        draw(found[: len(VARIANTS)]).save(PICTURE)
        put_between_marks(PAGE, MARK, table(found, environment))
        print(f"Written: {PICTURE}, {PAGE}")
    return 0


if __name__ == "__main__":
    end_with(main)
