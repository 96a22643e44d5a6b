from __future__ import annotations

import json
import sys
from importlib import metadata

import pytest
from click.testing import CliRunner

from modality_translate.cli.doctor import command
from modality_translate.runtime import devices, gpu_session


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_session, "driver_present", lambda: False)


def doctor(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, list(words), standalone_mode=False, catch_exceptions=False)
    return int(result.return_value), result.stdout


def test_what_works_and_what_does_not_is_told():
    code, text = doctor()
    assert code == 0
    assert "  onnxruntime on cpu: works" in text.splitlines()
    assert "  openvino on cpu: works" in text.splitlines()
    assert "  onnxruntime on cuda:0: does not work: " in text
    assert f"numpy {metadata.version('numpy')}" in text
    assert "GiB memory free" in text or sys.platform != "linux"


def test_what_is_missing_comes_with_its_pip_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metadata, "requires", lambda name: ["numpy>=2", 'no-such>=1; extra == "openvino"'])
    _, text = doctor()
    assert "missing no-such; if you need it: pip install 'modality-translate[openvino]'" in text


def test_two_engine_packages_over_each_other_are_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metadata, "requires", lambda name: ['numpy; extra == "cpu"', 'click; extra == "gpu"'])
    assert "installed over each other" in doctor()[1]


def test_the_other_engine_package_is_not_advised(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metadata, "requires", lambda name: ['no-such; extra == "cpu"', 'click; extra == "gpu"'])
    assert "no-such" not in doctor()[1]


def test_libraries_for_the_gpu_are_advised_with_its_engine_only(monkeypatch: pytest.MonkeyPatch):
    wheels = ['click[cudnn]>=1; extra == "cuda"', 'no-such<2,>=1; extra == "cuda"']
    monkeypatch.setattr(metadata, "requires", lambda name: ['click; extra == "gpu"', *wheels])
    assert "missing no-such; if you need it: pip install 'modality-translate[cuda]'" in doctor()[1]
    cpu = ['click; extra == "cpu"', 'absent; extra == "gpu"']
    monkeypatch.setattr(metadata, "requires", lambda name: [*cpu, *wheels])
    assert "no-such" not in doctor()[1]


def test_without_an_engine_the_exit_code_is_1(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(devices, "try_device", lambda *_: "broken")
    code, text = doctor("--json")
    assert code == 1
    assert [d["reason"] for d in json.loads(text)["devices"]] == ["broken"] * 4
