"""Small systems from noise, trained on a folder of pictures and scored: a row each.

    .venv/bin/python -m benchmarks.from_noise mnist dcgan-small conditional-small --digits
    .venv/bin/python -m benchmarks.from_noise emoji r3gan-small stylegan2-small --features squeezenet1_1.npz

MIND and the other figures of sets are of 1,000 generated pictures (`--count`) against as many real ones at their size,
those of `test` or `val` where there are any, on pixels or on the features of `--features`. Minutes are those of
training, from the command to its end; what was trained and scored in `--out` is not again. With `--digits`, for folders
of handwritten digits: what a classifier of stated accuracy sees.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from ..memory import ROOT
from .digits import Judged, judged, trained

METRICS = ("mind", "frechet", "precision", "recall")


def i2i(*words: object) -> None:
    """Run a command of the project; its last words are the error's where it fails."""
    done = subprocess.run([sys.executable, "-m", "i2i", *map(str, words)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"i2i {words[0]} ended with status {done.returncode}: {done.stderr.strip()[-400:]}")


def row(preset: str, told: argparse.Namespace, out: Path) -> tuple[float, dict[str, float], Path]:
    """Minutes of training, the figures by name and the folder of generated pictures."""
    run, made, told_minutes = out / preset, out / f"{preset}-made", out / f"{preset}.minutes"
    if not told_minutes.exists():
        length = ("--images", told.images) if told.images else ()
        began = time.monotonic()
        i2i("train", "gan", told.data, "--run", run, "--preset", preset, "--no-forecast", *length)
        told_minutes.write_text(f"{(time.monotonic() - began) / 60:.1f}")
    i2i("generate", run, made, "--count", told.count, "--grid", out / f"{preset}.png")
    split = next((split for split in ("test", "val") if (told.data / split).is_dir()), "train")
    scores = out / f"{preset}.json"
    if not scores.exists():
        features = ("--features", told.features) if told.features else ("--features", "pixels")
        of = ("--split", split, "--count", told.count, "--metrics", ",".join(METRICS))
        i2i("evaluate", run, told.data, *of, *features, "--json", scores)
    figures = json.loads(scores.read_text())["metrics"]
    by_name = {name.partition("_")[0]: value for name, value in figures.items()}  # mind_pixels and so on
    return float(told_minutes.read_text()), by_name, made


def cells(minutes: float, figures: dict[str, float], seen: Judged | None) -> str:
    """The row's numbers."""
    numbers = [f"{minutes:.1f}", *(f"{figures[name]:.3g}" for name in METRICS)]
    if seen is not None:
        numbers += [str(seen.digits), f"{seen.sure:.3f}", "" if seen.right is None else f"{seen.right:.3f}"]
    return " | ".join(numbers)


def _same_options(told: argparse.Namespace) -> None:
    """Figures that lie in `--out` are of the options that they were made with."""
    asked = json.dumps({name: str(getattr(told, name)) for name in ("data", "images", "count", "features")}, indent=1)
    place = told.out / "options.json"
    if place.exists() and place.read_text() != asked:
        raise SystemExit(f"{told.out} holds rows of other options ({place.name}). Name another --out.")
    place.write_text(asked)


def main() -> None:
    """A row for each preset that is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.from_noise")
    parser.add_argument("data", type=Path)
    parser.add_argument("presets", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("runs/from-noise"))
    parser.add_argument("--images", type=int)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--features")
    parser.add_argument("--digits", action="store_true")
    told = parser.parse_args()
    told.data, told.out = told.data.resolve(), told.out.resolve()
    told.out.mkdir(parents=True, exist_ok=True)
    _same_options(told)
    net, accuracy = trained(told.data) if told.digits else (None, 0.0)
    head = ["preset", "minutes", *METRICS]
    if net is not None:
        print(f"The classifier is right on {accuracy:.2%} of the real pictures that it was not trained on.")
        head += ["digits", "sure", "as asked"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for preset in told.presets:
        minutes, figures, made = row(preset, told, told.out)
        print(f"| `{preset}` | {cells(minutes, figures, judged(net, made) if net is not None else None)} |", flush=True)


if __name__ == "__main__":
    main()
