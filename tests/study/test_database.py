"""A SQLite file that several processes open at the same moment is there for all of them."""

import sqlite3
import subprocess
import sys

import pytest

from i2i.database import open_database

TOGETHER = """
import os, sys
from pathlib import Path
from i2i.database import open_database

path, ready = Path(sys.argv[1]), os.pipe()
children = []
for _ in range(4):
    children.append(os.fork())
    if not children[-1]:
        os.close(ready[1])
        os.read(ready[0], 1)  # until the parent closes the pipe: all begin at once
        try:
            open_database(path, "CREATE TABLE IF NOT EXISTS t (x)").execute("INSERT INTO t VALUES (1)")
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
os.close(ready[1])
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


@pytest.mark.parametrize("attempt", range(5))
def test_processes_that_open_a_new_file_at_once_all_get_it(tmp_path, attempt):
    command = [sys.executable, "-c", TOGETHER, str(tmp_path / "file.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    connection = open_database(tmp_path / "file.db", "CREATE TABLE IF NOT EXISTS t (x)")
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (4,)
    connection.close()


def test_what_is_no_database_is_refused_at_once(tmp_path):
    (tmp_path / "text").write_text("not a database, but a text that is long enough to be looked at" * 20)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_database(tmp_path / "text", "CREATE TABLE t (x)")
