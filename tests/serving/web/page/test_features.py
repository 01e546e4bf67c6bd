"""What the page does beside translating one picture: many, wrong and large ones, code, strength, there and back."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile

import httpx
import numpy as np
from page_helpers import downloaded, drop, give, opened, png, saved, scene, translate
from PIL import Image
from playwright.sync_api import expect
from small_models import write_model

from i2i.serving.inference.engine import Engine
from i2i.serving.web.server import create_app


def test_what_is_no_picture_or_damaged_is_refused_at_the_drop_in_a_visitors_words(page):
    drop(page, ("notes.png", b"a text", "image/png"))
    notices = page.locator("#notices")
    expect(notices).to_contain_text("“notes.png” is not a picture that can be read here.")
    drop(page, ("cut.png", png(scene(1))[:2000], "image/png"))
    expect(notices).to_contain_text("“cut.png” is damaged or cut short.")
    expect(page.locator("#items li")).to_have_count(0)
    assert "i2i" not in notices.inner_text()


def test_a_picture_that_is_too_large_is_made_smaller_at_a_click(page, tmp_path):
    give(page, saved(tmp_path, "large.jpg", 2, (2000, 1500)))
    expect(page.locator("#offer")).to_contain_text("This picture has 3 megapixels; up to 2 megapixels go through here.")
    expect(page.locator("#translate")).to_be_disabled()
    page.get_by_role("button", name="Make it 1632 × 1224").click()
    expect(page.locator("#offer")).to_be_hidden()
    translate(page)
    expect(page.locator("#sizes")).to_have_text("1632 × 1224")


def test_many_pictures_make_a_strip_and_one_zip_with_a_report(page, tmp_path):
    pictures = [png(scene(seed, (40, 30))) for seed in range(3)]
    drop(page, *[(name, data, "image/png") for name, data in zip(("a.png", "b.png", "a.png"), pictures, strict=True)])
    expect(page.locator("#items li")).to_have_count(3)
    expect(page.locator(".tile.opening")).to_have_count(0)
    everyone = page.get_by_role("button", name="Translate all 3")
    expect(everyone).to_have_class("primary")  # the next thing to do
    everyone.click()
    expect(page.locator(".tile.done")).to_have_count(3)
    expect(page.locator("#strip-title")).to_have_text("3 of 3 done")
    with zipfile.ZipFile(downloaded(page, tmp_path, "#download-all")) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a-translated.png", "b-translated.png", "a-translated-2.png", "report.json"]
        last = np.asarray(Image.open(io.BytesIO(archive.read("a-translated-2.png"))))
        report = json.loads(archive.read("report.json"))["files"]
    np.testing.assert_array_equal(last, 255 - np.asarray(scene(2, (40, 30))))
    assert [(row["source"], row["file"], row["status"]) for row in report][2] == ("a.png", "a-translated-2.png", "done")


def test_a_picture_is_pasted(page):
    page.evaluate(
        """bytes => {
            const data = new DataTransfer();
            data.items.add(new File([Uint8Array.from(bytes)], "image.png", { type: "image/png" }));
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
        }""",
        list(png(scene(3, (40, 30)))),
    )
    expect(page.get_by_role("button", name="pasted.png", exact=True)).to_be_visible()


def test_the_code_of_a_picture_gives_what_the_page_gives(page, tmp_path):
    picture = saved(tmp_path, "it's a 'house' 家.png", 4)
    give(page, picture)
    translate(page)
    wanted = downloaded(page, tmp_path / "got").read_bytes()
    page.get_by_role("button", name="As code").click()
    result = tmp_path / "it's a 'house' 家-translated.png"
    for language, command in (("curl", ["sh", "-c"]), ("Python", [sys.executable, "-c"])):
        page.get_by_role("button", name=language, exact=True).click()
        subprocess.run([*command, page.locator("#snippet").inner_text()], cwd=tmp_path, check=True, timeout=30)
        assert result.read_bytes() == wanted
        result.unlink()


def test_strength_blends_without_asking_the_server_again(page, tmp_path):
    give(page, saved(tmp_path, "a.png", 5))
    translate(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    page.get_by_label("Strength", exact=True).fill("25")
    with Image.open(downloaded(page, tmp_path)) as image:
        assert image.filename.endswith("a-translated-25.png")
        blended = np.asarray(image.convert("RGB")).astype(float)
    before = np.asarray(scene(5)).astype(float)
    assert np.abs(blended - (0.75 * before + 0.25 * (255 - before))).max() < 3
    assert asked == []


def test_there_and_back_is_offered_where_the_other_direction_is_served(browser, serving, tmp_path):
    about = {"method": "cyclegan"}
    there = write_model(tmp_path, name="a2b", source="summer", target="winter", **about)
    back = write_model(tmp_path, name="b2a", source="winter", target="summer", **about)
    engines = {name: Engine(file, device="cpu") for name, file in (("a2b", there), ("b2a", back))}
    with serving(create_app(engines)) as base, opened(browser, base) as page:
        give(page, saved(tmp_path, "a.png", 6))
        translate(page)
        page.get_by_role("button", name="There and back").click()
        expect(page.locator("#took")).to_have_text("There and back, 0.0 of 255 off the original on average")
        expect(page.locator("#right-is")).to_have_text("Back again")


def test_uploads_leave_no_file_behind(base, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = png(Image.fromarray(np.random.default_rng(1).integers(0, 256, (700, 800, 3), dtype=np.uint8)))
    assert len(data) > 2**20
    for route in ("v1/translate", "page/preview"):
        assert httpx.post(f"{base}/{route}", content=data, timeout=30).status_code == 200
    assert httpx.post(f"{base}/v1/translate", files={"image": data}, timeout=30).status_code == 200
    assert httpx.post(f"{base}/v1/translate", files={"other": data}, timeout=30).status_code == 400
    assert list(tmp_path.iterdir()) == []
