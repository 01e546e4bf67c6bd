"""The control for a mask: painted over the picture, or a file."""

import io

import httpx
import numpy as np
import pytest
from page_helpers import give, opened, saved
from PIL import Image
from playwright.sync_api import expect
from small_models import write_model

from i2i.serving.inference.engine import Engine
from i2i.serving.web.server import create_app


@pytest.fixture
def page(browser, serving, tmp_path):
    models = {name: Engine(write_model(tmp_path, name, multiple=4), device="cpu") for name in ("invert", "masked")}
    with serving(create_app(models, hosts=["127.0.0.1"])) as base, opened(browser, base) as page:
        page.locator("#model").select_option("masked")
        yield page


def downloaded(page):
    with page.expect_download() as waiting:
        page.locator("#download").click()
    return np.asarray(Image.open(waiting.value.path()).convert("RGB")).astype(int)


def test_what_is_painted_white_is_the_mask(page, tmp_path):
    picture = saved(tmp_path, "scene.png", size=(320, 240))
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    give(page, picture)
    translate = page.get_by_role("button", name="Translate", exact=True)
    translate.click()
    expect(page.locator("#notices")).to_contain_text("takes a mask as well")
    group = page.get_by_role("group", name="Mask")
    group.get_by_role("button", name="Paint").click()
    canvas = page.locator("#mask-area canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"], steps=5)
    page.mouse.up()
    page.get_by_role("button", name="Done").click()
    expect(group.locator("output")).to_have_text("✓")
    translate.click()
    expect(page.locator("#download")).to_be_enabled()
    result = downloaded(page)
    assert np.abs(result[120, 100:220] - (255 - pixels[120, 100:220])).max() <= 1
    assert np.abs(result[:60] - pixels[:60]).max() <= 1
    page.get_by_role("button", name="As code").click()
    expect(page.locator("#snippet")).to_contain_text("-F 'image=@scene.png' -F 'mask=@mask.png'")


def test_a_file_is_brought_to_the_pictures_size_and_changes_what_is_translated(page, tmp_path):
    picture = saved(tmp_path, "scene.png", size=(320, 240))
    mask = io.BytesIO()
    Image.fromarray(np.array([[255, 0]], np.uint8)).save(mask, "PNG")
    give(page, picture)
    with page.expect_file_chooser() as choosing:
        page.get_by_role("group", name="Mask").get_by_role("button", name="File").click()
    choosing.value.set_files({"name": "half.png", "mimeType": "image/png", "buffer": mask.getvalue()})
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.locator("#download")).to_be_enabled()
    half = Image.new("L", (320, 240))
    half.paste(255, (0, 0, 160, 240))
    whole = io.BytesIO()
    half.save(whole, "PNG")
    files = {"image": picture.read_bytes(), "mask": whole.getvalue()}
    wanted = httpx.post(f"{page.url}v1/translate?model=masked", files=files).content
    np.testing.assert_array_equal(downloaded(page), np.asarray(Image.open(io.BytesIO(wanted)).convert("RGB")))
