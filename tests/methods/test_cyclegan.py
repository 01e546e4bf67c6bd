"""CycleGAN's step is the paper's, term for term; its defaults are the paper's."""

import copy

import pytest
import torch
from tiny_runs import changed, fresh, noise, snapshot, tiny, train

from i2i.errors import ConfigError
from i2i.methods import METHODS
from i2i.methods.cyclegan import CycleGAN
from i2i.settings import resolve
from i2i.training import checkpoint
from i2i.training.run_directory import Run


def by_hand(method, x, y, *, cycle=10.0, identity=0.5, d_weight=0.5, lr=2e-4):
    """One step of the paper on copies of the method's networks, written out: (losses, networks after it)."""
    nets = {name: copy.deepcopy(net) for name, net in method.networks.items()}
    G, F, D_X, D_Y = (nets[n] for n in ("G", "F", "D_X", "D_Y"))
    opt_g = torch.optim.Adam([*G.parameters(), *F.parameters()], lr, (0.5, 0.999))
    opt_d = torch.optim.Adam([*D_X.parameters(), *D_Y.parameters()], lr, (0.5, 0.999))

    def off(a, b):
        return (a - b).abs().mean()

    fake_y, fake_x = G(x), F(y)
    losses = {
        "g_gan_y": ((D_Y(fake_y) - 1) ** 2).mean(),
        "g_gan_x": ((D_X(fake_x) - 1) ** 2).mean(),
        "g_cycle_x": off(F(fake_y), x),
        "g_cycle_y": off(G(fake_x), y),
        "g_identity_x": off(F(x), x),
        "g_identity_y": off(G(y), y),
    }
    of_g = losses["g_gan_y"] + losses["g_gan_x"] + cycle * (losses["g_cycle_x"] + losses["g_cycle_y"])
    (of_g + cycle * identity * (losses["g_identity_x"] + losses["g_identity_y"])).backward()
    opt_g.step()
    opt_d.zero_grad()
    fake_x, fake_y = fake_x.detach(), fake_y.detach()  # made before G and F moved
    losses |= {
        "d_real_x": ((D_X(x) - 1) ** 2).mean(),
        "d_fake_x": (D_X(fake_x) ** 2).mean(),
        "d_real_y": ((D_Y(y) - 1) ** 2).mean(),
        "d_fake_y": (D_Y(fake_y) ** 2).mean(),
    }
    (d_weight * sum(losses[k] for k in losses if k.startswith("d_"))).backward()
    opt_d.step()
    return losses, nets


def compare(method, batch, **weights):
    losses, nets = by_hand(method, batch["a"], batch["b"], **weights)
    scalars = method.step(batch)
    for key, value in losses.items():
        if key in scalars:
            torch.testing.assert_close(scalars[key], value, msg=key)
    for name, net in nets.items():
        for (key, value), ours in zip(net.named_parameters(), method.networks[name].parameters(), strict=True):
            small = 1e-4 * max(float(p.grad.abs().max()) for p in net.parameters())
            torch.testing.assert_close(ours.grad, value.grad, atol=small, rtol=1e-3, msg=f"{name}.{key}")
            real = value.grad.abs() > 10 * small  # of the rest, such as biases under a norm, Adam moves by noise
            torch.testing.assert_close(ours[real], value[real], atol=1e-6, rtol=1e-4, msg=f"{name}.{key}")
    return scalars, losses


@pytest.mark.parametrize("norm", ["instance", "batch_as_instance"])
def test_a_step_is_the_papers_equations(norm):
    """With BatchNorm too, where the passes cannot be joined."""
    method = fresh("cyclegan", generator={"width": 4, "norm": norm})
    assert method.batch_independent == (norm == "instance")
    scalars, losses = compare(method, noise(0, 1))
    assert set(losses) <= set(scalars)


def test_the_weights_are_those_of_the_settings():
    method = fresh("cyclegan", lambda_cycle=3, lambda_identity=2, lambda_d=0.25, optimizer={"lr": 1e-3})
    compare(method, noise(0, 1), cycle=3, identity=2, d_weight=0.25, lr=1e-3)


def test_halving_the_discriminators_loss_is_part_of_their_gradient():
    """Adam hides a factor in its first step, so the gradients themselves are compared."""
    gradients = {}
    for share in (0.5, 1.0):
        method = fresh("cyclegan", lambda_d=share)
        method.step(noise(0, 1))
        gradients[share] = next(method.networks["D_X"].parameters()).grad
    torch.testing.assert_close(2 * gradients[0.5], gradients[1.0])


def test_without_the_identity_terms_the_generators_never_see_their_own_domain():
    method = fresh("cyclegan", lambda_identity=0)
    batch = noise(0, 1)
    scalars, _ = compare(method, batch, identity=0)
    seen = []
    method.networks["G"].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    method.step(batch)
    assert not [key for key in scalars if key.startswith("g_identity")]
    assert [len(x) for x in seen] == [2, 2]  # x, and F(y)
    assert torch.equal(seen[0], batch["a"])


def test_the_generators_step_leaves_the_discriminators_and_theirs_leaves_the_generators():
    method, before, moved = fresh("cyclegan"), {}, []
    before["now"] = snapshot(method)
    descend = method.descend

    def watched(optimizer, loss):
        descend(optimizer, loss)
        moved.append(changed(before["now"], method))
        before["now"] = snapshot(method)

    method.descend = watched
    method.step(noise(0, 1))
    assert moved == [{"G", "F"}, {"D_X", "D_Y"}]


def test_both_discriminators_see_fakes_of_earlier_steps_once_the_pool_is_full():
    method = fresh("cyclegan", gan={"pool": 2})
    for n in range(8):
        method.step(noise(n))
    for objective in method.objectives.values():
        assert len(objective.pool.pictures) == 2
    assert not torch.equal(method.objectives["D_X"].pool.pictures[0], method.objectives["D_Y"].pool.pictures[0])


def test_running_averages_are_gathered_from_real_pictures_of_the_source_alone():
    """Not from fakes on the way back, nor from the identity pass: they are what the network is served with."""
    method = fresh("cyclegan", generator={"norm": "batch_running", "width": 4})
    batch = noise(0, 1)
    alone = {"G": copy.deepcopy(method.G), "F": copy.deepcopy(method.F)}
    method.step(batch)
    for name, given in (("G", batch["a"]), ("F", batch["b"])):
        alone[name](given)
        buffers = {key: value for key, value in alone[name].named_buffers() if "running" in key}
        assert buffers
        for key, value in method.networks[name].named_buffers():
            if key in buffers:
                torch.testing.assert_close(value, buffers[key])


def test_the_defaults_are_the_papers():
    config = CycleGAN.complete_config(resolve(CycleGAN.Config, [{"data": {"path": "photos"}}]), 1000)
    assert (config.size, config.batch, config.images) == (256, 1, 200_000)
    assert (config.generator.name, config.generator.norm, config.generator.up) == ("resnet9", "instance", "transposed")
    assert (config.discriminator.name, config.discriminator.layers, config.discriminator.norm) == (
        "patch",
        3,
        "instance",
    )
    assert (config.gan.loss, config.gan.pool, config.gan.d_steps, config.gan.g_steps) == ("least_squares", 50, 1, 1)
    assert (config.lambda_cycle, config.lambda_identity, config.lambda_d, config.init_std) == (10, 0.5, 0.5, 0.02)
    assert (config.optimizer.lr, config.optimizer.beta1, config.optimizer.decay_from) == (2e-4, 0.5, 0.5)
    assert config.data.augment == ("jitter", "flip")


@pytest.mark.parametrize(("size", "name"), [(512, "resnet9"), (256, "resnet9"), (128, "resnet6"), (64, "resnet6")])
def test_there_are_nine_blocks_from_256_pixels_on_and_six_below(size, name):
    assert tiny("cyclegan", size=size).generator.name == name


def test_a_unet_may_be_chosen():
    method = fresh("cyclegan", generator={"name": "unet64", "width": 4})
    assert set(method.step(noise(0, 1))) >= {"g_cycle_x", "g_identity_y"}


def test_initial_weights_have_the_papers_spread():
    for net in fresh("cyclegan", generator={"width": 16}, discriminator={"width": 16}).networks.values():
        weights = torch.cat([p.detach().flatten() for name, p in net.named_parameters() if name.endswith("weight")])
        assert abs(float(weights.std()) - 0.02) < 0.001


def test_a_grid_shows_both_domains_their_translations_and_the_way_back():
    method = fresh("cyclegan")
    batch = noise(0, 1)
    columns = method.sample_columns(batch)
    assert list(columns) == ["A", "A → B", "A → B → A", "B", "B → A", "B → A → B"]
    with torch.no_grad():
        G, F = method.served("a2b"), method.served("b2a")
        torch.testing.assert_close(columns["A → B"], G(batch["a"]), atol=1e-5, rtol=0)
        torch.testing.assert_close(columns["A → B → A"], F(G(batch["a"])), atol=1e-5, rtol=0)
        torch.testing.assert_close(columns["B → A → B"], G(F(batch["b"])), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.data_kind == "unpaired"])
def test_a_direction_is_chosen_after_training_and_not_before(name):
    with pytest.raises(ConfigError, match="both directions at once.*--direction b2a"):
        tiny(name, direction="b2a")


def test_domains_of_different_channels_need_the_identity_terms_left_out():
    data = {"path": "noise", "channels": {"a": 1, "b": 3}}
    with pytest.raises(ConfigError, match="--set lambda_identity=0"):
        fresh("cyclegan", data=data)
    method = fresh("cyclegan", data=data, lambda_identity=0)
    scalars = method.step({"a": noise(0, 1)["a"][:, :1], "b": noise(0, 1)["b"]})
    assert torch.isfinite(scalars["g_cycle_x"])


def test_the_best_checkpoint_is_that_of_the_least_distance_of_patches(tmp_path):
    _, run = train(tmp_path / "run", "cyclegan", 8)
    logged = {r["images"]: r["val_swd"] for r in run.records() if "val_swd" in r}
    assert logged
    figure = (Run(tmp_path / "run").checkpoints / checkpoint.BEST / "best.json").read_text()
    assert f'"images": {min(logged, key=logged.get)},' in figure


@pytest.mark.parametrize(("asked", "norm", "dropout"), [
    ({}, "instance", 0), ({"norm": "instance_affine"}, "instance_affine", 0), ({"dropout": 0.5}, "instance", 0.5),
])  # fmt: skip
def test_a_u_net_here_has_the_authors_instance_norm_and_no_dropout_unless_asked(asked, norm, dropout):
    config = tiny("cyclegan", generator={"name": "unet64", "width": 4, **asked})
    assert (config.generator.norm, config.generator.dropout) == (norm, dropout)
    method = fresh("cyclegan", generator={"name": "unet64", "width": 4, **asked})
    x = noise(0)["a"]
    twice = [method.G.train()(x) for _ in range(2)]
    assert torch.equal(*twice) == (dropout == 0)
