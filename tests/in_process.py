"""A command of i2i in the test's own process."""

from __future__ import annotations

import sys

import pytest

from i2i.commands import main


def exit_status(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Of `i2i ARGUMENTS`, once it has ended."""
    monkeypatch.setattr(sys, "argv", ["i2i", *map(str, arguments)])
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = end.code or 0
    assert isinstance(status, int)
    return status
