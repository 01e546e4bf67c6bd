"""The application that every command adds itself to, and how it ends."""

from __future__ import annotations

import os
import sys

import typer

from .. import __version__
from ..errors import I2IError, TrainingError

app = typer.Typer(
    name="i2i",
    help="Turn one kind of picture into another: train, export, convert and serve image-to-image translators.",
    epilog="Exit status: 0 all done, 1 some inputs failed, 2 nothing was done because the request was wrong.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


EXTRAS = {
    "torch": "train",
    "torchvision": "train",
    "albumentations": "train",
    "onnxscript": "train",
    "safetensors": "train",
    "scipy": "train",
}
"""Packages that the base install lacks, and the extra that brings each."""


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"i2i {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    pass


def speaks(error: I2IError) -> bool:
    """Whether this process says why it ends: under torchrun, one a machine tells what all have found wrong."""
    return os.environ.get("LOCAL_RANK", "0") == "0" or isinstance(error, TrainingError)


def fail(sentence: str, status: int) -> None:
    """Print the sentence, if there is one, and end the process."""
    sys.stdout.flush()
    if sentence:
        print(f"i2i: {sentence}", file=sys.stderr)
    sys.exit(status)
