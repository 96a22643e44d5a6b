from __future__ import annotations

from pathlib import Path

import pytest

from modality_translate.data.recognition import named_modality


@pytest.mark.parametrize(
    ("names", "modality"),
    [
        (["data/mr/p0.nii.gz", "data/mr/p1.nii.gz"], "MR"),
        (["p0/ct.nii.gz", "p1/ct.nii.gz"], "CT"),
        (["sub-1_T1w.nii", "sub-2_T1w.nii"], "MR"),
        (["ct_study/p0/fdg_pet.nii"], "PET"),
        (["p0/ct_to_mr.nii"], None),
        (["p0/mr.nii", "p0/ct.nii"], None),
        (["act/p0.nii"], None),
        (["ct_study/p0/scan.nii"], None),
    ],
)
def test_names_tell_a_modality_or_nothing(names: list[str], modality: str | None):
    assert named_modality(Path("/study") / name for name in names) == modality
