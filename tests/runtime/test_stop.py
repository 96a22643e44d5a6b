from __future__ import annotations

import signal

import pytest

from modality_translate.runtime.stop import Interrupted, Stop, stopping_on_signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_asks_and_gives_the_exit_code(number: int, code: int):
    stop = Stop()
    before = signal.getsignal(number)
    with stopping_on_signals(stop):
        stop.check()
        signal.raise_signal(number)
        assert stop.wait(10)
    assert stop.exit_code == code
    assert signal.getsignal(number) is before
    with pytest.raises(Interrupted):
        stop.check()


def test_the_first_reason_counts():
    stop = Stop()
    stop.ask(signal.SIGTERM)
    stop.ask()
    assert stop.exit_code == 143
