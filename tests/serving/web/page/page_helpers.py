"""What the tests of the page do over and over."""

from __future__ import annotations

import base64
import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect


def scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def saved(folder: Path, name: str, seed: int = 1, size: tuple[int, int] = (320, 240)) -> Path:
    scene(seed, size).save(folder / name)
    return folder / name


@contextlib.contextmanager
def opened(
    browser: Browser, base: str, refused: str = "status of [45]", first: str = "", **options: Any
) -> Iterator[Page]:
    """The page on arrival; at the end no error may stand in the console, and no request may have left the server.

    What browsers write of an answer is none: it fits `refused`. The script `first` runs before the page's own.
    """
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, **options})
    page = context.new_page()
    page.set_default_timeout(20_000)
    if first:
        page.add_init_script(first)
    complaints: list[str] = []
    page.on(
        "console", lambda m: complaints.append(m.text) if m.type == "error" and not re.search(refused, m.text) else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith((base, "data:", "blob:")) else None)
    page.goto(base)
    expect(page.locator("#slider")).to_be_visible()
    yield page
    context.close()
    assert complaints == []


def give(page: Page, *paths: Path | dict[str, Any]) -> None:
    """Choose files, and wait until the page has looked at them."""
    page.locator("#file").set_input_files(list(paths))
    expect(page.locator(".tile.opening")).to_have_count(0)


def drop(page: Page, *files: tuple[str, bytes, str]) -> None:
    """Drop files (name, bytes, type) on the page."""
    page.evaluate(
        """files => {
            const data = new DataTransfer();
            for (const [name, bytes, type] of files) data.items.add(new File([Uint8Array.from(bytes)], name, { type }));
            for (const kind of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [[name, list(data), kind] for name, data, kind in files],
    )


def translate(page: Page) -> None:
    """Press the button, and wait for the result."""
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.locator("#stage[data-shows=after]")).to_be_visible()
    expect(page.locator("#cancel")).to_be_hidden()


def downloaded(page: Page, folder: Path, button: str = "#download") -> Path:
    with page.expect_download() as waiting:
        page.locator(button).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def pixels_of(element: Locator) -> np.ndarray:
    """(H, W, 3) of what an <img> or <canvas> holds, at its own size."""
    url = element.evaluate(
        """e => {
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [e.naturalWidth || e.width, e.naturalHeight || e.height];
            canvas.getContext("2d").drawImage(e, 0, 0);
            return canvas.toDataURL("image/png");
        }"""
    )
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"))


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
