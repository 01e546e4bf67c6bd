"""How soon the page of `i2i serve` follows a slider: `python -m benchmarks.from_noise.sliders MODEL...`.

The real command serves each file, and the real page is in Chromium. A number of the latent is moved; the time is from
the slider's event to the frame after the picture was drawn, with the request, the model and the PNG. Beside it stands
the processor's time that the server took for a move, which other work of the machine does not change.
"""

from __future__ import annotations

import argparse
import shutil
import statistics

from playwright.sync_api import Page, sync_playwright

from ..command import end_with
from ..experiments.served import Served

MOVES, BEFORE = 20, 3
"""Moves that are timed, and those before them that are not: sessions are opened and batches compared at first."""
WAIT = 60_000
MOVED = """([slider, value]) => new Promise((done) => {
  const seen = new MutationObserver(() => requestAnimationFrame(() => done(performance.now() - began)));
  seen.observe(document.getElementById("large"), { attributeFilter: ["data-milliseconds"] });
  slider.value = value;
  const began = performance.now();
  slider.dispatchEvent(new Event("input"));
})"""


def moves(page: Page, numbers: range) -> list[float]:
    """Milliseconds of each move of the latent's first number, one after the other on the way from -2 to 2."""
    page.wait_for_selector("#large[data-milliseconds]")
    slider = page.locator("#latent\\.0").element_handle()
    return [float(page.evaluate(MOVED, [slider, round(4 * n / (BEFORE + MOVES) - 2, 2)])) for n in numbers]


def line(page: Page, served: Served) -> str:
    """What the moves of a model took."""
    moves(page, range(BEFORE))
    before = served.processor()
    taken = moves(page, range(BEFORE, BEFORE + MOVES))
    each = 1000 * (served.processor() - before) / MOVES
    return (
        f"median {statistics.median(taken):.0f} ms, worst of {MOVES} {max(taken):.0f} ms; the server's processor "
        f"{each:.0f} ms a move"
    )


def main() -> int:
    """A line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="run directories or ONNX files that make pictures from noise")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for model in asked.models:
            with Served(model, asked.device) as served:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.set_default_timeout(WAIT)
                page.goto(served.base)
                print(f"{model}: {line(page, served)}", flush=True)
                page.close()
        browser.close()
    return 0


if __name__ == "__main__":
    end_with(main)
