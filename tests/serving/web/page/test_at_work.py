"""While the server works, waits, refuses or is gone: what a visitor is told, and what Cancel and Try again do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time

import httpx
import numpy as np
import pytest
from page_helpers import downloaded, give, opened, png, saved, translate
from PIL import Image
from playwright.sync_api import expect

from i2i.errors import PictureError
from i2i.serving.web.admission import ClosingError
from i2i.serving.web.page.examples import Examples
from i2i.serving.web.server import create_app
from i2i.serving.web.service import ModelService

KEY = "a-key-of-the-right-length"


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


@pytest.fixture
def app(models):
    return create_app(models, hosts=["127.0.0.1"])


def press(page):
    page.get_by_role("button", name="Translate", exact=True).click()


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"place": 0, "done": 3, "total": 9, "is_begun": True}, r"Translating… part 4 of 9, (about \d+ s|a second) left"),
        ({"place": 2}, "Waiting: 2 before this one"),
    ],
    ids=["running", "queued"],
)  # fmt: skip
def test_place_part_and_time_are_told_and_cancel_ends_it_on_the_server(
    state, says, app, serving, browser, tmp_path, monkeypatch
):
    ended = []

    def slow(_self, _data, _controls, job, _form):
        if state.get("total"):
            job.is_begun, job.place, job.total = True, 0, 9
            time.sleep(1)  # three parts take a second
        for name, value in state.items():
            setattr(job, name, value)
        try:
            while True:
                time.sleep(0.05)
                job.check()
        finally:
            ended.append(True)

    with serving(app) as base, opened(browser, base) as page:
        monkeypatch.setattr(ModelService, "translate", slow)
        give(page, saved(tmp_path, "a.png", 7), saved(tmp_path, "b.png", 8))
        page.get_by_role("button", name="Translate all").click()
        expect(page.locator("#stage-says")).to_have_text(re.compile(says))
        expect(page.locator(".tile.waiting")).to_have_count(1)  # the second one, which the page has not sent yet
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#translate")).to_be_visible()
        expect(page.locator(".tile.ready")).to_have_count(2)
        until(lambda: ended)
        until(lambda: app.state.jobs.count == 0)
        assert len(ended) == 1


def test_a_picture_of_a_known_pace_has_a_bar_and_its_time(app, serving, browser, tmp_path, monkeypatch):
    def slow(self, data, controls, job, form, whole=ModelService.translate):
        job.is_begun, job.place = True, 0
        time.sleep(1.5)
        return whole(self, data, controls, job, form)

    with serving(app) as base, opened(browser, base) as page:
        monkeypatch.setattr(ModelService, "translate", slow)
        give(page, saved(tmp_path, "a.png", 7), saved(tmp_path, "b.png", 8))
        page.get_by_role("button", name="Translate all").click()
        expect(page.locator(".tile.done")).to_have_count(1)
        page.get_by_role("button", name="b.png: working…").click()
        expect(page.locator("#stage-says")).to_contain_text("left")
        assert 0 < page.locator("progress").evaluate("e => e.value") <= 1
        expect(page.locator(".tile.done")).to_have_count(2)


def test_cancel_ends_an_upload_on_its_way(app, serving, browser, tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (800, 900, 3), dtype=np.uint8)
    (tmp_path / "noise.png").write_bytes(png(Image.fromarray(noise)))
    with serving(app) as base, opened(browser, base) as page:
        give(page, tmp_path / "noise.png")
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")
        devtools.send("Network.emulateNetworkConditions", slow)
        press(page)
        expect(page.locator("#stage-says")).to_contain_text("Sending… ")
        until(lambda: app.state.jobs.count == 1)
        page.keyboard.press("Escape")
        expect(page.locator("#translate")).to_be_visible()
        until(lambda: app.state.jobs.count == 0)


def test_a_full_server_is_waited_for(models, serving, browser, tmp_path, monkeypatch):
    app, go = create_app(models, max_waiting=0, hosts=["127.0.0.1"]), threading.Event()
    plain = ModelService.translate
    with serving(app) as base, opened(browser, base) as page:
        give(page, saved(tmp_path, "a.png", 3))
        monkeypatch.setattr(ModelService, "translate", lambda *given: (go.wait(20), plain(*given))[1])
        picture = (tmp_path / "a.png").read_bytes()
        other = threading.Thread(target=lambda: httpx.post(f"{base}/v1/translate", content=picture, timeout=30))
        other.start()
        until(lambda: app.state.jobs.count == 1)
        press(page)
        expect(page.locator("#stage-says")).to_contain_text("Many are here. Trying again in ")
        go.set()
        expect(page.locator("#stage[data-shows=after]")).to_be_visible()
        other.join()


def test_a_server_without_room_is_told_of_and_tried_again(app, serving, browser, tmp_path, monkeypatch):
    def refuse(*_):
        raise ClosingError

    with serving(app) as base, opened(browser, base) as page:
        give(page, saved(tmp_path, "a.png", 3))
        with monkeypatch.context() as patch:
            patch.setattr(ModelService, "translate", refuse)
            press(page)
            expect(page.locator("#offer")).to_contain_text("The server has no room for this just now.")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#stage[data-shows=after]")).to_be_visible()
        expect(page.locator("#offer")).to_be_hidden()


def test_a_server_that_is_gone_leaves_the_pictures_and_may_come_back(models, serving, browser, tmp_path):
    with serving(create_app(models)) as base:
        visit = opened(browser, base, refused="net::ERR_CONNECTION_REFUSED")
        page = visit.__enter__()
        give(page, saved(tmp_path, "a.png", 3))
    press(page)
    expect(page.locator("#offer")).to_contain_text(
        "The server cannot be reached just now. Your pictures are still here"
    )
    with serving(create_app(models), int(base.rpartition(":")[2])):
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#stage[data-shows=after]")).to_be_visible()
        visit.__exit__(None, None, None)


def test_a_server_with_a_key_asks_for_it_and_the_code_has_a_place_for_it(models, serving, browser, tmp_path):
    with serving(create_app(models, keys=[KEY])) as base:
        closed = httpx.get(
            base, headers={"accept": "text/html,*/*"}
        )  # what stays when the browser's question is closed
        assert closed.status_code == 401
        assert closed.headers["content-type"] == "text/html; charset=utf-8"
        assert "asks for a key. Load it again, and give the key as the password" in closed.text
        given = {"username": "anybody", "password": KEY}
        with opened(browser, base, http_credentials=given) as page:
            give(page, saved(tmp_path, "a.png", 3))
            translate(page)
            wanted = downloaded(page, tmp_path / "got").read_bytes()
            page.get_by_role("button", name="As code").click()
            for language, command in (("curl", ["sh", "-c"]), ("Python", [sys.executable, "-c"])):
                page.get_by_role("button", name=language, exact=True).click()
                code = page.locator("#snippet").inner_text()
                assert KEY not in code
                subprocess.run(
                    [*command, code], cwd=tmp_path, check=True, timeout=30, env={**os.environ, "I2I_KEY": KEY}
                )
                assert (tmp_path / "a-translated.png").read_bytes() == wanted
                (tmp_path / "a-translated.png").unlink()


def test_an_example_that_takes_long_is_told_to_be_made(models, serving, browser, monkeypatch):
    go, plain = threading.Event(), Examples.after
    monkeypatch.setattr(Examples, "after", lambda self, *which: (go.wait(20), plain(self, *which))[1])
    with serving(create_app(models)) as base:
        page = browser.new_page()
        page.goto(base)
        expect(page.locator("#stage-says")).to_have_text("Making an example…")
        expect(page.locator("#translate")).to_be_disabled()
        go.set()
        expect(page.locator("#slider")).to_be_visible()
        expect(page.locator("#progress")).to_be_hidden()
        page.close()


def test_where_no_example_can_be_shown_the_stage_itself_asks_for_a_picture(
    models, serving, browser, tmp_path, monkeypatch
):
    def broken(*_):
        raise PictureError("It is damaged.")

    monkeypatch.setattr(Examples, "picture", broken)
    with serving(create_app(models)) as base:
        page = browser.new_page()
        page.goto(base)
        expect(page.locator("#notices")).to_have_text("The examples cannot be shown just now.")
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Drop a picture here, or choose one").click()
        chooser.value.set_files(saved(tmp_path, "a.png", 3))
        translate(page)
        page.close()
