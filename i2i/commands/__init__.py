"""The command line: it wires the packages together and decides nothing.

Nothing heavy is imported before a command runs, so that `i2i --help` answers at once.
"""

from __future__ import annotations

from ..errors import I2IError
from ..hardware.openmp import wait_briefly
from . import compare, convert, data, demo, doctor, evaluate, serve, train, verify, verify_resume
from .app import EXTRAS, app, fail, speaks
from .models import adopt, directions, export, generate, import_, info
from .pages import learn, study
from .streams import steady_streams

COMMANDS = (train, generate, directions, verify_resume, evaluate, compare, study, learn, export, info, convert, verify,
            serve, data, adopt, import_, demo, doctor)  # fmt: skip
"""The modules that add their commands to `app`."""

__all__ = ["COMMANDS", "app", "main"]


def main() -> None:
    """Run the command line; a user's mistake ends in one sentence and an exit status, never in a traceback."""
    wait_briefly()
    steady_streams()
    try:
        app()
    except I2IError as error:
        fail(str(error) if speaks(error) else "", error.status)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        way_out = f"Try: pip install 'i2i[{extra}]', or in a checkout '.[{extra}]'"
        fail(f"This command needs {error.name}, which is not installed. {way_out}", 2)
    except KeyboardInterrupt:
        fail("Stopped.", 130)
