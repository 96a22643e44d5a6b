"""The same file on every engine: to the bit on one engine, within 1 HU (0.05 on average) between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modality_translate.pipeline.translate import translate
from modality_translate.runtime.engine_choice import EngineName
from modality_translate.runtime.translator import Translator
from modality_translate.volumes import Volume


def opened(file: Path, engine: EngineName, threads: int) -> Translator:
    return Translator.load(file, device="cpu", threads=threads, engine=engine)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_one_engine_gives_the_same_bits_for_every_batch_and_thread_count(tiny: Path, engine: EngineName, head: Volume):
    one, two = (opened(tiny, engine, threads) for threads in (1, 2))
    wanted = one.translate(head).array
    for translator, batch in ((one, 1), (one, 3), (two, 2), (two, 16)):
        found = translate(head, translator.spec, translator.engine.predict, batch=batch).array
        np.testing.assert_array_equal(found, wanted)


def test_the_engines_agree(tiny: Path, head: Volume):
    onnxruntime, openvino = (opened(tiny, engine, 1).translate(head).array for engine in ("onnxruntime", "openvino"))
    assert onnxruntime.std() > 1
    assert np.abs(openvino - onnxruntime).max() <= 1.0
    assert np.abs(openvino - onnxruntime).mean() <= 0.05
