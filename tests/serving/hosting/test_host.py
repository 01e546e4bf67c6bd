"""Models are opened when they are asked for, closed when nobody uses them, and read again when their files change."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from i2i.errors import ModelFileError, RequestError
from i2i.serving.hosting.host import Host
from i2i.serving.hosting.keeper import Keeper
from i2i.serving.hosting.ledger import Ledger
from i2i.serving.hosting.model import UnopenedError
from i2i.serving.inference.memory import resident

BLACK = np.zeros((1, 3, 8, 8), np.float32)


@pytest.fixture
def folder(tmp_path, make_model):
    """A folder with two models that can be told apart: one inverts, the other enlarges."""
    models = tmp_path / "offered"
    models.mkdir()
    shutil.copy(make_model("invert"), models / "invert.onnx")
    shutil.copy(make_model("enlarge", name="large", scale=2), models / "large.onnx")
    return models


def ran(model):
    with model.leased() as engine:
        return engine.run(BLACK).shape[2]


def replace(file, by):
    shutil.copy(by, file.with_suffix(".new"))
    file.with_suffix(".new").replace(file)


def test_cards_are_read_at_once_and_engines_opened_when_they_are_asked_for(folder):
    host = Host([folder], device="cpu")
    assert {name: model.engine for name, model in host.items()} == {"invert": None, "large": None}
    assert host["large"].card.scale == 2
    assert ran(host["large"]) == 16
    assert host["invert"].engine is None
    assert host["large"].engine is not None


def test_many_who_ask_at_once_have_it_opened_once(folder):
    host, opened = Host([folder], device="cpu"), []
    host["invert"].when_open(opened.append)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ran, [host["invert"]] * 8)) == [8] * 8
    assert len(opened) == 1


def test_what_is_idle_is_closed_and_opened_again_with_the_next_request(folder):
    host = Host([folder], device="cpu")
    model = host["invert"]
    with model.leased():
        host.ledger.close_idle(-1)
        assert model.engine is not None  # in use
    host.ledger.close_idle(-1)
    assert model.engine is None
    assert host.ledger.of_models == 0
    assert ran(model) == 8


def test_models_that_do_not_fit_together_take_turns(folder):
    ledger = Ledger(resident() + 160 * 2**20)  # half of it for models
    host = Host([folder], device="cpu", ledger=ledger)
    ran(host["invert"])
    ledger.resize(host["invert"], 79 * 2**20)
    ran(host["large"])
    assert host["invert"].engine is None
    assert host["large"].engine is not None
    assert ran(host["invert"]) == 8


def test_a_model_that_fails_its_probe_is_not_used_and_the_others_are(folder, make_model):
    broken = make_model("invert", name="broken", spoil=0.1)
    shutil.copy(broken, folder / "broken.onnx")
    host = Host([folder], device="cpu")
    for _ in range(2):  # the second time without another try
        with pytest.raises(UnopenedError, match="'broken' cannot be opened; the log says why"):
            ran(host["broken"])
    assert ran(host["invert"]) == 8
    assert host.ledger.of_models == host["invert"].size + host["invert"].kept


def test_a_file_that_came_went_or_changed_is_found(folder, make_model):
    host = Host([folder], device="cpu")
    old = host["invert"]
    ran(old)
    assert not host.has_changed
    assert str(host.look()) == "The models are as they were."
    assert host["invert"] is old

    shutil.copy(make_model("invert", name="third"), folder / "third.onnx")
    (folder / "large.onnx").unlink()
    replace(folder / "invert.onnx", make_model("enlarge", name="another", scale=3))
    assert host.has_changed
    told = str(host.look())
    assert told == "Added: third. Replaced: invert. Removed: large."
    assert list(host) == ["invert", "third"]
    new = host["invert"]
    assert (new.version, new.card.scale) == (2, 3)
    assert new.engine is not None  # as the one before was: it is proved before it takes its place
    assert ran(old) == 8  # for who had been let in
    assert ran(new) == 24
    assert not host.has_changed


@pytest.mark.parametrize("what", ["cut short", "no longer there", "fails its probe"])
def test_a_file_that_is_no_model_any_more_is_told_and_the_one_before_is_served_on(folder, make_model, what):
    file = folder / "invert.onnx"
    host = Host([file], device="cpu")
    ran(host["invert"])
    if what == "cut short":
        file.write_bytes(file.read_bytes()[:-200])
    elif what == "no longer there":
        file.unlink()
    else:
        replace(file, make_model("invert", name="broken", spoil=0.1))
    changes = host.look()
    assert len(changes.refused) == 1
    assert changes.added + changes.replaced + changes.removed == []
    assert ran(host["invert"]) == 8


def test_names_stay_with_their_files(tmp_path, make_model):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        shutil.copy(make_model("invert"), tmp_path / name / "model.onnx")
    host = Host([tmp_path / "a", tmp_path / "b", tmp_path / "c", tmp_path / "a"], device="cpu")
    assert list(host) == ["invert", "invert-2", "invert-3"]
    shutil.rmtree(tmp_path / "b")
    host.places.remove(tmp_path / "b")
    host.look()
    assert {name: model.path.parent.name for name, model in host.items()} == {"invert": "a", "invert-3": "c"}


def test_places_without_a_model_are_refused(tmp_path):
    with pytest.raises(RequestError, match="no model"):
        Host([])
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelFileError):
        Host([tmp_path])


def test_a_keeper_reads_what_changed_when_it_watches_and_when_it_is_told(folder, make_model, monkeypatch):
    monkeypatch.setattr("i2i.serving.hosting.keeper.TICK", 0.05)
    host, told = Host([folder], device="cpu"), []
    heard = threading.Event()
    keeper = Keeper(host, 900, True, lambda changes: (told.append(str(changes)), heard.set()))
    keeper.start()
    try:
        replace(folder / "large.onnx", make_model("enlarge", name="another", scale=3))
        assert heard.wait(10)
        assert told == ["Replaced: large."]
        heard.clear()
        keeper.watches = False
        keeper.again.set()
        assert heard.wait(10)
        assert told[1:] == ["The models are as they were."]
    finally:
        keeper.stop()


def test_a_keeper_goes_on_after_a_look_that_failed(folder, monkeypatch):
    monkeypatch.setattr("i2i.serving.hosting.keeper.TICK", 0.05)
    host, heard = Host([folder], device="cpu"), threading.Event()
    failed = threading.Event()

    def fails():
        failed.set()
        raise PermissionError("may not be read")

    keeper = Keeper(host, 900, False, lambda _changes: heard.set())
    monkeypatch.setattr(host, "look", fails)
    keeper.start()
    try:
        keeper.again.set()
        assert failed.wait(10)
        monkeypatch.undo()
        keeper.again.set()
        assert heard.wait(10)
    finally:
        keeper.stop()
