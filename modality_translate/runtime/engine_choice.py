"""Which engine runs a model, and where: as asked, or the faster one by a short measurement that is remembered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Literal

import numpy as np

from modality_translate.errors import DeviceError, MissingExtraError, ModelError, RecipeError, TranslationError
from modality_translate.pipeline.self_test import check_self_test, self_test_patch
from modality_translate.runtime import onnxruntime_engine, openvino_engine
from modality_translate.runtime.engine import Engine
from modality_translate.runtime.engine_cache import Verdict, recall, remember
from modality_translate.runtime.model_file import ModelFile
from modality_translate.runtime.onnxruntime_engine import (
    open_onnxruntime,
    open_tensorrt,
    try_onnxruntime,
    try_tensorrt,
)
from modality_translate.runtime.openvino_engine import open_openvino, try_openvino

EngineName = Literal["auto", "onnxruntime", "openvino", "tensorrt"]
ON_CPU: dict[str, Callable[[ModelFile, str, int | None], Engine]] = {
    "onnxruntime": open_onnxruntime,
    "openvino": open_openvino,
}
ENGINES = {**ON_CPU, "tensorrt": open_tensorrt}
_OWN = {"openvino": "cpu", "tensorrt": "cuda:0"}
"""The device that an engine takes by itself, where it has one kind only."""
_VOLUME = 100
"""Patches of a usual volume."""
_WORTH = 2.0
"""Seconds: a model that does a usual volume in less is not measured."""
_MOST_SECONDS = 2.0
_MOST_ROUNDS = 5
_CLEARLY = 1.05
"""openvino has to be this much faster; otherwise onnxruntime, the reference, stays."""


def open_engine(
    model: ModelFile, device: str = "auto", threads: int | None = None, engine: EngineName = "auto"
) -> Engine:
    """`model` ready on "auto", "cpu", "cuda" or "cuda:N", with `threads` CPU threads (all cores when None).

    Raises `RecipeError` for an unknown engine or less than one thread, `DeviceError` when CUDA is asked for and cannot
    be used, `MissingExtraError` without the engine, and `ModelError` for a graph that does not load or does not fit its
    spec.
    """
    if engine != "auto" and engine not in ENGINES:
        raise RecipeError(engine, "is not an engine.", f"Give auto, {' or '.join(ENGINES)}.")
    if threads is not None and threads < 1:
        raise RecipeError("threads", f"{threads} is not a number of threads.", "Give 1 or more, or none for all cores.")
    place = _place(device)
    if engine in _OWN:
        return ENGINES[engine](model, _OWN[engine] if device == "auto" else place, threads)
    if place == "cpu":
        return _on_cpu(model, threads, engine)
    try:
        return open_onnxruntime(model, place, threads)
    except (DeviceError, MissingExtraError) as error:
        if device != "auto":
            raise
        on_cpu = _on_cpu(model, threads, engine)
        return replace(on_cpu, choice=" ".join(filter(None, (f"CPU, because CUDA {error.reason}", on_cpu.note))))


def try_device(data: bytes, shape: tuple[int, ...], device: str, engine: str) -> str:
    """Nothing when the model in `data` opens on `device` ("cpu", "cuda:N") and takes ones of `shape`, or the reason."""
    try:
        if engine == "openvino":
            try_openvino(data, shape)
        elif engine == "tensorrt":
            try_tensorrt(data, device, shape)
        else:
            try_onnxruntime(data, device, shape)
    except (DeviceError, ModelError, MissingExtraError) as error:
        return f"{error.reason} {error.remedy}".strip()
    return ""


def _place(device: str) -> str:
    """The device to try first: "cpu" or "cuda:N"."""
    kind, colon, index = device.partition(":")
    if device in ("auto", "cuda"):
        return "cuda:0"
    if device == "cpu" or (kind == "cuda" and colon and index.isdecimal() and len(index) <= 3):
        return device
    raise RecipeError(device, "is not a device.", "Give auto, cpu, cuda or cuda:N.")


def _on_cpu(model: ModelFile, threads: int | None, engine: EngineName) -> Engine:
    if engine == "onnxruntime" or not openvino_engine.installed():
        return open_onnxruntime(model, "cpu", threads)
    if not onnxruntime_engine.installed():
        return open_openvino(model, "cpu", threads)
    known = recall(model.sha256, threads)
    if known is None:
        return _measured(model, threads)
    return replace(ON_CPU[known.faster](model, "cpu", threads), choice=_told(known, "measured before"))


def _measured(model: ModelFile, threads: int | None) -> Engine:
    """Both engines on the same patches in turn; the loser's memory is given back."""
    reference = open_onnxruntime(model, "cpu", threads)
    patches = np.repeat(self_test_patch(model.spec), reference.batch, axis=0)
    reference.predict(patches)
    if _seconds(reference, patches) / reference.batch * _VOLUME < _WORTH:
        return reference
    try:
        other = open_openvino(model, "cpu", threads)
        check_self_test(model.spec, other.predict)
    except TranslationError as error:
        return replace(reference, choice=f"onnxruntime, because openvino {error.reason}")
    other.predict(patches)
    ratio = _ratio(reference, other, patches)
    faster = other if ratio >= _CLEARLY else reference
    verdict = Verdict.of(model.sha256, threads, "openvino" if faster is other else "onnxruntime", round(ratio, 2))
    remember(verdict)
    return replace(faster, choice=_told(verdict, "measured"))


def _ratio(reference: Engine, other: Engine, patches: np.ndarray) -> float:
    """Median over alternated rounds of the reference's time by the other's."""
    ratios: list[float] = []
    begin = time.perf_counter()
    while not ratios or (len(ratios) < _MOST_ROUNDS and time.perf_counter() - begin < _MOST_SECONDS):
        ratios.append(_seconds(reference, patches) / _seconds(other, patches))
    return median(ratios)


def _seconds(engine: Engine, patches: np.ndarray) -> float:
    begin = time.perf_counter()
    engine.predict(patches)
    return time.perf_counter() - begin


def _told(verdict: Verdict, how: str) -> str:
    """Such as "openvino 2026.4.1: 1.6x onnxruntime on this model, measured"."""
    ratio = f"{verdict.ratio:.2f}x onnxruntime on this model, {how}"
    if verdict.faster == "openvino":
        return f"openvino {verdict.engines.get('openvino', '')}: {ratio}"
    return f"onnxruntime, because openvino is {ratio}"
