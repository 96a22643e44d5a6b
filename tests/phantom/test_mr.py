from __future__ import annotations

import numpy as np
import pytest

from modality_translate.phantom.mr import (
    InversionRecovery,
    SpinEcho,
    SpoiledGradientEcho,
    add_rician,
    bias_field,
    draw_sequences,
)
from modality_translate.phantom.tissues import TISSUES, Label
from modality_translate.volumes.volume import Grid


def test_rician_background_has_its_known_mean() -> None:
    noise = add_rician(np.random.default_rng(0), np.zeros((60, 60, 60), np.float32), 7.0)
    assert noise.mean() == pytest.approx(7 * np.sqrt(np.pi / 2), rel=0.01)


def test_signals_agree_with_values_worked_out_by_hand() -> None:
    white, grey, csf = (TISSUES[label] for label in (Label.WHITE, Label.GREY, Label.CSF))
    spgr = SpoiledGradientEcho().signal
    assert [spgr(t) for t in (white, grey, csf)] == pytest.approx([0.060, 0.049, 0.023], abs=0.004)
    assert [SpinEcho().signal(t) for t in (csf, grey)] == pytest.approx([0.585, 0.27], abs=0.01)
    assert InversionRecovery().signal(csf) == pytest.approx(0, abs=0.005)


def test_flair_nulls_the_csf_of_each_subject() -> None:
    longer = TISSUES | {Label.CSF: TISSUES[Label.CSF].__class__(4500, 1650, 1.0, 8, 4, 0.5)}
    flair = draw_sequences(np.random.default_rng(0), 1.0, longer)["FLAIR"]
    assert flair.signal(longer[Label.CSF]) == pytest.approx(0, abs=1e-6)


def test_bias_spans_what_was_asked() -> None:
    grid = Grid((20, 24, 24), np.diag([8.0, 8, 8, 1]))
    field = bias_field(np.random.default_rng(1), grid, 0.4)
    assert (field.min(), field.max()) == pytest.approx((0.8, 1.2), abs=1e-5)
    assert np.abs(np.diff(field, axis=0)).max() < 0.08
