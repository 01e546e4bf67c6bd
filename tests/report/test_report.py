"""The report of a run is one file that opens offline, shows what the run holds and says what it means."""

import base64
import io
import json
import os
import re
import shutil
import time

import numpy as np
import pytest
import yaml
from PIL import Image

from i2i.errors import RunError, StorageError
from i2i.report.images import MOST_GRIDS
from i2i.report.page import write_report
from i2i.report.text import health
from i2i.training.run_directory import Run

CELL, GAP = 64, 2
INPUTS = [(200, 30, 30), (30, 160, 60)]  # flat label maps, one colour a row


def output_grey(step, steps, row):
    """The flat grey of the output at a step: brighter over time, row 1 a little more."""
    return round(40 + 150 * step / max(1, steps - 1)) + 20 * row


def write_grid(path, step, steps, rows):
    """input (flat colour) | output (noise around a grey) | truth (noise), with white gaps."""
    pitch = CELL + GAP
    grid = np.full((rows * pitch - GAP, 3 * pitch - GAP, 3), 255, np.uint8)
    for row in range(rows):
        fixed = np.random.default_rng(row)
        noise = fixed.integers(-4, 5, (CELL, CELL, 3))
        cells = [
            np.broadcast_to(INPUTS[row % 2], (CELL, CELL, 3)),
            output_grey(step, steps, row) + noise,
            100 + 4 * noise,
        ]
        for column, cell in enumerate(cells):
            grid[row * pitch : row * pitch + CELL, column * pitch : column * pitch + CELL] = cell
    Image.fromarray(grid).save(path, compress_level=1)


def tick_at(images, total):
    done = images / total
    return {
        "images": images,
        "seconds": images * 0.25,
        "images_per_s": 4.0,
        "memory_mb": 900.0,
        "lr_g": 2e-4,
        "lr_d": 2e-4,
        "g_gan": 0.7 + done,
        "g_l1": 0.4 - 0.3 * done,
        "d_real": 0.69,
        "d_fake": 0.69,
        "p_real": 0.5 + 0.3 * done,
        "p_fake": 0.5 - 0.3 * done,
    }


def write_run(run, ticks=40, grids=4, rows=2, names=("cat", "dog"), planned=None, **config):
    total = ticks * 10
    (run / "samples").mkdir(parents=True)
    settings = {
        "method": "pix2pix",
        "direction": "b2a",
        "images": planned or total,
        "data": {"path": "photos/facades", "a": "photo", "b": "labels"},
    }
    (run / "config.yaml").write_text(yaml.safe_dump(settings | config))
    (run / "environment.json").write_text(
        json.dumps({"device": "cpu", "precision": "bf16", "packages": {"numpy": "2"}})
    )
    lines = [tick_at(10 * (n + 1), total) for n in range(ticks)]
    for n in range(ticks // 4 - 1, ticks, ticks // 4):
        lines[n]["val_l1"] = 0.2 if n == ticks // 2 - 1 else 0.25
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    layout = {"columns": ["input", "output", "truth"], "rows": list(names), "cell": [CELL, CELL], "gap": GAP}
    (run / "samples" / "grid.json").write_text(json.dumps(layout))
    for step in range(grids):
        write_grid(run / "samples" / f"{(step + 1) * total // grids:08d}.png", step, grids, rows)
    return run


def data_of(page):
    """What the page's scripts read."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.S)
    return json.loads(found[1])


def cell_of(data, time_index, column, row):
    kind, code = data["samples"]["strips"][data["samples"]["times"][time_index]["strips"][column]].split(",")
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB")).astype(int)
    return kind, strip[row * CELL : (row + 1) * CELL]


def test_the_page_is_complete_in_itself(tmp_path):
    text = write_report(write_run(tmp_path / "run")).read_text()
    for link in re.findall(r"(?:src|href|action|data)\s*=\s*[\"']([^\"']*)", text):
        assert link.startswith("data:"), link
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert "default-src 'none'" in text
    assert not re.search(r"@@[A-Z_]+@@", text)


def test_the_page_states_the_run_in_words(tmp_path):
    text = write_report(write_run(tmp_path / "run", planned=800)).read_text()
    assert "<h1>Pix2Pix on facades: labels → photo</h1>" in text  # b2a: from B to A
    assert "in progress" in text
    assert "50 % of the planned images" in text
    assert "<dd>400<span>of 800 planned" in text
    assert "<dd>1 min 40 s<span>4 images/s" in text
    assert "<dd>0.2<span>at 200 images" in text
    assert "data.a" in text
    assert "packages.numpy" in text


def test_a_run_that_reached_its_length_is_finished_and_a_quiet_one_was_stopped(tmp_path):
    assert 'class="state finished"' in write_report(write_run(tmp_path / "done")).read_text()
    stopped = write_run(tmp_path / "stopped", planned=800)
    os.utime(stopped / "log.jsonl", (time.time() - 3600,) * 2)
    assert 'class="state stopped-early"' in write_report(stopped).read_text()


def test_the_page_holds_every_tick_of_the_log(tmp_path):
    series = data_of(write_report(write_run(tmp_path / "run")))["series"]
    assert series["images"] == list(range(10, 401, 10))
    assert series["g_l1"] == pytest.approx([0.4 - 0.3 * n / 40 for n in range(1, 41)], rel=1e-4)
    assert [v for v in series["val_l1"] if v is not None] == [0.25, 0.2, 0.25, 0.25]


def test_a_line_cut_short_is_ignored_and_later_lines_win(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"images": 10, "g_l1": 1}\n{"images": 20, "g_l1": 2}\n{"images": 30, "g_l1": 3}\n'
        '{"images": 20, "g_l1": 5}\nnot json\n[1]\n{"images": 25, "g_l1": NaN}\n'
        '{"images": 30, "g_l1": 6}\n{"images": 40, "g_'
    )
    ticks = Run(tmp_path).records(tolerant=True)
    assert [tick["images"] for tick in ticks] == [10, 20, 25, 30]
    assert [tick["g_l1"] for tick in ticks if tick["images"] != 25] == [1, 5, 6]
    series = data_of(write_report(tmp_path))["series"]
    assert series["g_l1"] == [1, 5, None, 6]  # NaN is no JSON that a browser reads


def test_a_long_log_is_averaged_and_keeps_its_end(tmp_path):
    lines = ({"images": n, "g_l1": float(n % 2)} for n in range(1, 10_001))
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    series = data_of(write_report(tmp_path))["series"]
    assert len(series["images"]) == len(series["g_l1"]) <= 3000
    assert series["images"][-1] == 10_000
    assert series["g_l1"][0] == 0.5


@pytest.mark.parametrize("missing", ["config.yaml", "log.jsonl", "environment.json", "samples"])
def test_a_run_that_lacks_a_part_still_gets_a_page(tmp_path, missing):
    run = write_run(tmp_path / "run")
    shutil.rmtree(run / missing) if missing == "samples" else (run / missing).unlink()
    text = write_report(run).read_text()
    assert ("is missing or unreadable" in text) == (missing in ("config.yaml", "environment.json"))


def test_damaged_files_cost_their_part_of_the_page_alone(tmp_path):
    run = write_run(tmp_path / "run")
    (run / "config.yaml").write_text("method: [pix2pix")
    (run / "environment.json").write_text("[]")
    grid = run / "samples" / "00000200.png"
    grid.write_bytes(grid.read_bytes()[:500])
    samples = data_of(write_report(run))["samples"]
    assert [t["images"] for t in samples["times"]] == [100, 300, 400]
    assert samples["left_out"] == 1


def test_grids_without_a_layout_are_shown_whole(tmp_path):
    run = write_run(tmp_path / "run")
    (run / "samples" / "grid.json").unlink()
    samples = data_of(write_report(run))["samples"]
    assert samples["columns"] == ["samples"]
    assert samples["cell"] == [2 * CELL + GAP, 3 * CELL + 2 * GAP]
    assert len(samples["times"]) == 4


def test_cells_keep_their_place_and_flat_label_maps_their_exact_colours(tmp_path):
    data = data_of(write_report(write_run(tmp_path / "run")))
    for row in (0, 1):
        kind, label = cell_of(data, 2, 0, row)
        assert "webp" in kind
        assert (label == INPUTS[row]).all()
        kind, output = cell_of(data, 2, 1, row)
        assert "jpeg" in kind
        assert abs(output - output_grey(2, 4, row)).max() < 12  # no gap and no neighbour in it
        assert abs(output.mean() - output_grey(2, 4, row)) < 1


def test_large_cells_are_scaled_down_one_by_one(tmp_path):
    run = tmp_path / "run"
    (run / "samples").mkdir(parents=True)
    grid = np.zeros((2 * 700 + GAP, 1400, 3), np.uint8)
    grid[702:] = 250
    Image.fromarray(grid).save(run / "samples" / "00000010.png")
    layout = {"columns": ["wide"], "rows": ["dark", "light"], "cell": [700, 1400], "gap": GAP}
    (run / "samples" / "grid.json").write_text(json.dumps(layout))
    samples = data_of(write_report(run))["samples"]
    assert samples["cell"] == [256, 512]
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(samples["strips"][0].split(",")[1]))).convert("RGB"))
    assert strip.shape == (512, 512, 3)
    assert (strip[:256] == 0).all()
    assert (strip[256:] == 250).all()


def test_a_long_run_makes_a_small_file_quickly(tmp_path):
    run = write_run(tmp_path / "run", ticks=2000, grids=60, rows=8, names=[str(n) for n in range(8)])
    started = time.process_time()
    page = write_report(run)
    assert time.process_time() - started < 2
    assert page.stat().st_size < 15e6
    samples = data_of(page)["samples"]
    times = [t["images"] for t in samples["times"]]
    assert len(times) == MOST_GRIDS
    assert (times[0], times[-1]) == (20_000 // 60, 20_000)
    assert max(np.diff(times)) <= 2 * 334
    assert len(samples["strips"]) == MOST_GRIDS + 2  # input and truth once, each output


def test_grids_are_thinned_until_the_file_is_small_enough(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", grids=20)
    whole = sum(map(len, data_of(write_report(run))["samples"]["strips"]))
    monkeypatch.setattr("i2i.report.images.MOST_BYTES", whole // 2)
    samples = data_of(write_report(run))["samples"]
    assert sum(map(len, samples["strips"])) <= whole // 2
    assert samples["times"][0]["images"] == 20
    assert samples["times"][-1]["images"] == 400
    assert len(samples["times"]) > 3


def test_a_folder_that_is_no_run_is_refused_by_name(tmp_path):
    with pytest.raises(RunError, match="is no run directory"):
        write_report(tmp_path)
    with pytest.raises(RunError, match="nowhere"):
        write_report(tmp_path / "nowhere")


def test_a_report_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    run = write_run(tmp_path / "run")
    (run / "report.html").mkdir()  # stands where the file should
    with pytest.raises(StorageError, match=r"report\.html could not be written"):
        write_report(run)
    assert not list(run.glob(".*"))


def test_writing_again_replaces_the_page(tmp_path):
    run = write_run(tmp_path / "run")
    write_report(run)
    with (run / "log.jsonl").open("a") as log:
        log.write(json.dumps(tick_at(410, 400)) + "\n")
    assert data_of(write_report(run))["series"]["images"][-1] == 410
    assert not list(run.glob(".*"))


@pytest.mark.parametrize(
    ("real", "fake", "title"),
    [
        (0.99, 0.01, "The discriminator overpowers the generator"),
        (0.55, 0.45, "Balanced"),
        (0.80, 0.20, "The discriminator leads"),
        (0.40, 0.70, "The generator fools"),
    ],
)
def test_the_health_line_names_who_wins_in_the_last_part(real, fake, title):
    early = [{"images": float(n), "p_real": 0.5, "p_fake": 0.5} for n in range(1, 80)]
    late = [{"images": float(n), "p_real": real, "p_fake": fake} for n in range(80, 101)]
    [sign] = health(early + late)
    assert sign.title.startswith(title)
    assert f"D(real) {real:.2f}, D(fake) {fake:.2f}" in sign.text


@pytest.mark.parametrize(
    ("errors", "title"),
    [
        ([0.5, 0.4, 0.3, 0.25, 0.2, 0.15], "Still getting better"),
        ([0.5, 0.2, 0.25, 0.3, 0.35, 0.4], "Held-out pictures get worse"),
        ([0.5, 0.3, 0.21, 0.20, 0.201, 0.202], "Held-out error has levelled off"),
    ],
)
def test_the_health_line_tells_what_the_held_out_error_does(errors, title):
    [sign] = health([{"images": float(100 * n), "val_l1": error} for n, error in enumerate(errors, 1)])
    assert sign.title == title


def test_a_loss_that_is_no_number_is_the_first_thing_said():
    [sign] = health([{"images": 10.0, "g_l1": 0.3}, {"images": 20.0, "g_l1": float("nan")}])
    assert sign.level == "bad"
    assert "g_l1 stopped being a number at 20 images" in sign.text


def test_of_two_discriminators_the_one_that_stands_worst_is_named():
    won = {"p_real_x": 0.99, "p_fake_x": 0.01, "p_real_y": 0.6, "p_fake_y": 0.4}
    [sign] = health([{"images": 10.0, **won}])
    assert sign.title == "The discriminator overpowers the generator"
    assert "D_x(real) 0.99, D_x(fake) 0.01" in sign.text
    [sign] = health([{"images": 10.0, **won, "p_real_x": 0.5, "p_fake_x": 0.5}])
    assert sign.title == "Balanced"
    assert "D(real) 0.55, D(fake) 0.45" in sign.text
    assert health([{"images": 10.0, "p_real_x": 0.5, "d_x": 0.1}]) == []  # and a critic gives no probabilities


@pytest.mark.parametrize(
    ("key", "values", "title", "said"),
    [
        ("val_swd", [0.9, 0.5, 0.2, 0.3, 0.4, 0.4], "Held-out pictures get worse", "sliced Wasserstein distance"),
        ("val_swd", [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], "Still getting better", "sliced Wasserstein distance"),
        ("val_psnr", [20, 24, 30, 26, 25, 25], "Held-out pictures get worse", "psnr was best earlier (30 at 300"),
        ("val_psnr", [20, 21, 22, 23, 24, 25], "Still getting better", "psnr"),
    ],
)
def test_the_health_line_speaks_of_the_figure_that_the_run_has(key, values, title, said):
    [sign] = health([{"images": float(100 * n), key: value} for n, value in enumerate(values, 1)])
    assert sign.title == title
    assert said in sign.text
    assert "by heart" not in sign.text  # which only an error against the truth can show


CHEATED = {"fail_identity_a2b": 0.02, "fail_identity_b2a": 1.1}
FAIR = {"fail_identity_a2b": 1.2, "fail_identity_b2a": 1.1}
CYCLE = {"fail_cycle_a2b": 0.03, "fail_cycle_8bit_a2b": 0.031, "fail_cycle_noise_a2b": 0.04}
SIX = ["A", "A → B", "A → B → A", "B", "B → A", "B → A → B"]


def write_unpaired_run(run, figures, columns=SIX):
    """A CycleGAN run of 40 ticks, of which each tenth has `figures`, with a grid of the given columns."""
    write_run(run, method="cyclegan", data={"path": "photos/yosemite", "a": "summer", "b": "winter"})
    lines = [tick_at(10 * n, 400) | {"ada_p": n / 100} for n in range(1, 41)]
    for line in lines[9::10]:
        line |= {"val_swd": 0.9 - line["images"] / 1000} | figures
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for grid in (run / "samples").glob("*.png"):
        cells = [np.full((2 * CELL + GAP, CELL + GAP, 3), 30 * n, np.uint8) for n in range(1, len(columns) + 1)]
        Image.fromarray(np.concatenate(cells, axis=1)).save(grid)
    layout = {"columns": columns, "rows": ["cat", "dog"], "cell": [CELL, CELL], "gap": GAP}
    (run / "samples" / "grid.json").write_text(json.dumps(layout))
    return run


def test_a_run_of_two_directions_is_titled_by_both(tmp_path):
    text = write_report(write_unpaired_run(tmp_path / "run", FAIR)).read_text()  # b2a is set, and means nothing here
    assert "<h1>CycleGAN on yosemite: summer ↔ winter</h1>" in text
    assert "<dt>Best validation SWD</dt><dd>0.5<span>at 400 images" in text


def test_the_columns_of_both_directions_bear_the_domains_names(tmp_path):
    samples = data_of(write_report(write_unpaired_run(tmp_path / "run", FAIR)))["samples"]
    assert samples["columns"] == ["summer", "→ winter", "back to summer", "winter", "→ summer", "back to winter"]
    assert data_of(write_report(write_run(tmp_path / "p")))["samples"]["columns"] == ["input", "output", "truth"]


def test_a_failure_mode_is_the_first_thing_said_with_its_direction_and_the_remedy(tmp_path):
    text = write_report(write_unpaired_run(tmp_path / "run", CHEATED)).read_text()
    first = re.search(r'<ul class="health"><li class="(\w+)"><strong>(.*?)</strong>(.*?)</li>', text)
    assert (first[1], first[2]) == ("bad", "The input is handed back.")
    assert "From summer to winter the output" in first[3]
    assert "--set</span> <span>lambda_identity=0" in text
    assert "No failure mode found" not in text


def test_a_run_without_failure_modes_says_so_in_one_sentence_with_the_figures(tmp_path):
    text = write_report(write_unpaired_run(tmp_path / "run", FAIR | CYCLE)).read_text()
    assert text.count("No failure mode found") == 1
    assert (
        "identity 1.2 and 1.1 (bad below 0.25, or less than 0.012 (3 of 255 levels) at full size); cycle 0.03 (in 8 bits 0.031, with noise 0.04)."
        in text
    )
    assert (
        "failure mode"
        not in re.search(r'<ul class="health">.*?</ul>', write_report(write_run(tmp_path / "p")).read_text())[0]
    )


def sick_run(run, sick=range(20, 41), **figures):
    """A run whose outputs are all alike at some of its 40 lines, and figures as of a healthy one at the others."""
    write_run(run)
    lines = [tick_at(10 * n, 400) | {"d_accuracy_real": 0.7, "d_accuracy_fake": 0.7} for n in range(1, 41)]
    for n, line in enumerate(lines, start=1):
        line |= {"health_spread": 0.05 if n in sick else 0.9, "health_overfit": 0.1, "health_checkerboard": 1} | figures
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def verdict_of(page):
    """Its level, and its words."""
    level, words = re.search(r'<div class="verdict (\w+)">\s*<p>(.*?)</p>', page.read_text(), re.S).groups()
    return level, re.sub("<.*?>", "", words)


def test_the_head_says_at_a_glance_that_a_run_is_sick_since_when_and_what_to_change(tmp_path):
    page = write_report(sick_run(tmp_path / "my run"))
    level, words = verdict_of(page)
    assert level == "bad"
    assert words.startswith("Not healthy. Mode collapse: outputs are far more alike")
    assert "since 200 images (step 0, 50 % of the run)" in words
    command = re.sub("<.*?>", "", re.search(r"<code>(.*?)</code>", page.read_text(), re.S)[1])
    assert command.startswith("i2i train pix2pix photos/facades --config &#39;")
    assert command.endswith(
        "--set optimizer.lr=0.0001 --set optimizer.lr_d=0.0002 --set optimizer.beta1=0 --set gan.r1=1"
    )
    assert ".state.finished { color: inherit; }" in page.read_text()  # "finished" is no praise


def test_the_head_calls_a_run_healthy_that_is_and_judges_none_of_which_it_knows_little(tmp_path):
    level, words = verdict_of(write_report(sick_run(tmp_path / "well", sick=())))
    assert (level, words.partition(".")[0]) == ("good", "Healthy")
    assert re.search(r"None of \d+ failures shows in 40 lines of the log\.$", words)
    unknown = write_run(tmp_path / "unknown")
    (unknown / "log.jsonl").unlink()
    assert verdict_of(write_report(unknown))[0] == "note"


def test_what_comes_back_is_one_entry_with_all_of_its_spans(tmp_path):
    page = write_report(sick_run(tmp_path / "run", sick=[*range(8, 14), *range(30, 41)])).read_text()
    assert page.count("<strong>Mode collapse") == 1
    assert "since 300 images (step 0), and from 80 to 180:" in page


def test_a_discriminator_that_overpowers_is_told_of_once(tmp_path):
    sure = {"p_real": 0.99, "p_fake": 0.01, "d_accuracy_real": 1.0, "d_accuracy_fake": 1.0}
    page = write_report(sick_run(tmp_path / "run", sick=(), **sure)).read_text()
    entries = re.findall(r'<li class="\w+"><strong>(.*?)</strong>', page)
    assert [one for one in entries if "iscriminator" in one] == ["The discriminator overpowers the generator."]


def test_the_command_is_copied_at_a_click(tmp_path, open_page):
    page = open_page(write_report(sick_run(tmp_path / "run")), permissions=["clipboard-read", "clipboard-write"])
    page.click(".verdict .copy")
    page.wait_for_function("['Copied', 'Selected'].includes(document.querySelector('.verdict .copy').textContent)")
    if page.text_content(".verdict .copy") == "Selected":
        taken = page.evaluate("getSelection().toString()")
    else:
        taken = page.evaluate("navigator.clipboard.readText()")
    assert taken.startswith("i2i train pix2pix photos/facades --config ")
    assert taken.endswith(" --set gan.r1=1")


def wait_for_text(page, selector, text):
    page.locator(selector).filter(has_text=text).wait_for(state="attached")


@pytest.fixture
def open_page(browser):
    """Opens a file and returns its page; afterwards it must have said nothing and asked for nothing."""
    said, asked, contexts = [], [], []

    def open_page(path, **options):
        contexts.append(browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options)))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        if page.locator("#time").is_visible():
            wait_for_text(page, "#when", "images")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in asked if url.startswith("file:")]) == len(contexts)  # the page itself, nothing beside


def middle_of(page, canvas):
    """RGB in the middle of a canvas, read from a copy."""
    read = """c => { const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
      copy.drawImage(c, -32, -32); return [...copy.getImageData(0, 0, 1, 1).data].slice(0, 3); }"""
    return page.locator(canvas).evaluate(read)


def grey_is(value):
    return pytest.approx([value] * 3, abs=14)


def test_the_scrubber_shows_the_pictures_of_its_time(tmp_path, open_page):
    page = open_page(write_report(write_run(tmp_path / "run")))
    output = "#rows .row:nth-child(2) canvas:nth-child(2)"
    assert page.locator("#when").text_content() == "400 images"  # opens at the end
    assert middle_of(page, output) == grey_is(output_grey(3, 4, 1))
    page.locator("#time").focus()
    page.keyboard.press("Home")
    wait_for_text(page, "#when", "100 images")
    assert middle_of(page, output) == grey_is(output_grey(0, 4, 1))
    assert page.locator("#time").get_attribute("aria-valuetext") == "100 images seen"
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")  # outside any control, too
    wait_for_text(page, "#when", "200 images")
    page.locator("#play").click()
    wait_for_text(page, "#when", "400 images")
    wait_for_text(page, "#play", "Play")  # stops at the end
    page.locator("#play").click()  # and starts again from the first
    wait_for_text(page, "#when", "100 images")
    wait_for_text(page, "#when", "400 images")
    assert middle_of(page, output) == grey_is(output_grey(3, 4, 1))


def seen_at(page, share):
    """The colour on the screen at a share of the wipe's width, a quarter down."""
    box = page.locator("#wipe").bounding_box()
    shot = page.screenshot(
        clip={"x": box["x"] + share * box["width"], "y": box["y"] + box["height"] / 4, "width": 2, "height": 2}
    )
    return [int(v) for v in np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))[0, 0]]


def test_the_wipe_follows_the_pointer_and_the_keys(tmp_path, open_page):
    page = open_page(write_report(write_run(tmp_path / "run")))
    page.locator("#wipe").scroll_into_view_if_needed()
    assert seen_at(page, 0.3) == pytest.approx(INPUTS[0], abs=3)
    assert seen_at(page, 0.7) == grey_is(output_grey(3, 4, 0))
    box = page.locator("#wipe").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 120, steps=4)
    page.mouse.up()
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + 120)  # no longer held: changes nothing
    assert seen_at(page, 0.7) == pytest.approx(INPUTS[0], abs=3)
    assert page.locator("#handle").get_attribute("aria-valuenow") == "80"
    for key, expected in (("ArrowLeft", "78"), ("PageDown", "68"), ("End", "100"), ("Home", "0")):
        page.keyboard.press(key)  # the drag left the focus on the handle
        assert page.locator("#handle").get_attribute("aria-valuenow") == expected
    assert page.locator("#when").text_content() == "400 images"  # the keys did not move the time
    assert seen_at(page, 0.1) == grey_is(output_grey(3, 4, 0))


def test_any_two_columns_of_any_row_can_be_compared(tmp_path, open_page):
    page = open_page(write_report(write_run(tmp_path / "run")))
    page.locator("#rows .row:nth-child(2)").click()
    page.locator("#rows .row:nth-child(2)[aria-pressed=true]").wait_for()
    assert page.locator("#row").input_value() == "1"
    assert middle_of(page, "#over") == pytest.approx(INPUTS[1], abs=1)
    page.select_option("#left", label="truth")
    wait_for_text(page, ".name.left", "truth")
    assert middle_of(page, "#over") == pytest.approx([100] * 3, abs=30)
    assert middle_of(page, "#under") == grey_is(output_grey(3, 4, 1))
    assert "truth of dog at 400 images" in page.locator("#over").get_attribute("aria-label")


def test_the_wipe_follows_a_finger_on_a_phone(tmp_path, open_page):
    path = write_report(write_run(tmp_path / "run", names=["a_long_name_without_any_place_to_break_it" * 2, "dog"]))
    page = open_page(path, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360  # nothing sticks out sideways
    page.locator("#wipe").scroll_into_view_if_needed()
    box = page.locator("#wipe").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + 60)
    assert int(page.locator("#handle").get_attribute("aria-valuenow")) == pytest.approx(25, abs=1)


def test_curves_switch_to_a_log_axis_hide_lines_and_read_out_values(tmp_path, open_page):
    page = open_page(write_report(write_run(tmp_path / "run")))
    titles = page.locator("#losses h3").all_inner_texts()
    assert [title.splitlines()[0] for title in titles] == [
        "Generator losses",
        "Discriminator losses",
        "D(real) and D(fake)",
    ]
    chart = page.locator("#losses .chart").nth(0)
    line = chart.locator("path.line[data-key=g_gan]")
    before, pressed = line.get_attribute("d"), chart.locator("button.log").get_attribute("aria-pressed")
    chart.locator("button.log").click()
    assert line.get_attribute("d") != before
    assert chart.locator("button.log").get_attribute("aria-pressed") != pressed
    chart.locator(".legend button", has_text="adversarial").click()
    assert line.count() == 0
    assert chart.locator("path.line").count() == 1
    page.locator("#smoothing").fill("0")
    chart.locator("svg").focus()
    page.keyboard.press("ArrowRight")
    assert chart.locator(".tip").inner_text().split() == ["10", "images", "L1", "0.393"]  # 0.4 - 0.3 / 40
    box = chart.locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 14, box["y"] + 60)
    assert chart.locator(".tip").inner_text().split() == ["400", "images", "L1", "0.1"]


def test_probabilities_carry_the_half_line_where_the_axis_says_so(tmp_path, open_page):
    page = open_page(write_report(write_run(tmp_path / "run")))
    chart = page.locator("#losses .chart").nth(2)
    half = chart.locator("svg text", has_text=re.compile(r"^0\.[46]$")).evaluate_all(
        "t => t.map(e => +e.getAttribute('y'))"
    )
    rule = float(chart.locator(".rule").get_attribute("y1"))
    assert rule == pytest.approx(sum(half) / 2 - 4, abs=0.5)  # midway between 0.4 and 0.6


def test_failure_modes_have_curves_of_their_own_with_the_limit_marked(tmp_path, open_page):
    figures = FAIR | CYCLE | {"fail_inversion_a2b": 0.9}
    page = open_page(write_report(write_unpaired_run(tmp_path / "run", figures)))
    titles = page.locator("#failures h3").all_inner_texts()
    assert titles == [
        "Identity\nBad when below 0.25, or less than 0.012 (3 of 255 levels) at full size (dashed line)",
        "Inversion\nBad when below -0.3 (dashed line)",
        "Cycle error, summer to winter\n"
        "Bad when rounding or noise makes it more than twice the plain one, and at least 0.02 more",
    ]
    identity, inversion, cycle = page.locator("#failures .chart").all()
    assert identity.locator(".legend button").all_inner_texts() == ["summer to winter", "winter to summer"]
    assert cycle.locator(".legend button").all_inner_texts() == ["plain", "in 8 bits", "with noise"]
    marks = identity.locator("svg text", has_text=re.compile(r"^(0|0\.5)$")).evaluate_all(
        "t => t.filter(e => e.getAttribute('text-anchor') === 'end').map(e => +e.getAttribute('y'))"
    )
    assert float(identity.locator(".rule").get_attribute("y1")) == pytest.approx(sum(marks) / 2 - 4, abs=0.5)
    assert float(inversion.locator(".rule").get_attribute("y1")) < 210  # far from the values, and yet on the chart
    assert cycle.locator(".rule").count() == 0
    assert "Adaptive augmentation" in page.locator("#losses h3").all_inner_texts()
    assert not open_page(write_report(write_run(tmp_path / "paired"))).locator("#failures-title").is_visible()


def test_lines_of_two_discriminators_have_colours_of_their_own(tmp_path, open_page):
    run = write_unpaired_run(tmp_path / "run", FAIR)
    names = ["p_real_x", "p_fake_x", "p_real_y", "p_fake_y"]
    (run / "log.jsonl").write_text(json.dumps({"images": 10} | dict.fromkeys(names, 0.5)) + "\n")
    lines = open_page(write_report(run)).locator("#losses .chart path.line")
    assert lines.count() == 4
    assert len({lines.nth(n).get_attribute("stroke") for n in range(4)}) == 4


@pytest.mark.parametrize(("columns", "across"), [(SIX, 3), (["A", "A → B", "B", "B → A"], 4)])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_columns_of_both_directions_are_large_enough_to_see(tmp_path, open_page, columns, across, width):
    path = write_report(write_unpaired_run(tmp_path / "run", FAIR, columns))
    page = open_page(path, viewport={"width": width, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [canvas.bounding_box() for canvas in page.locator("#rows .row:nth-child(1) canvas").all()]
    assert len({round(box["y"]) for box in boxes}) == len(columns) // across
    assert min(box["width"] for box in boxes) >= 75
    heads = [head.bounding_box()["x"] for head in page.locator("#heads span").all()]
    assert heads == pytest.approx([box["x"] for box in boxes], abs=8)  # a head stands over its column


def test_the_best_held_out_point_is_marked(tmp_path, open_page):
    page = open_page(write_report(write_run(tmp_path / "run")))
    assert "Best 0.2 at 200 images" in page.locator("#validation .chart").inner_text()


def test_dark_mode_is_dark_and_both_modes_are_readable(tmp_path, open_page):
    path = write_report(write_run(tmp_path / "run"))
    for scheme in ("light", "dark"):
        page = open_page(path, color_scheme=scheme)
        for what in ("h1", ".health strong", ".facts dt", ".plot text", ".legend button"):
            assert contrast(page, what) >= 4.5, (scheme, what)
        assert (luminance(colour_of(page, "body", "backgroundColor")) < 0.1) == (scheme == "dark")


def colour_of(page, what, prop):
    text = page.locator(what).first.evaluate("(e, prop) => getComputedStyle(e)[prop]", prop)
    return [float(v) for v in re.findall(r"[\d.]+", text)[:3]]


def luminance(rgb):
    """Relative luminance, WCAG 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(page, what):
    prop = "fill" if what.endswith("text") else "color"
    pair = sorted((luminance(colour_of(page, what, prop)), luminance(colour_of(page, "body", "backgroundColor"))))
    return (pair[1] + 0.05) / (pair[0] + 0.05)


def test_names_with_markup_are_shown_as_text(tmp_path, open_page):
    evil = "</script><img src=x onerror=\"document.title='taken'\">'&amp;@@DATA@@"
    run = write_run(tmp_path / "run", names=[evil, "dog"], method=evil, note={evil: evil})
    (run / "environment.json").write_text(json.dumps({"device": evil, evil: evil}))
    with (run / "log.jsonl").open("a") as log:
        log.write(json.dumps(tick_at(410, 400) | {f"g_{evil}": 1.0, f"val_{evil}": 1.0}) + "\n")
    page = open_page(write_report(run))
    assert page.locator("h1").inner_text() == f"{evil} on facades: labels → photo"
    assert page.locator("#row option").first.text_content() == evil
    assert page.locator("th", has_text=evil).count() == 2
    assert page.locator("img").count() == 0
    assert page.title().startswith(evil)


def test_an_empty_run_says_so(tmp_path, open_page):
    (tmp_path / "config.yaml").write_text("method: pix2pix\n")
    page = open_page(write_report(tmp_path))
    assert page.locator("#pictures-note").inner_text() == "There are no sample pictures yet."
    assert page.locator("#curves-note").is_visible()
    assert page.locator(".state").inner_text() == "not started"
    assert not page.locator("#pictures").is_visible()
