"""The page in a real browser: arrive, give a picture, translate, compare, download; all of it from this server."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
from page_helpers import downloaded, give, pixels_of, saved, scene, translate
from PIL import Image
from playwright.sync_api import expect


def test_on_arrival_an_example_lies_beside_its_translation_with_what_the_model_is(page):
    after, before = pixels_of(page.locator("#after img")), pixels_of(page.locator("#before img"))
    np.testing.assert_array_equal(before, np.asarray(scene(0)))
    np.testing.assert_array_equal(after, 255 - before)
    expect(page.locator("#does")).to_have_text("Labels → photographs")
    card = page.locator("#card")
    for words in ("up to 2 megapixels, size kept", "20.4 of 255 off on average", "CC0-1.0"):
        expect(card).to_contain_text(words)


def test_a_picture_is_translated_compared_and_downloaded_to_the_byte(page, base, tmp_path):
    picture = saved(tmp_path, "my house 家.png", 11)
    give(page, picture)
    expect(page.locator("#slider")).to_be_hidden()  # there is no after yet
    translate(page)
    expect(page.locator("#took")).to_contain_text("320 × 240")
    file = downloaded(page, tmp_path)
    assert file.name == "my house 家-translated.png"
    assert file.read_bytes() == httpx.post(f"{base}/v1/translate", content=picture.read_bytes()).content
    np.testing.assert_array_equal(pixels_of(page.locator("#after img")), 255 - np.asarray(scene(11)))


def place(page):
    return int(page.locator("#slider").get_attribute("aria-valuenow"))


def test_the_slider_is_one_for_the_keyboard_and_for_those_who_listen(page):
    slider = page.get_by_role("slider", name="Where before ends and after begins")
    slider.focus()
    steps = [("Home", 0), ("ArrowRight", 1), ("ArrowUp", 2), ("PageUp", 12), ("ArrowLeft", 11), ("Shift+ArrowRight", 21),
             ("PageDown", 11), ("ArrowDown", 10), ("End", 100), ("ArrowRight", 100)]  # fmt: skip
    for key, expected in steps:
        slider.press(key)
        assert place(page) == expected, key
    assert slider.get_attribute("aria-valuemin") == "0"
    assert slider.get_attribute("aria-valuemax") == "100"
    assert "after" in slider.get_attribute("aria-valuetext")
    end = page.locator("#after img").bounding_box()
    cut = page.locator("#after").evaluate(
        "e => parseFloat(e.style.clipPath.split(' ').at(-1)) + e.getBoundingClientRect().left"
    )
    assert cut == pytest.approx(end["x"] + end["width"], abs=1)


def test_the_slider_follows_mouse_and_finger(page, phone):
    for each in (page, phone):
        box = each.locator("#after img").bounding_box()
        x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
        each.wait_for_timeout(900)  # until it has come to rest
        if each is page:
            page.mouse.move(box["x"] + box["width"] / 2, y)
            page.mouse.down()
            page.mouse.move(x, y, steps=4)
            page.mouse.up()
        else:
            finger = each.context.new_cdp_session(each)
            for kind, at in (("touchStart", box["x"] + box["width"] / 2), ("touchMove", x + 30), ("touchMove", x)):
                finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at, "y": y}]})
            finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert place(each) == pytest.approx(25, abs=1)


def test_another_model_shows_its_own_facts_and_examples_and_gives_its_own_result_beside_bicubic(page, base, tmp_path):
    picture = saved(tmp_path, "small.jpg", 12, (60, 40))
    give(page, picture)
    page.get_by_label("Model", exact=True).select_option("sharper")
    expect(page.locator("#does")).to_have_text("Makes pictures 2 times as large")
    expect(page.locator("#examples li")).to_have_count(1)  # the drawn one, instead of the other model's
    translate(page)
    expect(page.locator("#left-is")).to_have_text("Bicubic × 2")
    expect(page.locator("#sizes")).to_have_text("60 × 40 → 120 × 80")
    bicubic = Image.open(picture).convert("RGB").resize((120, 80), Image.Resampling.BICUBIC)
    left = pixels_of(page.locator("#before canvas"))
    assert np.abs(left.astype(int) - np.asarray(bicubic)).max() <= 1
    wanted = httpx.post(f"{base}/v1/translate?model=sharper", content=picture.read_bytes()).content
    assert downloaded(page, tmp_path).read_bytes() == wanted


def test_a_result_larger_than_what_the_server_reads_is_shown_as_well(page, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)  # twice that is refused: 120x80 are read, 240x160 are not
    page.get_by_label("Model", exact=True).select_option("sharper")
    give(page, saved(tmp_path, "small.png", 14, (120, 80)))
    translate(page)
    expect(page.locator("#sizes")).to_have_text("120 × 80 → 240 × 160")


def test_an_example_is_shown_with_its_translation_at_one_click(page):
    page.get_by_role("button", name="Example 2: 1.png").click()
    expect(page.locator("#stage[data-picture='1.png'][data-shows=after]")).to_be_visible()
    np.testing.assert_array_equal(pixels_of(page.locator("#before img")), np.asarray(scene(1)))
    np.testing.assert_array_equal(pixels_of(page.locator("#after img")), 255 - np.asarray(scene(1)))


def test_a_picture_that_the_browser_turns_lies_on_its_translation(page, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(3, (80, 40)).save(tmp_path / "turned.jpg", exif=exif)
    give(page, tmp_path / "turned.jpg")
    translate(page)
    expect(page.locator("#sizes")).to_have_text("40 × 80")


def test_a_kind_that_browsers_do_not_show_is_shown_and_translated(page, base, tmp_path):
    picture = saved(tmp_path, "scan.tif", 5, (64, 48))
    give(page, picture)
    np.testing.assert_array_equal(pixels_of(page.locator("#before img")), np.asarray(scene(5, (64, 48))))
    translate(page)
    assert (
        downloaded(page, tmp_path).read_bytes()
        == httpx.post(f"{base}/v1/translate", content=picture.read_bytes()).content
    )
