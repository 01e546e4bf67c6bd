"""`i2i study`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..app import app
from ..choices import devices


@app.command()
def study(
    model: Annotated[
        Path | None, typer.Argument(help="Run directory, ONNX file, or folder of pictures that it made.")
    ] = None,
    data: Annotated[
        Path | None, typer.Argument(help="Folder to translate, as for i2i evaluate; or real pictures.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another model, or folder of its pictures, to compare MODEL with.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the study; the same command again goes on with it.")] = Path(
        "study"
    ),
    results: Annotated[bool, typer.Option("--results", help="Say what the votes in --out give, and stop.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="With --results: write them to this file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="With --results: write every vote to this file.")] = None,
    trials: Annotated[int, typer.Option(help="Pairs that each rater judges.", min=1)] = 40,
    practice: Annotated[
        int | None, typer.Option(help="Pairs before, with feedback; 10 of real or fake, else 2.", min=0)
    ] = None,
    checks: Annotated[
        int, typer.Option(help="Obvious pairs among them; who misses more than a quarter is left out.", min=0)
    ] = 4,
    seconds: Annotated[
        float | None,
        typer.Option(help="How long pictures are seen; 0: until the answer. 1 of real or fake, else 0.", min=0),
    ] = None,
    question: Annotated[str | None, typer.Option(help="What raters are asked.")] = None,
    pictures: Annotated[int, typer.Option(help="The most pictures that are taken of DATA.", min=2)] = 200,
    split: Annotated[str | None, typer.Option(help="train, val or test; by default test, else val.")] = None,
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, where a run has two; by default a2b.")] = None,
    seed: Annotated[int, typer.Option(help="Of order and sides.", min=0)] = 0,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 7870,
    device: Annotated[str, typer.Option(help=f"{devices()}.")] = "auto",
) -> None:
    """Let people judge whether they can tell MODEL's pictures from real ones, or which of two models they prefer.

    Opens a page on which each rater sees pairs of pictures. Votes are kept in OUT, raters come back to where they were,
    and --results gives the rate with an interval in which raters and pictures both vary.

    \b
    i2i study runs/facades photos/facades
    i2i study runs/wide photos/facades --against runs/plain --out preference
    i2i study generated real --host 0.0.0.0
    i2i study --results --json fooled.json
    """
    from ...errors import RequestError
    from ...files import write_atomically

    if results:
        from ...study.design import VOTES, read_design
        from ...study.results import results as results_of
        from ...study.results import to_csv
        from ...study.votes import Votes

        design = read_design(out)
        given = Votes(out / VOTES).all()
        found = results_of(design, given)
        typer.echo(f"{found.sentence()}\n{found.who()}")
        if json_file is not None:
            write_atomically(json_file, json.dumps(found.to_dict(), indent=1).encode())
        if csv is not None:
            write_atomically(csv, to_csv(design, given).encode("utf-8", "replace"))
        return
    if model is None or data is None:
        raise RequestError("A study needs MODEL and DATA, as in i2i study runs/facades photos/facades.")
    from ...study.serve import serve_study
    from ...workflows.study import Asked, prepare

    asked = Asked(
        model, data, against, split, direction, device, question, trials, practice, checks, seconds, pictures, seed
    )
    prepare(asked, out, typer.echo)
    serve_study(out, host, port, typer.echo)
