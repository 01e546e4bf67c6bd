"""The command line: it wires the packages together and decides nothing.

Nothing heavy is imported before a command runs, so that `i2i --help` answers at once.
"""

from __future__ import annotations

import sys

import typer

from .. import __version__
from ..errors import I2IError
from ..waiting import wait_briefly

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
    "onnx": "train",
    "onnxscript": "train",
    "safetensors": "train",
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


from . import data as data_commands  # noqa: E402  # each adds its commands to `app`
from . import demo, doctor, importing, models, serve, train  # noqa: E402

__all__ = ["app", "data_commands", "demo", "doctor", "importing", "main", "models", "serve", "train"]


def main() -> None:
    """Run the command line; a user's mistake ends in one sentence and an exit status, never in a traceback."""
    wait_briefly()
    try:
        app()
    except I2IError as error:
        fail(str(error), error.status)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        way_out = f"Try: pip install 'i2i[{extra}]', or in a checkout '.[{extra}]'"
        fail(f"This command needs {error.name}, which is not installed. {way_out}", 2)
    except KeyboardInterrupt:
        fail("Stopped.", 130)


def fail(sentence: str, status: int) -> None:
    """Print the sentence and end the process."""
    sys.stdout.flush()
    print(f"i2i: {sentence}", file=sys.stderr)
    sys.exit(status)
