"""The page for those who use the keyboard, who listen, who want no motion, whose screen is narrow or text large."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from page_helpers import drop, give, opened, png, saved, scene, translate
from playwright.sync_api import expect

FOCUSED = """() => {
    const e = document.activeElement;
    const { width, height, top, bottom } = e.getBoundingClientRect();
    const style = getComputedStyle(e);
    const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const handle = e.id === "slider" && getComputedStyle(e.firstElementChild).boxShadow !== "none";
    return { name: e.id || e.name || e.getAttribute("aria-label") || e.textContent.trim(),
             ringed: ringed || handle, seen: width > 0 && height > 0 && bottom > 0 && top < innerHeight };
}"""


def tabbed(page):
    """What Tab goes through, from the start of the page to its end; each with a ring around it, and in sight."""
    names = []
    for _ in range(100):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["name"] == "theme" and names:
            return names
        if (names or focused["name"] == "theme") and not page.evaluate("document.activeElement === document.body"):
            assert focused["ringed"], focused
            assert focused["seen"], focused
            names.append(focused["name"])
    raise AssertionError("Tab never comes round")


def test_tab_goes_through_everything_in_order_and_is_seen(page, tmp_path):
    give(page, saved(tmp_path, "a.png", 1, (40, 30)))
    translate(page)
    names = tabbed(page)
    order = ["theme", "API", "slider", "zoom-out", "zoom-in", "fit", "one-to-one", "use-loupe", "strength", "model", "choose",
             "camera", "translate", "download", "thumb-up", "thumb-down", "show-code", "clear", "a.png: done", "Remove a.png",
             "Example 1: 0.png", "Example 2: 1.png", "Example 3: 2.png"]  # fmt: skip
    assert names == order


def test_a_picture_is_translated_looked_at_and_removed_by_the_keyboard_alone(page, tmp_path):
    def go(to, key="Enter"):
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUSED)["name"] == to:
                return page.keyboard.press(key)
        raise AssertionError(f"Tab never comes to {to}")

    with page.expect_file_chooser() as chooser:
        go("choose")
    chooser.value.set_files(saved(tmp_path, "a.png", 1))
    expect(page.locator("#translate")).to_be_focused()  # the next thing to do
    page.keyboard.press("Enter")
    expect(page.locator("#stage[data-shows=after]")).to_be_visible()
    expect(page.locator("#download")).to_be_focused()
    with page.expect_download():
        page.keyboard.press("Enter")
    go("show-code")
    expect(page.locator("#code")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#code")).to_be_hidden()
    expect(page.locator("#show-code")).to_be_focused()
    go("use-loupe", "Space")
    expect(page.locator("#loupe")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#loupe")).to_be_hidden()
    go("thumb-up", "Space")
    expect(page.locator("#thumb-up")).to_have_attribute("aria-pressed", "true")
    go("Remove a.png")
    expect(page.locator("#items li")).to_have_count(0)
    expect(page.locator("#choose")).to_be_focused()


def test_what_changes_is_told_to_those_who_listen(page, tmp_path):
    give(page, saved(tmp_path, "a.png", 1))
    expect(page.locator("#took[role=status]")).to_have_text("Not translated yet")
    translate(page)
    expect(page.locator("#took[role=status]")).to_have_text(re.compile(r"320 × 240, \d+ kB, in \d+\.\d s"))
    slider = page.get_by_role("slider", name="Where before ends and after begins")
    slider.press("Home")
    assert slider.get_attribute("aria-valuetext") == "0 % of the width shows before, 100 % after"
    assert page.get_by_role("progressbar", include_hidden=True).get_attribute("aria-labelledby") == "stage-says"
    for name in ("Good", "Not good", "Loupe", "Zoom in", "Zoom out", "Take a picture with the camera", "Remove a.png"):
        assert page.get_by_role("button", name=name, exact=True).count() == 1


def test_nothing_moves_by_itself_for_those_who_want_no_motion(browser, base, tmp_path):
    with opened(browser, base, reduced_motion="reduce") as page:
        give(page, saved(tmp_path, "a.png", 1))
        page.evaluate("""() => {
            window.places = new Set();
            new MutationObserver(() => window.places.add(document.getElementById("slider").getAttribute("aria-valuenow")))
                .observe(document.getElementById("slider"), { attributes: true });
        }""")
        translate(page)
        page.wait_for_timeout(300)
        assert page.evaluate("[...window.places]") == ["50"]
        assert page.evaluate("document.getAnimations().length") == 0


CUT = """() => [...document.querySelectorAll("h1, h2, p, button, a, label, dt, dd, output, span, summary")]
    .filter((e) => e.offsetParent && e.textContent.trim() && !e.closest("#rows, dialog, #slider, .unseen") && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")
    .map((e) => [e.id || e.textContent.trim(), e.scrollWidth, e.clientWidth])"""


WIDE = """() => [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("#rows, #stage, dialog, .unseen"))
    .map((e) => e.id || e.textContent.trim())"""


@pytest.mark.parametrize(
    ("width", "height", "text"), [(320, 640, 100), (390, 844, 200), (640, 400, 100), (1280, 800, 200)],
    ids=["narrow", "phone with large text", "desk zoomed to 200 %", "desk with large text"],
)  # fmt: skip
def test_nothing_is_cut_and_nothing_scrolls_sideways(width, height, text, browser, base, tmp_path):
    with opened(browser, base, viewport={"width": width, "height": height}) as page:
        page.evaluate("size => { document.documentElement.style.fontSize = size }", f"{text}%")
        drop(page, *((f"a-rather-long-name-{n}.png", png(scene(n, (40, 30))), "image/png") for n in range(6)))
        expect(page.locator(".tile.ready")).to_have_count(6)
        for state in (
            lambda: None,
            lambda: translate(page),
            lambda: page.get_by_role("button", name="As code").click(),
        ):
            state()
            assert page.evaluate(WIDE) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert page.evaluate(CUT) == []


AXE = [Path(folder) / "node_modules/axe-core/axe.min.js" for folder in (sys.prefix, "build/axe")]


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious_in_any_state(theme, width, browser, base, tmp_path):
    axe = next((path for path in AXE if path.is_file()), None)
    if axe is None:
        pytest.skip("axe-core is not here (make setup fetches it where npm is)")
    size = {"width": width, "height": 800}
    with opened(browser, base, color_scheme=theme, reduced_motion="reduce", viewport=size) as page:
        press = lambda name: page.get_by_role("button", name=name, exact=True).click()  # noqa: E731
        states = [
            lambda: None,
            lambda: drop(page, ("notes.png", b"a text", "image/png")),
            lambda: give(page, saved(tmp_path, "large.jpg", 2, (2000, 1500))),
            lambda: give(page, saved(tmp_path, "a.png", 9), saved(tmp_path, "b.png", 10)),
            lambda: translate(page),
            lambda: press("Loupe"),
            lambda: (page.keyboard.press("Escape"), press("Good")),
            lambda: press("Keep"),
            lambda: press("As code"),
            lambda: (page.keyboard.press("Escape"), press("Take a picture with the camera")),
        ]
        page.evaluate(axe.read_text("utf-8"))
        for number, state in enumerate(states):
            state()
            assert (number, serious(page)) == (number, [])
        page.goto(f"{base}/docs")
        page.evaluate(axe.read_text("utf-8"))
        assert serious(page) == []


def serious(page):
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    bad = [each for each in found if each["impact"] in ("serious", "critical")]
    return [(each["id"], [node["html"][:90] for node in each["nodes"]]) for each in bad]
