"""The server by its answers: what it hands out, to whom, and with which headers."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import nibabel
import numpy as np
import pytest

from modality_translate.viewer.assets import assets
from modality_translate.volumes import Volume, read_volume, write_volume


def ask(url: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request(method, parts.path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    array = np.random.default_rng(1).uniform(0, 10, (4, 5, 6))
    image = nibabel.Nifti1Image(array.astype(np.float32), np.diag([-1.0, 2, 3, 1]))
    image.header["descrip"] = b"Jane Doe 1970-01-01"
    path = tmp_path / "patient.nii.gz"
    image.to_filename(path)
    return path


def test_a_volume_is_served_anew_without_its_texts(tmp_path: Path, volume: Path, serve: Callable[..., str]):
    home = serve(volume)
    (item,) = json.loads(ask(home + "files.json")[1])
    assert (item["name"], item["kind"]) == ("patient.nii.gz", "volume")
    body = ask(f"{home}files/{item['id']}")[1]
    assert b"Jane" not in body
    (tmp_path / "served.nii").write_bytes(body)
    served, stored = read_volume(tmp_path / "served.nii"), read_volume(volume)
    np.testing.assert_array_equal(served.array, stored.array)
    np.testing.assert_array_equal(served.grid.affine, stored.grid.affine)


def test_a_volume_that_was_damaged_meanwhile_is_refused_with_the_reason(volume: Path, serve: Callable[..., str]):
    home = serve(volume)
    (item,) = json.loads(ask(home + "files.json")[1])
    volume.write_bytes(volume.read_bytes()[:-30])
    answer, body = ask(f"{home}files/{item['id']}")
    assert answer.status == 422
    assert b"truncated" in body


def test_a_page_that_is_closed_while_it_loads_leaves_the_terminal_alone(
    tmp_path: Path, serve: Callable[..., str], capfd: pytest.CaptureFixture[str]
):
    large = tmp_path / "large.nii"
    write_volume(large, Volume.of(np.zeros((200, 200, 200)), np.eye(4)))
    home = serve(large)
    parts, (item,) = urlsplit(home), json.loads(ask(home + "files.json")[1])
    for _ in range(3):
        gone = socket.create_connection((parts.hostname, parts.port))
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
        gone.sendall(f"GET {parts.path}files/{item['id']} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        assert gone.recv(4).startswith(b"HTTP")
        gone.close()
    wait_until = time.monotonic() + 10
    while any("process_request" in thread.name for thread in threading.enumerate()) and time.monotonic() < wait_until:
        time.sleep(0.02)
    assert ask(home + "files.json")[0].status == 200
    assert capfd.readouterr().err == ""


OUTSIDE = ["files/", "files/..", "files/%2e%2e", "../", "host/", "vendor", "host/../server.py", "%2e%2e/server.py",
           "host/worker.js/", "nothing"]  # fmt: skip


@pytest.mark.parametrize("address", OUTSIDE)
def test_there_is_no_listing_and_no_way_out(volume: Path, serve: Callable[..., str], address: str):
    assert ask(serve(volume) + address)[0].status == 404


def test_nothing_is_served_without_the_secret(volume: Path, serve: Callable[..., str]):
    home = serve(volume)
    root = home[: home.rindex("/", 0, -1) + 1]
    assert [ask(root + path)[0].status for path in ("", "index.html", "files.json", "x/files.json")] == [404] * 4


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "[::1]", ""])
def test_a_foreign_host_name_is_turned_away(volume: Path, serve: Callable[..., str], host: str):
    answer, body = ask(serve(volume), Host=host)
    assert answer.status == 421
    assert b"<html" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_reading_is_possible(volume: Path, serve: Callable[..., str], method: str):
    assert ask(serve(volume), method)[0].status == 501


def test_head_says_the_length_and_sends_nothing(volume: Path, serve: Callable[..., str]):
    home = serve(volume)
    assert int(ask(home, "HEAD")[0].headers["Content-Length"]) == len(ask(home)[1]) > 0
    assert ask(home, "HEAD")[1] == b""


def test_every_answer_isolates_the_page_and_forbids_the_network(volume: Path, serve: Callable[..., str]):
    for address in ("", "files.json", "host/worker.js", "nothing"):
        headers = ask(serve(volume) + address)[0].headers
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "http" not in headers["Content-Security-Policy"]
        assert "Python" not in headers["Server"]


def test_a_report_is_shown_without_scripts(tmp_path: Path, serve: Callable[..., str]):
    (tmp_path / "report.html").write_text("<script>alert(1)</script>")
    home = serve(tmp_path / "report.html")
    (item,) = json.loads(ask(home + "files.json")[1])
    policy = ask(f"{home}files/{item['id']}")[0].headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy


def test_the_page_names_only_files_that_are_there():
    text = assets()["index.html"].read_text()
    named = [part.split('"')[0] for part in text.split('src="')[1:]]
    assert set(named) <= set(assets())


def test_oblique_volumes_of_other_formats_are_served_as_nifti(tmp_path: Path, serve: Callable[..., str]):
    array = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    nibabel.MGHImage(array, np.diag([1.0, 2, 3, 1])).to_filename(tmp_path / "a.mgz")
    write_volume(tmp_path / "b.nii", Volume.of(array, np.eye(4)))
    home = serve(tmp_path)
    for item in json.loads(ask(home + "files.json")[1]):
        body = ask(f"{home}files/{item['id']}")[1]
        np.testing.assert_array_equal(nibabel.Nifti1Image.from_bytes(body).get_fdata(), array)
