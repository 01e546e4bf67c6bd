"""Every failure mode is detected, a sound translator has none, and each finding says what helps."""

import re

import pytest
import torch
from markdown import ROOT, table
from torch.nn import functional as F

from i2i.diagnostics.doctor import Monitor
from i2i.diagnostics.failure_modes import FAILURE_MODES, alarms, findings, typical
from i2i.diagnostics.figures import failure_figures, inversion
from i2i.evaluation.distances import PATCHES, sliced_wasserstein, wasserstein
from i2i.hardware.device import Placement
from i2i.methods import METHODS
from i2i.settings import parse_assignments, resolve


def scenes(count, seed, tint=(0.0, 0.0, 0.0), side=64):
    """Soft random shapes, each picture its own, in [-0.8, 0.8], tinted."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 5, 5, generator=draw) * 1.2 - 0.6
    smooth = F.interpolate(coarse, (side, side), mode="bilinear", align_corners=True)
    return smooth + 0.05 * torch.randn(count, 3, side, side, generator=draw) + torch.tensor(tint)[:, None, None]


TINT = (0.3, 0.3, 0.35)
X, Y, OTHER = scenes(8, 0), scenes(8, 1, TINT), scenes(8, 2, TINT)


def hide(x):
    """Other pictures of the target domain, with x in a pattern of two grey levels."""
    return OTHER[: len(x)] + x / 64


TRANSLATORS = {
    "honest": (lambda x: x + torch.tensor(TINT)[:, None, None], lambda z: z - torch.tensor(TINT)[:, None, None]),
    "blurred": (lambda x: F.avg_pool2d(x, 5, 1, 2) + 0.3, lambda z: z - 0.3),
    "identity": (lambda x: x + 0.01, lambda z: z - 0.01),
    "inversion": (lambda x: -x, lambda z: -z),
    "collapse": (lambda x: Y[:1] + 0.05 * x, lambda z: z),
    "cycle": (hide, lambda z: (z - OTHER[: len(z)]) * 64),
}


@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_translator_is_accused_of_what_it_does_and_of_nothing_else(name):
    there, back = TRANSLATORS[name]
    figures = failure_figures(X, there(X), Y, back, "b2a")
    accused = [sign.title for sign in alarms(figures)]
    assert accused == ([FAILURE_MODES[name].title] if name in FAILURE_MODES else []), figures
    assert {key for key in figures if key.endswith("_b2a")} == set(figures)
    assert len(figures) == sum(len(mode.figures) for mode in FAILURE_MODES.values())


@pytest.mark.parametrize("name", ["honest", "identity"])
def test_real_seasons_are_told_apart_too(real_data, name):
    from PIL import Image
    from torchvision.transforms.functional import to_tensor

    def read(folder):
        paths = sorted((real_data / "summer2winter_yosemite" / folder).iterdir())[:16]
        return torch.stack([to_tensor(Image.open(p).convert("RGB").resize((64, 64))) for p in paths]) * 2 - 1

    x, y = read("testA"), read("testB")
    mean_x, mean_y = (pictures.mean((0, 2, 3), keepdim=True) for pictures in (x, y))
    std_x, std_y = (pictures.std((0, 2, 3), keepdim=True) for pictures in (x, y))
    if name == "honest":  # the colours of winter, as far as mean and spread go
        fake, back = (x - mean_x) / std_x * std_y + mean_y, lambda z: (z - mean_y) / std_y * std_x + mean_x
    else:  # the noise stands for what a network that means to return its input gets wrong
        fake, back = x + 0.05 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)), lambda z: z
    accused = [sign.title for sign in alarms(failure_figures(x, fake, y, back, "a2b"))]
    assert accused == ([FAILURE_MODES[name].title] if name in FAILURE_MODES else [])


def test_with_the_targets_colours_identity_is_at_least_one():
    for seed in range(5):
        x, y = scenes(4, seed), scenes(4, seed + 50, (0.2, -0.1, 0.0))
        assert failure_figures(x, y, y, lambda z: z, "a2b")["fail_identity_a2b"] >= 1


def test_each_figure_is_what_its_definition_says():
    figures = failure_figures(X, X + 0.2, X + 0.4, lambda z: z, "a2b")
    assert figures["fail_identity_a2b"] == pytest.approx(0.5, rel=1e-3)  # half of the way
    assert figures["fail_inversion_a2b"] == pytest.approx(1, abs=1e-4)
    assert figures["fail_collapse_a2b"] == pytest.approx(1, rel=1e-3)
    assert figures["fail_cycle_a2b"] == pytest.approx(0.1, rel=1e-3)  # 0.2 of a range that is two wide
    quarter = failure_figures(X, X.mean(0) + 0.25 * (X - X.mean(0)), 2 * X, lambda z: z, "a2b")
    assert quarter["fail_collapse_a2b"] == pytest.approx(0.25, rel=1e-3)  # over the less diverse domain
    narrow = failure_figures(X, 0.25 * X, 0.25 * X, lambda z: z, "a2b")
    assert narrow["fail_collapse_a2b"] == pytest.approx(1, rel=1e-3)


def test_noise_and_rounding_reach_the_way_back():
    seen = []
    figures = failure_figures(X, X, Y, lambda z: seen.append(z) or z, "a2b")
    plain, rounded, noisy = seen
    assert len(plain) <= 4
    assert torch.equal(plain, X[: len(plain)])
    levels = (rounded + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert (noisy - plain).std() / 2 == pytest.approx(2 / 255, rel=0.05)
    assert figures["fail_cycle_noise_a2b"] == pytest.approx(2 / 255 * (2 / torch.pi) ** 0.5, rel=0.05)
    assert figures == failure_figures(X, X, Y, lambda z: z, "a2b")  # the noise is the same each time


@pytest.mark.parametrize(
    ("count", "left_out"), [(1, {"identity", "collapse"}), (2, {"identity"}), (3, {"identity"}), (4, set())]
)
def test_figures_that_so_few_pictures_cannot_give_are_left_out(count, left_out):
    found = failure_figures(X[:count], X[:count], Y[:count], lambda z: z, "a2b")
    named = {figure for name, mode in FAILURE_MODES.items() if name not in left_out for figure in mode.figures}
    assert set(found) == {f"fail_{name}_a2b" for name in named | {"changed"}}


def test_flat_pictures_and_empty_diversity_give_no_nonsense():
    flat = torch.zeros(4, 3, 64, 64)
    assert set(failure_figures(X[:4], flat, Y[:4], lambda z: z, "a2b")) == {
        f"fail_{name}_a2b" for name in ("identity", "changed", "collapse", "cycle", "cycle_8bit", "cycle_noise")
    }
    assert "fail_collapse_a2b" not in failure_figures(flat, flat, flat, lambda z: z, "a2b")
    half = torch.cat([flat[:2], X[:2]])
    assert inversion(half, -half) == pytest.approx(-1, abs=1e-3)  # flat ones do not count


@pytest.mark.parametrize(("side_x", "side_y"), [((16, 16), (16, 16)), ((17, 40), (64, 64)), ((256, 256), (130, 70))])
@pytest.mark.parametrize(("x_channels", "y_channels"), [(1, 3), (3, 1), (4, 4)])
def test_any_channels_and_sizes_have_figures(x_channels, y_channels, side_x, side_y):
    x, y = torch.rand(4, x_channels, *side_x) * 2 - 1, torch.rand(4, y_channels, *side_y) * 2 - 1
    weights = torch.tensor([0.299, 0.587, 0.114]) if x_channels == 3 else torch.full((x_channels,), 1 / x_channels)
    grey = (x * weights[:, None, None]).sum(1, keepdim=True).expand(-1, y_channels, -1, -1)
    figures = failure_figures(x, grey, y, lambda z: z[:, :1].expand(-1, x_channels, -1, -1), "a2b")
    assert len(figures) == 7
    assert figures["fail_inversion_a2b"] == pytest.approx(1, abs=1e-4)  # the luminance is all there
    if x_channels != y_channels:
        assert figures["fail_identity_a2b"] == pytest.approx(0, abs=1e-4)


def test_fine_noise_is_no_change():
    noisy = X + 0.1 * torch.randn(X.shape, generator=torch.Generator().manual_seed(0))
    assert failure_figures(X, noisy, Y, lambda z: z, "a2b")["fail_identity_a2b"] < 0.1
    finer = failure_figures(X, Y[:1] + (noisy - X), Y, lambda z: z, "a2b")  # nor is it diversity
    assert finer["fail_collapse_a2b"] < 0.15


@pytest.mark.parametrize(
    ("figures", "bad"),
    [
        ({"identity": 0.249}, True),
        ({"identity": 0.25}, False),
        ({"inversion": -0.301}, True),
        ({"inversion": -0.3}, False),
        ({"collapse": 0.299}, True),
        ({"collapse": 0.3}, False),
        ({"cycle": 0.02, "cycle_8bit": 0.02, "cycle_noise": 0.041}, True),
        ({"cycle": 0.02, "cycle_8bit": 0.041, "cycle_noise": 0.02}, True),
        ({"cycle": 0.03, "cycle_8bit": 0.03, "cycle_noise": 0.059}, False),  # more than twice would be needed
        ({"cycle": 0.001, "cycle_8bit": 0.001, "cycle_noise": 0.015}, False),  # nobody would see it
        ({"cycle": 0.02}, False),
        ({"cycle_noise": 0.2}, False),
    ],
)
def test_a_figure_turns_bad_where_the_table_says(figures, bad):
    assert bool(alarms({f"fail_{name}_a2b": value for name, value in figures.items()})) == bad


def test_both_directions_share_one_sentence():
    [sign] = alarms({"images": 10, "fail_identity_a2b": 0.031, "fail_identity_b2a": 0.1, "fail_inversion_a2b": 0.9})
    assert sign.text.startswith("From A to B (0.031) and from B to A (0.1) the output differs")
    [sign] = alarms({"fail_identity_a2b": 0.9, "fail_identity_b2a": 0.1})
    assert sign.text.startswith("From B to A (0.1) the output")


def test_a_figure_that_is_no_number_accuses_nobody():
    assert alarms({"fail_identity_a2b": float("nan"), "fail_cycle_a2b": float("nan")}) == []
    assert findings([{"images": 1, "g_gan": 0.3}]) == []
    assert findings([{"fail_identity_a2b": float("nan")}]) == []


def test_the_findings_are_of_the_last_lines_that_have_figures_and_not_of_one_outlier():
    def line(value):
        return {"images": 1, "fail_collapse_a2b": value}

    between = {"images": 1, "g_gan": 0.3}
    assert typical([line(0.1), line(0.8), between, line(0.9), line(0.1), between]) == {"fail_collapse_a2b": 0.8}
    [sign] = findings([line(0.1), line(0.1), line(0.8), line(0.9), line(0.1)])
    assert sign.level == "note"  # the other failure modes have no figures
    assert "from A to B show: collapse 0.8 (bad below 0.3)" in sign.text
    [sign] = findings([line(0.9), line(0.1), line(0.9), line(0.1)])
    assert sign.title == FAILURE_MODES["collapse"].title


def test_a_running_training_is_warned_once_a_kind_and_not_by_its_first_line():
    watch = Monitor()
    figures = {"health_spread_a2b": 0.9, "fail_inversion_a2b": 0.9}
    lines = [figures | {"images": n, "fail_collapse_a2b": 0.1} for n in range(4)]
    assert [[found.name for found in watch.add(line)] for line in lines] == [[], [], ["collapse"], []]
    both = [line | {"fail_inversion_a2b": -0.9} for line in lines]
    assert [[found.name for found in watch.add(line)] for line in both] == [[], [], ["inversion"], []]


@pytest.mark.parametrize("name", FAILURE_MODES)
@pytest.mark.parametrize("method", ["cyclegan", "discogan"])
def test_advice_can_be_followed_in_a_run_of_each_method(method, name):
    """All of it together, on the defaults, up to the networks."""
    advice = FAILURE_MODES[name].helps(method)
    asked = re.findall(r"--set ([a-z_.]+=[^\s),]+(?:,[^\s)]+\])?)", advice)
    assert asked, advice
    layers = [{"data": {"path": "x"}, "size": 64}, parse_assignments(asked)]
    layers += [{"batch": int(batch)} for batch in re.findall(r"--batch (\d+)", advice)]
    config = METHODS[method].complete_config(resolve(METHODS[method].Config, layers), 100)
    METHODS[method].from_config(config, Placement(torch.device("cpu"), "fp32", ""))


def test_what_was_not_looked_for_is_not_declared_honest():
    line = {"fail_inversion_a2b": 0.9, "fail_inversion_b2a": 0.9, "fail_cycle_a2b": 0.1, "fail_cycle_b2a": 0.1}
    [sign] = findings([line])
    assert (sign.level, sign.title) == ("note", "No failure mode found, but identity and collapse not looked for")
    assert "too few validation pictures" in sign.text
    whole = line | {f"fail_{name}_{way}": 0.9 for name in ("identity", "collapse") for way in ("a2b", "b2a")}
    assert [sign.level for sign in findings([whole])] == ["good"]


@pytest.mark.parametrize(("levels", "caught"), [(1, True), (2.5, True), (8, False)])
def test_a_picture_that_is_handed_back_is_seen_where_domains_differ_in_texture_alone(levels, caught):
    stripes = 0.3 * torch.sign(torch.sin(torch.arange(64.0))).expand(8, 3, 64, 64)
    figures = failure_figures(X, X + 2 * levels / 255, scenes(8, 3) + stripes, lambda z: z, "a2b")
    assert (FAILURE_MODES["identity"].title in [sign.title for sign in alarms(figures)]) == caught, figures


def test_the_page_on_failure_modes_says_what_the_table_says():
    rows = table(ROOT / "docs" / "training" / "failure-modes.md", "failure mode")
    assert [row["failure mode"] for row in rows] == [f"`{name}`" for name in FAILURE_MODES]
    for row, (name, mode) in zip(rows, FAILURE_MODES.items(), strict=True):
        assert re.findall(r"`fail_(\w+)`", row["figures"]) == list(mode.figures), name
        assert row["definition"] == mode.definition
        assert row["bad when it is"] == mode.when
        advice = mode.advice + mode.of_discogan
        asked = set(re.findall(r"--(?:set )?([a-z_.]+)", advice))
        assert set(re.findall(r"`([a-z_.]+)`", row["what helps"])) == asked, name


def test_the_distance_of_numbers_is_the_least_work_to_move_them():
    a = torch.tensor([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]])
    assert wasserstein(a, a[[2, 0, 1]] + torch.tensor([0.5, -2.0])).tolist() == [0.5, 2.0]
    assert wasserstein(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [0.0], [1.0], [3.0]])).tolist() == [0.5]


@pytest.mark.parametrize("count", [1, 2, 16])
@pytest.mark.parametrize("side", [3, 16, 33, 128])
def test_the_distance_of_pictures_is_zero_for_equal_and_grows_with_the_harm(count, side):
    y = scenes(count, 3, side=side).clamp(-1, 1)
    assert sliced_wasserstein(y, y) == 0
    assert sliced_wasserstein(y + 0.05, y) < sliced_wasserstein(y + 0.3, y)  # colour counts
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    assert sliced_wasserstein(y + 0.1 * noise, y) < sliced_wasserstein(y + 0.4 * noise, y)
    assert sliced_wasserstein(y + 0.3, y) == sliced_wasserstein(y + 0.3, y)


def test_the_distance_sees_blur_collapse_and_the_wrong_domain():
    y, fair = scenes(16, 3, TINT), scenes(16, 4, TINT)
    good = sliced_wasserstein(fair, y)
    harmed = [F.avg_pool2d(fair, 3, 1, 1), fair[:1].expand_as(fair), fair - 0.3, fair * 0.5]
    assert all(sliced_wasserstein(bad, y) > good for bad in harmed)


def test_the_distance_is_in_standard_deviations_of_the_real_patches():
    y = 0.2 * torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    apart = (2 / torch.pi) ** 0.5  # mean size of a normal number of spread 1
    assert sliced_wasserstein(3 * y, y) == pytest.approx(2 * apart, rel=0.05)
    assert sliced_wasserstein(y / 2, y) == pytest.approx(apart / 2, rel=0.05)


def test_sets_of_different_counts_and_sizes_have_a_distance():
    assert sliced_wasserstein(scenes(3, 0, side=64), scenes(5, 1, side=48)) < 0.5
    assert sliced_wasserstein(torch.zeros(1, 1, 16, 16), torch.zeros(2, 1, 16, 16)) == 0


def test_the_distance_looks_at_each_picture_of_a_large_set():
    plain = torch.zeros(PATCHES + 300, 1, 8, 8)
    late = plain.clone()
    late[PATCHES:] = 1
    assert sliced_wasserstein(late, plain) > 0
