"""A whole visit: nothing moves, nothing is asked of others, what was done stays at hand; and what cards say of models."""

from __future__ import annotations

import json
import time

import httpx
import numpy as np
import pytest
from page_helpers import downloaded, drop, give, opened, pixels_of, png, saved, scene, translate
from playwright.sync_api import expect
from small_models import write_model

from i2i.evaluation.metrics import METRICS
from i2i.serving.inference.engine import Engine
from i2i.serving.web.server import create_app

SHIFTS = """
    window.shifted = [];
    new PerformanceObserver((list) => {
        for (const { value, hadRecentInput, sources } of list.getEntries())
            window.shifted.push({ value, hadRecentInput, what: sources.map(({ node }) => node?.id || node?.className) });
    }).observe({ type: "layout-shift", buffered: true });
"""
STANDING = ["stage", "caption", "tools", "choose", "took", "strip", "show-code", "translate"]
"""What stays where it is from the first picture to the last click."""


@pytest.fixture(scope="module")
def pair(serving, tmp_path_factory):
    """A server with both directions of an unpaired model, and a third model."""
    folder = tmp_path_factory.mktemp("pair")
    ways = {"a2b": ("summer", "winter"), "b2a": ("winter", "summer")}
    files = {
        name: write_model(folder, name=name, source=source, target=target, method="cyclegan", metrics={"val_swd": 0.3})
        for name, (source, target) in ways.items()
    }
    files["x2"] = write_model(folder, "enlarge", name="x2", scale=2)
    with serving(create_app({name: Engine(file, device="cpu") for name, file in files.items()})) as address:
        yield address


def places(page):
    return page.evaluate(
        "ids => ids.map(id => [id, Math.round(document.getElementById(id).getBoundingClientRect().top + scrollY)])",
        STANDING,
    )


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_nothing_moves_in_a_whole_visit(phone, browser, pair, tmp_path):
    size = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}
    with opened(browser, pair, first=SHIFTS, viewport=size, has_touch=phone, is_mobile=phone) as page:
        page.wait_for_timeout(900)
        give(page, saved(tmp_path, "tall.png", 8, (120, 300)))
        page.wait_for_timeout(600)  # after which a shift is nobody's who has clicked
        stood = places(page)
        translate(page)
        page.wait_for_timeout(900)
        steps = [
            "There and back",
            "There and back",
            "Good",
            "Keep",
            "Loupe",
            "One to one: a pixel of the picture is a pixel of the screen",
        ]
        for step in steps:
            page.get_by_role("button", name=step, exact=True).click()
            expect(page.locator("#round-trip")).to_be_enabled()
            page.wait_for_timeout(150)
            assert places(page) == stood, step
        page.get_by_label("Strength", exact=True).fill("40")
        assert places(page) == stood
        give(page, saved(tmp_path, "wide.png", 8, (300, 60)))
        page.get_by_role("button", name="Translate", exact=True).click()
        expect(page.locator("#download-all")).to_be_visible()
        page.wait_for_timeout(200)
        assert places(page) == stood
        page.get_by_label("Model", exact=True).select_option("x2")
        expect(page.locator("#does")).to_have_text("Makes pictures 2 times as large")
        translate(page)
        page.wait_for_timeout(900)
        shifted = page.evaluate("window.shifted")
        assert sum(row["value"] for row in shifted if not row["hadRecentInput"]) < 0.02, shifted
        assert sum(row["value"] for row in shifted) < 0.05, shifted
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_phone_is_scrolled_to_the_result(phone, tmp_path):
    give(phone, saved(tmp_path, "a.png", 8))
    phone.evaluate("scrollTo(0, 1000)")
    translate(phone)
    phone.wait_for_timeout(900)
    assert 0 <= phone.locator("#stage").bounding_box()["y"] < 300


def test_what_was_done_stays_with_its_model_and_comes_back_at_a_click(browser, pair, tmp_path):
    with opened(browser, pair) as page:
        give(page, saved(tmp_path, "a.png", 3, (64, 48)))
        translate(page)
        page.get_by_label("Model", exact=True).select_option("x2")
        expect(page.locator("#translate")).to_have_class("primary")  # it would be another result
        translate(page)
        expect(page.locator("#items li")).to_have_count(2)
        expect(page.locator("#download")).to_have_class("button primary")
        assert pixels_of(page.locator("#after img")).shape == (96, 128, 3)
        page.locator("#items .tile").first.click()
        expect(page.get_by_label("Model", exact=True)).to_have_value("a2b")
        np.testing.assert_array_equal(pixels_of(page.locator("#after img")), 255 - np.asarray(scene(3, (64, 48))))


def test_strength_at_nothing_is_the_picture_and_at_full_the_servers_bytes(page, base, tmp_path):
    picture = saved(tmp_path, "a.png", 5)
    give(page, picture)
    translate(page)
    strength = page.get_by_label("Strength", exact=True)
    strength.fill("0")
    expect(page.locator("#download")).to_have_text("Download 0 %")
    assert page.locator("#after").evaluate("e => e.style.opacity") == "0"
    strength.fill("100")
    assert (
        downloaded(page, tmp_path).read_bytes()
        == httpx.post(f"{base}/v1/translate", content=picture.read_bytes()).content
    )


def test_ratings_are_kept_after_a_yes_alone_given_out_and_forgotten(page, base, tmp_path):
    kept = "localStorage.getItem('i2i-ratings')"
    asked = []
    page.on("request", lambda request: asked.append(request.url) if not request.url.startswith("blob:") else None)
    page.get_by_role("button", name="Good", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("Keep your ratings in this browser alone")
    assert page.evaluate(kept) is None
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_role("button", name="Not good", exact=True).click()
    assert len(json.loads(page.evaluate(kept))) == 2
    assert asked == []
    page.reload()
    expect(page.locator("#ratings")).to_contain_text("2 ratings kept in this browser.")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as a file").click()
    rows = json.loads(waiting.value.path().read_text())
    assert [(row["model"], row["picture"], row["good"]) for row in rows] == [
        ("facades", "0.png", True),
        ("facades", "0.png", False),
    ]
    assert rows[0]["before"].startswith("data:image/jpeg") != rows[0]["after"].startswith("data:image/png")
    page.get_by_role("button", name="Forget all").click()
    assert page.evaluate(kept) is None
    expect(page.locator("#ratings")).to_be_hidden()


def test_who_says_no_to_keeping_is_not_asked_again(page):
    page.get_by_role("button", name="Good", exact=True).click()
    page.get_by_role("button", name="No", exact=True).click()
    page.get_by_role("button", name="Not good", exact=True).click()
    expect(page.locator("#thumb-down")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#notices > div")).to_have_count(0)
    assert page.evaluate("localStorage.getItem('i2i-ratings')") is None


def test_code_is_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="As code").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#snippet").inner_text()


def test_every_metric_has_a_visitors_words(page):
    wanted = [*METRICS, "fid", "kid", "cycle"]
    said = page.evaluate(
        """async names => {
            const { card } = await import("./page/words.js");
            const of = (name) => ({ id: "x", scale: 1, method: "pix2pix", licence: "MIT", metrics: { [`val_${name}`]: 0.3 } });
            return names.map((name) => Object.fromEntries(card(of(name), { pixels: 1e6, result_pixels: 1e6 })).Score);
        }""",
        wanted,
    )
    for name, words in zip(wanted, said, strict=True):
        assert words != f"{name} 0.3", name  # what is said of a metric that nobody knows
        assert len(words) > 15


def test_an_adopted_model_says_whose_it_is_and_what_it_does(browser, serving, tmp_path):
    adopted = {"method": "adopted", "training": {"adopted": {"file": "style_9.onnx", "sha256": "0"}}, "licence": "MIT"}
    looks = write_model(tmp_path, name="rain-princess", source="pictures", target="pictures", **adopted)
    larger = write_model(tmp_path, "enlarge", name="anime", scale=4, source="low resolution", target="high resolution", task="super-resolution", **adopted)  # fmt: skip
    trained = write_model(tmp_path, name="horse2zebra", source="horses", target="zebras", method="cyclegan", training={"pictures": 2401})  # fmt: skip
    engines = {file.parent.name: Engine(file, device="cpu") for file in (looks, larger, trained)}
    with serving(create_app(engines)) as base, opened(browser, base) as page:
        assert page.locator("#model option").all_inner_texts() == ["Rain princess", "Anime", "Horse to zebra"]
        expect(page.locator("#does")).to_have_text("Rain princess: pictures in another look")
        for words in ("others (style_9.onnx)", "MIT", "size kept"):
            expect(page.locator("#card")).to_contain_text(words)
        expect(page.locator("#right-is")).to_have_text("Rain princess")
        page.locator("#model").select_option("anime")
        expect(page.locator("#does")).to_have_text("Makes pictures 4 times as large")
        expect(page.locator("#left-is")).to_have_text("Bicubic × 4")
        page.locator("#model").select_option("horse2zebra")
        expect(page.locator("#card")).to_contain_text("CycleGAN, trained on 2,401 pictures")
        expect(page.locator("#right-is")).to_have_text("Zebras")


def test_the_first_result_of_a_browser_that_knows_nothing_is_there_soon_after_the_click(browser, base, tmp_path):
    with opened(browser, base) as page:
        drop(page, ("a.png", png(scene(4)), "image/png"))
        started = time.monotonic()
        translate(page)
        assert time.monotonic() - started < 20  # the claim is 2 s; a busy machine must not decide
