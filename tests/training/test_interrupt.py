from __future__ import annotations

import os
import signal

import pytest

from modality_translate.training.interrupt import stop_requested


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_to_stop(number: int):
    with stop_requested() as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()


def test_a_second_ctrl_c_interrupts_at_once():
    with stop_requested():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            os.kill(os.getpid(), signal.SIGINT)


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with stop_requested():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
