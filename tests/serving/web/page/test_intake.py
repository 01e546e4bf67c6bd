"""How pictures come in: folders, many with bad ones among them, the camera, animations; and what is said of each."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from page_helpers import downloaded, drop, give, pixels_of, png, saved, scene, translate
from PIL import Image
from playwright.sync_api import expect

from i2i.errors import PictureError
from i2i.serving.web.service import ModelService


def drag(page, *paths):
    """Drop files and folders of this machine, as its user does."""
    finger = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        if kind == "drop":
            expect(page.locator("#dropping")).to_be_visible()
        finger.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})


def test_a_folder_is_dropped_with_what_is_in_it_and_below(page, tmp_path):
    folder = tmp_path / "holiday"
    (folder / "inner").mkdir(parents=True)
    saved(folder, "a.png", 1, (40, 30))
    saved(folder / "inner", "b.jpg", 2, (40, 30))
    (folder / "inner/notes.txt").write_text("no picture")
    (folder / ".DS_Store").write_bytes(b"what a system leaves behind")
    drag(page, folder)
    expect(page.locator("#items li")).to_have_count(2)
    expect(page.locator("#dropping")).to_be_hidden()
    expect(page.locator("#notices")).to_contain_text("“notes.txt” is not a picture that can be read here.")
    expect(page.locator("#notices > div")).to_have_count(1)
    names = {page.locator(".tile").nth(n).get_attribute("title") for n in range(2)}
    assert names == {"a.png", "b.jpg"}


def test_bad_ones_among_many_are_named_and_the_others_taken(page):
    good = [(f"{n}.png", png(scene(n, (40, 30))), "image/png") for n in range(4)]
    bad = [("cut.png", png(scene(1))[:2000], "image/png"), ("empty.jpg", b"", "image/jpeg"), ("page.pdf", b"%PDF-1.7", "application/pdf")]  # fmt: skip
    drop(page, *good[:2], *bad, *good[2:])
    expect(page.locator("#notices")).to_contain_text("“cut.png” is damaged or cut short. (and 2 more)")
    expect(page.locator("#items li")).to_have_count(4)
    page.get_by_role("button", name="Translate all").click()
    expect(page.locator(".tile.done")).to_have_count(4)


def test_one_that_the_server_refuses_among_many_says_why_and_the_others_are_done(page, monkeypatch):
    plain = ModelService.translate

    def translate(self, data, *rest):
        if data == tall:
            raise PictureError("The picture has 5 channels where 3 are needed.")
        return plain(self, data, *rest)

    tall, good = (png(scene(seed, (40, 30))) for seed in (1, 2))
    monkeypatch.setattr(ModelService, "translate", translate)
    drop(page, *((f"{n}.png", data, "image/png") for n, data in enumerate((good, tall, good))))
    expect(page.locator("#items li")).to_have_count(3)
    page.get_by_role("button", name="Translate all").click()
    expect(page.locator(".tile.done")).to_have_count(2)
    page.get_by_role("button", name="1.png: failed").click()
    expect(page.locator("#offer")).to_have_text("The picture has 5 channels where 3 are needed.")
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()  # it would not help


def test_the_strip_shows_the_one_that_is_looked_at_and_a_notice_stands_once(phone):
    drop(phone, *((f"{n}.png", png(scene(n, (40, 30))), "image/png") for n in range(9)))
    expect(phone.locator(".tile.ready")).to_have_count(9)
    phone.locator("#rows").evaluate("e => e.scrollTo(9999, 0)")
    drop(phone, ("new.png", png(scene(10, (40, 30))), "image/png"))
    tile, rows = phone.get_by_role("button", name="new.png", exact=True), phone.locator("#rows").bounding_box()
    expect(tile).to_have_attribute("aria-current", "true")
    place = tile.bounding_box()
    assert rows["x"] <= place["x"] <= rows["x"] + rows["width"] - place["width"]
    for _ in range(2):
        drop(phone, ("x.png", b"no picture", "image/png"))
    expect(phone.locator("#notices > div")).to_have_count(1)


def test_a_picture_is_taken_with_the_camera(page):
    page.get_by_role("button", name="Take a picture with the camera").click()
    video = page.locator("#camera-dialog video")
    page.wait_for_function("() => document.querySelector('#camera-dialog video').videoWidth > 0")
    width, height = video.evaluate("e => [e.videoWidth, e.videoHeight]")
    page.get_by_role("button", name="Take the picture").click()
    expect(page.get_by_role("button", name="camera.png", exact=True)).to_be_visible()
    expect(page.locator("#camera-dialog")).to_be_hidden()
    assert video.evaluate("e => e.srcObject") is None  # the camera is off again
    expect(page.locator("#sizes")).to_have_text(f"{width} × {height}")
    assert pixels_of(page.locator("#before img")).std() > 1


def test_a_camera_that_may_not_be_used_is_told_of(page):
    page.evaluate(
        "() => void (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError')))"
    )
    page.get_by_role("button", name="Take a picture with the camera").click()
    expect(page.locator("#notices")).to_have_text("There is no camera here, or the browser may not use it.")


def test_a_phone_takes_it_with_its_own_camera(phone):
    with phone.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="Take a picture with the camera").click()
    assert chooser.value.element.get_attribute("capture") == "environment"


def test_what_is_pasted_and_no_picture_is_told_of(page):
    page.evaluate(
        "document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: new DataTransfer(), bubbles: true }))"
    )
    expect(page.locator("#notices")).to_have_text("There is no picture on the clipboard.")


def test_an_address_that_is_dropped_is_not_fetched_and_told_of(page):
    page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.setData("text/uri-list", "http://192.0.2.1/x.png");
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator("#notices")).to_contain_text("this page fetches nothing from addresses")


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_of_an_animation_the_first_picture_is_taken_which_is_told(kind, page, base, tmp_path):
    first, *others = (scene(n, (40, 30)) for n in range(3))
    first.save(tmp_path / f"moving.{kind}", save_all=True, append_images=others, duration=100, lossless=True)
    give(page, tmp_path / f"moving.{kind}")
    expect(page.locator("#notices")).to_have_text(
        f"“moving.{kind}” is an animation of 3 pictures: its first one is taken."
    )
    before = pixels_of(page.locator("#before img"))
    if kind != "gif":  # whose palette has 256 colours
        np.testing.assert_array_equal(before, np.asarray(first))
    translate(page)
    file = downloaded(page, tmp_path)
    assert file.name == "moving-translated.png"
    np.testing.assert_array_equal(np.asarray(Image.open(file).convert("RGB")), 255 - before)


def test_a_still_gif_goes_as_it_is(page, base, tmp_path):
    scene(1, (40, 30)).save(tmp_path / "still.gif")
    give(page, tmp_path / "still.gif")
    translate(page)
    wanted = httpx.post(f"{base}/v1/translate", content=(tmp_path / "still.gif").read_bytes()).content
    assert downloaded(page, tmp_path).read_bytes() == wanted
    assert np.asarray(Image.open(io.BytesIO(wanted))).shape == (30, 40, 3)


def test_what_is_chosen_before_the_page_has_come_is_not_lost(browser, base, tmp_path):
    context = browser.new_context()
    page, held = context.new_page(), []
    page.route("**/page/facts", lambda route: held.append(route))
    page.goto(base)
    page.locator("#file").set_input_files(saved(tmp_path, "early.png", 1, (40, 30)))
    drag(page, saved(tmp_path, "dropped.png", 2, (40, 30)))
    held[0].continue_()
    expect(page.locator(".tile.ready")).to_have_count(2)
    context.close()
