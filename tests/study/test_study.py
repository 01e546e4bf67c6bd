"""A blind test by people: fair trials, votes that are kept, raters who come back, and an interval that is true."""

import collections
import contextlib
import dataclasses
import io
import json
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image

from i2i.errors import DataError, RequestError
from i2i.study.app import create_study
from i2i.study.design import PICTURES, VOTES, Pictures, read_design, ruined
from i2i.study.results import rate_of, results, to_csv
from i2i.study.votes import Vote, Votes
from i2i.workflows.study import Asked, prepare


def paint(folder, count, shade, size=48):
    folder.mkdir()
    for n in range(count):
        noise = np.random.default_rng(n).integers(0, 40, (size, size, 3))
        Image.fromarray((shade + noise).astype(np.uint8)).save(folder / f"secret-{n}.png")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Dark fakes and bright real pictures of the same names, so that a test's rater can tell them by their pixels."""
    root = tmp_path_factory.mktemp("pictures")
    return paint(root / "fake", 12, 20), paint(root / "real", 12, 200)


@pytest.fixture
def study(folders, tmp_path):
    """The folder of a short study: two trials of practice, five pairs, one check."""
    prepare(Asked(*folders, trials=5, practice=2, checks=1, seconds=0.05), tmp_path / "study")
    return tmp_path / "study"


@contextlib.contextmanager
def served(folder):
    """The application on a free loopback port."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_study(folder, ["127.0.0.1"])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        app.state.votes.close()


def always_left(*_):
    return "left"


def fake_side(client, state):
    """Which of the two pictures is darker, as a rater sees them."""
    shades = []
    for name in state["pictures"]:
        with Image.open(io.BytesIO(client.get(f"/picture/{name}").content)) as picture:
            shades.append(np.asarray(picture).mean())
    return "left" if shades[0] < shades[1] else "right"


def answer(client, state, choose=always_left):
    sent = {"trial": state["done"], "choice": choose(client, state), "ms": 700}
    return client.post("/vote", json=sent).json()


def finish(base, choose=always_left):
    with httpx.Client(base_url=base) as client:
        state = client.post("/join", json={}).json()
        while not state["finished"]:
            state = answer(client, state, choose)


# The trials


def test_trials_are_a_function_of_seed_and_rater_and_no_pair_comes_twice(study):
    design = read_design(study)
    for rater in range(12):
        trials = design.trials_of(rater)
        assert trials == design.trials_of(rater)
        assert collections.Counter(trial.part for trial in trials) == {"practice": 2, "main": 5, "check": 1}
        assert [trial.part for trial in trials[:3]] == ["practice", "practice", "main"]
        shown = [trial.item for trial in trials if trial.part != "check"]
        assert len(set(shown)) == len(shown)
        assert abs(sum(trial.left == "a" for trial in trials) - 4) == 0  # half of eight on either side
    assert len({str(design.trials_of(rater)) for rater in range(12)}) == 12
    assert dataclasses.replace(design, seed=1).trials_of(0) != design.trials_of(0)


def test_raters_share_the_pairs_out_evenly(folders, tmp_path):
    design = prepare(Asked(*folders, trials=3, practice=2, checks=1), tmp_path / "study")
    seen = collections.Counter(t.item for r in range(21) for t in design.trials_of(r) if t.part == "main")
    assert len(seen) == 9  # of twelve, two are kept for practice and one for the check
    assert set(seen.values()) == {7}


@pytest.mark.parametrize("options", [{}, {"against": True}], ids=["real-or-fake", "a-against-b"])
def test_no_rater_sees_a_picture_of_a_trial_in_an_obvious_pair(folders, tmp_path, options):
    """Nor one of practice in a check: who has seen which of two is the real one knows it again."""
    other = paint(tmp_path / "other", 12, 90) if options else None
    design = prepare(Asked(*folders, against=other, trials=5, practice=2, checks=2), tmp_path / "study")
    names = {one: item.name for item in (*design.items, *design.checks) for one in (item.a, item.b)}
    for rater in range(12):
        trials = design.trials_of(rater)
        assert collections.Counter(trial.part for trial in trials) == {"practice": 2, "main": 5, "check": 2}
        shown = [design.item(trial) for trial in trials]
        assert len({one for item in shown for one in (item.a, item.b)}) == 2 * len(shown)
    whole = {path.stem for path in (tmp_path / "study" / PICTURES).iterdir()}
    assert whole == set(names)
    assert len(design.items) == 12 - len(design.checks)


def test_a_larger_picture_of_a_pair_is_made_smaller_so_that_no_scale_tells_it(tmp_path):
    """Its halves are black and white, and so are those of what is shown."""
    pixels = np.zeros((96, 132, 3), np.uint8)
    pixels[:, 66:] = 255
    item = Pictures(tmp_path).pair(np.zeros((32, 40, 3), np.uint8), pixels, "one")
    with Image.open(tmp_path / PICTURES / f"{item.b}.png") as shown:
        assert shown.size == (40, 32)
        row = np.asarray(shown.convert("L"))[16]
    assert row[:18].max() < 20
    assert row[22:].min() > 235


# What the page is told


def test_nothing_that_a_rater_gets_tells_which_is_which(study, folders):
    with served(study) as base, httpx.Client(base_url=base) as client:
        told = client.get("/").text + client.get("/static/study.js").text
        state, sizes = client.post("/join", json={}).json(), set()
        while not state["finished"]:
            told += json.dumps(state)
            for name in state["pictures"]:
                assert re.fullmatch(r"[\w-]{16}", name)
                with Image.open(io.BytesIO(client.get(f"/picture/{name}").content)) as picture:
                    sizes.add((picture.format, picture.mode, picture.size, tuple(picture.info)))
            if state["practising"]:
                state = answer(client, state)
                assert state.pop("right") in (True, False)
            else:
                state = answer(client, state)
                assert "right" not in state
        assert len(sizes) <= 2  # checks lose what does not divide by eight, both pictures alike
        for word in ("secret", "check", str(folders[0]), '"a"', '"b"'):
            assert word not in told
        assert "no-store" in client.get(f"/picture/{read_design(study).items[0].a}").headers["cache-control"]


def test_only_the_studys_own_pictures_and_addresses_are_answered(study):
    with served(study) as base, httpx.Client(base_url=base) as client:
        for path in ("/picture/../study.json", "/picture/%2e%2e%2fvotes.sqlite", "/picture/x", "/results/wrong", "/docs",
                     "/static/index.html", "/results/wrong/votes.csv"):  # fmt: skip
            assert client.get(path).status_code == 404, path
        assert client.get("/", headers={"host": "evil.example"}).status_code == 403
        assert client.post("/join", json={}, headers={"origin": "http://evil.example"}).status_code == 403
        assert client.post("/vote", json={"trial": 0, "choice": "left", "ms": 1}).status_code == 401
        client.post("/join", json={})
        for wrong in ({}, {"trial": 0, "choice": "a", "ms": 1}, {"trial": -1, "choice": "left", "ms": 1}):
            assert client.post("/vote", json=wrong).status_code == 422
        assert client.post("/vote", content=b"x" * 5000).status_code == 403
        assert "default-src 'none'" in client.get("/").headers["content-security-policy"]


def test_a_rater_comes_back_to_where_they_were_after_the_server_was_killed(study):
    command = [sys.executable, "-c", SERVER, str(study)]
    cookies = None
    for turn in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            base = process.stdout.readline().split()[-1]
            with httpx.Client(base_url=base, cookies=cookies) as client:
                state = client.get("/state").json() if turn else client.post("/join", json={}).json()
                assert state["done"] == 3 * turn
                for _ in range(3):
                    state = answer(client, state)
                assert client.post("/vote", json={"trial": 0, "choice": "left", "ms": 1}).status_code == 409
                cookies = dict(client.cookies)
            process.send_signal(signal.SIGKILL)
            process.wait(20)
    votes = Votes(study / VOTES).all()
    assert [(vote.rater, vote.trial) for vote in votes] == [(0, n) for n in range(6)]


SERVER = """
import sys
from pathlib import Path
from i2i.study.serve import serve_study
serve_study(Path(sys.argv[1]), "127.0.0.1", 0, lambda s: print(s, flush=True))
"""


def test_an_attentive_rater_is_never_fooled_and_a_careless_one_is_left_out(study):
    wrong = lambda client, state: {"left": "right", "right": "left"}[fake_side(client, state)]  # noqa: E731
    with served(study) as base:
        for choose in (fake_side, fake_side, fake_side, wrong):
            finish(base, choose)
        with httpx.Client(base_url=base) as client:
            client.post("/join", json={})
            answer(client, client.get("/state").json())
            page = client.get(f"/results/{read_design(study).key}").text
            told = client.get(f"/results/{read_design(study).key}/results.json").json()
    assert (told["raters"], told["left_out"], told["unfinished"], told["votes"]) == (3, 1, 1, 15)
    assert told["rate"] == 0
    assert told["interval"] is None
    assert "Fooling rate of fake: 0.0 %" in page


# What the votes say


def votes_of(design, choices):
    """`choices` of each rater: a function of (trial) -> `a` or `b`."""
    return [
        Vote(rater, n, trial.part, trial.item, trial.left, choose(trial), 500, 0.0)
        for rater, choose in enumerate(choices)
        for n, trial in enumerate(design.trials_of(rater))
    ]


def test_a_preference_is_said_in_words_and_every_vote_is_exported(folders, tmp_path):
    asked = Asked(folders[0], folders[1], against=folders[1], trials=5, checks=1)
    design = prepare(asked, tmp_path / "study")
    votes = votes_of(design, [lambda _: "a"] * 5)
    assert "fake is preferred." in results(design, votes).sentence()
    even = [lambda trial: "a" if trial.part != "main" or trial.item % 2 else "b"] * 8
    assert "no preference is shown" in results(design, votes_of(design, even)).sentence()
    lines = to_csv(design, votes).splitlines()
    assert len(lines) == len(votes) + 1
    assert sum(line.endswith(",1") for line in lines) == 25


def test_few_raters_give_a_rate_without_an_interval(study):
    found = results(read_design(study), votes_of(read_design(study), [lambda _: "a"] * 2))
    assert found.rate.interval is None
    assert "no interval: that needs 5 raters" in found.sentence()
    assert "Nobody has finished" in results(read_design(study), []).sentence()


def test_a_rate_of_nothing_has_the_interval_of_its_votes():
    raters, pictures = np.repeat(np.arange(5), 20), np.tile(np.arange(20), 5)
    assert rate_of(np.zeros(100), raters, pictures).interval == (0, pytest.approx(1 - 0.025**0.01))
    assert rate_of(np.ones(100), raters, pictures).interval == (pytest.approx(0.025**0.01), 1)


def test_the_interval_covers_the_truth_with_few_raters_who_differ_and_pictures_that_do():
    """300 studies with six raters of 40 trials each; the experiment has 500 of many kinds."""
    experiment = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/experiments/people/study_intervals.py"))
    simulated, truth = experiment["simulated"], experiment["truth"]
    rng, held, of_votes = np.random.default_rng(0), 0, 0
    for _ in range(300):
        votes, raters, pictures = simulated(rng, -1.5, 0.6, 0.8, 6, 120)
        low, high = rate_of(votes, raters, pictures).interval
        held += low <= truth(-1.5, 0.6, 0.8) <= high
        error = 1.96 * np.sqrt(votes.mean() * (1 - votes.mean()) / len(votes))
        of_votes += abs(votes.mean() - truth(-1.5, 0.6, 0.8)) <= error
    assert 0.91 <= held / 300 <= 0.98
    assert of_votes / 300 < 0.85  # which takes votes for independent


# What is shown


def test_the_models_outputs_stand_against_the_truth(make_model, sample_pairs, tmp_path):
    model = make_model("invert")
    design = prepare(Asked(model, sample_pairs, trials=2), tmp_path / "study")
    shown = [tmp_path / "study/pictures" / f"{name}.png" for name in (design.items[0].a, design.items[0].b)]
    with Image.open(shown[0]) as fake, Image.open(shown[1]) as real:
        assert fake.size == real.size == (256, 256)  # what the model was trained at
        assert fake.tobytes() != real.tobytes()
    assert design.titles == (model.name, "real")
    assert prepare(Asked(model, sample_pairs, trials=2), tmp_path / "study") == design  # goes on
    with pytest.raises(RequestError, match="something else"):
        prepare(Asked(model, sample_pairs, trials=1), tmp_path / "study")


def test_what_makes_no_study_is_refused_in_a_sentence(folders, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("x")
    with pytest.raises(RequestError, match="not empty"):
        prepare(Asked(*folders), tmp_path / "full")
    with pytest.raises(DataError, match="no folder of pictures"):
        prepare(Asked(folders[0], tmp_path / "none"), tmp_path / "study")
    with pytest.raises(RequestError, match="holds no study"):
        read_design(tmp_path / "none")


def test_a_study_that_was_killed_while_it_was_made_is_made_anew(folders, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    asked = Asked(*folders, trials=5, practice=2, checks=1)
    with monkeypatch.context() as patch:
        patch.setattr("i2i.workflows.study.write_design", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare(asked, tmp_path / "study")
    left = {path.name for path in (tmp_path / "study" / "pictures").iterdir()}
    assert left
    design = prepare(asked, tmp_path / "study")
    assert {path.stem for path in (tmp_path / "study" / "pictures").iterdir()} == design.ids
    assert {path.name for path in (tmp_path / "study").iterdir()} == {"pictures", "study.json"}


def test_pictures_that_are_nobodys_study_are_not_removed(folders, tmp_path):
    mine = paint(tmp_path / "pictures", 2, 100)
    with pytest.raises(RequestError, match="is not empty"):
        prepare(Asked(*folders, trials=5), tmp_path)
    assert len(list(mine.iterdir())) == 2


def test_raters_who_all_have_one_rate_give_the_interval_of_their_votes():
    votes = np.tile([0.0, 1.0], 10)
    raters, pictures = np.repeat(np.arange(10), 2), np.tile([0, 1, 1, 0], 5)
    found = rate_of(votes, raters, pictures)
    assert found.value == 0.5
    assert found.interval[0] < 0.32 < 0.68 < found.interval[1]


def test_a_ruined_picture_has_no_tile_in_its_place():
    picture = np.arange(64 * 48, dtype=np.int64).reshape(64, 48, 1).astype(np.uint8)
    spoilt = ruined(picture, 0)
    assert spoilt.shape == picture.shape
    assert sorted(spoilt.ravel()) == sorted((255 - picture).ravel())


def test_the_command_says_what_the_votes_give(study, i2i, tmp_path):
    with served(study) as base:
        finish(base, fake_side)
    status, out, _ = i2i(
        "study", "--results", "--out", study, "--json", tmp_path / "r.json", "--csv", tmp_path / "v.csv"
    )
    assert status == 0
    assert "Fooling rate of fake: 0.0 %" in out
    assert json.loads((tmp_path / "r.json").read_text())["raters"] == 1
    assert len((tmp_path / "v.csv").read_text().splitlines()) == 9
    assert i2i("study", "--out", tmp_path / "none")[0] == 2


# In a browser


@pytest.fixture
def visit(browser, study):
    """`visit(**options)` opens the page; at the end nothing was complained of, and no other host was asked."""
    with served(study) as base:
        contexts, complaints = [], []

        def visit(**options):
            contexts.append(browser.new_context(**options))
            page = contexts[-1].new_page()
            page.set_default_timeout(20_000)
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith((base, "data:")) else None)
            page.goto(base)
            page.wait_for_selector("#start")
            return page

        yield visit
        for context in contexts:
            context.close()
        assert complaints == []


PHONE = {"viewport": {"width": 360, "height": 700}, "has_touch": True, "is_mobile": True}
AXE = Path(sys.prefix) / "node_modules/axe-core/axe.min.js"


def ready(page):
    page.wait_for_selector("#left:not([disabled])")


def test_two_raters_at_once_one_by_keyboard_and_one_by_touch(visit, study):
    desk, phone = visit(), visit(**PHONE)
    desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    phone.tap("#start")
    for trial in range(8):
        for page in (desk, phone):
            ready(page)
        assert phone.evaluate("document.documentElement.scrollWidth") == 360
        desk.keyboard.press("ArrowRight")
        phone.tap("#left" if trial % 2 else "#right")
        if trial < 2:
            for page in (desk, phone):
                page.wait_for_selector("#next:visible")
                assert page.inner_text("#feedback").startswith(("Right", "Wrong"))
            assert phone.evaluate("document.documentElement.scrollHeight") <= 700
            desk.keyboard.press("Space")
            phone.tap("#next")
    for page in (desk, phone):
        page.wait_for_selector("#end:visible")
    votes = Votes(study / VOTES).all()
    assert collections.Counter(vote.rater for vote in votes) == {0: 8, 1: 8}


def test_pictures_vanish_and_a_slow_rater_who_comes_back_loses_nothing(visit, study):
    page = visit()
    page.click("#start")
    ready(page)
    blank = "[...document.querySelectorAll('canvas')].every((c) => !c.getContext('2d').getImageData(0, 0, 9, 9).data.some(Boolean))"
    assert page.evaluate(blank)
    time.sleep(1.5)  # the answer may take as long as it takes
    page.click("#left")
    page.wait_for_selector("#next:visible")
    page.reload()
    page.wait_for_selector("#start")
    assert page.inner_text("#start") == "Go on (1 of 8 done)"
    (vote,) = Votes(study / VOTES).all()
    assert vote.ms >= 1500


@pytest.mark.parametrize(
    "options", [{"color_scheme": "light"}, {**PHONE, "color_scheme": "dark"}], ids=["desk", "phone"]
)
def test_axe_finds_nothing_in_any_state(visit, study, options):
    if not AXE.is_file():
        pytest.skip("axe-core is not here (make setup fetches it where npm is)")
    page = visit(**options)
    code = AXE.read_text("utf-8")

    def violations():
        page.evaluate(code)
        return [one["id"] for one in page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]]

    assert violations() == []
    page.click("#start")
    ready(page)
    assert violations() == []
    page.click("#left")
    page.wait_for_selector("#next:visible")
    assert violations() == []
    page.goto(f"{page.url.rstrip('/')}/results/{read_design(study).key}")
    assert violations() == []
