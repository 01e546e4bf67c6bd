"""GANs from noise: every system is a row of presets, trains, resumes exactly, and is a file that equals torch."""

import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from latent_models import NZ, write_latent_model
from PIL import Image
from tiny_gans import GAN, SMALL, TINY, settings, small_config
from tiny_runs import begun, noise, snapshot, tiny, train, weights

from i2i.errors import ConfigError
from i2i.export.from_run import export_run
from i2i.hardware.device import Placement
from i2i.methods import METHODS
from i2i.methods.from_noise.file import ports_of
from i2i.methods.from_noise.judged import Judge, pack
from i2i.methods.from_noise.networks import critic_of, generator_of
from i2i.methods.from_noise.style import PathLength, styles_of
from i2i.networks.from_noise import CRITICS, NOISE_GENERATORS
from i2i.networks.from_noise.dcgan import DcganCritic
from i2i.serving.generation.looks import picture_of
from i2i.serving.generation.opening import first_map
from i2i.serving.runtime.model_file import read_card
from i2i.settings import resolve
from i2i.training.health import HealthWatch
from i2i.training.run_directory import Run

DOC = Path(__file__).resolve().parents[2] / "docs" / "training" / "from-noise.md"


@pytest.fixture(autouse=True)
def labels(monkeypatch):
    """The samples of tiny runs have a class, too."""
    import tiny_runs

    plain = tiny_runs.Noise.__getitem__
    monkeypatch.setattr(
        tiny_runs.Noise, "__getitem__", lambda self, n: {**plain(self, n), "label": np.asarray(n % 2, np.int64)}
    )


def test_every_generator_and_discriminator_is_trained_by_some_row():
    others = {"wgan_gp", "stacked", "voxels"}  # two make 28x28, one volumes (test_gan_samples.py)
    assert {row[0] for row in TINY.values()} | others == set(NOISE_GENERATORS)
    assert {row[2].get("name", row[0]) for row in TINY.values()} | others == set(CRITICS)


@pytest.mark.parametrize("row", TINY)
def test_a_run_that_was_stopped_goes_on_bit_for_bit_and_its_file_equals_torch(row, tmp_path):
    straight, run = train(tmp_path / "straight", "gan", 48, every=16, **settings(row))
    shutil.copytree(tmp_path / "straight", tmp_path / "broken")
    for folder in (tmp_path / "broken" / "checkpoints").glob("0*"):
        if folder.name != "00000032":
            shutil.rmtree(folder)  # as if it had been killed before its end
    resumed, _ = train(tmp_path / "broken", "gan", 48, every=16, **settings(row))
    for key, value in weights(straight).items():
        assert torch.isfinite(value.float()).all(), key
        assert torch.equal(value, weights(resumed)[key]), key
    assert "val_swd" in run.records()[-1]

    (path,) = export_run(run)  # which refuses a file that differs by more than 1e-4
    session = onnxruntime.InferenceSession(path)
    card = read_card(path)
    assert (first_map(path.read_bytes(), card) is None) == ("mlp" in row)  # from which i2i directions are found
    z = np.random.default_rng(0).standard_normal((2, *card.inputs[0].shape)).astype(np.float32)
    given = {"latent": z}
    for port in card.inputs[1:]:
        kind = np.int64 if port.kind == "label" else np.float32
        given[port.name] = np.ones((2, *port.shape), kind)
    (sample, *_) = session.run(None, given)
    assert sample.shape == (2, 3, 16, 16)
    assert 0 <= sample.min() < sample.max() <= 1
    assert not np.array_equal(sample[0], sample[1])


@pytest.mark.parametrize(("light", "noise"), [(True, []), (False, [2 * (8 * 8 + 16 * 16)])])
def test_the_file_of_a_fastgan_has_a_port_for_the_noise_that_its_layers_add(light, noise):
    row = settings("fastgan")
    config = tiny("gan", **row | {"generator": {**row["generator"], "light": light}})
    ports = ports_of(generator_of(config), 3, config.sides, ())
    assert [port.shape[0] for port in ports["inputs"] if port.kind == "noise"] == noise


def stop_at(folder, row):
    """A run that has not grown yet."""
    train(folder / "early", "gan", 100, until=16, every=4, **row)
    return folder / "early"


@pytest.mark.parametrize("size", [16, 18, 20])
def test_networks_grow_at_any_size(size):
    method = begun("gan", images=100, **settings("progan") | {"size": size})
    for stage, seen in enumerate((0, 30, 50, 70, 96)):
        method.at(seen)
        scalars = method.step({"image": torch.rand(4, 3, size, size) * 2 - 1})
        assert all(torch.isfinite(value) for value in scalars.values()), stage
    assert method.sample_columns({"image": torch.zeros(2, 3, size, size)})["1"].shape == (2, 3, size, size)


def test_a_growing_run_goes_on_exactly_inside_a_fade(tmp_path):
    row = settings("progan")
    straight, _ = train(tmp_path / "straight", "gan", 100, every=20, **row)
    assert straight.timeline.at(40).stage.name == "level 1"
    assert [stage.name for stage in straight.timeline.stages] == [
        *("level 0", "level 1 fades", "level 1", "level 2 fades", "level 2")
    ]
    part = tmp_path / "part"
    method, _ = train(part, "gan", 100, until=72, every=12, **row)
    assert (method.stage, 0 < method.G.alpha < 1) == ("level 2 fades", True)
    (path,) = export_run(Run(part))  # a file of what there is: 16 pixels, each level's a square
    (sample,) = onnxruntime.InferenceSession(path).run(None, {"latent": np.ones((1, 8), np.float32)})
    assert sample.shape == (1, 3, 16, 16)
    (early,) = export_run(Run(stop_at(tmp_path, row)))
    (coarse,) = onnxruntime.InferenceSession(early).run(None, {"latent": np.ones((1, 8), np.float32)})
    np.testing.assert_array_equal(coarse, coarse[:, :, ::4, ::4].repeat(4, 2).repeat(4, 3))
    resumed, _ = train(part, "gan", 100, every=20, **row)
    for key, value in weights(straight).items():
        assert torch.equal(value, weights(resumed)[key]), key


OF_CRITIC = {row["discriminator"]["name"]: name for name, row in (GAN.PRESETS | SMALL).items()}
"""A preset of each discriminator that has one, a small one where there is any."""


def test_every_discriminator_but_that_of_stacked_digits_has_a_preset():
    assert OF_CRITIC.keys() | {"stacked"} == CRITICS.keys()


@pytest.mark.parametrize("setting", ["minibatch_std", "minibatch_kernels"])
@pytest.mark.parametrize("critic", OF_CRITIC)
def test_the_last_layer_of_every_discriminator_can_see_the_rest_of_its_batch(critic, setting):
    if setting == "minibatch_std" and critic in ("progan", "stylegan2"):
        pytest.skip("it has that already")
    by_class = critic in ("conditional_mlp", "resnet")  # that of BigGAN's preset
    given = {setting: 3 if setting == "minibatch_kernels" else True, "conditional": by_class}
    config, shape = small_config(OF_CRITIC[critic], batch=4, gan={"weight_clipping": 0.0}, **given)
    torch.manual_seed(0)
    D = critic_of(config)
    label = torch.arange(4) if D.classes else None
    x = torch.rand(4, *shape) * 2 - 1
    D(x, label)  # the first batch scales the kernels
    D.eval()
    twins = torch.cat([x[:1], x[:1], x[2:]])
    weights = [weight for key, weight in D.named_parameters() if "of_appended" in key]
    assert len(weights) == len(getattr(D, "sizes", "D"))  # of a pyramid each level's
    with torch.no_grad():
        seen = [D(batch, label)[2:] for batch in (x, twins)]
        for weight in weights:
            weight.zero_()
        alone = [D(batch, label)[2:] for batch in (x, twins)]
    assert not torch.equal(seen[0] - alone[0], seen[1] - alone[1])  # though they are the same two pictures


@pytest.mark.parametrize("row", ["dcgan", "lapgan"])
def test_r1_is_of_the_gradient_at_the_raw_pictures_and_translators_keep_theirs(row):
    """What each of the two is stands in tests/adversarial/test_stabilisers.py and in the witness of pix2pix."""
    row = {"data": {"path": "noise"}, "images": 8, **settings(row)}
    method = GAN.from_config(
        GAN.complete_config(resolve(GAN.Config, [row]), 8), Placement(torch.device("cpu"), "fp32", "")
    )
    assert [objective.at_raw for objective in method.objectives.values()] == [True] * len(method.objectives)
    pix2pix = METHODS["pix2pix"]
    config = resolve(pix2pix.Config, [{"data": {"path": "noise"}, "size": 32, "generator": {"name": "unet32"}}])
    translator = pix2pix.from_config(pix2pix.complete_config(config, 8), Placement(torch.device("cpu"), "fp32", ""))
    assert [objective.at_raw for objective in translator.objectives.values()] == [False]


def test_the_levels_of_a_pyramid_learn_apart_and_the_largest_is_what_is_logged_as_D():
    row, batch = (
        settings("lapgan") | {"size": 32, "gan": {}, "conditional": False},
        {"image": torch.rand(4, 3, 32, 32) * 2 - 1},
    )
    one, other = begun("gan", **row), begun("gan", **row)
    assert one.G.sizes == [(8, 8), (16, 16), (32, 32)]
    before = snapshot(one)
    for weight in other.D.levels[1].parameters():
        torch.nn.init.normal_(weight)  # another rival for the middle level
    scalars = []
    for method in (one, other):
        torch.manual_seed(1)
        method.at(0)
        scalars.append(method.step(batch))
    assert {"d_real_8", "d_real_16", "d_real", "g_gan_8", "p_fake_16", "p_fake"} <= scalars[0].keys()
    alike = {key for key, value in weights(one).items() if torch.equal(value, weights(other)[key])}
    apart = {key for key in before if key.startswith(("G.details.0", "D.levels.1"))}
    assert alike == before.keys() - apart
    still = {key for key, value in before.items() if torch.equal(value, weights(one)[key])}
    assert still == set()  # every level has learned, the smallest included


def test_the_label_decides_the_picture_and_the_judgement():
    method = begun("gan", **settings("dcgan by class"))
    z = torch.randn(2, method.G.latent)
    for weight in method.G.norms[0].gain.parameters():
        torch.nn.init.normal_(weight)
    pictures = [method.G.eval()(z, torch.full((2,), y)) for y in (0, 1)]
    assert not torch.equal(*pictures)
    x = torch.randn(4, 3, 16, 16)
    logits = [Judge(method.D.eval(), torch.tensor(y))(x) for y in ([0, 0], [1, 0])]  # of two batches that are joined
    assert torch.equal(logits[0][1::2], logits[1][1::2])
    assert not torch.equal(logits[0][::2], logits[1][::2])


def test_the_doctor_sees_a_conditional_d_learn_its_pictures_by_heart_with_their_classes():
    """D is a table of what is real; it knows each picture under its own class alone."""
    method = begun("gan", **settings("dcgan by class"), seed=1)
    known, unseen = noise(0, 1, 2, 3, size=16)["image"], noise(4, 5, 6, 7, size=16)["image"]

    class ByHeart(torch.nn.Module):
        def forward(self, x, label):
            same = (x[:, None] == known).flatten(2).all(2) & (label[:, None] == torch.arange(4) % 2)
            return same.any(1, keepdim=True).float()

    method.D = ByHeart()
    labels = torch.arange(4) % 2
    watch = HealthWatch(method, {"image": unseen, "label": labels})
    columns = method.sample_columns(watch.validation)
    for shift, learnt in ((0, True), (1, False)):
        watch.latest.append({"image": known, "label": labels.roll(shift)})
        figures = watch.figures(columns)
        assert (figures.get("health_overfit", 0) > 0.9) == learnt


def test_pac_of_one_is_the_plain_discriminator_and_pac_of_two_has_a_larger_first_layer_alone():
    torch.manual_seed(0)
    one, two = DcganCritic(3, size=(16, 16), width=4), DcganCritic(6, size=(16, 16), width=4)
    x = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(Judge(one.eval())(x), one(x), rtol=0, atol=0)
    assert Judge(two, packed=2)(x).shape == (2, 1)
    assert torch.equal(pack(x, 2)[0], torch.cat([x[0], x[1]]))
    shapes = [[p.shape for p in D.parameters()] for D in (one, two)]
    assert shapes[0][1:] == shapes[1][1:]
    assert shapes[0][0] != shapes[1][0]


def test_lazy_penalties_come_in_every_kth_update_weighted_k_times():
    lazy = begun(
        "gan",
        **settings("dcgan") | {"discriminator": {"norm": False, "width": 4}, "gan": {"r1": 1.0, "penalty_every": 3}},
    )
    batch = {"image": torch.randn(4, 3, 16, 16)}
    seen = []
    for step in range(6):
        lazy.at(4 * step)
        seen.append("d_r1" in lazy.step(batch))
    assert seen == [True, False, False] * 2
    assert lazy.optimizers["d"].defaults["lr"] == pytest.approx(2e-4 * 3 / 4)
    assert lazy.optimizers["d"].defaults["betas"] == pytest.approx((0.5**0.75, 0.999**0.75))


def test_the_path_length_of_a_linear_generator_is_that_of_its_matrix():
    torch.manual_seed(0)
    matrix, path_length = torch.randn(5, 3 * 4 * 4, dtype=torch.float64), PathLength()
    styles = torch.randn(4096, 1, 5, dtype=torch.float64, requires_grad=True)
    picture = (styles[:, 0] @ matrix).unflatten(1, (3, 4, 4))
    path_length(picture, styles)
    mean = float(path_length.mean) / 0.01  # of which one hundredth was taken
    lengths = torch.linalg.vector_norm(torch.randn(100_000, 48, dtype=torch.float64) / 4 @ matrix.t(), dim=1)
    assert mean == pytest.approx(float(lengths.mean()), rel=0.03)


def test_of_mixed_pictures_the_coarse_layers_are_of_one_style_and_the_fine_ones_of_another():
    G = begun("gan", **settings("stylegan2")).G
    styles = styles_of(G, torch.randn(64, 4), None, 1.0)
    changes = (styles[:, 1:] != styles[:, :-1]).any(2).sum(1)
    assert changes.tolist() == [1] * 64
    plain = styles_of(G, torch.randn(8, 4), None, 0.0)
    assert torch.equal(plain[:, :1].expand_as(plain), plain)
    assert G.average.abs().sum() > 0


def test_pictures_of_any_shape_are_generated(tmp_path):
    row = settings("dcgan") | {"aspect": [24, 16]}
    method = begun("gan", **row)
    batch = {"image": torch.rand(4, 3, 16, 24) * 2 - 1}
    method.at(0)
    method.step(batch)
    assert method.sample_columns(batch)["1"].shape == (4, 3, 16, 24)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"conditional": True}, "data has no classes"),
        ({"packed": 3}, "divide no batch of 4. Use --batch 6"),
        ({"batch": 2, "packed": 2, "minibatch_kernels": 3}, "D sees one alone. Use --batch 8"),
        (
            {"discriminator": {"name": "progan", "width": None}, "minibatch_std": True},
            "sees how its batch differs already",
        ),
        (
            {"minibatch_kernels": 3, "gan": {"loss": "wasserstein", "weight_clipping": 0.01}},
            "--set gan.weight_clipping=0 --set gan.gradient_penalty=10",
        ),
        (
            {
                "minibatch_kernels": 3,
                "gan": {"loss": "wasserstein"},
                "discriminator": {"spectral": True, "norm": False},
            },
            "needs a bounded D",
        ),
        ({"mixing": 0.5}, "generators with a w"),
        ({"reconstruction": 1.0}, "discriminator that draws"),
        ({"generator": {"name": "lapgan", "width": 4}}, "the same levels. Use --set generator.name=lapgan"),
        ({"conditional": True, "packed": 2, "data": {"path": "x", "domains": ["a", "b"]}}, "one class at a time"),
        ({"conditional": True, "gan": {"pool": 2}, "data": {"path": "x", "domains": ["a", "b"]}}, "pool of past fakes"),
        ({"gan": {"r1": 1.0}}, "--set discriminator.norm=false"),
        (
            {"generator": {"name": "lapgan"}, "discriminator": {"name": "lapgan"}, "size": 32, "d_rests_above": 0.8},
            "a D at each level",
        ),
        ({"size": 1, "gan": {"augment": ["cutout"]}}, "points have no sides"),
        ({"gan": {"loss": "wasserstein"}}, "unbounded"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_way_out(wrong, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        begun("gan", **settings("dcgan") | wrong)


def test_fakes_of_their_own_batch_need_not_be_asked_for():
    for steps, said in (({}, []), ({"d_steps": 2}, ["fresh_fakes"]), ({"g_steps": 3}, ["fresh_fakes"])):
        row = settings("dcgan") | {"fresh_fakes": True, "gan": steps}
        assert [note.partition(" ")[0] for note in GAN.notes(tiny("gan", **row))] == said
        grown = []
        for fresh_fakes in (False, True):
            method = begun("gan", **row | {"fresh_fakes": fresh_fakes})
            torch.manual_seed(0)
            for step in range(3):
                method.at(4 * step)
                method.step({"image": torch.ones(4, 3, 16, 16)})
            grown.append(weights(method))
        assert all(torch.equal(value, grown[1][key]) for key, value in grown[0].items()) == bool(said)


def test_the_optimizers_of_the_papers_are_there(tmp_path):
    for name, kind in (("rmsprop", torch.optim.RMSprop), ("sgd", torch.optim.SGD), ("adam", torch.optim.Adam)):
        method, _ = train(tmp_path / name, "gan", 8, every=8, **settings("mlp"), optimizer={"name": name})
        assert type(method.optimizers["d"]) is kind


def test_d_has_an_optimizer_and_a_momentum_of_its_own_where_they_are_given():
    own = {"name_d": "sgd", "lr_d": 3e-3, "beta1_d": 0.0}
    method = begun("gan", **settings("mlp"), optimizer={"lr": 1e-3, "beta1": 0.9, **own})
    of_g, of_d = method.optimizers["g"], method.optimizers["d"]
    assert (type(of_g), of_g.defaults["lr"], of_g.defaults["betas"][0]) == (torch.optim.Adam, 1e-3, 0.9)
    assert (type(of_d), of_d.defaults["lr"], of_d.defaults["momentum"]) == (torch.optim.SGD, 3e-3, 0)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Two classes of small grey pictures: discs and bars."""
    folder = tmp_path_factory.mktemp("shapes")
    y, x = np.mgrid[:12, :12]
    for n in range(12):
        disc = (y - 6) ** 2 + (x - 6) ** 2 < (2 + n % 4) ** 2
        bar = np.abs(x - 3 - n % 6) < 2
        for name, shape in (("disc", disc), ("bar", bar)):
            (folder / name).mkdir(exist_ok=True)
            Image.fromarray((shape * 255).astype(np.uint8)).save(folder / name / f"{n}.png")
    return folder


def test_a_size_may_be_a_width_and_a_height(shapes, i2i, tmp_path):
    tiny = ("--set", "generator.width=4", "--set", "discriminator.width=4", "--no-forecast", "--images", "8")
    status, _, _ = i2i("train", "gan", shapes, "--run", tmp_path / "run", "--size", "24x16", "--batch", "4", *tiny)
    assert status == 0
    assert read_card(tmp_path / "run" / "model.onnx").outputs[0].shape == (1, 16, 24)
    status, _, told = i2i("train", "gan", shapes, "--run", tmp_path / "other", "--size", "24by16")
    assert (status, "width and height, as 96x64" in told) == (2, True)
    status, _, told = i2i("train", "pix2pix", shapes, "--run", tmp_path / "other", "--size", "24x16")
    assert (status, "belongs to gan" in told) == (2, True)


def test_class_folders_become_a_file_with_labels(shapes, i2i, tmp_path):
    run = tmp_path / "runs" / "mine"
    status, _, told = i2i(
        *("train", "gan", shapes, "--run", run, "--size", "16", "--batch", "4", "--images", "16", "--no-forecast"),
        *("--set", "conditional=true", "--set", "generator.width=4", "--set", "discriminator.width=4"),
    )
    assert status == 0
    assert "pictures are smaller than 16 pixels, and are enlarged" in told
    card = read_card(run / "model.onnx")
    assert [port.name for port in card.inputs] == ["latent", "label"]
    assert card.inputs[1].choices == ("bar", "disc")
    assert (card.task, card.outputs[0].shape, card.supervision) == ("generation", (1, 16, 16), "unlabelled")


def ten_lines(folder, monkeypatch):
    """What the script of the docs, that runs a file without i2i, saves of runs/mine/model.onnx in `folder`."""
    (block,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.S)
    lines = [line.split() for line in block.splitlines() if line]
    assert {words[1] for words in lines if words[0] in ("import", "from")} == {"numpy", "onnxruntime", "PIL"}
    assert len([words for words in lines if words[0] not in ("import", "from")]) <= 10
    (folder / "script.py").write_text(block)
    monkeypatch.chdir(folder)
    runpy.run_path("script.py")
    with Image.open("sample.png") as sample:
        return np.asarray(sample)


def test_ten_lines_run_the_file_of_the_preset_that_the_docs_begin_with(shapes, i2i, tmp_path, monkeypatch):
    status, _, _ = i2i(
        *("train", "gan", shapes, "--run", tmp_path / "runs" / "mine", "--preset", "dcgan-small", "--no-forecast"),
        *("--size", "16", "--batch", "4", "--images", "8"),
        *("--set", "generator.width=4", "--set", "discriminator.width=4"),
    )
    assert status == 0
    assert ten_lines(tmp_path, monkeypatch).shape == (16, 16)


def test_ten_lines_save_the_straight_alpha_that_i2i_generate_saves(tmp_path, monkeypatch):
    path = write_latent_model(tmp_path / "runs" / "mine", "model", channels=4)
    z = np.random.default_rng(0).standard_normal((1, NZ)).astype(np.float32)
    (sample,) = onnxruntime.InferenceSession(path).run(["sample"], {"latent": z})
    picture = picture_of(sample[0])
    found = ten_lines(tmp_path, monkeypatch)
    np.testing.assert_array_equal(found[..., 3], picture.alpha)
    np.testing.assert_array_equal(found[picture.alpha > 0, :3], picture.pixels[picture.alpha > 0])
