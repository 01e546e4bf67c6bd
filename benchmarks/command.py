"""How every script here ends: with the status of its `main`, and a user's mistake in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from i2i.errors import I2IError


def end_with(main: Callable[[], int]) -> NoReturn:
    """Run `main` and end the process."""
    try:
        sys.exit(main())
    except I2IError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.status)
    except KeyboardInterrupt:
        sys.exit(130)
