"""A run is stopped after the step at hand, and a second signal is what its sender means by it."""

import signal

import pytest

from i2i.training.stop import TORCHRUN, StopRequest


@pytest.fixture
def default():
    """Handlers that raise, as the default of SIGINT does."""

    def ended(number, _frame):
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, ended) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_run_at_once(default, number, monkeypatch):
    monkeypatch.delenv(TORCHRUN, raising=False)
    with StopRequest() as stop:
        signal.raise_signal(number)
        assert stop.signal == number
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_under_torchrun_sigterm_from_two_senders_is_one(default, monkeypatch):
    monkeypatch.setenv(TORCHRUN, "one")
    with StopRequest() as stop:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
