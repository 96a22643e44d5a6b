from __future__ import annotations

from modality_translate.exporting.card import Statement, write_card
from modality_translate.exporting.parity import Parity
from modality_translate.pipeline.spec import Envelope, Spec

PARITIES = (Parity("onnxruntime 1.28", 0.01, 0.001, "HU"),)


def test_the_card_says_what_a_reader_must_know(spec: Spec):
    ones, twos = (1.0, 1.0, 1.0), (2.0, 2.0, 2.0)
    envelope = Envelope(spacing=(ones, twos), extent=(ones, twos), low=(0, 1), median=(0, 1), high=(0, 1), cases=6)
    known = spec.model_copy(update={"envelope": envelope, "accuracy": {"mae": 66.125, "cases": 2.0}})
    said = Statement("A. Author", "Apache-2.0", "Limbs, A. Giver 2015, CC BY 3.0.", "Fails on knees.")
    card = write_card(known, PARITIES, said)
    assert "Limbs, A. Giver 2015, CC BY 3.0." in card.partition("Input")[0]
    for part in ("MR (scaled MR) to CT (HU)", "6 source volumes", "mae 66.125", "not a medical device", "Apache-2.0"):
        assert part in card
    assert "Fails on knees." in card.partition("Limits")[2]
    assert "largest difference 0.01 HU" in card


def test_what_is_not_known_is_said(spec: Spec):
    card = write_card(spec, PARITIES, Statement())
    assert "Not described." in card
    assert "Not measured" in card
    assert "the volume's own spacing" in card
