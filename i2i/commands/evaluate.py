"""`i2i evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from .app import app
from .choices import devices, metrics
from .choices import features as known_features

if TYPE_CHECKING:
    from ..workflows.scoring.evaluate import Scores


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="Run directory, ONNX file, or folder of pictures to score.")],
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder of pairs, of two domains with the same scenes in test, or of HR pictures; of real pictures "
            "where two folders, or pictures from noise, are scored."
        ),
    ],
    split: Annotated[str | None, typer.Option(help="train, val or test; by default test, else val.")] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            help=f"all, or names with commas between, of {metrics()}; by default l1,psnr,ssim, and for "
            "super-resolution and restoration psnr_y,ssim_y,psnr,ssim,lpips."
        ),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the CSV and the contact sheet.")] = None,
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, where a run has two; by default a2b.")] = None,
    native: Annotated[bool, typer.Option(help="At the pictures' own size, not the trained one.")] = False,
    bicubic: Annotated[
        bool,
        typer.Option("--bicubic", help="Make LR inputs by bicubic reduction, without the degradation of training."),
    ] = False,
    a: Annotated[str | None, typer.Option(help="Name of the folder of side A.")] = None,
    b: Annotated[str | None, typer.Option(help="Name of the folder of side B.")] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Self-ensemble: the mean of eight flips and turns, in 8 times.")
    ] = False,
    back: Annotated[
        Path | None, typer.Option(help="Translator of the other direction, for cycle; of a run, its own.")
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(help=f"What metrics of sets are measured on: {known_features()}, or a file of one's weights."),
    ] = None,
    copies_of: Annotated[
        str | None,
        typer.Option(help="Search outputs in these training pictures: a folder, or train for those of DATA."),
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="Pictures from noise that are scored; by default 1000.", min=1)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Their seed; by default 0.", min=0)] = None,
    truncation: Annotated[float | None, typer.Option(help="Their truncation, as i2i generate has it.")] = None,
    classifier: Annotated[
        Path | None,
        typer.Option(
            help="ONNX or TorchScript file that tells DATA's class folders apart, and so which classes pictures from "
            "noise show."
        ),
    ] = None,
    lpips_weights: Annotated[
        Path | None, typer.Option(help="SqueezeNet's weights, for lpips and the path length.")
    ] = None,
    lpips_heads: Annotated[Path | None, typer.Option(help="The heads of LPIPS for SqueezeNet.")] = None,
    device: Annotated[str, typer.Option(help=f"{devices()}.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16; auto keeps deep pictures in fp32.")] = "auto",
) -> None:
    """Score a translator on pairs, beside baselines: the input itself, and the best lookup by colour.

    In a folder of unpaired pictures, those of one split that have one name in both domains are pairs; colour transfers
    take the place of the lookup. Super-resolution is scored on whole HR pictures, with LR inputs by bicubic reduction
    or by the degradation of its training, or on LR and HR folders; beside bicubic enlargement. Writes scores.csv (a
    line a picture) and sheet.png (the worst, median and best) into OUT. What makes pictures from noise is scored by
    metrics of sets, by class where it has any, and by the smoothness of the way from one picture to another; points and
    volumes as sets of numbers.

    \b
    i2i evaluate runs/facades facades --split test --json scores.json
    i2i evaluate generated/ photos/val --features squeezenet1_1.pth
    i2i evaluate generated/ photos/val --copies-of photos/train
    i2i evaluate runs/seasons seasons --metrics swd,cycle,identity,frechet,precision,recall
    i2i evaluate runs/digits mnist --count 2000 --classifier digits_classifier.onnx
    i2i evaluate runs/x4 Set14 --lpips-weights squeezenet1_1.pth --lpips-heads squeeze.pth
    """
    from ..serving import Engine, resolve_model
    from ..serving.runtime.model_file import read_card
    from ..workflows.scoring.evaluate import Scoring, score
    from ..workflows.scoring.folders import is_of_pictures, score_folders

    named = None if metrics is None else tuple(m.strip() for m in metrics.split(",") if m.strip())
    files = (lpips_weights, lpips_heads)
    sampling = {"count": count, "seed": seed, "truncation": truncation, "classifier": classifier}
    asked = [name for name, value in sampling.items() if value is not None]
    if is_of_pictures(model):
        _refuse(asked, "two folders")
        folder = out or model.resolve().with_name(f"{model.resolve().name}-evaluation")
        scores = score_folders(model, data, named, files, features, folder, typer.echo, copies_of)
        _tell(scores, folder, json_file, model, data)
    path = resolve_model(model, direction)
    if read_card(path).image is None:
        others = {"native": native, "bicubic": bicubic, "ensemble": ensemble, "back": back, "a": a, "b": b}
        _refuse(
            [name for name, value in others.items() if value], "a model that makes pictures from noise", "translators"
        )
        from ..serving.generation.generator import Generator
        from ..workflows.scoring.generated import Sampling, score_generator

        wanted = Sampling(1000 if count is None else count, seed or 0, truncation, classifier)
        generator = Generator(path, device=device, precision="fp32" if precision == "auto" else precision)
        typer.echo(f"Scoring {path.name}, which makes pictures from noise. {generator.reason}")
        scoring = Scoring(data, split, named, a, b, native, bicubic, files, features, copies_of)
        folder = out or (model / "evaluation" if model.is_dir() else path.with_name(f"{path.stem}-evaluation"))
        scores = score_generator(generator, scoring, wanted, folder, typer.echo)
        if out is None:
            (folder / "scores.csv").unlink(missing_ok=True)  # of an evaluation before; there are no figures by picture
        _tell(scores, folder, json_file, model, data)
    _refuse(asked, "a translator")
    engine = Engine(path, device=device, precision=precision, ensemble=ensemble)
    typer.echo(f"Scoring {path.name}: {engine.card.source} to {engine.card.target}. {engine.reason}")
    scoring = Scoring(data, split, named, a, b, native, bicubic, files, features, copies_of)
    inside = "evaluation-b2a" if path.stem == "b2a" else "evaluation"
    folder = out or (model / inside if model.is_dir() else path.with_name(f"{path.stem}-evaluation"))
    other = back or (path.with_name(OTHER[path.stem]) if path.stem in OTHER else None)
    if other is not None and (not other.is_file() or not {"cycle", "all"} & {*(named or ())}):
        other = None
    scores = score(engine, scoring, folder, typer.echo, Engine(other, device=device) if other else None)
    _tell(scores, folder, json_file, model, data)


OTHER = {"a2b": "b2a.onnx", "b2a": "a2b.onnx"}
"""The file beside a translator that leads back."""


def _refuse(asked: list[str], scored: str, for_: str = "models that make pictures from noise") -> None:
    """Raises RequestError for options of another kind of model than the one that is scored."""
    from ..errors import RequestError

    if asked:
        raise RequestError(f"--{asked[0]} is for {for_}, and here is {scored}.")


def _tell(scores: Scores, folder: Path, json_file: Path | None, model: Path, data: Path) -> NoReturn:
    """Print the figures and write their files; the exit status is 1 when a picture was left out."""
    from ..files import write_atomically
    from ..workflows.scoring.evaluate import table

    typer.echo(table(scores))
    for file in (folder / "scores.json", *([json_file] if json_file is not None else [])):  # the first for i2i compare
        write_atomically(file, json.dumps(scores.result.to_dict(str(model), str(data)), indent=1).encode())
    for file, shows in ((folder / "scores.csv", "By picture"), (folder / "sheet.png", scores.sheet)):
        if file.is_file():
            typer.echo(f"{shows}: {file}")
    for reason in scores.broken:
        typer.echo(f"Left out: {reason}", err=True)
    raise typer.Exit(1 if scores.broken else 0)
