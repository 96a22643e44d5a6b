from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from functools import partial
from pathlib import Path


def test_view_serves_until_it_is_interrupted(tmp_path: Path, scans: Path):
    command = [sys.executable, "-u", "-m", "modality_translate", "view", "--no-browser", str(scans)]
    # Shells let what they start in the background ignore interrupts, and a test run may be such a thing.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, preexec_fn=heeding, **pipes)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    with urllib.request.urlopen(url + "files.json", timeout=10) as answer:
        listed = answer.read().decode()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert ('"a.nii.gz"' in listed, '"b/c.nii"' in listed, "damaged" in listed) == (True, True, False)
    assert "damaged.nii.gz" in said
    assert "Traceback" not in said


def test_view_of_nothing_is_an_error_that_names_the_path():
    command = [sys.executable, "-m", "modality_translate", "view", "--no-browser", "gone.nii"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "gone.nii" in done.stderr


def test_a_port_in_use_is_an_error_that_names_it(scans: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "modality_translate", "view", "--no-browser", "--port", str(port), str(scans)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr
