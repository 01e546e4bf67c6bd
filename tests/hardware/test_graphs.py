"""Steps that are replayed as CUDA graphs: the same bytes as without, when they are, and what they fall back to."""

import copy
import dataclasses

import pytest
import torch
from recorded import OnCpu
from tiny_runs import begun, fresh, noise, tiny

from i2i.adversarial.image_pool import ImagePool
from i2i.hardware.device import place
from i2i.hardware.graphs import WARM, Replayed, use_tf32
from i2i.methods import METHODS
from i2i.methods.replaying import ReplayedStep, let_rates_change, reason_against, replay_steps

SMALL = {"generator": {"width": 2}, "discriminator": {"width": 2}, "size": 32}
ROWS = [
    *((name, {}) for name in METHODS),
    ("cyclegan", {"gan": {"pool": 3}}),
    ("cyclegan", {"gan": {"d_steps": 2}, "ema": {"images": 8}}),
    ("pix2pix", {"gan": {"gradient_penalty": 10}, "discriminator": {"width": 2, "norm": "instance_affine"}}),
    ("pix2pix", {"gan": {"r1": 1}, "discriminator": {"width": 2, "norm": "none", "spectral": True}}),
    (
        "pix2pix",
        {"gan": {"augment": ["bgc", "colour", "translation", "cutout"], "augment_p": 0.5, "feature_matching": 1}},
    ),
    ("pix2pix", {"gan": {"loss": "relativistic"}, "optimizer": {"clip": 0.5}, "ema": {"images": 8}}),
    (
        "pix2pix",
        {"gan": {"loss": "relativistic_pairs", "r1": 1, "r2": 1}, "discriminator": {"width": 2, "norm": "none"}},
    ),
    ("pix2pix", {"gan": {"loss": "wasserstein", "weight_clipping": 0.01, "drift": 0.001}}),
    ("discogan", {"curriculum": 5}),
    ("discogan", {"reconstruct": "a", "gan": {"pool": 3}}),
]


def of(name, settings):
    size = 64 if name == "discogan" or (name == "srgan") else 32
    asked = {**SMALL, "size": size, "images": 64, **settings}
    return fresh(name, **asked)


def held(method):
    """Every tensor that a step changes."""
    tensors = [t for network in method.networks.values() for t in (*network.parameters(), *network.buffers())]
    for optimizer in method.optimizers.values():
        tensors += [value for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value)]
    pools = [objective.pool.fixed for objective in method.objectives.values()]
    return tensors + [pool.buffer for pool in pools if pool is not None and pool.buffer is not None]


def on_cpu(method, said):
    graphs = OnCpu(lambda: held(method))
    method.replayed = ReplayedStep(graphs, said.append)
    return graphs


def trained(method, steps, size):
    """The scalars of each step of a run with a falling rate, whose norms are looked at now and then."""
    torch.manual_seed(3)
    seen, found = (0 if method.stage is None else method.timeline.total // 2), []
    for number in range(steps):
        method.at(seen + 2 * number)
        method.norms.begin(number, 3)
        batch = noise(2 * number, 2 * number + 1, size=size)
        found.append({k: v.item() for k, v in {**method.step(batch), **method.norms.seen}.items()})
    return found


def state_of(method):
    tensors = {f"{n}.{k}": v for n, network in method.networks.items() for k, v in network.state_dict().items()}
    return tensors, method.state_dict()


def assert_same(one, other, path=""):
    assert type(one) is type(other), path
    if torch.is_tensor(one):
        assert torch.equal(one, other), path
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{path}.{number}")
    elif not path.endswith(".lr"):  # a tensor's has 24 bits
        assert one == other, path


@pytest.mark.parametrize(("name", "settings"), ROWS)
def test_a_run_of_replayed_steps_is_bit_for_bit_the_run_without(name, settings):
    """Python's decisions (rates, whose turn, what the pool gives back, the curriculum) reach the replays."""
    plain, said = of(name, settings), []
    replayed = of(name, settings)
    for optimizer in plain.optimizers.values():  # whose rates have 24 bits too
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(group["lr"])
    graphs = on_cpu(replayed, said)
    size = 64 if name in ("discogan", "srgan") else 32
    assert_same(trained(plain, 20, size), trained(replayed, 20, size))
    assert_same(state_of(plain), state_of(replayed))
    assert said == []
    assert graphs.recorded >= 1
    assert graphs.replayed >= 6


def test_no_step_is_recorded_while_a_level_fades_in_and_steps_are_on_either_side():
    """Each of a fade has a share of the new level of its own, so that a recording would be for no other step."""
    growing = {"base": 8, "most": 4, "width": None, "name": "progan"}
    settings = {"size": 8, "generator": {**growing, "latent": 4}, "discriminator": growing}
    plain, replayed, said = of("gan", settings), of("gan", settings), []
    rates_as_tensors(plain)
    graphs = on_cpu(replayed, said)
    counts, kinds = {}, {}
    for seen in range(0, 64, 2):
        for method in (plain, replayed):
            torch.manual_seed(seen)
            method.at(seen)
            method.step(noise(seen, seen + 1, size=8))
        counts[replayed.stage], kinds[replayed.stage] = graphs.recorded, len(replayed.replayed.replayed.kinds)
    assert counts == {"level 0": 1, "level 1 fades": 1, "level 1": 2}
    assert kinds["level 1 fades"] == 0
    assert_same(state_of(plain), state_of(replayed))
    assert said == []


def test_a_replay_reads_its_batch_where_it_was_recorded_and_no_other_work_is_done():
    calls, graphs = [], OnCpu(list)
    replayed = Replayed(graphs, print)

    def work(batch):
        calls.append(batch)
        return batch["a"] * 2

    given = [{"a": torch.full((2,), float(n))} for n in range(WARM + 3)]
    found = [replayed("turn", batch, work).clone() for batch in given]
    assert [value.tolist() for value in found] == [[2.0 * n] * 2 for n in range(WARM + 3)]
    assert len(calls) == WARM + 1
    assert graphs.replayed == 3
    assert replayed("turn", {"a": torch.ones(3)}, work).tolist() == [2] * 3  # of another size: as it is
    assert replayed("other turn", {"a": torch.ones(2)}, lambda batch: batch["a"] * 3).tolist() == [3, 3]


def rates_as_tensors(method):
    """As a method whose steps are replayed has them, of 24 bits."""
    for optimizer in method.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(group["lr"])


def test_a_step_that_cannot_be_recorded_goes_on_as_it_is_and_says_so_once():
    said = []
    plain, method = of("pix2pix", {}), of("pix2pix", {})
    rates_as_tensors(plain)
    on_cpu(method, said)
    usual = method.descents

    def asking(batch):
        float(batch["a"].sum())
        return (yield from usual(batch))

    method.descents = asking
    assert_same(trained(plain, 8, 32), trained(method, 8, 32))
    assert_same(state_of(plain), state_of(method))
    (sentence,) = said
    assert "operation not permitted when stream is capturing" in sentence
    assert "speed.graphs=false" in sentence


def test_a_recording_that_fails_after_the_pool_was_asked_leaves_no_black_picture_in_it():
    said = []
    plain, method = (of("cyclegan", {"gan": {"pool": 3}}) for _ in range(2))
    rates_as_tensors(plain)
    on_cpu(method, said)
    usual = method.descents

    def asking_at_the_end(batch):
        scalars = yield from usual(batch)
        float(batch["a"].sum())
        return scalars

    method.descents = asking_at_the_end
    assert_same(trained(plain, 8, 32), trained(method, 8, 32))
    assert_same(state_of(plain), state_of(method))
    assert len(said) == 1
    for objective in method.objectives.values():
        pictures = objective.pool.state_dict()["pictures"]
        assert len(pictures) == 3
        assert all(picture.abs().sum() > 0 for picture in pictures)


def test_a_checkpoint_does_not_tell_whether_steps_were_replayed():
    """So either kind of run goes on from the other's."""
    method = of("cyclegan", {"gan": {"pool": 3}})
    on_cpu(method, [])
    trained(method, 8, 32)
    state = copy.deepcopy(method.state_dict())
    groups = [group for saved in state["optimizers"].values() for group in saved["param_groups"]]
    assert all(isinstance(group["lr"], float) and group["capturable"] is False for group in groups)
    assert [len(part["pool"]["pictures"]) for name, part in state["parts"].items() if name != "updates"] == [3, 3]
    ones = [of("cyclegan", {"gan": {"pool": 3}}) for _ in range(2)]
    on_cpu(ones[1], [])
    for one in ones:
        for name, network in one.networks.items():
            network.load_state_dict(method.networks[name].state_dict())
        one.load_state_dict(copy.deepcopy(state))
        if one.replayed is None:
            for optimizer in one.optimizers.values():
                for group in optimizer.param_groups:
                    group["lr"] = torch.tensor(group["lr"])
    assert_same(*(trained(one, 7, 32) for one in ones))
    assert_same(*(state_of(one) for one in ones))


def test_what_rmsprop_counts_is_brought_to_the_device_that_its_replays_read_it_on():
    """A checkpoint has it on the CPU, which torch takes for a step that is not replayed alone."""
    weight = torch.nn.Parameter(torch.zeros(2, device="meta"))
    optimizer = torch.optim.RMSprop([weight])
    optimizer.state[weight] = {"step": torch.tensor(3.0), "square_avg": torch.zeros(2, device="meta")}
    let_rates_change(optimizer)
    assert optimizer.state[weight]["step"].device == weight.device
    assert optimizer.param_groups[0]["capturable"] is True


def test_a_stage_without_a_discriminator_draws_nothing_for_its_pool():
    plain, replayed = (begun("srgan", **SMALL | {"size": 64, "images": 64, "gan": {"pool": 3}}) for _ in range(2))
    graphs = on_cpu(replayed, [])
    rates_as_tensors(plain)
    found, states = [], []
    for method in (plain, replayed):
        found.append(trained(method, 7, 64))
        states.append(torch.get_rng_state())
    assert plain.stage == "pixel"
    assert_same(*found)
    assert torch.equal(*states)
    assert graphs.replayed > 0
    assert replayed.objectives["D"].state_dict()["pool"]["pictures"] == []


def test_the_fixed_pool_gives_what_the_usual_one_gives():
    usual, fixed = ImagePool(4), ImagePool(4)
    shown = []
    for pool, decides in ((usual, False), (fixed, True)):
        torch.manual_seed(0)
        rows = []
        for number in range(12):
            count = 3 if number % 4 else 2
            if decides:
                pool.decide(count, torch.device("cpu"))
            rows.append(pool(torch.arange(count).view(-1, 1, 1, 1).float() + 10 * number))
        shown.append(torch.cat(rows))
    assert torch.equal(*shown)
    assert not torch.equal(shown[0].flatten(), shown[0].flatten().sort().values)
    assert_same(usual.state_dict(), fixed.state_dict())


@pytest.mark.parametrize(
    ("settings", "processes", "why"),
    [
        ({}, 1, None),
        ({"gan": {"pool": 5, "augment": ["colour"], "r1": 1}}, 1, None),
        ({"gan": {"ada": True, "augment": ["colour"]}}, 1, "gan.ada"),
        ({"gan": {"instance_noise": 0.1}}, 1, "gan.instance_noise"),
        ({"accumulate": 2}, 1, "accumulate"),
        ({}, 2, "several processes"),
    ],
)
def test_settings_that_decide_on_the_host_are_not_replayed(settings, processes, why):
    found = reason_against(tiny("cyclegan", **settings), processes)
    assert found is None if why is None else why in found


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_steps_are_replayed_on_a_cuda_device_alone_and_not_where_that_is_turned_off(device, monkeypatch):
    method, said = begun("pix2pix"), []
    method.placement = dataclasses.replace(place("cpu", "fp32"), device=torch.device(device))
    monkeypatch.setattr("i2i.methods.replaying.CudaGraphs", lambda _: OnCpu(list))
    replay_steps(method, tiny("pix2pix", speed={"graphs": False}), said.append)
    assert (method.replayed, said) == (None, [])
    replay_steps(method, tiny("pix2pix"), said.append)
    assert (method.replayed is not None) == (device == "cuda")
    assert len(said) == (device == "cuda")
    method.replayed = None
    replay_steps(method, tiny("pix2pix", gan={"instance_noise": 0.1}), said.append)
    assert method.replayed is None
    assert [sentence for sentence in said if "gan.instance_noise" in sentence] == said[1:]


def test_tf32_is_a_matter_of_cuda_devices():
    before = torch.get_float32_matmul_precision()
    assert use_tf32(torch.device("cpu")) is None
    assert torch.get_float32_matmul_precision() == before
