from __future__ import annotations

import pytest

from modality_translate.data.duplicates import likely_patient
from modality_translate.data.subjects import Case


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("p1/day1", "p1"),
        ("sub-01_ses-2_T1w", "sub-01"),
        ("anna_day2", "anna"),
        ("anna-visit-B", "anna"),
        ("STS_004", "STS_004"),
        ("case12", "case12"),
    ],
)
def test_the_patient_in_a_name(name: str, patient: str):
    assert likely_patient(Case(name)) == patient
