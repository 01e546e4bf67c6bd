"""The page of `i2i learn`: real server, real Chromium; several visitors at once, each bounded."""

import concurrent.futures
import contextlib
import io
import math
import threading
import time

import httpx
import numpy as np
import pytest
import yaml
from serving_learn import served

from i2i.learn.failures import FAILURES
from i2i.learn.web import sessions as visitors

WAIT = 90_000
"""Milliseconds after which something has gone wrong, on whatever machine."""


@pytest.fixture(scope="module")
def site():
    with served() as (address, _):
        yield address


@contextlib.contextmanager
def opened(browser, address, width=1280, height=800, **options):
    """A page, of which nothing in the console is bad and which asks no other host."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(WAIT)
    page, bad = context.new_page(), []
    page.on("console", lambda m: bad.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: bad.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else bad.append(r.url))
    page.goto(address)
    page.wait_for_selector("body.ready", timeout=WAIT)
    page.wait_for_selector("body[data-step]", timeout=WAIT)
    try:
        yield page
        assert not bad, bad
    finally:
        context.close()


def step(page):
    return int(page.get_attribute("body", "data-step"))


def until(page, script):
    """Wait until `script` is true; the page's policy lets no function wait inside it."""
    ends = time.monotonic() + WAIT / 1000
    while not page.evaluate(script):
        assert time.monotonic() < ends, script
        page.wait_for_timeout(50)


def until_step(page, least):
    until(page, f"Number(document.body.dataset.step) >= {least}")


def provoke_and_cure(page, name):
    page.click(f"#failures [data-name={name}]")
    page.wait_for_selector(f"#doctor .ailment[data-name={name}]", timeout=2 * WAIT)
    page.keyboard.press(" ")  # lest it ends by itself while this is read
    page.wait_for_selector("#play:has-text('Play')", timeout=WAIT)
    assert "(step " in page.text_content(f"#doctor .ailment[data-name={name}]")
    page.click(f"#doctor .ailment[data-name={name}] .cure")
    page.wait_for_selector(f"#doctor .cured[data-name={name}]", timeout=2 * WAIT)


@pytest.mark.parametrize("name", ["hopping"])
def test_a_failure_is_provoked_named_and_cured_by_buttons(browser, site, name):
    with opened(browser, site) as page:
        provoke_and_cure(page, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FAILURES if name != "hopping"])
def test_so_is_every_other(browser, site, name):
    with opened(browser, site) as page:
        provoke_and_cure(page, name)


def test_nothing_changes_its_place_while_it_trains(browser, site):
    where = "() => ['bar', 'canvas', 'doctor', 'charts', 'failures'].map((id) => { const b = document.getElementById(id).getBoundingClientRect(); return [id, b.x, b.y, b.width, b.height]; })"
    with opened(browser, site) as page:
        before = page.evaluate(where)
        page.keyboard.press("f")
        until_step(page, 60)
        assert page.evaluate(where) == before
        page.keyboard.press(" ")
        page.wait_for_selector("#play:has-text('Play')", timeout=WAIT)
        until(page, "document.getElementById('tile-learn_modes').textContent.includes('of 8')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(browser, site, scheme):
    with opened(browser, site, 390, 844, color_scheme=scheme, has_touch=True, is_mobile=True) as page:
        page.tap("#step")
        until_step(page, 1)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate("document.getElementById('canvas').getBoundingClientRect().right") <= 390


def test_what_is_drawn_by_hand_is_learnt(browser, site):
    with opened(browser, site) as page:
        page.select_option("select[name=data]", label="Draw your own")
        page.wait_for_selector("#ask", state="visible", timeout=WAIT)
        box = page.locator("#canvas").bounding_box()
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        for n in range(40):
            page.mouse.move(box["x"] + 100 + 5 * n, box["y"] + 100 + 3 * n)
        page.mouse.up()
        page.wait_for_selector("body[data-data=drawn]", timeout=WAIT)
        page.click("#step")
        until_step(page, 1)


def test_slow_motion_tells_what_each_half_of_a_step_does(browser, site):
    with opened(browser, site) as page:
        page.click("#slow")
        for number in (1, 2, 3):
            page.wait_for_selector(f"#phase:has-text('{number}. ')", timeout=WAIT)
        page.click("#slow")
        page.wait_for_selector("#legend", state="visible", timeout=WAIT)
        assert step(page) >= 1


def test_the_course_leads_through_ten_lessons(browser, site):
    with opened(browser, site) as page:
        page.click("#tab-course")
        titles = []
        for n in range(10):
            page.wait_for_selector(f"#course:has-text('Lesson {n + 1} of 10')", timeout=WAIT)
            titles.append(page.text_content("#course h2"))
            if n < 9:
                page.click("#next-lesson")
        assert len(set(titles)) == 10
        assert page.is_disabled("#next-lesson")


def test_a_page_that_is_loaded_again_goes_on_with_its_training(browser, site):
    with opened(browser, site) as page:
        page.click("#step")
        until_step(page, 1)
        now = step(page)
        page.reload()
        until(page, f"document.body.dataset.step === '{now}'")


class Visitor:
    """Someone who asks without a browser."""

    def __init__(self, address):
        self.http = httpx.Client(base_url=address, timeout=60)
        self.http.headers["x-learn-session"] = self.http.post("/learn/join").raise_for_status().json()["session"]

    def do(self, what, **more):
        return self.http.post("/learn/do", json={"do": what, **more})

    def frame(self, version=-1, lines=0):
        """The next one; while none is ready the server answers with nothing."""
        ends = time.monotonic() + 120
        while True:
            answer = self.http.get("/learn/frame", params={"version": version, "lines": lines})
            if answer.status_code == 200:
                return answer.json()
            assert answer.status_code == 204, answer.text
            assert time.monotonic() < ends
            time.sleep(0.02)


def test_visitors_train_beside_each_other_and_each_has_the_curve_of_its_settings():
    with served() as (address, _):
        small = {"steps": 50, "count": 100, "generator.widths": [16], "discriminator.widths": [16]}
        crowd = [Visitor(address) for _ in range(3)]
        for seed, one in zip((0, 1, 0), crowd, strict=True):
            assert one.do("new", settings={**small, "seed": seed}).status_code == 200
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda one: one.do("play", pace="fast"), crowd))
        ends = time.monotonic() + 120
        while not all(one.frame()["done"] for one in crowd):
            assert time.monotonic() < ends
        first, other, again = (one.frame()["lines"] for one in crowd)
        assert first == again != other


def test_one_more_than_there_is_room_for_is_told_so():
    with served(2) as (address, _):
        for _ in range(2):
            Visitor(address)
        answer = httpx.post(f"{address}/learn/join", timeout=60)
        assert answer.status_code == 503
        assert "Try again" in answer.json()["error"]


def test_who_is_away_makes_room(monkeypatch):
    monkeypatch.setattr(visitors, "MAY_GO", 0.0)
    with served(2) as (address, _):
        crowd = [Visitor(address) for _ in range(3)]
        assert crowd[0].do("look").status_code == 410
        assert crowd[-1].do("look").status_code == 200


def test_a_training_nobody_looks_at_stands_still(monkeypatch):
    monkeypatch.setattr(visitors, "UNSEEN", 0.3)
    with served() as (address, everybody):
        one = Visitor(address)
        one.do("new", settings={"steps": 20_000, "generator.widths": [16], "discriminator.widths": [16]})
        one.do("play", pace="fast")
        session = everybody.get(one.http.headers["x-learn-session"])
        ends = time.monotonic() + 120
        while session.pace:
            assert time.monotonic() < ends
            time.sleep(0.05)
        assert not session.training.done


def test_who_has_had_their_time_is_told_so_and_trains_no_more(monkeypatch):
    monkeypatch.setattr(visitors, "WORK", 0.0)
    with served() as (address, everybody):
        one = Visitor(address)
        one.do("look")
        one.do("play", pace="fast")
        session = everybody.get(one.http.headers["x-learn-session"])
        ends = time.monotonic() + 60
        while session.pace:
            assert time.monotonic() < ends
            time.sleep(0.05)
        assert one.frame()["step"] < 1500
        assert "new tab" in one.frame()["note"]
        refused = one.do("play", pace="fast")
        assert refused.status_code == 422
        assert "new tab" in refused.json()["error"]


def test_what_fails_for_one_visitor_is_told_to_them_and_stops_nobody_else(monkeypatch):
    from i2i.learn.training import Training

    view, steps = visitors.views.view, Training.steps
    with served() as (address, everybody):
        unlucky, other = Visitor(address), Visitor(address)
        for one in (unlucky, other):
            assert one.do("look").status_code == 200
        session = everybody.get(unlucky.http.headers["x-learn-session"])
        broken, ends = session.training, time.monotonic() + 120
        monkeypatch.setattr(visitors.views, "view", lambda one: {"says": math.nan} if one is broken else view(one))
        monkeypatch.setattr(Training, "steps", lambda one, n: 1 / 0 if one is broken else steps(one, n))
        while (answer := unlucky.http.get("/learn/frame")).status_code == 204:
            assert time.monotonic() < ends
        assert answer.status_code == 500
        assert "ValueError" in answer.json()["error"]
        assert unlucky.do("play", pace="fast").status_code == 200
        while "ZeroDivisionError" not in session.failed:
            assert time.monotonic() < ends
            time.sleep(0.02)
        assert session.pace == ""
        assert other.do("play", pace="fast").status_code == 200
        while other.frame()["step"] < 2:
            assert time.monotonic() < ends
        assert unlucky.do("step").status_code == 500
        assert unlucky.do("new").status_code == 200
        assert unlucky.frame()["step"] == 0


def test_a_failure_that_is_over_is_cured_by_nothing(site):
    one = Visitor(site)
    one.do("look")
    answer = one.do("cure", name="hopping")
    assert answer.status_code == 200
    assert "over already" in answer.json()["note"]


def test_steps_are_made_in_the_worker_and_never_in_the_event_loop(monkeypatch):
    from i2i.learn.training import Training

    names, plain = set(), Training.steps
    monkeypatch.setattr(Training, "steps", lambda self, n: (names.add(threading.current_thread().name), plain(self, n)))
    with served() as (address, _):
        one = Visitor(address)
        one.do("look")
        one.do("step")
        one.do("play")
        ends = time.monotonic() + 60
        while one.frame()["step"] < 3:
            assert time.monotonic() < ends
    assert names == {"i2i-learn"}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ({"do": "rm"}, "command"),
        ({"do": "set", "settings": {"optimizer.lr": 9}}, "Rate of G"),
        ({"do": "provoke", "name": "../x"}, "failure"),
        ({"do": "course", "lesson": 99}, "lessons 0 to 9"),
        ({"do": "cure", "name": "no such"}, "failure"),
        ({"do": "new", "settings": [1]}, "names with values"),
        ({"do": "set", "settings": {"data": "drawn"}, "drawn": [[10**400, 0]]}, "Draw a shape"),
        ({"do": "set", "settings": {"data": "drawn"}, "drawn": [[0, 0]]}, "Draw a shape"),
    ],
)
def test_what_cannot_be_done_is_told_in_words(site, command, said):
    one = Visitor(site)
    one.do("look")
    answer = one.http.post("/learn/do", json=command)
    assert answer.status_code == 422
    assert said in answer.json()["error"]


def test_foreign_pages_names_and_large_bodies_are_kept_out(site):
    one = Visitor(site)
    assert one.http.post("/learn/do", content=b"x" * 10**6).status_code == 422
    assert one.http.post("/learn/join", headers={"origin": "http://evil.example"}).status_code == 403
    assert one.http.get("/", headers={"host": "evil.example"}).status_code == 403
    assert one.http.get("/page/..%2f__init__.py").status_code == 404
    assert httpx.post(f"{site}/learn/do", json={"do": "look"}, timeout=60).status_code == 410
    assert "default-src 'none'" in one.http.get("/").headers["content-security-policy"]


def test_a_training_is_given_as_a_line_with_its_settings_and_its_samples(site):
    import base64

    one = Visitor(site)
    one.do("new", settings={"count": 100, "gan.r1": 2.0, "generator.widths": [16]})
    found = one.do("command").json()
    assert found["line"].startswith("i2i train gan points.npy --config learn.yaml")
    config = yaml.safe_load(found["config"])
    assert config["gan"]["r1"] == 2
    assert config["generator"]["widths"] == [16]
    points = np.load(io.BytesIO(base64.b64decode(found["data"])))
    assert points.shape == (100, 2)
    assert points.dtype == np.float32
