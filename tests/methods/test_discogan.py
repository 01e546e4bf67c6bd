"""DiscoGAN's steps are those of the authors' released code, term for term; `--preset paper` is the paper's loss."""

import copy

import pytest
import torch
from tiny_runs import changed, fresh, noise, snapshot, tiny, train

from i2i.errors import ConfigError
from i2i.methods.discogan import DiscoGAN
from i2i.networks import for_inference
from i2i.settings import resolve


def cross_entropy(D, pictures, target):
    return torch.nn.functional.binary_cross_entropy(torch.sigmoid(D(pictures)), torch.full_like(D(pictures), target))


def optimizer_of(*nets):
    return torch.optim.Adam([p for net in nets for p in net.parameters()], 2e-4, (0.5, 0.999), weight_decay=1e-5)


def in_unit_range(x):
    return (x + 1) / 2


def distance(D, real, fake):
    """Sum over the authors' three maps of the mean squared distance of the batch means."""
    return sum(
        ((f.mean(0) - r.mean(0)) ** 2).mean() for f, r in zip(D.features(fake)[0], D.features(real)[0], strict=True)
    )


def generators_by_hand(method, x_A, x_B, *, r, ends="ab", of_gan=0.1, of_features=0.9):
    """A step of the generators on copies: (1 - r)(0.1 BCE + 0.9 FM) + r MSE, for each direction."""
    nets = {name: copy.deepcopy(net) for name, net in method.networks.items()}
    G_AB, G_BA, D_A, D_B = (nets[n] for n in ("G_AB", "G_BA", "D_A", "D_B"))
    optimizer = optimizer_of(G_AB, G_BA)
    x_AB, x_BA = G_AB(x_A), G_BA(x_B)
    losses = {"g_gan_b": cross_entropy(D_B, x_AB, 1.0), "g_features_b": distance(D_B, x_B, x_AB)}
    if ends != "a":
        losses |= {"g_gan_a": cross_entropy(D_A, x_BA, 1.0), "g_features_a": distance(D_A, x_A, x_BA)}
    if "a" in ends:
        losses["g_cycle_a"] = (in_unit_range(G_BA(x_AB)) - in_unit_range(x_A)).square().mean()
    if "b" in ends:
        losses["g_cycle_b"] = (in_unit_range(G_AB(x_BA)) - in_unit_range(x_B)).square().mean()
    parts = {"gan": of_gan * (1 - r), "features": of_features * (1 - r), "cycle": r}
    optimizer.zero_grad()
    sum(parts[name.split("_")[1]] * value for name, value in losses.items()).backward()
    optimizer.step()
    forget_all_but(nets, ["G_AB", "G_BA"])
    return losses, nets


def discriminators_by_hand(method, x_A, x_B, names=("D_A", "D_B")):
    """A step of the discriminators on copies: half of -log D(real) - log(1 - D(made)), each."""
    nets = {name: copy.deepcopy(net) for name, net in method.networks.items()}
    with torch.no_grad():
        x_AB, x_BA = nets["G_AB"](x_A), nets["G_BA"](x_B)
    optimizer = optimizer_of(*(nets[n] for n in names))
    sides = {"D_A": (x_A, x_BA), "D_B": (x_B, x_AB)}
    losses = {}
    for name in names:
        real, fake = sides[name]
        losses[f"d_real_{name[-1].lower()}"] = cross_entropy(nets[name], real, 1.0)
        losses[f"d_fake_{name[-1].lower()}"] = cross_entropy(nets[name], fake, 0.0)
    (sum(losses.values()) / 2).backward()
    optimizer.step()
    forget_all_but(nets, names)
    return losses, nets


def forget_all_but(nets, stepped):
    for name in nets.keys() - set(stepped):
        nets[name].zero_grad()


def agree(method, scalars, losses, nets):
    for key, value in losses.items():
        if key in scalars:
            torch.testing.assert_close(scalars[key], value, rtol=1e-4, atol=1e-6, msg=key)
    for name, net in nets.items():
        for (key, value), ours in zip(net.named_parameters(), method.networks[name].parameters(), strict=True):
            torch.testing.assert_close(ours, value, atol=5e-6, rtol=1e-3, msg=f"{name}.{key}")
            if value.grad is not None:  # Adam hides a factor in its first step
                torch.testing.assert_close(ours.grad, value.grad, atol=1e-5, rtol=1e-3, msg=f"{name}.{key}")


def test_a_turn_is_one_step_of_the_discriminators_and_two_of_the_generators():
    method = fresh("discogan")
    taken = []
    for n in range(6):
        before = snapshot(method)
        method.step(noise(2 * n, 2 * n + 1))
        taken.append("".join(sorted({name[0] for name in changed(before, method)})))
    assert taken == ["D", "G", "G"] * 2


def test_a_step_of_the_discriminators_is_the_authors():
    method, batch = fresh("discogan"), noise(0, 1)
    losses, nets = discriminators_by_hand(method, batch["a"], batch["b"])
    scalars = method.step(batch)
    assert set(losses) <= set(scalars)
    agree(method, scalars, losses, nets)


@pytest.mark.parametrize(("curriculum", "r"), [(10_000, 0.01), (0, 0.5)])
def test_a_step_of_the_generators_is_the_authors(curriculum, r):
    method = fresh("discogan", curriculum=curriculum)
    method.step(noise(0, 1))
    batch = noise(2, 3)
    losses, nets = generators_by_hand(method, batch["a"], batch["b"], r=r)
    scalars = method.step(batch)
    assert set(losses) <= set(scalars)
    agree(method, scalars, losses, nets)


def test_the_share_of_the_reconstruction_rises_when_the_curriculum_ends():
    """Counted in steps from the start of the run, those of the discriminators included."""
    shares = []
    for step in (9_998, 9_999, 10_000, 10_001):
        method = fresh("discogan", lambda_gan=0)  # what is left of the loss is r times the reconstruction
        method.updates.count = step
        method.updates.d = 0  # generators alone
        totals = []
        method.descend = lambda _, loss, totals=totals: totals.append(loss.item())
        scalars = method.step(noise(0, 1))
        shares.append(totals[0] / (scalars["g_cycle_a"] + scalars["g_cycle_b"]).item())
    assert shares == pytest.approx([0.01, 0.01, 0.5, 0.5])


def test_the_papers_loss_is_cross_entropy_and_reconstruction_alone_from_the_start():
    config = tiny("discogan", **DiscoGAN.PRESETS["paper"])
    assert (config.gan.feature_matching, config.gan.g_steps, config.curriculum) == (0, 1, 0)
    assert (config.batch, config.optimizer.weight_decay) == (200, 1e-4)  # section 4
    in_turns = {**DiscoGAN.PRESETS["paper"], "gan": {"feature_matching": 0, "g_steps": 2}}  # to see G's step alone
    method = fresh("discogan", **{**in_turns, "optimizer": {}, "batch": 2})
    method.updates.count = 1
    batch = noise(2, 3)
    weight = config.lambda_gan
    losses, nets = generators_by_hand(method, batch["a"], batch["b"], r=config.rate, of_gan=weight, of_features=0)
    scalars = method.step(batch)
    assert not [key for key in scalars if "features" in key]
    assert weight * (1 - config.rate) == config.rate  # eq. 3 and 4: every term with the same weight
    agree(method, scalars, losses, nets)


def test_reconstruction_in_one_direction_is_one_chain_and_the_other_discriminator_idles():
    """The paper's figure 2 (b): A -> B -> A with D_B alone."""
    method = fresh("discogan", reconstruct="a", curriculum=0)
    batch = noise(0, 1)
    losses, nets = discriminators_by_hand(method, batch["a"], batch["b"], names=("D_B",))
    before = snapshot(method)
    agree(method, method.step(batch), losses, nets)
    assert changed(before, method) == {"D_B"}
    batch = noise(2, 3)
    losses, nets = generators_by_hand(method, batch["a"], batch["b"], r=0.5, ends="a")
    scalars = method.step(batch)
    assert set(losses) <= set(scalars)
    assert not {"g_gan_a", "g_cycle_b"} & set(scalars)
    agree(method, scalars, losses, nets)


def test_without_reconstruction_two_plain_gans_are_left():
    """The paper's figure 2 (a), in both directions."""
    method = fresh("discogan", reconstruct="none", curriculum=0)
    method.updates.count = 1
    batch = noise(0, 1)
    losses, nets = generators_by_hand(method, batch["a"], batch["b"], r=0.5, ends="")
    scalars = method.step(batch)
    assert not [key for key in scalars if "cycle" in key]
    agree(method, scalars, losses, nets)


@pytest.mark.parametrize("reconstruct", ["a", "none"])
def test_a_variant_trains_logs_and_goes_on(reconstruct, tmp_path):
    settings = {"reconstruct": reconstruct, "discriminator": {"width": 2}, "generator": {"width": 2}}
    train(tmp_path / "run", "discogan", 12, until=6, **settings)
    method, run = train(tmp_path / "run", "discogan", 12, **settings)
    assert run.records()[-1]["images"] == 12
    assert isinstance(method.loss_summary(run.records()[-1]), str)


def test_the_defaults_are_the_authors():
    config = DiscoGAN.complete_config(resolve(DiscoGAN.Config, [{"data": {"path": "photos"}}]), 1000)
    assert (config.size, config.batch, config.generator.name, config.discriminator.name) == (64, 64, "disco", "disco")
    assert (config.optimizer.lr, config.optimizer.beta1, config.optimizer.beta2) == (2e-4, 0.5, 0.999)
    assert (config.optimizer.weight_decay, config.optimizer.decay_from) == (1e-5, 1)
    assert (config.rate, config.starting_rate, config.curriculum) == (0.5, 0.01, 10_000)
    assert config.lambda_gan * config.gan.feature_matching == pytest.approx(0.9)
    assert (config.lambda_gan, config.gan.d_steps, config.gan.g_steps, config.gan.pool) == (0.1, 1, 2, 0)
    assert config.gan.loss == "non_saturating"
    assert (config.data.augment, config.data.stretch) == (("none",), True)


def test_initial_weights_are_torchs_own_unless_a_spread_is_given():
    def spread(**settings):
        method = fresh("discogan", generator={"width": 16}, **settings)
        return float(method.networks["G_AB"].layers[2].weight.detach().std())

    assert spread() == pytest.approx(1 / (3 * 16 * 16) ** 0.5, rel=0.1)  # uniform within 1 / sqrt(fan in)
    assert spread(init_std=0.02) == pytest.approx(0.02, rel=0.1)


def test_larger_pictures_are_looked_at_in_overlapping_parts():
    method = fresh("discogan", size=128)
    batch = noise(0, 1, size=128)
    method.step(batch)
    scalars = method.step(batch)
    assert torch.isfinite(scalars["g_cycle_a"])
    assert method.networks["D_A"](batch["a"]).shape == (2, 1, 5, 5)


def test_pictures_too_small_for_the_discriminator_are_refused_with_a_way_out_that_works():
    with pytest.raises(ConfigError, match=r"64 pixels or more.*--size 64.*discriminator.name=patch.*layers=2"):
        fresh("discogan", size=32)
    fresh("discogan", size=32, discriminator={"name": "patch", "width": 4, "layers": 2})


def test_what_is_served_has_the_statistics_of_what_it_will_be_given():
    """The running averages of G_AB are those of pictures of A, and the pass over made ones leaves them alone."""
    method = fresh("discogan", curriculum=0)
    shifted = {"a": noise(0, 1)["a"] * 0.05 - 0.8, "b": noise(0, 1)["b"] * 0.05 + 0.8}
    for _ in range(3):
        method.step(shifted)
    G, by_hand = method.networks["G_AB"], fresh("discogan", curriculum=0).networks["G_AB"]
    seen = []
    for step in range(3):
        method_at = fresh("discogan", curriculum=0)
        for _ in range(step):
            method_at.step(shifted)
        by_hand.load_state_dict(
            {**by_hand.state_dict(), **{k: v.detach() for k, v in method_at.networks["G_AB"].named_parameters()}}
        )
        by_hand(shifted["a"])
        seen.append(step)
    means = [(n, b) for n, b in G.named_buffers() if n.endswith("running_mean")]
    assert means
    for name, buffer in means:
        torch.testing.assert_close(buffer, dict(by_hand.named_buffers())[name], atol=1e-5, rtol=1e-3)


def test_a_served_network_uses_its_running_averages():
    method = fresh("discogan")
    for n in range(6):
        method.step(noise(2 * n, 2 * n + 1))
    G, x = method.networks["G_AB"], noise(0)["a"]
    with torch.no_grad():
        served = for_inference(G)(x)
        torch.testing.assert_close(served, copy.deepcopy(G).eval()(x))
        assert not torch.allclose(served, copy.deepcopy(G).train()(x), atol=1e-3)
    assert G.training


@pytest.mark.parametrize(("settings", "said"), [
    ({"images": 640_000, "batch": 64}, True), ({"images": 640_064, "batch": 64}, False),
    ({"images": 8, "curriculum": 0}, False), ({"images": 8, "starting_rate": 0.5}, False),
])  # fmt: skip
def test_a_run_that_ends_within_its_curriculum_is_told_so(settings, said):
    notes = DiscoGAN.notes(tiny("discogan", **settings))
    assert bool(notes) == said
    assert not said or "--set curriculum=2000" in notes[0]
