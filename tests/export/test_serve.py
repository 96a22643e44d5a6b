"""The HTTP recipe behind a real server on the loopback address."""

from __future__ import annotations

import http.client
import importlib.util
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.validate import validator

import numpy as np
import pytest

from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.translator import Translator
from modality_translate.volumes import Volume, read_volume, write_volume

APP = Path(__file__).parents[2] / "export" / "serve" / "app.py"
LARGEST = 2**20


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def load_app() -> Any:
    found = importlib.util.spec_from_file_location("serve_app", APP)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def port(model: Path) -> Iterator[int]:
    application = load_app().Application(Translator.load(model, device="cpu"), LARGEST)
    with make_server("127.0.0.1", 0, validator(application), Server, Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


@pytest.fixture
def scan(tmp_path: Path, head: Volume) -> bytes:
    write_volume(tmp_path / "head.nii.gz", head)
    return (tmp_path / "head.nii.gz").read_bytes()


def test_a_volume_comes_back_as_convert_would_write_it(
    port: int, scan: bytes, model: Path, head: Volume, tmp_path: Path
):
    status, body = ask(port, "POST", "/translate", scan)
    assert status == 200
    (tmp_path / "answer.nii.gz").write_bytes(body)
    answer = read_volume(tmp_path / "answer.nii.gz")
    expected = Translator.load(model, device="cpu").translate(head)
    np.testing.assert_array_equal(answer.array, np.rint(expected.array))
    assert answer.grid.matches(head.grid)


def test_several_at_once_get_their_own_volumes(port: int, scan: bytes):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(port, "POST", "/translate", scan), range(4)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 200


def test_the_spec_is_told(port: int, spec: Spec):
    status, body = ask(port, "GET", "/spec")
    assert status == 200
    assert Spec.model_validate_json(body) == spec


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/translate", 404), ("POST", "/spec", 404), ("GET", "/../../etc/passwd", 404)],
)
def test_there_is_nothing_else(port: int, method: str, path: str, status: int):
    assert ask(port, method, path)[0] == status


def test_bad_bodies_are_told_without_the_servers_paths(port: int, scan: bytes, tmp_path: Path):
    empty = Volume.of(np.full((9, 9, 9), 5.0), np.eye(4))
    write_volume(tmp_path / "empty.nii.gz", empty)
    cases = {
        400: [b"no volume", b"", scan[:-9], scan[:100] + bytes([scan[100] ^ 4]) + scan[101:]],
        422: [(tmp_path / "empty.nii.gz").read_bytes()],
    }
    for status, bodies in cases.items():
        for body in bodies:
            found, answer = ask(port, "POST", "/translate", body)
            assert found == status
            reason = json.loads(answer)["error"]
            assert reason
            assert "/" not in reason


@pytest.mark.parametrize(("length", "status"), [(None, 411), (str(LARGEST + 1), 413)])
def test_a_length_that_is_no_good_is_told_before_the_body_comes(port: int, length: str | None, status: int):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/translate")
    if length is not None:
        connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status == status
    connection.close()


def test_the_model_is_named_by_the_environment(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MTRANSLATE_MODEL", str(model))
    assert load_app().from_environment().translator.spec.name == "tiny"
