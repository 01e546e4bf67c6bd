"""The page in a real browser: upload, translate, slide, download; all of it from this server, no error."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from small_models import write_model

from i2i.serving.inference.engine import Engine
from i2i.serving.web.server import create_app


@pytest.fixture(scope="module")
def base(serving, tmp_path_factory) -> Iterator[str]:
    """The address of a real server with three models, one of them with examples."""
    folder = tmp_path_factory.mktemp("served")
    first, second = write_model(folder, name="facades"), write_model(folder, "enlarge", name="sharper", scale=2)
    (first.parent / "examples").mkdir()
    for seed in range(3):
        scene(seed).save(first.parent / f"examples/{seed}.png")
    third = write_model(folder, "enlarge", name="largest", scale=4)
    files = {"facades": first, "sharper": second, "largest": third}
    engines = {name: Engine(file, device="cpu") for name, file in files.items()}
    with serving(create_app(engines, max_bytes=2_000_000)) as address:
        yield address


def scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def page(browser: Browser, base: str) -> Iterator[Page]:
    """The page, opened; at the end no error may stand in the console and no request may have left the machine."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith((base, "data:", "blob:")) else None)
    page.goto(base)
    expect(page.get_by_role("button", name="Translate", exact=True)).to_be_visible()
    yield page
    context.close()
    assert complaints == []


def upload(page: Page, path: Path) -> None:
    page.locator("#picture input[type=file]").set_input_files(path)


def shown(page: Page, width: int, height: int) -> Locator:
    """The two pictures of the slider, once both are loaded, of this size in pixels."""
    images = page.locator("#slider img")
    expect(images).to_have_count(2)
    page.wait_for_function("[...document.querySelectorAll('#slider img')].every(i => i.complete && i.naturalWidth)")
    assert images.evaluate_all("all => all.map(i => [i.naturalWidth, i.naturalHeight])") == [[width, height]] * 2
    return images


def downloaded(page: Page, folder: Path) -> Path:
    button = page.locator("#download")
    expect(button).to_be_enabled()
    with page.expect_download() as waiting:
        button.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def handle_position(page: Page) -> float:
    box = page.locator("#slider .slider, #slider [class*=handle], #slider .inner").first.bounding_box()
    assert box is not None
    return box["x"]


def test_upload_translate_slide_and_download_what_the_api_gives(page, base, tmp_path):
    picture = tmp_path / "my house 家.png"
    scene(11).save(picture)
    upload(page, picture)
    page.locator("#translate").click()
    images = shown(page, 320, 240)

    before = handle_position(page)
    box = images.first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle, steps=5)
    page.mouse.up()
    assert handle_position(page) < before - 20

    file = downloaded(page, tmp_path)
    assert file.name == "my house 家-translated.png"
    assert file.read_bytes() == httpx.post(f"{base}/v1/translate", content=picture.read_bytes()).content
    np.testing.assert_array_equal(np.asarray(Image.open(file)), 255 - np.asarray(scene(11)))


def choose(page, model):
    page.locator("#model input").click()
    page.get_by_role("option", name=model).click()


def test_another_model_is_chosen_with_its_facts_and_gives_its_own_result(page, base, tmp_path):
    picture = tmp_path / "small.jpg"
    scene(12, (60, 40)).save(picture)
    upload(page, picture)
    choose(page, "sharper")
    expect(page.locator("#facts")).to_contain_text("2 times as large")
    expect(page.locator("button.gallery-item").first).to_be_hidden()  # the examples are the other model's
    page.locator("#translate").click()
    images = shown(page, 120, 80)
    expect(page.locator("#slider")).to_contain_text("Enlarged 2 times: bicubic on the left, the model on the right")
    expect(page.locator("#runs-on")).to_contain_text("x2: 60x40 → 120x80")
    served = [httpx.get(address).content for address in images.evaluate_all("all => all.map(i => i.src)")]
    left = next(png for png in served if png != downloaded(page, tmp_path).read_bytes())
    bicubic = Image.open(picture).convert("RGB").resize((120, 80), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(left))), np.asarray(bicubic))
    wanted = httpx.post(f"{base}/v1/translate?model=sharper", content=picture.read_bytes()).content
    assert downloaded(page, tmp_path).read_bytes() == wanted


def test_a_photograph_of_two_megapixels_is_shown_at_scale_4(page, base, tmp_path):
    picture = tmp_path / "photo.jpg"
    scene(13, (2000, 1000)).save(picture)
    upload(page, picture)
    choose(page, "largest")
    page.locator("#translate").click()
    expect(page.locator("#runs-on")).to_contain_text("x4: 2000x1000 → 8000x4000", timeout=60_000)
    shown(page, 8000, 4000)
    wanted = httpx.post(f"{base}/v1/translate?model=largest", content=picture.read_bytes(), timeout=60).content
    assert downloaded(page, tmp_path).read_bytes() == wanted


def test_a_result_larger_than_what_the_server_reads_is_shown_as_well(page, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)  # twice that is refused: 120x80 are read, 240x160 are not
    picture = tmp_path / "small.png"
    scene(14, (120, 80)).save(picture)
    upload(page, picture)
    choose(page, "sharper")
    page.locator("#translate").click()
    shown(page, 240, 160)
    expect(page.locator("#runs-on")).to_contain_text("x2: 120x80 → 240x160")


def test_an_example_fills_the_page_and_translates(page):
    page.locator("button.gallery-item").first.click()
    expect(page.locator("#picture img")).to_be_visible()
    page.locator("#translate").click()
    expect(page.locator("#slider img")).to_have_count(2)


def test_what_is_no_picture_is_answered_in_one_sentence(page, tmp_path):
    broken = tmp_path / "broken.png"
    buffer = io.BytesIO()
    scene(1).save(buffer, "PNG")
    broken.write_bytes(buffer.getvalue()[:2000])
    page.locator("#translate").click()
    expect(page.get_by_text("Choose a picture first.")).to_be_visible()
    upload(page, broken)
    expect(page.locator("#picture img")).to_have_count(1)
    page.locator("#translate").click()
    expect(page.get_by_text("The picture is damaged or cut short")).to_be_visible()


def test_the_page_fits_a_narrow_window(page):
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.locator("#translate")).to_be_visible()


def test_the_api_keeps_its_routes_beside_the_page(base):
    assert [m["id"] for m in httpx.get(f"{base}/v1/models").json()["models"]] == ["facades", "sharper", "largest"]
    assert httpx.get(f"{base}/v1/nothing").json() == {
        "error": "There is no GET /v1/nothing; /docs lists what there is."
    }
    assert httpx.get(f"{base}/health/ready").status_code == 200
    assert "i2i API" in httpx.get(f"{base}/docs").text


def test_uploads_lie_in_a_private_folder(base):
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    assert folder.name.startswith("i2i-page-")
    assert folder.stat().st_mode & 0o077 == 0


def test_the_pages_upload_has_the_same_limit(base):
    answer = httpx.post(f"{base}/gradio_api/upload", files={"files": ("a.png", bytes(2_100_000))})
    assert answer.status_code == 413
    assert answer.json()["error"].startswith("The upload is larger than the limit")


@pytest.mark.parametrize("value", ["a picture of this machine", "/etc/passwd", "http://127.0.0.1:9/secret.png"])
def test_the_page_reads_no_path_and_no_url_that_a_client_names(base, value, tmp_path):
    if value == "a picture of this machine":  # one that would translate well, were it read
        value = str(tmp_path / "private.png")
        Image.new("RGB", (16, 16), "red").save(value)
    config = httpx.get(f"{base}/config").json()
    translate = next(d["id"] for d in config["dependencies"] if len(d["inputs"]) == 2)
    file = {"path": value, "url": value, "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
    joined = httpx.post(
        f"{base}/gradio_api/queue/join",
        json={"data": [file, "facades"], "fn_index": translate, "session_hash": "s"},
    )
    if joined.status_code == 200:
        with httpx.stream("GET", f"{base}/gradio_api/queue/data", params={"session_hash": "s"}, timeout=20) as events:
            text = next(line for line in events.iter_lines() if "process_completed" in line)
        assert '"success":false' in text.replace(" ", "")
        assert "root:" not in text
