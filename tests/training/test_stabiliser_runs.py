"""A run with every stabiliser trains twenty steps, and one that was stopped in the middle equals it."""

import shutil

import pytest
import torch
from tiny_runs import TRANSLATORS, train, weights

from i2i.adversarial import ADVERSARIAL, DIFF_AUGMENTATIONS
from i2i.adversarial.config import GanConfig
from i2i.methods import METHODS
from i2i.methods.config import AdamConfig
from i2i.methods.ema import EmaConfig
from i2i.networks import DISCRIMINATORS
from i2i.networks.options import options_of

CALM = {"norm": "none", "spectral": True}
"""A D that every loss and every penalty can do with."""
STABILISERS = {
    **{f"gan.loss={name}": {"gan": {"loss": name}, "discriminator": CALM} for name in ADVERSARIAL},
    "balance": {
        "gan": {"label_smoothing": 0.1, "instance_noise": 0.1, "pool": 3, "d_steps": 2, "g_steps": 1},
        "optimizer": {"lr_d": 4e-4, "name_d": "sgd", "beta1_d": 0.9, "clip": 1.0, "weight_decay": 1e-4},
        "ema": {"images": 20, "rampup": 0.5},
    },
    "gradient penalty and features": {
        "gan": {"gradient_penalty": 10, "feature_matching": 5, "d_steps": 1, "g_steps": 2},
        "discriminator": {"norm": "instance_affine"},
    },
    "r1, r2 and spread": {
        "gan": {"r1": 1, "r2": 1, "penalty_every": 2},
        "discriminator": {"norm": "none", "minibatch_std": True},
    },
    "clipping and drift": {
        "gan": {"weight_clipping": 0.05, "drift": 0.001},
        "discriminator": {"norm": "none"},
        "optimizer": {"name": "rmsprop"},
    },
    "unrolled": {"gan": {"unrolled": 2, "unrolled_rate": 0.01}, "discriminator": {"norm": "none"}},
    "augmentation": {"gan": {"augment": list(DIFF_AUGMENTATIONS), "augment_p": 0.7}},
    "adaptive augmentation": {
        "gan": {"augment": list(DIFF_AUGMENTATIONS), "ada": True, "ada_target": 0.1, "ada_images": 30, "loss": "hinge"}
    },
}
PARTS = {
    "gan": GanConfig.model_fields,
    "discriminator": options_of(DISCRIMINATORS, "patch"),
    "optimizer": AdamConfig.model_fields,
    "ema": EmaConfig.model_fields,
}
ELSEWHERE = {
    "discriminator": {"width", "layers"},  # of every tiny run, and of test_networks
    "optimizer": {"lr", "beta1", "beta2", "decay_from"},
}


def test_the_rows_leave_no_stabiliser_out():
    for part, known in PARTS.items():
        tried = {key for row in STABILISERS.values() for key in row.get(part, {})}
        assert tried == set(known) - ELSEWHERE.get(part, set()), part


def settings_of(name, row):
    row = {part: dict(values) for part, values in STABILISERS[row].items()}
    if "d_steps" not in row.get("gan", {}):
        row["gan"] = {"d_steps": 1, "g_steps": 1, **row.get("gan", {})}
    row["discriminator"] = {"name": "patch", "layers": 1, "width": 2, **row.get("discriminator", {})}
    generator = {"name": "compact", "blocks": 1, "width": 2}  # the quickest; what is tried stands beside it
    return {"size": 16, "batch": 2, "generator": generator, "seed": list(METHODS).index(name), **row}


@pytest.mark.parametrize("name", TRANSLATORS)
@pytest.mark.parametrize("row", STABILISERS)
def test_a_run_with_a_stabiliser_trains_twenty_steps_and_resumes(row, name, tmp_path):
    settings = settings_of(name, row)
    straight, run = train(tmp_path / "straight", name, 40, every=20, **settings)
    assert run.records()[-1]["step"] == 20
    shutil.copytree(tmp_path / "straight", tmp_path / "broken")
    shutil.rmtree(tmp_path / "broken" / "checkpoints" / "00000040")  # as if it had been killed before its end
    resumed, again = train(tmp_path / "broken", name, 40, every=20, **settings)
    for key, value in weights(straight).items():
        assert torch.isfinite(value.float()).all(), key
        assert torch.equal(value, weights(resumed)[key]), key

    def told(records):
        ours = ("g_", "d_", "p_", "ada_", "lr_", "val_")
        return [{k: v for k, v in r.items() if k.startswith(ours)} for r in records]

    assert told(again.records()) == told(run.records())
    if row == "balance":
        assert [n for n in weights(straight) if "_ema." in n]


@pytest.mark.parametrize("discriminator", DISCRIMINATORS)
def test_every_discriminator_stands_every_stabiliser_at_once(discriminator, tmp_path):
    """All that may go together: at 64 pixels, in bf16 as machines without a GPU train."""
    settings = {
        "gan": {"loss": "non_saturating", "label_smoothing": 0.1, "instance_noise": 0.05, "gradient_penalty": 1,
                "feature_matching": 1, "augment": list(DIFF_AUGMENTATIONS), "ada": True, "ada_images": 10, "pool": 2},
        "discriminator": {"name": discriminator, "width": 2, "norm": "instance_affine", "spectral": True,
                          "minibatch_std": True},
        "generator": {"name": "unet64", "width": 2},
        "ema": {"images": 10}, "optimizer": {"lr_d": 4e-4, "clip": 1.0},
    }  # fmt: skip
    _, run = train(tmp_path / "run", "cyclegan", 8, every=4, precision="bf16", **settings)
    logged = set(run.records()[-1])
    for side in "xy":
        assert {f"g_features_{side}", f"d_gp_{side}", f"ada_p_{side}", f"ada_r_{side}"} <= logged
