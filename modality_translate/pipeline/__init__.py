"""How one volume becomes another: the spec that travels with a model, prepare, predict, restore, and the guards."""

from modality_translate.pipeline.envelope import Measured, check_envelope, envelope_of, measure
from modality_translate.pipeline.prepare import Prepared, host_background, prepare, prepare_target, restore
from modality_translate.pipeline.self_test import check_self_test, measure_self_test, self_test_patch
from modality_translate.pipeline.spec import SCHEMA_VERSION, Channel, Envelope, SelfTest, Spec, Tiling
from modality_translate.pipeline.translate import Predict, Progress, translate, translate_array

__all__ = [
    "SCHEMA_VERSION",
    "Channel",
    "Envelope",
    "Measured",
    "Predict",
    "Prepared",
    "Progress",
    "SelfTest",
    "Spec",
    "Tiling",
    "check_envelope",
    "check_self_test",
    "envelope_of",
    "host_background",
    "measure",
    "measure_self_test",
    "prepare",
    "prepare_target",
    "restore",
    "self_test_patch",
    "translate",
    "translate_array",
]
