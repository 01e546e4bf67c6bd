"""Loupe, zoom, pan and the slider: a pixel of the picture is where the page says that it is."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from page_helpers import downloaded, give, opened, pixels_of, png, saved, scene, translate
from PIL import Image
from playwright.sync_api import expect

SIZE = (1600, 1200)
"""More pixels than the stage has."""


def box(page, what="#before img"):
    """Where it lies: (left, top, width, height)."""
    found = page.locator(what).bounding_box()
    return found["x"], found["y"], found["width"], found["height"]


def zoomed(page):
    return float(page.locator("#zoom").inner_text().partition(" ")[0])


@pytest.fixture
def large(page, tmp_path):
    """The page with a large picture and its translation."""
    give(page, saved(tmp_path, "large.png", 21, SIZE))
    translate(page)
    page.wait_for_timeout(900)  # until the slider has come to rest
    return page


@pytest.mark.parametrize("sharpness", [1, 2])
def test_the_loupe_has_a_pixel_of_the_picture_on_a_pixel_of_the_screen(sharpness, browser, base, tmp_path):
    with opened(browser, base, device_scale_factor=sharpness) as page:
        give(page, saved(tmp_path, "large.png", 21, SIZE))
        translate(page)
        page.get_by_role("button", name="Loupe").click()
        left, top, width, _ = box(page, "#after img")
        spot = (700, 400)
        page.mouse.move(left + spot[0] * width / SIZE[0], top + spot[1] * width / SIZE[0])
        expect(page.locator("#loupe")).to_have_attribute("data-times", "1:1")
        truth = np.asarray(scene(21, SIZE))
        for canvas, picture in zip(page.locator("#loupe canvas").all(), (truth, 255 - truth), strict=True):
            seen = pixels_of(canvas)
            side = canvas.evaluate("e => e.getBoundingClientRect().width")
            assert seen.shape[0] == round(side * sharpness)  # the canvas has as many pixels as the screen gives it
            half = seen.shape[0] // 2
            places = [(x, y) for y in range(spot[1] - 3, spot[1] + 4) for x in range(spot[0] - 3, spot[0] + 4)]
            cuts = [picture[y - half : y - half + len(seen), x - half : x - half + len(seen)] for x, y in places]
            assert any(np.array_equal(seen, cut) for cut in cuts)


def test_where_the_stage_shows_it_as_large_already_the_loupe_shows_squares(page, tmp_path):
    give(page, saved(tmp_path, "small.png", 22, (40, 30)))
    translate(page)
    page.get_by_role("button", name="Loupe").click()
    times = int(page.locator("#loupe").get_attribute("data-times").partition(":")[0])
    assert times >= 2 * zoomed(page) / 100 or times == 32
    assert len(np.unique(pixels_of(page.locator("#loupe canvas").first).reshape(-1, 3), axis=0)) <= 40 * 30
    page.keyboard.press("Escape")
    expect(page.locator("#loupe")).to_be_hidden()


def test_one_to_one_wheel_double_click_and_keys_zoom_where_one_points(large):
    page = large
    left, top, width, _ = box(page)
    at = (left + width * 0.7, top + width * 0.4)
    page.mouse.move(*at)
    whole = zoomed(page)
    page.mouse.wheel(0, -400)
    wheeled = box(page)
    assert zoomed(page) > 1.5 * whole
    assert (at[0] - wheeled[0]) / wheeled[2] == pytest.approx(0.7, abs=0.003)  # what one points at stays there
    page.mouse.dblclick(*at)
    assert zoomed(page) == pytest.approx(whole, abs=1)
    page.mouse.dblclick(*at)
    assert zoomed(page) >= 2 * whole - 1
    page.get_by_role("button", name="One to one").click()
    assert box(page)[2] == pytest.approx(SIZE[0], abs=0.5)
    slider = page.get_by_role("slider", name="Where before ends and after begins")
    slider.press("0")
    assert zoomed(page) == pytest.approx(whole, abs=1)
    slider.press("+")
    assert zoomed(page) == pytest.approx(1.25 * whole, abs=1)
    for _ in range(5):
        slider.press("+")
    place = box(page)[0]
    slider.press("d")
    assert box(page)[0] == pytest.approx(place - 60, abs=1)
    slider.press("a")
    assert box(page)[0] == pytest.approx(place, abs=1)
    page.keyboard.press("Escape")
    assert zoomed(page) == pytest.approx(whole, abs=1)


def test_a_zoomed_picture_is_moved_by_dragging_and_never_out_of_sight(large):
    page = large
    page.get_by_role("button", name="One to one").click()
    left, top, _, _ = box(page)
    stage = box(page, "#stage")
    x, y = stage[0] + 100, stage[1] + 100
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 30, steps=3)
    assert box(page)[:2] == pytest.approx((left + 50, top + 30), abs=1)
    page.mouse.move(x + 5000, y + 5000, steps=3)
    page.mouse.up()
    assert box(page)[:2] == pytest.approx(stage[:2], abs=1)


def test_two_fingers_zoom_and_one_moves_what_is_zoomed(phone, tmp_path):
    give(phone, saved(tmp_path, "large.png", 21, SIZE))
    translate(phone)
    phone.wait_for_timeout(900)
    finger = phone.context.new_cdp_session(phone)

    def touch(kind, *places):
        finger.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(places)]},
        )

    left, top, width, height = box(phone)
    x, y = left + width / 2, top + height / 2
    touch("touchStart", (x - 30, y), (x + 30, y))
    for apart in (45, 60, 75, 90):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    assert box(phone)[2] == pytest.approx(3 * width, rel=0.1)
    before = box(phone)[0]
    touch("touchStart", (x - 90, y + 60))
    for by in (10, 30, 50):
        touch("touchMove", (x - 90 - by, y + 60))
    touch("touchEnd")
    assert box(phone)[0] == pytest.approx(before - 50, abs=12)  # browsers wait a little to see what a finger wants


def test_a_finger_moves_the_loupe_and_not_the_page(phone):
    phone.get_by_role("button", name="Loupe").click()
    left, top, width, height = box(phone, "#stage")
    finger = phone.context.new_cdp_session(phone)
    places = [
        (left + width * 0.5, top + height * 0.9),
        (left + width * 0.5, top + height * 0.6),
        (left + width * 0.4, top + height * 0.5),
    ]
    seen = []
    for kind, (x, y) in zip(("touchStart", "touchMove", "touchMove"), places, strict=True):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        phone.wait_for_timeout(50)
        seen.append(phone.locator("#loupe").bounding_box()["y"])
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert seen[0] > seen[1] > seen[2]
    assert phone.evaluate("scrollY") == 0


@pytest.mark.parametrize("size", [(30, 900), (900, 30), (1, 1)])
def test_the_slider_goes_over_the_whole_picture_however_thin(size, page, tmp_path):
    give(page, saved(tmp_path, "thin.png", 5, size))
    translate(page)
    expect(page.locator("#sizes")).to_have_text(f"{size[0]} × {size[1]}")
    np.testing.assert_array_equal(pixels_of(page.locator("#after img")), 255 - np.asarray(scene(5, size)))
    slider, (left, _, width, _) = page.locator("#slider"), box(page)
    slider.press("Home")
    middle = box(page, "#slider")[0] + box(page, "#slider")[2] / 2
    assert middle <= left + 1
    slider.press("End")
    middle = box(page, "#slider")[0] + box(page, "#slider")[2] / 2
    assert middle >= left + width - 1


def test_a_checkerboard_lies_beneath_what_is_transparent_and_alpha_stays(page, tmp_path):
    image = scene(6).convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 320).astype(np.uint8), (240, 1))))
    (tmp_path / "cut-out.png").write_bytes(png(image))
    give(page, tmp_path / "cut-out.png")
    translate(page)
    page.wait_for_timeout(900)
    for side, end in (("#before img", "Home"), ("#after img", "End")):
        page.locator("#slider").press(end)
        left, top, _, height = box(page, side)
        clip = {"x": left + 2, "y": top + 5, "width": 1, "height": height - 10}
        shot = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("L")).ravel()
        assert shot.min() < 220 < 245 < shot.max()  # both kinds of squares are seen
    with Image.open(downloaded(page, tmp_path)) as result:
        np.testing.assert_array_equal(np.asarray(result)[..., 3], np.asarray(image)[..., 3])


def test_sixteen_bits_are_shown_in_eight_and_downloaded_in_sixteen(page, base, tmp_path):
    deep = (np.arange(60 * 40).reshape(40, 60) * 27).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    give(page, tmp_path / "deep.png")
    translate(page)
    result = downloaded(page, tmp_path).read_bytes()
    assert result[24] == 16  # the header's depth
    assert result == httpx.post(f"{base}/v1/translate", content=(tmp_path / "deep.png").read_bytes()).content
