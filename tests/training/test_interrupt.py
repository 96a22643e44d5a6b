from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from modality_translate.training.interrupt import stop_requested

# A process of its own, as a user's training is: a signal to the tests' own process now and then ended it.
RUN = """
import signal, sys
from modality_translate.training.interrupt import stop_requested
signal.signal(signal.SIGINT, signal.default_int_handler)
with stop_requested() as stop:
    assert not stop()
    for number in map(int, sys.argv[1:]):
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            print("interrupted")
    print("asked" if stop() else "not asked")
"""


def after(*numbers: int) -> str:
    command = [sys.executable, "-c", RUN, *(str(int(number)) for number in numbers)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_to_stop(number: int):
    assert after() == "not asked\n"
    assert after(number) == "asked\n"


def test_a_second_ctrl_c_interrupts_at_once():
    assert after(signal.SIGINT, signal.SIGINT) == "interrupted\nasked\n"


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with stop_requested():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
