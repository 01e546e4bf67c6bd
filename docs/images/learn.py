"""Takes docs/images/learn.png, the page of `i2i learn` after a cure: `python docs/images/learn.py`.

It needs Chromium, and the packages that the tests of the page need.
"""

from __future__ import annotations

import io
import shutil
import socket
import threading
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import sync_playwright

from i2i.learn.web.server import create_learn

TARGET = Path(__file__).with_suffix(".png")
WAIT = 120_000


def main() -> None:
    """Provoke mode hopping, cure it, and take the picture some steps later."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_learn(["127.0.0.1"])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        page.click("#failures [data-name=hopping]", timeout=WAIT)
        page.click("#doctor .ailment[data-name=hopping] .cure", timeout=WAIT)
        page.wait_for_selector("#doctor .cured[data-name=hopping]", timeout=WAIT)
        while int(page.get_attribute("body", "data-step") or 0) < 900:
            page.wait_for_timeout(50)
        page.click("#play")
        page.wait_for_timeout(500)
        taken = page.screenshot()
        browser.close()
    app.state.sessions.close()
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(192, dither=Image.Dither.NONE).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
