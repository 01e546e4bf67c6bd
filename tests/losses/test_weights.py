"""Files of weights are read without running anything, and what is downloaded is what was pinned or is not kept."""

import hashlib
import http.server
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from i2i.errors import ModelFileError, StorageError
from i2i.losses import weights

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.5])}


def write_npz(path):
    np.savez(path, **{name: value.numpy() for name, value in TENSORS.items()})


WRITERS = {
    "w.pth": lambda path: torch.save(TENSORS, path),
    "w.npz": write_npz,
    "w.safetensors": lambda path: save_file(TENSORS, path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_gives_its_tensors_in_fp32(name, tmp_path):
    WRITERS[name](tmp_path / name)
    found = weights.read(tmp_path / name)
    assert set(found) == set(TENSORS)
    assert all(torch.equal(found[key], value) for key, value in TENSORS.items())


def test_half_precision_is_read_as_fp32(tmp_path):
    torch.save({"a": torch.ones(2, dtype=torch.float16)}, tmp_path / "w.pth")
    assert weights.read(tmp_path / "w.pth")["a"].dtype == torch.float32


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path):
    torch.save({"a": Evil(tmp_path / "ran")}, tmp_path / "w.pth")
    np.savez(tmp_path / "w.npz", a=np.array([Evil(tmp_path / "ran")], dtype=object))
    (tmp_path / "ran").unlink(missing_ok=True)
    for name in ("w.pth", "w.npz"):
        with pytest.raises(ModelFileError, match="cannot be read as weights"):
            weights.read(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("holds", [{"state_dict": TENSORS}, {}, [TENSORS["a.bias"]]])
def test_a_file_with_something_around_the_tensors_is_refused(holds, tmp_path):
    torch.save(holds, tmp_path / "w.pth")
    with pytest.raises(ModelFileError, match="no tensors by name"):
        weights.read(tmp_path / "w.pth")


def test_a_file_that_is_missing_or_torn_is_said_to_be(tmp_path):
    with pytest.raises(ModelFileError, match="There is no file of weights"):
        weights.read(tmp_path / "none.pth")
    for name, write in WRITERS.items():
        write(tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ModelFileError, match="cannot be read as weights"):
            weights.read(tmp_path / name)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A server of one folder on the loopback, and torch's cache in another: (folder, address, asked-for paths)."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    thread.join(10)
    server.server_close()


def served(folder, pinned=None):
    """A file of weights, named with the beginning of its digest, or of another: its name."""
    torch.save(TENSORS, folder / "new")
    digest = hashlib.sha256((folder / "new").read_bytes()).hexdigest()
    return (folder / "new").rename(folder / f"net-{pinned or digest[:8]}.pth").name


def test_a_file_with_the_pinned_digest_is_downloaded_once_into_torchs_cache(hub, tmp_path):
    folder, address, asked = hub
    name = served(folder)
    path = weights.fetched(f"{address}/{name}")
    assert path == tmp_path / "home" / "hub" / "checkpoints" / name == weights.cached(f"{address}/{name}")
    assert torch.equal(weights.read(path)["a.bias"], TENSORS["a.bias"])
    assert weights.fetched(f"{address}/{name}") == path
    assert len(asked) == 1


def test_a_file_with_another_digest_is_refused_and_leaves_nothing(hub, tmp_path):
    folder, address, _ = hub
    name = served(folder, pinned="0123abcd")
    with pytest.raises(ModelFileError, match="is not the file that it was.*Nothing was kept"):
        weights.fetched(f"{address}/{name}")
    assert not list((tmp_path / "home").rglob("*.pth*"))


def test_a_damaged_file_in_the_cache_is_refused_and_left_to_the_user(hub):
    folder, address, _ = hub
    path = weights.fetched(f"{address}/{served(folder)}")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="is damaged.*Remove it"):
        weights.fetched(f"{address}/{path.name}")
    assert path.exists()


def test_a_file_that_cannot_be_had_is_said_with_the_reason(hub, tmp_path):
    _, address, _ = hub
    with pytest.raises(StorageError, match=r"could not be downloaded \(.*File not found"):
        weights.fetched(f"{address}/net-0123abcd.pth")
    with pytest.raises(StorageError, match=r"could not be downloaded \(.*refused"):
        weights.fetched("http://127.0.0.1:9/net-0123abcd.pth")
    assert not list((tmp_path / "home").rglob("*.p*"))


def test_a_file_of_an_installed_package_is_found_without_importing_it(tmp_path, monkeypatch):
    (tmp_path / "somepackage" / "w").mkdir(parents=True)
    (tmp_path / "somepackage" / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "somepackage" / "w" / "x.pth").write_bytes(b"x")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert weights.in_package("somepackage", "w/x.pth") == tmp_path / "somepackage" / "w" / "x.pth"
    assert weights.in_package("somepackage", "w/y.pth") is None
    assert weights.in_package("nosuchpackage", "w/x.pth") is None
