"""The page of what makes pictures from noise, in a real browser: keep, change, walk, mix, download."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from latent_models import SIDES, write_latent_model
from page_helpers import pixels_of
from PIL import Image
from playwright.sync_api import Page, expect
from small_models import write_model
from test_for_everybody import AXE, serious

from i2i.serving.generation.directions import Direction, write_directions
from i2i.serving.generation.generator import Generator
from i2i.serving.generation.picks import Pick, arrays_of, pairs
from i2i.serving.hosting.host import Host
from i2i.serving.web.server import create_app

WAIT = 120
"""Seconds, for what would hang."""


@pytest.fixture(scope="module")
def style(tmp_path_factory) -> Generator:
    path = write_latent_model(
        tmp_path_factory.mktemp("page"), "style", style=True, classes=True, noise=True, file="a-style.onnx"
    )
    bare = Generator(path, device="cpu")
    write_directions(path, bare.sha256, (Direction("wide", "w", (0, 0, 2.0, 0, 0, 0, 0, 0), 0.5),))
    write_latent_model(path.parent, "clear", channels=4, file="b-clear.onnx")
    write_model(path.parent, file="c-invert.onnx")
    return Generator(path, device="cpu")


@pytest.fixture(scope="module")
def base(serving, style) -> Iterator[str]:
    with serving(create_app(Host([style.path.parent], device="cpu"))) as address:
        yield address


@contextlib.contextmanager
def opened(browser, base: str, **options) -> Iterator[Page]:
    """The page on arrival; at the end no error may stand in the console, and no request may have left the server."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **options})
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith((base, "data:", "blob:")) else None)
    page.goto(base)
    page.wait_for_selector("#large[data-shows]")
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def page(browser, base) -> Iterator[Page]:
    with opened(browser, base) as page:
        yield page


def shows(page: Page, generator: Generator, **asked) -> None:
    """The large picture becomes that of this request, pixel by pixel."""
    wanted = json.dumps(asked, separators=(",", ":"))
    expect(page.locator("#large")).to_have_attribute("data-shows", wanted)
    np.testing.assert_array_equal(pixels_of(page.locator("#large")), made(generator, pick_of(asked)))


def pick_of(asked: dict) -> Pick:
    to, mix = (None if name not in asked else pick_of(asked[name]) for name in ("to", "mix"))
    settings = pairs(asked.get("settings", {}))
    return Pick(asked["seed"], asked["number"], settings, asked.get("truncation"), to, asked.get("at", 0.0), mix,
                asked.get("layer", 0))  # fmt: skip


def made(generator: Generator, pick: Pick) -> np.ndarray:
    return np.rint(generator.pictures([pick])[0].transpose(1, 2, 0) * 255).astype(np.uint8)


def slide(page: Page, slider: str, value: float) -> None:
    page.locator(slider).evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)


def test_on_arrival_a_sheet_lies_there_and_its_first_picture_is_kept(page, style):
    tiles = page.locator("#sheet .tile canvas")
    assert tiles.count() == 24
    for number in (0, 7, 23):
        np.testing.assert_array_equal(pixels_of(tiles.nth(number)), made(style, Pick(0, number)))
    shows(page, style, seed=0, number=0)
    expect(page.locator("#does")).to_have_text("Makes discs from noise")
    expect(page.locator("#which")).to_have_text("seed 0, number 0, class red")
    drawn = arrays_of(style.card, Pick())["latent"][0]
    for number in (0, 3):  # the sliders lie where the numbers are
        slider = page.locator(f"#latent\\.{number}")
        assert float(slider.input_value()) == pytest.approx(drawn[number], abs=0.02)
    expect(page.locator("#card")).to_contain_text(f"{SIDES[1]} × {SIDES[0]}")
    expect(page.locator("#play")).to_be_disabled()


def test_one_that_is_clicked_is_kept_changed_and_downloaded_to_the_byte(page, base, style, tmp_path):
    page.locator("#sheet .tile").nth(5).click()
    shows(page, style, seed=0, number=5)
    expect(page.locator("#kept .tile")).to_have_count(2)
    page.get_by_label("Class", exact=True).last.select_option("green")
    shows(page, style, seed=0, number=5, settings={"label": "green"})
    settings = {"label": "green"}
    for slider, name, value in (("latent\\.0", "latent.0", 1.5), ("direction\\.wide", "direction.wide", 1.5)):
        slide(page, f"#{slider}", value)
        settings[name] = value
        shows(page, style, seed=0, number=5, settings=settings)
    slide(page, "#truncation", 0.75)
    asked = {"seed": 0, "number": 5, "truncation": 0.75, "settings": settings}
    shows(page, style, **asked)
    with page.expect_download() as waiting:
        page.locator("#download").click()
    assert waiting.value.suggested_filename == "style-0-5.png"
    wanted = httpx.post(f"{base}/v1/generate?model=style", json=asked, timeout=WAIT).content
    assert Path(waiting.value.path()).read_bytes() == wanted
    page.get_by_role("button", name="As it was drawn").click()
    shows(page, style, seed=0, number=5, truncation=0.75, settings={"label": "green"})


def test_the_sheet_follows_seed_class_truncation_and_pages(page, style):
    page.locator("#seed").fill("9")
    page.locator("#sheet-label").select_option("blue")
    slide(page, "#sheet-truncation", 0.45)
    page.get_by_role("button", name="More pictures").click()
    expect(page.locator("#numbers")).to_have_text("24 – 47")
    wanted = '{"seed":9,"truncation":0.45,"settings":{"label":"blue"},"number":24}'
    expect(page.locator("#sheet")).to_have_attribute("data-shows", wanted)
    pick = Pick(9, 24 + 3, pairs({"label": "blue"}), 0.45)
    np.testing.assert_array_equal(pixels_of(page.locator("#sheet .tile canvas").nth(3)), made(style, pick))


def test_two_that_are_kept_are_walked_between_and_mixed(page, style):
    page.locator("#sheet .tile").nth(4).click()
    one, other = {"seed": 0, "number": 4}, {"seed": 0, "number": 0}
    shows(page, style, **one)
    expect(page.locator("#play")).to_be_enabled()
    slide(page, "#at", 0.25)
    shows(page, style, **one, to=other, at=0.25)
    expect(page.locator("#which")).to_have_text("seed 0, number 4, class green, 25 % of the way")
    slide(page, "#at", 0)
    slide(page, "#mix", 2)
    shows(page, style, **one, mix=other, layer=2)
    changed = {"direction.wide": 1.5}
    slide(page, "#direction\\.wide", 1.5)  # after which the way is another, and can be had once it is drawn
    with page.expect_download() as waiting:
        page.locator("#strip").click()
    with Image.open(waiting.value.path()) as strip:
        ends = np.asarray(strip.convert("RGB"))
    np.testing.assert_array_equal(ends[:, : SIDES[1]], made(style, Pick(0, 4, pairs(changed))))
    np.testing.assert_array_equal(ends[:, -SIDES[1] :], made(style, Pick(0, 0)))
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#large")).to_have_attribute("data-played", "32", timeout=60_000)  # 16 frames, there and back
    page.get_by_role("button", name="Let go of seed 0, number 0, class red").click()
    expect(page.locator("#kept .tile")).to_have_count(1)
    expect(page.locator("#play")).to_be_disabled()


CHOSEN_WHILE_A_PICTURE_WAITS = """() => {
    const say = (id, value, event) => {
        const element = document.getElementById(id);
        element.value = value;
        element.dispatchEvent(new Event(event));
    };
    for (const value of [1, 2]) say("latent.0", value, "input");
    say("model", "clear", "change");
}"""


def test_another_model_shows_its_own_and_pictures_with_alpha_are_clear(page, base):
    page.evaluate(CHOSEN_WHILE_A_PICTURE_WAITS)
    expect(page.locator("#large.clear")).to_be_visible()
    expect(page.locator("#mix-row")).to_be_hidden()
    answer = httpx.post(f"{base}/v1/generate?model=clear", json={}, timeout=WAIT)
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.mode == "RGBA"


def test_the_pages_of_both_kinds_lead_to_each_other(page):
    page.get_by_role("link", name="Translate").click()
    expect(page.locator("#does")).to_have_text("Labels → photographs")
    assert page.locator("#model option").all_inner_texts() == ["Invert"]
    page.get_by_role("link", name="From noise").click()
    expect(page.locator("#does")).to_have_text("Makes discs from noise")


def test_on_a_phone_nothing_is_cut_off_and_the_picture_stays_in_view(browser, base):
    size = {"width": 390, "height": 844}
    with opened(browser, base, viewport=size, has_touch=True, is_mobile=True, device_scale_factor=2) as phone:
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        phone.locator("#latent\\.7").scroll_into_view_if_needed()
        box = phone.locator("#large").bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] < phone.locator("#latent\\.7").bounding_box()["y"]


NAMELESS = """() => [...document.querySelectorAll("button, input, select, a[href], canvas[role]")]
    .filter((e) => !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim())).map((e) => e.outerHTML)"""


def test_everything_has_a_name_and_the_keyboard_keeps_a_picture_and_changes_it(page, style):
    assert page.evaluate(NAMELESS) == []
    page.locator("#sheet .tile").nth(2).focus()
    page.keyboard.press("Enter")
    shows(page, style, seed=0, number=2)
    slider = page.get_by_role("slider", name="wide")
    slider.focus()
    page.keyboard.press("End")
    shows(page, style, seed=0, number=2, settings={"direction.wide": 3})
    ring = slider.evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)")
    assert ring >= 2


def test_below_a_prefix_the_page_finds_all_that_is_its_own(browser, serving, style):
    with (
        serving(create_app(Host([style.path], device="cpu"), root_path="/i2i")) as address,
        opened(browser, f"{address}/i2i/") as page,
    ):
        shows(page, style, seed=0, number=0)


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious_with_one_kept_and_with_two(browser, base, theme, width):
    axe = next((path for path in AXE if path.is_file()), None)
    if axe is None:
        pytest.skip("axe-core is not here (make setup fetches it where npm is)")
    with opened(browser, base, color_scheme=theme, viewport={"width": width, "height": 844}) as page:
        page.evaluate(axe.read_text("utf-8"))
        assert serious(page) == []
        page.locator("#sheet .tile").nth(4).click()
        expect(page.locator("#play")).to_be_enabled()
        page.locator("#code summary").click()
        assert serious(page) == []
