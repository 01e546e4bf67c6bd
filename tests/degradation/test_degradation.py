"""The degradation of Real-ESRGAN: every part does what it says, at its probability, and a sample is its number's."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from i2i.datasets.streams.superres import SuperResSource
from i2i.degradation import DEGRADATIONS, Degradation, DegradationConfig
from i2i.degradation.config import KINDS, BlurConfig
from i2i.degradation.kernels import drawn_blur, drawn_side, gaussian, plateau, sinc
from i2i.degradation.operations import blur, gaussian_noise, jpeg, poisson_noise, resize, sharpened
from i2i.errors import ConfigError
from i2i.methods import METHODS
from i2i.methods.srgan import SRGAN
from i2i.methods.srgan_config import SrganConfig
from i2i.settings import resolve
from i2i.training.loader import batches, stack

OFF = {"first": DEGRADATIONS["noise"]["first"], "second": DEGRADATIONS["noise"]["first"], "sinc": {"p": 0}}


def smooth(side=96, channels=3, seed=0):
    """(1, C, side, side) in [0, 1]: waves, without detail at the scale of pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    waves = [0.5 + 0.4 * np.sin(2 * math.pi * (a * x + b * y) + c) for a, b, c in rng.uniform(1, 4, (channels, 3))]
    return torch.tensor(np.stack(waves)[None], dtype=torch.float32)


def made(row, scale=1, size=64, side=96, count=8, channels=3, seed=0):
    batch = {"b": smooth(side, channels).repeat(count, 1, 1, 1) * 2 - 1, "number": torch.arange(count)}
    return Degradation(DegradationConfig(**row), scale, size, seed)(batch)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# The whole


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("name", DEGRADATIONS)
def test_every_row_gives_inputs_of_the_right_size_in_steps_of_8_bits(name, scale, channels):
    size, side = 24 * scale // 2 * 2, 24 * scale + 8 * scale
    pair = made(DEGRADATIONS[name], scale, size, side, count=3, channels=channels)
    assert pair["a"].shape == (3, channels, size // scale, size // scale)
    assert pair["b"].shape == (3, channels, size, size)
    levels = (pair["a"] + 1) * 127.5
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    assert pair["a"].min() >= -1
    assert pair["a"].max() <= 1
    assert ("sharpened" in pair) == (name == "real")
    assert not torch.equal(pair["a"][0], pair["a"][1])


def test_a_sample_is_the_same_alone_in_a_batch_and_in_any_order():
    degradation = Degradation(DegradationConfig(**DEGRADATIONS["real"]), 4, 64, seed=3)
    b = torch.cat([smooth(seed=n) for n in range(4)]) * 2 - 1
    numbers = torch.tensor([7, 1, 300, 2**40])
    together = degradation({"b": b, "number": numbers})
    torch.manual_seed(99)
    for n in (2, 0, 3, 1):
        alone = degradation({"b": b[n : n + 1], "number": numbers[n : n + 1]})
        assert all(torch.equal(alone[key][0], together[key][n]) for key in together)
    other = Degradation(DegradationConfig(**DEGRADATIONS["real"]), 4, 64, seed=4)({"b": b, "number": numbers})
    assert not torch.equal(other["a"], together["a"])


def test_the_seed_and_the_number_are_not_mixed_up():
    row = DEGRADATIONS["noise"]
    one = made(row, count=2, seed=0)["a"][1]
    assert not torch.equal(one, made(row, count=1, seed=1)["a"][0])


@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize("margin", [0, 32])
def test_small_crops_are_degraded_by_every_draw(size, margin):
    """The smallest picture between the stages has 4 pixels a side, and kernels have up to 21."""
    row = METHODS["srgan"].PRESETS["real"]["degradation"]
    pair = made(row, 4, size, size + margin, count=150)
    assert pair["a"].shape == (150, 3, size // 4, size // 4)
    assert all(pictures.isfinite().all() for pictures in pair.values())


def test_the_input_is_made_of_the_sharpened_truth_and_the_truth_stays_as_it_is():
    edge = torch.full((1, 3, 96, 96), 0.3)
    edge[..., 48:] = 0.7
    batch = {"b": edge * 2 - 1, "number": torch.arange(1)}
    pair = Degradation(DegradationConfig(kind="pipeline", sharpen=True, **OFF), 1, 64, 0)(batch)
    torch.testing.assert_close(pair["a"], pair["sharpened"], atol=0.005, rtol=0)  # but for the 8 bits
    torch.testing.assert_close(pair["b"], batch["b"][..., 16:-16, 16:-16])
    assert float((pair["a"] - pair["b"]).abs().max()) > 0.04


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_degraded_pictures_lie_where_the_truth_lies(scale):
    """The mean over many draws is nearest to the truth without a shift, in every direction."""
    pair = made(DEGRADATIONS["real"], scale, size=64, side=96, count=60)
    mean, truth = pair["a"].mean(0, keepdim=True), F.avg_pool2d(pair["b"][:1], scale)

    def error(dy, dx):
        moved = torch.roll(truth, (dy, dx), (2, 3))[..., 2:-2, 2:-2]
        return float((moved - mean[..., 2:-2, 2:-2]).abs().mean())

    here = error(0, 0)
    assert all(here < error(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))


def test_degradation_brings_no_colour_cast():
    pair = made(DEGRADATIONS["real"], 4, count=60)
    shift = pair["a"].mean((0, 2, 3)) - pair["b"].mean((0, 2, 3))
    assert float(shift.abs().max()) < 0.05


def test_what_is_off_leaves_the_picture_as_it_is():
    pair = made({"kind": "pipeline", **OFF})
    torch.testing.assert_close(pair["a"], pair["b"], atol=0.005, rtol=0)  # but for the 8 bits


@pytest.mark.parametrize(("part", "p"), [("noise", 0.3), ("jpeg", 0.6), ("blur", 0.5)])
def test_a_part_comes_as_often_as_its_probability_says(part, p):
    settings = {"noise": {"p": p, "sigma": [20, 20]}, "jpeg": {"p": p, "quality": [10, 10]},
                "blur": {"p": p, "sigma": [3, 3]}}  # fmt: skip
    row = {"kind": "pipeline", **OFF, "first": {**OFF["first"], part: settings[part]}}
    pair = made(row, count=300, size=32, side=40)
    changed = ((pair["a"] - pair["b"]).abs().amax((1, 2, 3)) > 0.02).float().mean()
    assert abs(float(changed) - p) < 0.09


def test_the_sinc_filter_at_the_end_comes_before_or_after_the_jpeg():
    """What is compressed last hardly changes when it is compressed so again; what is filtered last does."""
    row = {"kind": "pipeline", **OFF, "sinc": {"p": 1}, "second": {**OFF["second"], "jpeg": {"quality": [5, 5]}}}
    pair = made(row, count=40, size=64, side=64)
    pictures = (pair["a"] + 1) / 2
    again = torch.cat([jpeg(picture[None], 5) for picture in pictures])
    changes = (again - pictures).abs().mean((1, 2, 3))
    assert 0.25 < float((changes < 1e-4).float().mean()) < 0.75


# The parts


@pytest.mark.parametrize("kernel", [
    gaussian(9, (1.0, 1.0), 0.0), gaussian(21, (3.0, 0.5), 0.7), gaussian(15, (2.0, 2.0), 0.0, 0.6),
    plateau(21, (2.0, 1.0), -0.4, 1.5), sinc(21, 1.0),
], ids=["iso", "aniso", "generalised", "plateau", "sinc"])  # fmt: skip
def test_kernels_sum_to_one_and_are_centred(kernel):
    assert kernel.sum() == pytest.approx(1)
    steps = np.arange(len(kernel)) - len(kernel) // 2
    assert (kernel.sum(0) * steps).sum() == pytest.approx(0, abs=1e-9)
    assert (kernel.sum(1) * steps).sum() == pytest.approx(0, abs=1e-9)


def test_a_gaussian_has_the_deviations_and_the_direction_asked_for():
    kernel = gaussian(31, (3.0, 1.0), math.pi / 6)
    y, x = np.mgrid[-15:16, -15:16]
    along, across = x * math.cos(math.pi / 6) + y * math.sin(math.pi / 6), None
    across = y * math.cos(math.pi / 6) - x * math.sin(math.pi / 6)
    assert math.sqrt((kernel * along**2).sum()) == pytest.approx(3, rel=0.02)
    assert math.sqrt((kernel * across**2).sum()) == pytest.approx(1, rel=0.02)


def test_a_sinc_filter_keeps_what_is_below_its_cutoff_and_stops_what_is_above():
    spectrum = np.abs(np.fft.fft2(sinc(21, math.pi / 2), (64, 64)))[0]
    assert spectrum[:12] == pytest.approx(1, abs=0.15)  # below 1.2 radians a pixel; the cut-off is 1.57
    assert spectrum[22:33].max() < 0.15


def test_kernels_have_odd_sides_of_the_range_and_the_kinds_their_probabilities():
    rng = np.random.default_rng(0)
    assert {drawn_side(rng, (7, 21)) for _ in range(200)} == set(range(7, 22, 2))
    only = dict.fromkeys(KINDS, 0)
    for kind in KINDS:
        config = BlurConfig(sinc=0, kernel=(21, 21), sigma=(1, 3), **{**only, kind: 1})
        kernels = [drawn_blur(rng, config) for _ in range(20)]
        round_ones = [np.allclose(k, k.T, atol=1e-12) for k in kernels]
        assert all(round_ones) == (not kind.endswith("aniso") or "_iso" in kind), kind
    ringing = [drawn_blur(rng, BlurConfig(sinc=0.3)).min() < -1e-6 for _ in range(400)]
    assert abs(np.mean(ringing) - 0.3) < 0.07


@pytest.mark.parametrize(
    ("ends", "ones"), [((1, 2), 0.5), ((0.5, 1), 0.5), ((0.5, 2), 0), ((1.5, 2), 0), ((0.5, 0.8), 0)]
)
def test_the_exponent_of_a_plateau_is_drawn_up_to_1_and_from_1_on_equally_often(ends, ones):
    config = BlurConfig(sinc=0, kernel=(7, 7), sigma=(1, 1), beta_plateau=ends,
                        **{**dict.fromkeys(KINDS, 0), "plateau_iso": 1})  # fmt: skip
    rng = np.random.default_rng(0)
    kernels = [drawn_blur(rng, config) for _ in range(400)]
    betas = np.array([math.log(k[3, 3] / k[3, 5] - 1, 4) for k in kernels])  # 1 + (2²)^beta is their ratio
    assert betas.min() > ends[0] - 1e-9
    assert betas.max() < ends[1] + 1e-9
    assert abs(np.mean(np.isclose(betas, 1)) - ones) < 0.07
    if ends[0] < 1 < ends[1]:
        assert abs(np.mean(betas < 1) - 0.5) < 0.07


def test_gaussian_noise_has_the_deviation_asked_for_and_grey_noise_is_alike_in_all_channels():
    x = torch.full((1, 3, 128, 128), 0.5)
    noise = gaussian_noise(x, 20, False, generator()) - x
    assert float(noise.std()) * 255 == pytest.approx(20, rel=0.02)
    assert float(torch.corrcoef(noise[0].flatten(1))[0, 1].abs()) < 0.05
    grey = gaussian_noise(x, 20, True, generator()) - x
    assert torch.equal(grey[:, 0], grey[:, 1])


def test_poisson_noise_grows_with_the_light():
    x = torch.linspace(0.05, 0.95, 256).repeat(1, 3, 256, 1)
    noise = poisson_noise(x, 1, False, generator()) - (x * 255).round() / 255
    variance = noise[0, 0].var(0)
    assert float(variance[-40:].mean() / variance[20:60].mean()) == pytest.approx(
        float(x[0, 0, 0, -40:].mean() / x[0, 0, 0, 20:60].mean()), rel=0.2
    )
    assert float(poisson_noise(x, 0.1, False, generator()).sub(x).std()) < 0.15 * float(noise.std())
    grey = poisson_noise(x, 1, True, generator()) - x
    torch.testing.assert_close(grey[:, 0], grey[:, 2], atol=0.01, rtol=0)


@pytest.mark.parametrize("grey", [False, True])
def test_poisson_noise_has_the_deviation_of_as_many_photons_as_its_picture_has_levels(grey):
    """Of levels from 0.3 to 0.7, where nothing is cut off; the luma of random RGB has no more once it is rounded."""
    x = 0.3 + 0.4 * torch.rand(1, 3, 256, 256, generator=generator(1))
    luma = (x[:, 0] * 0.299 + x[:, 1] * 0.587 + x[:, 2] * 0.114)[:, None]
    light = ((luma if grey else x) * 255).round() / 255
    photons = 2 ** math.ceil(math.log2(len(light.unique())))
    noise = poisson_noise(x, 1, grey, generator()) - x
    assert photons == 128
    assert float(noise.std()) == pytest.approx(math.sqrt(float(light.mean()) / photons), rel=0.02)


def test_lower_jpeg_quality_errs_more_and_other_channel_counts_work():
    x = smooth(64)
    errors = [float((jpeg(x, quality) - x).abs().mean()) for quality in (95, 60, 20, 5)]
    assert errors == sorted(errors)
    assert errors[-1] > 3 * errors[0]
    assert jpeg(torch.rand(1, 5, 24, 24), 90).shape == (1, 5, 24, 24)


@pytest.mark.parametrize("mode", ["area", "bilinear", "bicubic", "antialiased"])
def test_resizing_keeps_the_light_and_the_place(mode):
    x = smooth(64)
    small = resize(x, 32, 32, mode)
    torch.testing.assert_close(small, F.avg_pool2d(x, 2), atol=0.03, rtol=0)


def test_antialiasing_averages_what_plain_bicubic_skips():
    stripes = (torch.arange(64) % 2).float().repeat(1, 1, 64, 1)
    assert float(resize(stripes, 16, 16, "antialiased").std()) < 0.05


def test_blur_goes_on_mirrored_beyond_the_border():
    x = torch.full((1, 3, 20, 20), 0.7)
    torch.testing.assert_close(blur(x, gaussian(21, (3.0, 3.0), 0.0)), x)


@pytest.mark.parametrize(("height", "width"), [(4, 9), (12, 5), (1, 30)])
def test_where_a_kernel_is_larger_than_the_picture_the_mirror_image_goes_on_as_its_edge(height, width):
    x, kernel = torch.rand(1, 2, height, width, generator=generator()), gaussian(21, (3.0, 1.0), 0.5)
    mirrored = [min(10, height - 1), min(10, width - 1)]
    beyond = np.pad(x[0].numpy(), [(0, 0), *((n, n) for n in mirrored)], "reflect")
    beyond = np.pad(beyond, [(0, 0), *((10 - n, 10 - n) for n in mirrored)], "edge")
    windows = np.lib.stride_tricks.sliding_window_view(beyond, (21, 21), (1, 2))
    np.testing.assert_allclose(blur(x, kernel)[0], (windows * kernel).sum((3, 4)), atol=1e-5)


def test_sharpening_steepens_edges_and_leaves_flat_and_faint_parts_alone():
    x = torch.full((1, 1, 120, 120), 0.3)
    x[..., 60:] = 0.7
    sharp = sharpened(x)
    assert float(sharp[0, 0, 60, 61]) > 0.72
    assert float(sharp[0, 0, 60, 58]) < 0.28
    torch.testing.assert_close(sharp[..., :10], x[..., :10], atol=1e-3, rtol=0)
    faint = torch.full((1, 1, 120, 120), 0.5)
    faint[..., 60:] = 0.53
    torch.testing.assert_close(sharpened(faint), faint, atol=1e-6, rtol=0)


# The settings


@pytest.mark.parametrize(("setting", "sentence"), [
    ({"first": {"blur": {"iso": 0.9}}}, "must sum to 1, and sum to 1.45"),
    ({"second": {"resize": {"up": 0.9}}}, "must sum to 1"),
    ({"first": {"noise": {"sigma": [30, 1]}}}, r"begin at its smaller end, as \[1, 30\]"),
    ({"first": {"resize": {"range": [0.2, 0.8]}}}, "no factor to go up or down by"),
    ({"first": {"jpeg": {"quality": [0, 50]}}}, "greater than or equal to 1"),
    ({"sinc": {"p": 1.5}}, "less than or equal to 1"),
    ({"first": {"blurr": {}}}, "Did you mean 'blur'"),
])  # fmt: skip
def test_nonsense_is_refused_in_a_sentence_with_the_settings_name(setting, sentence):
    layer = {"data": {"path": "x"}, "degradation": {"kind": "pipeline", **setting}}
    with pytest.raises(ConfigError, match=sentence) as refusal:
        resolve(METHODS["srgan"].Config, [layer])
    assert "degradation." in str(refusal.value)


def test_the_method_declares_the_degradation_and_the_loader_applies_it(tmp_path):
    for n in range(3):
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (70, 80, 3)).astype(np.uint8)).save(
            tmp_path / f"{n}.png"
        )
    config = SrganConfig(
        data={"path": str(tmp_path)}, scale=2, size=32, degradation=DegradationConfig(**DEGRADATIONS["real"])
    )
    transform = SRGAN.batch_transform(config)
    assert transform is not None
    assert SRGAN.batch_transform(config.model_copy(update={"degradation": DegradationConfig()})) is None
    stream = SuperResSource(tmp_path, holdout=0, **SRGAN.source_options(config)).read(size=32).training
    assert set(transform.takes) <= stream[0].keys()
    two, one = (
        list(batches(stream, start, 4, many, 0, torch.device("cpu"), transform)) for start, many in ((0, 2), (3, 1))
    )
    assert two[0].keys() == set(transform.gives)
    assert (two[0]["a"].shape, two[0]["b"].shape) == ((2, 3, 16, 16), (2, 3, 32, 32))
    for key in transform.gives:  # sample 3 is the same in any batch, and after a resumption
        assert torch.equal(two[1][key][1], one[0][key][0])
    assert torch.equal(stack([stream[3]], torch.device("cpu"), transform)["a"], one[0]["a"])


def test_what_a_degradation_does_not_take_is_passed_on():
    degradation = Degradation(DegradationConfig(kind="pipeline"), 2, 32, 0)
    given = degradation({"b": torch.zeros(1, 3, 64, 64), "number": torch.tensor([4]), "label": torch.tensor([7])})
    assert given.keys() == {"a", "b", "label"}
    assert int(given["label"]) == 7
    with pytest.raises(KeyError, match="number"):
        degradation({"b": torch.zeros(1, 3, 64, 64)})
