"""Stands for the package wandb in a process: writes what it is told to $TOLD, and fails or hangs where $WOES says so."""

import json
import os
import time
from pathlib import Path

TOLD = Path(os.environ["TOLD"])


def woe(where):
    woes = dict(pair.split("=") for pair in os.environ.get("WOES", "").split(",") if pair)
    if woes.get(where) == "raise":
        raise ConnectionError("the server is down")
    if woes.get(where) == "hang":
        time.sleep(600)
    if woes.get(where) == "exit":
        os._exit(3)


def tell(**what):
    with TOLD.open("a") as file:
        file.write(json.dumps(what) + "\n")


class Settings:
    def __init__(self, **_):
        pass


class Image:
    def __init__(self, path):
        self.name = Path(path).name


class Run:
    """Rows by step as the service keeps them: none may fall, the open one is filled until it is committed."""

    offline, dir, url = False, "there", "https://wandb.example/run"

    def __init__(self, id):
        rows = [json.loads(line) for line in TOLD.read_text().splitlines()] if TOLD.exists() else []
        self.step = max((row["step"] + 1 for row in rows if row.get("id") == id and "step" in row), default=0)
        self.id = id

    def log(self, values, step, commit):
        woe("log")
        assert step >= self.step, "a step that was over"
        self.step = step + commit
        tell(id=self.id, step=step, values={k: v.name if isinstance(v, Image) else v for k, v in values.items()})

    def finish(self, exit_code):
        woe("finish")
        tell(id=self.id, finished=exit_code)


def init(**options):
    woe("init")
    tell(began=options["id"], project=options["project"], config=options["config"])
    print("noise that nobody wants")
    return Run(options["id"])
