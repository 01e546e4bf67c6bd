"""A real server with three models, and its page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from page_helpers import opened, scene
from playwright.sync_api import Browser, Page
from small_models import write_model

from i2i.serving.inference.engine import Engine
from i2i.serving.web.server import create_app


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> dict[str, Engine]:
    """One with examples beside it, and two that enlarge."""
    folder = tmp_path_factory.mktemp("served")
    facades = write_model(folder, name="facades", licence="CC0-1.0", metrics={"val_l1": 0.08})
    (facades.parent / "examples").mkdir()
    for seed in range(3):
        scene(seed).save(facades.parent / f"examples/{seed}.png")
    files = {"facades": facades}
    files |= {name: write_model(folder, "enlarge", name=name, scale=s) for name, s in (("sharper", 2), ("largest", 4))}
    return {name: Engine(file, device="cpu") for name, file in files.items()}


@pytest.fixture(scope="module")
def base(serving, models) -> Iterator[str]:
    with serving(create_app(models, max_bytes=2_000_000, max_pixels=2e6, hosts=["127.0.0.1"])) as address:
        yield address


@pytest.fixture
def page(browser: Browser, base: str) -> Iterator[Page]:
    """The page as a desk has it, opened."""
    with opened(browser, base) as page:
        yield page


@pytest.fixture
def phone(browser: Browser, base: str) -> Iterator[Page]:
    """The page as a phone has it, opened."""
    with opened(
        browser, base, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    ) as page:
        yield page
