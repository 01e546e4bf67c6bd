"""Progress: a bar where there is a terminal, a line now and then where there is none."""

import sys

from i2i.workflows.progress import Bar


def test_a_terminal_gets_a_bar_with_count_and_words(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    with Bar("Training", 4, "images") as bar:
        bar.update(4, "L1 0.1")
    drawn = capsys.readouterr().err
    assert "Training" in drawn
    assert "4/4" in drawn
    assert "images/s; L1 0.1" in drawn


def test_a_file_gets_lines_with_rate_and_time_left(capsys):
    bar = Bar("Reading", 4, "pairs", seconds_between_lines=0)
    bar.update(2)
    bar.update(4)
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("Reading: 2/4 pairs, ")
    assert " left, " in first
    assert last.startswith("Reading: 4/4 pairs, 0 s left")
