"""What is asked for where a run is trained, declared once for the commands that do so, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .choices import methods

if TYPE_CHECKING:
    from ..workflows.request import Request

MethodName = Annotated[str, typer.Argument(help=f"What to train: {methods()}.")]
Data = Annotated[Path, typer.Argument(help="Folder of training pictures.")]


def sides(text: str) -> int | tuple[int, int]:
    """`128`, or `96x64`: width and height; raises BadParameter."""
    numbers = str(text).lower().split("x")
    if len(numbers) > 2 or not all(number.isdecimal() and int(number) for number in numbers):
        raise typer.BadParameter(f"a side in pixels, as 128, or width and height, as 96x64, and not {text!r}")
    width, *height = map(int, numbers)
    return (width, *height) if height and height[0] != width else width  # type: ignore[return-value]


Size = Annotated[
    int | None,
    typer.Option(
        parser=sides, metavar="N", help="Side of the training crops, in pixels; 96x64 (gan) is width x height."
    ),
]
Images = Annotated[int | None, typer.Option(help="Length of the run, in images shown.")]
Batch = Annotated[int | None, typer.Option(help="Images a step.")]
Accumulate = Annotated[int | None, typer.Option(help="Passes that a step is computed in: less memory, the same step.")]
Scale = Annotated[int | None, typer.Option(help="How much larger results are, 1 to 4 (srgan).")]
Direction = Annotated[str | None, typer.Option(help="a2b or b2a: which side is the input.")]
Preset = Annotated[str | None, typer.Option(help="Named settings, as 'fast' or 'paper'.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Precision = Annotated[str | None, typer.Option(help="auto, fp32, bf16 or fp16.")]
Workers = Annotated[int | None, typer.Option(help="Processes that prepare samples.")]
Seed = Annotated[int | None, typer.Option(help="Of order, augmentation, weights and dropout.")]
Config = Annotated[Path | None, typer.Option(help="A file of settings, like a run's config.yaml.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; may be repeated.")
]


def request_of(
    method: str,
    data: Path,
    run: Path,
    preset: str | None,
    config: Path | None,
    assignments: list[str] | None,
    flags: Mapping[str, Any],
) -> Request:
    """What was typed; flags that were not are None."""
    from ..settings import parse_assignments
    from ..workflows.request import Request

    given = {key: value for key, value in flags.items() if value is not None}
    if isinstance(given.get("size"), tuple):
        given |= {"aspect": list(given["size"]), "size": min(given["size"])}
    elif "size" in given and method == "gan":  # whatever a file says of the aspect
        given["aspect"] = None
    return Request(method, data, run, preset, config, given, parse_assignments(assignments or []))
