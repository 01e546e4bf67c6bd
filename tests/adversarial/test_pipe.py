"""ADA's augmentations: what each does, how often, how strongly; that p = 0 is nothing and that gradients flow."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from i2i.adversarial.diff_augment import augment
from i2i.adversarial.pipe import PIPE, SYM6, piped
from i2i.adversarial.sampling import Sampled

SINGLE = [name for name in PIPE if name != "bgc"]
SOME = torch.rand(64, 3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 2 - 1


def blob(side=24, across=0.0, down=0.0, squeezed=1.0):
    """(1, 1, side, side): a smooth spot beside the middle, `squeezed` times as wide as high."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return torch.from_numpy(np.exp(-(((x - across) / squeezed) ** 2 + ((y - down) * squeezed) ** 2) / 8))[None, None]


def moments(pictures):
    """(N, 1, side, side) -> centres (N, 2), x first, in pixels from the middle, and covariances (N, 2, 2)."""
    line = torch.arange(pictures.shape[3], dtype=torch.float64)
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), 2).reshape(-1, 2) - line.mean()
    weights = pictures.flatten(1) / pictures.flatten(1).sum(1, keepdim=True)
    centre = weights @ places
    away = places[None] - centre[:, None]
    return centre, torch.einsum("np,npi,npj->nij", weights, away, away)


def many(picture, name, count=2000, p=1.0, seed=0):
    torch.manual_seed(seed)
    return piped(picture.expand(count, -1, -1, -1), PIPE[name], p, [picture.shape[1]])


def test_the_filter_is_the_wavelet_with_six_vanishing_moments():
    taps = np.array(SYM6)
    for k in range(6):  # its shifts by two are orthonormal
        assert taps[2 * k :] @ taps[: len(taps) - 2 * k] == pytest.approx(float(k == 0), abs=1e-11)
    mirror = taps[::-1] * (-1.0) ** np.arange(12)
    assert [abs(mirror @ np.arange(12.0) ** m) < 1e-6 for m in range(7)] == [True] * 6 + [False]


@pytest.mark.parametrize("name", PIPE)
def test_without_probability_nothing_is_changed_and_with_it_its_share_of_the_pictures(name):
    torch.manual_seed(0)
    assert torch.equal(augment(SOME, [name], 0.0, [3]), SOME)
    if name == "bgc":
        return
    changed = (many(SOME[:1], name, p=0.5) != SOME[:1]).flatten(1).any(1).double().mean()
    same = {"flip": 1 / 2, "rotate90": 1 / 4, "luma_flip": 1 / 2, "shift": 1 / 9}.get(name, 0)  # some draw nothing new
    share = 0.5 * (1 - same)
    assert float(changed) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("name", PIPE)
def test_gradients_flow_through_each(name):
    x = SOME[:2].clone().requires_grad_()

    def done(pictures):
        torch.manual_seed(1)
        return piped(pictures, PIPE[name], 1.0, [3])

    assert torch.autograd.gradcheck(done, x[:1, :, :4, :4].contiguous(), fast_mode=True)
    done(x).square().sum().backward()
    assert float((x.grad != 0).double().mean()) > 0.4


def test_pictures_are_mirrored_turned_and_moved_to_the_pixel():
    picture = SOME[:1]
    flipped = many(picture, "flip")
    assert {bool((y == picture[0]).all()) for y in flipped} == {True, False}
    assert all(torch.equal(y, picture[0]) or torch.equal(y, picture[0].flip(2)) for y in flipped)
    turns = [picture[0].rot90(k, (1, 2)) for k in range(4)]
    found = [[torch.equal(y, turn) for turn in turns].index(True) for y in many(picture, "rotate90", 400)]
    assert np.bincount(found, minlength=4).min() > 60  # of 100 expected
    wide = torch.rand(1, 1, 8, 12, dtype=torch.float64)
    assert all(torch.equal(y, wide[0]) or torch.equal(y, wide[0].rot90(2, (1, 2))) for y in many(wide, "rotate90", 50))
    inside, shifts = (slice(None), slice(2, -2), slice(2, -2)), []
    moved = {(d, a): picture[0].roll((d, a), (1, 2))[inside] for d in range(-2, 3) for a in range(-2, 3)}
    for y in many(picture, "shift", 900):
        shifts += [shift for shift, wanted in moved.items() if torch.equal(y[inside], wanted)]
    counts = [shifts.count((d, a)) for d in (-1, 0, 1) for a in (-1, 0, 1)]
    assert len(shifts) == sum(counts) == 900  # an eighth of 12 pixels is 1.5
    assert min(counts) > 60  # of 100 expected


def test_what_comes_in_from_outside_is_the_mirrored_picture():
    picture = torch.arange(16.0, dtype=torch.float64).expand(1, 1, 16, 16)
    right = torch.tensor([0, *range(15)], dtype=torch.float64)
    left = torch.tensor([*range(1, 16), 15], dtype=torch.float64)
    rows = {tuple(y[0, 8].tolist()) for y in many(picture, "shift", 100)}
    assert {tuple(right.tolist()), tuple(left.tolist())} <= rows


def test_places_go_by_the_paper_s_distributions():
    """Of 600: means to three of their errors, deviations likewise."""
    log2 = {}
    _, spread = moments(many(blob(), "scale", 600))
    log2["scale"] = (spread[:, 0, 0] * spread[:, 1, 1]).log2() / 4 - 1  # of a spot of 2 pixels
    assert float((spread[:, 0, 0] / spread[:, 1, 1]).log2().abs().max()) < 0.05  # alike across and down
    _, spread = moments(many(blob(), "stretch", 600))
    log2["stretch"] = (spread[:, 0, 0] / spread[:, 1, 1]).log2() / 4
    for name, found in log2.items():
        assert float(found.mean()) == pytest.approx(0, abs=0.03), name
        assert float(found.std()) == pytest.approx(0.2, rel=0.09), name
    centre, _ = moments(many(blob(), "subpixel", 600))
    assert centre.mean(0).tolist() == pytest.approx([0, 0], abs=0.4)
    assert centre.std(0).tolist() == pytest.approx([3, 3], rel=0.1)  # an eighth of 24 pixels
    angle = angles(moments(many(blob(across=3), "rotate", 600))[0])
    assert torch.histc(angle, 6, -math.pi, math.pi).min() > 70  # of 100 expected


def angles(places):
    """(N, 2), x first -> (N,)."""
    return torch.atan2(places[:, 1], places[:, 0])


def test_a_turned_picture_is_the_picture_itself_turned_about_its_middle():
    picture = blob(across=2, down=-1, squeezed=1.2)
    centre, spread = moments(many(picture, "rotate", 100))
    own, shape = moments(picture)
    torch.testing.assert_close(centre.norm(dim=1), own.norm(dim=1).expand(100), atol=0.05, rtol=0)
    for angle, found in zip(angles(centre) - angles(own), spread, strict=True):
        turn = torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]], dtype=torch.float64)
        torch.testing.assert_close(found, turn @ shape[0] @ turn.T, atol=0.4, rtol=0)  # 5.8 and 2.8


def test_colours_go_by_the_paper_s_distributions():
    colour = torch.tensor([0.5, -0.2, 0.3], dtype=torch.float64)
    grey, chroma = colour.mean(), colour - colour.mean()
    plain = colour[None, :, None, None].expand(1, 3, 2, 2)
    found = {name: many(plain, name)[:, :, 0, 0] for name in PIPE}
    shift = found["brightness"] - colour
    assert torch.allclose(shift, shift[:, :1])
    assert (float(shift[:, 0].mean()), float(shift[:, 0].std())) == pytest.approx((0, 0.2), abs=0.012)
    factor = found["contrast"] / colour
    assert torch.allclose(factor, factor[:, :1])
    assert (float(factor[:, 0].log2().mean()), float(factor.log2().std())) == pytest.approx((0, 0.5), abs=0.03)
    for y in found["luma_flip"]:
        assert torch.allclose(y, colour) or torch.allclose(y, chroma - grey)  # as far from grey, on the other side
    for name in ("hue", "saturation"):
        assert torch.allclose(found[name].mean(1), grey)
    turned = found["hue"] - grey
    assert torch.allclose(turned.norm(dim=1), chroma.norm())
    across = torch.linalg.cross(torch.ones(3).double() / 3**0.5, chroma)
    angle = torch.atan2(turned @ across, turned @ chroma)
    assert torch.histc(angle, 8, -math.pi, math.pi).min() > 190  # of 250 expected
    scaled = (found["saturation"] - grey) / chroma
    assert torch.allclose(scaled, scaled[:, :1])
    assert (float(scaled[:, 0].log2().mean()), float(scaled[:, 0].log2().std())) == pytest.approx((0, 1), abs=0.06)


def test_grey_has_no_colour():
    grey = SOME[:1, :1]
    for name in ("hue", "saturation"):
        assert torch.allclose(many(grey, name, 20), grey)
    assert {bool(torch.equal(y, -grey[0])) for y in many(grey, "luma_flip", 50)} == {True, False}


def test_colours_under_alpha_change_as_if_they_had_none_and_alpha_stays():
    plain, share = SOME[:8], torch.rand(8, 1, 12, 12, dtype=torch.float64)
    share[:, :, :4] = torch.tensor([0.0, 1.0], dtype=torch.float64).repeat(6)
    both = torch.cat([(plain + 1) * share - 1, 2 * share - 1], 1)
    results = []
    for picture, has_alpha in ((plain, False), (both, True)):
        torch.manual_seed(0)
        results.append(augment(picture, SINGLE[7:], 1.0, [picture.shape[1]], has_alpha=has_alpha))
    assert torch.equal(results[1][:, 3:], both[:, 3:])
    torch.testing.assert_close(results[1][:, :3], (results[0] + 1) * share - 1)
    assert not torch.allclose(results[0], plain)


def test_stacked_pictures_move_together_and_change_colour_apart():
    torch.manual_seed(0)
    x = torch.rand(16, 3, 8, 8).repeat(1, 2, 1, 1)
    moved = augment(x, SINGLE[:7], 1.0, [3, 3])
    assert torch.equal(moved[:, :3], moved[:, 3:])
    coloured = augment(x, SINGLE[7:], 1.0, [3, 3])
    assert not torch.allclose(coloured[:, :3], coloured[:, 3:])


def test_ada_s_come_before_diffaugment_s_and_both_are_done():
    torch.manual_seed(0)
    y = augment(SOME.float(), ["cutout", "brightness"], 1.0, [3])
    assert ((y == 0).flatten(1).float().mean(1) > 0.05).all()  # what is cut out stays so
    assert not torch.equal(y[y != 0], SOME.float()[y != 0])


def test_what_is_sampled_between_pixels_has_a_second_derivative():
    torch.manual_seed(0)
    places = torch.rand(2, 5, 4, 2, dtype=torch.float64) * 3 - 1.5  # beyond the borders, too
    x = SOME[:2, :2, :6, :7].clone().requires_grad_()
    torch.testing.assert_close(Sampled.apply(x, places), F.grid_sample(x, places, "bilinear", "reflection", False))
    assert torch.autograd.gradcheck(lambda y: Sampled.apply(y, places), x)
    assert torch.autograd.gradgradcheck(lambda y: Sampled.apply(y, places) ** 2, x)


def test_mixed_precision_changes_neither_what_is_seen_nor_its_slope():
    x = SOME.bfloat16().requires_grad_()
    found = []
    for mixed in (False, True):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            y = augment(x, ["bgc"], 1.0, [3])
        found.append((y, *torch.autograd.grad(y.square().sum(), x)))
    assert found[0][0].dtype == torch.float32
    assert all(torch.equal(*both) for both in zip(*found, strict=True))
