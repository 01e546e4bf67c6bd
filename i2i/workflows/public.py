"""What `import i2i` offers beside `Engine` and `export`: training, evaluation and conversion as functions."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..evaluation.evaluate import Evaluation
    from ..serving import ConversionReport, Engine
    from ..training.run_directory import Run


def train(
    method: str,
    data: str | Path,
    *,
    run: str | Path,
    preset: str | None = None,
    config: str | Path | None = None,
    say: Callable[[str], object] | None = print,
    progress: Callable[[dict[str, Any]], object] | None = None,
    **settings: Any,
) -> Run:
    """Train, or go on training, into the folder `run`, export the result, and give the run.

    `method` is a key of METHODS, `data` a folder of pictures; `settings` are those of docs/training.md, groups as
    dicts. `say` gets the sentences that the command prints, `progress` each line of the log as a dict; without it,
    progress goes to stderr. Raises what the request deserves (errors.py), KeyboardInterrupt when it was stopped: all is
    saved then, and the same call goes on.

    >>> run = i2i.train("pix2pix", "photos/facades", run="runs/facades", size=64, images=200, generator={"width": 16})
    >>> run.path
    PosixPath('runs/facades')
    """
    from ..settings import merge
    from ..training.run_directory import Run as RunDirectory
    from .request import Request
    from .train import train_run

    request = Request(
        method, Path(data), Path(run), preset, None if config is None else Path(config), assignments=merge({}, settings)
    )
    stopped_by = train_run(request, _saying(say), progress)
    if stopped_by == signal.SIGINT:
        raise KeyboardInterrupt
    if stopped_by is not None:
        raise SystemExit(128 + stopped_by)
    return RunDirectory(Path(run))


def evaluate(
    model: str | Path | Run | Engine,
    data: str | Path,
    *,
    metrics: Sequence[str] | None = None,
    split: str | None = None,
    native: bool = False,
    out: str | Path | None = None,
    say: Callable[[str], object] | None = None,
    count: int | None = None,
    seed: int | None = None,
    truncation: float | None = None,
    classifier: str | Path | None = None,
) -> Evaluation:
    """Score a model on a folder, beside baselines; `out` is a folder for the CSV and the contact sheet.

    Of what makes pictures from noise, `count` pictures of `seed` are scored (1,000 of seed 0 unless given), with their
    `truncation`; `classifier` is an ONNX or TorchScript file that tells the folder's classes apart.

    `model` is a run, its folder, an ONNX file or an engine. `metrics` are keys of METRICS or `all`, by default those of
    the kind of model; `split` is `train`, `val` or `test`; `native` scores whole pictures at their own size. `say` gets
    what is good to know, such as pictures left out. Raises what the folder or a name deserves.

    >>> result = i2i.evaluate("runs/facades", "photos/facades", metrics=["l1", "ssim"])
    >>> result.value("l1"), result.interval("l1"), result.value("l1", "input")
    """
    from ..errors import RequestError
    from .scoring.evaluate import Scoring, score

    named = None if metrics is None else tuple(metrics)
    of_noise = {"count": count, "seed": seed, "truncation": truncation, "classifier": classifier and Path(classifier)}
    asked: dict[str, Any] = {name: value for name, value in of_noise.items() if value is not None}
    if asked.get("count", 1) < 1 or asked.get("seed", 0) < 0:
        raise RequestError(f"count begins at 1 and seed at 0; here are {asked}.")
    scoring, folder = Scoring(Path(data), split, named, native=native), None if out is None else Path(out)
    if (path := _from_noise(model)) is not None:
        if native:
            raise RequestError("native is for translators, and here is a model that makes pictures from noise.")
        from ..serving.generation.generator import Generator
        from .scoring.generated import Sampling, score_generator

        scores = score_generator(Generator(path), scoring, Sampling(**asked), folder, _saying(say))
    else:
        if asked:
            raise RequestError(f"{next(iter(asked))} is for models that make pictures from noise; this one translates.")
        scores = score(_engine(model), scoring, folder, _saying(say))
    for reason in scores.broken:
        _saying(say)(f"Left out: {reason}", err=True)
    return scores.result


def convert(
    model: str | Path | Run | Engine,
    source: str | Path,
    target: str | Path,
    *,
    existing: str = "skip",
    format: str = "keep",
    quality: int | None = None,
    controls: Mapping[str, object] | None = None,
) -> ConversionReport:
    """Translate every picture below `source` into `target`: same tree, same names.

    `model` may name several, with commas: each takes what the one before gives. `existing` is a key of EXISTING,
    `format` one of FORMATS or `keep`, `quality` 1 to 100. A broken picture does not stop the rest: the report lists it.
    Raises RequestError when the request makes no sense.

    >>> report = i2i.convert("runs/facades", "sketches", "out", format="jpg", quality=92)
    >>> report.counts
    {'written': 3, 'skipped': 0, 'failed': 0, 'planned': 0}
    """
    from ..serving import convert_folder
    from ..serving.inference.chain import open_models

    engine = open_models(model) if isinstance(model, str | Path) else _engine(model)
    options: dict[str, Any] = {"existing": existing, "format": format, "quality": quality}
    return convert_folder(engine, Path(source), Path(target), **options, controls=controls or {})


def _from_noise(model: str | Path | Run | Engine) -> Path | None:
    """The file, if it makes pictures from noise."""
    from ..serving import Engine as Loaded
    from ..serving import resolve_model
    from ..serving.runtime.model_file import read_card

    if isinstance(model, Loaded):
        return None
    path = resolve_model(Path(model if isinstance(model, str | Path) else model.path))
    return path if read_card(path).image is None else None


def _engine(model: str | Path | Run | Engine) -> Engine:
    from ..serving import Engine as Loaded
    from ..serving import resolve_model

    if isinstance(model, Loaded):
        return model
    path = model if isinstance(model, str | Path) else model.path
    return Loaded(resolve_model(Path(path)))


def _saying(say: Callable[[str], object] | None) -> Any:
    """A plain function of one text as the workflows call it."""

    def said(text: str, /, *, err: bool = False) -> None:  # noqa: ARG001
        if say is not None:
            say(text)

    return said
