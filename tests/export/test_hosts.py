"""Every host over the whole conformance kit: all models, all volumes, all 48 storage orders."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def in_process(translate: ModuleType) -> Callable[[Path, Path, Path], str]:
    def host(model: Path, source: Path, output: Path) -> str:
        try:
            translate.main(model, source, output, threads=1)
        except SystemExit as error:
            return str(error)
        return ""

    return host


def test_the_kit_has_what_it_promises(kit: Path):
    cases = json.loads((kit / "kit.json").read_text())["cases"]
    assert {Path(case["model"]).stem for case in cases if "orders" in case["input"]} == {
        "slice-mr-to-ct", "stack-ct-to-mr", "cube-mr-to-pet",
    }  # fmt: skip
    for model in {case["model"] for case in cases}:
        names = {Path(case["expected"]).stem for case in cases if case["model"] == model}
        assert {"oblique", "flipped", "anisotropic", "odd", "negative", "four-slices", "air-around"} < names
    assert len(cases) == 12 * 19 + 3 * 48
    assert all((kit / case[key]).is_file() for case in cases for key in ("model", "input", "expected"))


def test_the_python_host_conforms(kit: Path, run: ModuleType, translate: ModuleType):
    results = run.run_kit(kit, in_process(translate))
    assert [result for result in results if result.problem or result.difference] == []


def test_the_python_host_conforms_as_a_program(kit: Path, run: ModuleType, translate: ModuleType):
    command = f"{sys.executable} {translate.__file__} {{model}} {{input}} {{output}}"
    results = run.run_kit(kit, run.command_host(command), "*/oblique")
    assert len(results) == 12
    assert all(result.passed for result in results)


def test_the_cpp_host_conforms(kit: Path, run: ModuleType, cpp_host: Path):
    results = run.run_kit(kit, run.command_host(f"{cpp_host} {{model}} {{input}} {{output}} 1"))
    # What is not equal to the bit is what should be 0, where a resampled place is a whole number but for 1e-16.
    assert [result for result in results if result.problem or result.difference > 1e-14] == []


def test_the_browser_host_conforms(kit: Path, run: ModuleType, ask_host: Callable[..., list[dict[str, Any]]]):
    """One page for all models, as users have it."""
    sources: dict[Path, list[Path]] = {}
    for case in json.loads((kit / "kit.json").read_text())["cases"]:
        sources.setdefault(kit / case["model"], []).append(kit / case["input"])
    groups = [([model.read_bytes()], [volume.read_bytes() for volume in volumes]) for model, volumes in sources.items()]
    asked = [(model, volume) for model, volumes in sources.items() for volume in volumes]
    answers = dict(zip(asked, ask_host("translate", *groups), strict=True))

    def host(model: Path, source: Path, output: Path) -> str:
        answer = answers[model, source]
        output.write_bytes(base64.b64decode(answer.get("nifti", "")))
        return answer.get("error", "")

    assert [result for result in run.run_kit(kit, host) if not result.passed] == []


def test_a_host_that_runs_air_fails(kit: Path, run: ModuleType, translate: ModuleType, monkeypatch: pytest.MonkeyPatch):
    blended = translate.tiled
    monkeypatch.setattr(
        translate, "tiled", lambda array, tiling, *more: blended(array, {**tiling, "skip_below": None}, *more)
    )
    failed = {
        result.model for result in run.run_kit(kit, in_process(translate), "air-*/air-around") if not result.passed
    }
    assert failed == {"air-slice-mr-to-ct", "air-stack-ct-to-mr", "air-cube-pet-to-ct"}


def test_a_host_with_one_box_for_all_slices_fails(
    kit: Path, run: ModuleType, translate: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    by_slice = translate.boxes
    monkeypatch.setattr(
        translate,
        "boxes",
        lambda array, level, core, halo, tiling: [
            (*box[:2], slice(z, z + 1))
            for box in by_slice(array, level, core + np.array([0, 0, 1]), halo, tiling)
            for z in range(box[2].start, box[2].stop)
        ],
    )
    failed = {
        result.model for result in run.run_kit(kit, in_process(translate), "air-s*/air-around") if not result.passed
    }
    assert failed == {"air-slice-mr-to-ct", "air-stack-ct-to-mr"}


def test_a_host_whose_boxes_of_slices_follow_every_outline_fails(
    kit: Path, run: ModuleType, translate: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(translate, "steadied", lambda span, *_, **__: span)
    failed = {
        result.model for result in run.run_kit(kit, in_process(translate), "air-s*/air-around") if not result.passed
    }
    assert failed == {"air-slice-mr-to-ct", "air-stack-ct-to-mr"}


@pytest.mark.parametrize("side", [1, 2])
def test_a_host_that_takes_grains_for_a_body_fails(
    kit: Path, run: ModuleType, translate: ModuleType, monkeypatch: pytest.MonkeyPatch, side: int
):
    monkeypatch.setattr(translate, "SQUARE", side)
    failed = {
        result.model for result in run.run_kit(kit, in_process(translate), "air-*/grainy-air") if not result.passed
    }
    assert failed == {"air-slice-mr-to-ct", "air-stack-ct-to-mr", "air-cube-pet-to-ct"}
