"""Fixtures that several tests share.

What they need is imported by them: the process that deals tests out to workers reads this file, and runs none.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from exports import Exports
    from fastapi import FastAPI
    from playwright.sync_api import Browser

DEAR = (
    "training/test_many_processes.py", "benchmarks/test_benchmarks.py", "training/test_unhealthy.py",
    "workflows/test_forecast.py", "export/test_export.py", "training/test_training.py", "methods/test_gan.py",
    "serving/web/page/test_looking_closer.py", "training/test_stabiliser_runs.py", "commands/test_commands.py",
    "docs/test_readme.py", "serving/web/page/test_for_everybody.py", "commands/test_streams.py",
    "witnesses/test_witnesses.py", "serving/web/page/test_at_work.py", "learn/test_learn_page.py",
)  # fmt: skip
"""Files that take three quarters of a minute or more, the dearest first. With `--no-loadscope-reorder`, workers take
files in the order of collection: a dear one at the end would keep one busy while the others have nothing left."""


def pytest_configure(config: pytest.Config) -> None:
    """Where tests run, exports.py makes every export quicker, training's too."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):  # a worker, or the only process
        importlib.import_module("exports")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The dear files first; the others, and the tests within a file, in the order that they have."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(DEAR)}
    items.sort(key=lambda item: ranks.get(item.path, len(DEAR)))


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """`make_model("invert", scale=2, …)` writes a model with card and probe and gives its path."""
    from small_models import write_model

    return functools.partial(write_model, tmp_path)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """`exported("compact", scale=2)` is an untrained network, its file and its card, made once in a run of the tests."""
    from exports import Exports

    folder = tmp_path_factory.getbasetemp()
    return Exports((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "exports")


@pytest.fixture(scope="session")
def serving() -> Callable[..., contextlib.AbstractContextManager[str]]:
    """`with serving(app) as base:` runs the application on a free loopback port, or `port`, as the product does."""
    from i2i.serving.web.launch import Server, bind

    @contextlib.contextmanager
    def run(app: FastAPI, port: int = 0) -> Iterator[str]:
        listening = bind("127.0.0.1", port)
        server = Server(app)
        server.config.timeout_graceful_shutdown = 3
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
            listening.close()
            assert not thread.is_alive()

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pictures beside the checkout."""
    folder = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real pictures of shared/data are not here")
    return folder


@pytest.fixture(scope="session")
def real_models() -> Path:
    """The folder of other people's small trained networks beside the checkout."""
    folder = Path(__file__).resolve().parent.parent.parent / "shared" / "models"
    if not folder.is_dir():
        pytest.skip("the networks of shared/models are not here")
    return folder


@pytest.fixture(scope="session")
def sample_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Painted pairs of 64 pixels: 20 to train on, 2 for val and 2 for test."""
    from i2i.datasets.synthetic.samples import SAMPLES

    return SAMPLES["facades"].write(tmp_path_factory.mktemp("sample") / "facades", 20, 64, 0)


@pytest.fixture
def i2i(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`i2i("train", …)` runs the command in this process: (exit status, stdout, stderr)."""
    from in_process import exit_status

    def run(*arguments: object) -> tuple[int, str, str]:
        status = exit_status(monkeypatch, *arguments)
        out, err = capsys.readouterr()
        return status, out, err

    return run


FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of the page; they are skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium here to open the page with")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # 5 s unless told, whatever the default of a page is
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()
