from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from modality_translate.runtime.stop import Stop

# A process of its own, as a user's run is: in the tests' own process libraries have put their hands on signals.
RUN = """
import signal, sys
from modality_translate.runtime.stop import Interrupted, Stop, stopping_on_signals
number, twice = int(sys.argv[1]), sys.argv[2] == "twice"
signal.signal(signal.SIGINT, signal.default_int_handler)
stop, before = Stop(), signal.getsignal(number)
with stopping_on_signals(stop):
    stop.check()
    signal.raise_signal(number)
    assert stop.wait(10)
    if twice:
        signal.raise_signal(number)
        raise AssertionError("the second signal did not end the process")
assert signal.getsignal(number) is before
try:
    stop.check()
except Interrupted:
    print("interrupted")
sys.exit(stop.exit_code)
"""


def run(number: int, times: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, str(int(number)), times]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_asks_and_gives_the_exit_code(number: int, code: int):
    done = run(number, "once")
    assert (done.returncode, done.stdout, done.stderr) == (code, "interrupted\n", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_the_process_at_once(number: int, code: int):
    done = run(number, "twice")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_the_first_reason_counts():
    stop = Stop()
    stop.ask(signal.SIGTERM)
    stop.ask()
    assert stop.exit_code == 143
