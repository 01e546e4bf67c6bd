"""What pictures become: names that say so, weights that are what they claim, and a cache keyed by content and code."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from i2i.errors import ModelFileError, RequestError
from i2i.evaluation.embedding import cache as disk
from i2i.evaluation.embedding import networks
from i2i.evaluation.embedding.bind import ALIASES, bind
from i2i.evaluation.embedding.cache import DiskCache, trim
from i2i.evaluation.embedding.rows import EMBEDDINGS, INCEPTION_SHA256, Embedding, key_of, open_embedding
from i2i.evaluation.metrics import METRICS, FeatureMetric
from i2i.losses.weights import cached


def picture(seed=0, side=40):
    return np.random.default_rng(seed).random((side, side, 3), np.float32)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without any weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for row in EMBEDDINGS.values():
        monkeypatch.delenv(row.variable or "NONE", raising=False)


@pytest.fixture(scope="session")
def some_inception(tmp_path_factory):
    """A file of Inception's shape whose weights are random."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save({}, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Module, "load_state_dict", lambda *_: None)
        torch.save(FeatureExtractorInceptionV3("x", ["2048"], str(path)).state_dict(), path)
    return path


@pytest.fixture(scope="session")
def some_squeezenet(tmp_path_factory):
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "squeezenet.pth"
    torch.save(squeezenet1_1(weights=None).state_dict(), path)
    return path


def test_without_weights_it_is_plain_pixels_and_nothing_is_downloaded(bare):
    assert open_embedding(None).name == "pixels"


def test_the_same_pixels_embedding_is_the_resized_picture():
    flat = np.full((30, 50, 3), 0.25, np.float32)
    assert open_embedding("pixels")(flat) == pytest.approx(np.full(192, 63.75))
    grey = open_embedding("pixels")(flat[..., :1])
    assert grey == pytest.approx(open_embedding("pixels")(flat))


def test_squeezenet_s_features_and_classes_are_torchvision_s(some_squeezenet):
    from torchvision.models import squeezenet1_1

    network = squeezenet1_1(weights=None).eval()
    network.load_state_dict(torch.load(some_squeezenet, weights_only=True))
    found = open_embedding(str(some_squeezenet))
    assert (found.name, found.classes) == ("squeezenet", True)
    x = torch.from_numpy(picture(1, 224).transpose(2, 0, 1))[None]
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        logits = network((x - mean) / std)[0]
    vector = [found(picture(1, 224))]
    assert found.logits(vector)[0] == pytest.approx(logits.numpy(), abs=1e-3)
    assert found.features(vector).shape == (1, 512)


def test_inception_is_torch_fidelity_s_and_other_weights_never_make_fid(some_inception):
    found = open_embedding(str(some_inception))
    assert (found.name, found.genuine) == ("inception", False)
    name, row = bind("frechet", METRICS["frechet"], found)
    assert name == "frechet_inception"
    assert f"(weights {hashlib.sha256(some_inception.read_bytes()).hexdigest()[:8]})" in row.definition
    with pytest.raises(RequestError, match="--metrics frechet"):
        bind("fid", METRICS["fid"], found)
    seen = picture(0, 64)
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    theirs = FeatureExtractorInceptionV3("x", ["2048"], str(some_inception))
    eight_bits = torch.from_numpy((seen * 255).round().astype(np.uint8).transpose(2, 0, 1))[None]
    assert found.features([found(seen)])[0] == pytest.approx(theirs(eight_bits)[0][0].numpy(), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", [name for name, row in METRICS.items() if isinstance(row, FeatureMetric)])
def test_only_inception_s_published_weights_give_the_published_names(name):
    row = METRICS[name]
    genuine = Embedding("inception", networks.pixels({}), INCEPTION_SHA256, classes=True)
    key, bound = bind(name, row, genuine)
    assert EMBEDDINGS["inception"].words in bound.definition
    assert key == (name if row.only else f"{name}_inception")
    if not row.only:
        pixels = Embedding("pixels", networks.pixels({}), "", classes=True)
        key, bound = bind(name, row, pixels)
        assert key == f"{name}_pixels"
        assert "plain pixels, 8 x 8 px antialiased bicubic" in bound.definition
        assert not any(word in key.split("_") for words in ALIASES.values() for word in words)


def test_a_file_with_another_digest_is_refused_where_the_published_one_belongs(bare):
    url = EMBEDDINGS["inception"].url
    cached(url).parent.mkdir(parents=True)
    torch.save({"x": torch.zeros(1)}, cached(url))
    with pytest.raises(ModelFileError, match="SHA-256"):
        open_embedding("inception")


def test_a_file_of_something_else_is_named(tmp_path):
    torch.save({"x": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(ModelFileError, match="no weights of inception, squeezenet, vgg16"):
        open_embedding(str(tmp_path / "x.pth"))
    with pytest.raises(RequestError, match="Known: inception, squeezenet, vgg16, pixels"):
        open_embedding("resnet")


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """An embedding with a cache on the disk, and how often its network ran."""
    monkeypatch.setenv("I2I_CACHE", str(tmp_path / "cache"))
    runs = []

    def make(digest="w1"):
        network = networks.pixels({})
        counting = lambda x: (runs.append(1), network(x))[1]  # noqa: E731
        return Embedding("pixels", counting, digest, DiskCache(key_of("pixels", digest)))

    return make, runs


def test_features_are_cached_by_content_weights_and_code(counted, monkeypatch, tmp_path):
    make, runs = counted
    first = make()(picture(1))
    assert make()(picture(1).copy()) == pytest.approx(first)
    assert len(runs) == 1  # another object and another process would do: the content is the key
    make()(picture(2))
    make()(picture(1)[:, :, ::-1])
    assert len(runs) == 3
    make("w2")(picture(1))
    assert len(runs) == 4
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda p: real(p) + (b"# new" if p.name == "networks.py" else b""))
    make()(picture(1))
    assert len(runs) == 5


@pytest.mark.parametrize("harm", [lambda data: data[:-3], lambda data: data[:20] + b"\0" + data[21:], lambda _: b""])
def test_a_damaged_cache_is_computed_anew(counted, harm):
    make, runs = counted
    right = make()(picture(1))
    (file,) = (path for path in disk.root().rglob("*") if path.is_file())
    file.write_bytes(harm(file.read_bytes()))
    assert make()(picture(1)) == pytest.approx(right)
    assert len(runs) == 2
    assert make()(picture(1)) == pytest.approx(right)
    assert len(runs) == 2


def test_a_cache_that_cannot_be_written_costs_time_alone(counted, monkeypatch, tmp_path):
    make, _ = counted
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("I2I_CACHE", str(tmp_path / "file"))
    assert make()(picture(1)).shape == (192,)


def test_the_cache_is_kept_below_its_limit(counted):
    make, _ = counted
    for seed in range(6):
        make()(picture(seed))
    one = 16 + 192 * 4
    trim(3 * one)
    assert sum(path.stat().st_size for path in disk.root().rglob("*") if path.is_file()) <= 3 * one
