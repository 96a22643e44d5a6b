import numpy as np

from modality_translate.evaluation import figures
from modality_translate.evaluation.figures import case_panel, cohort_report
from modality_translate.evaluation.matching import match
from modality_translate.evaluation.scoring import make_pair, score_matches
from modality_translate.volumes.nifti import write_volume
from modality_translate.volumes.volume import Volume


def test_a_case_gets_its_panel_and_two_slices_to_compare(ct):
    panel = case_panel("case1", make_pair(ct, ct, None, "CT"), "CT")
    assert panel.case == "case1"
    assert panel.png.startswith(b"\x89PNG")
    assert panel.flicker is not None
    assert panel.flicker.synthetic == panel.flicker.reference


def test_a_source_in_arbitrary_units_adds_a_column(ct):
    pair = make_pair(ct, ct, None, "CT")
    assert len(case_panel("a", pair, "CT", ct.array * 13).png) > len(case_panel("a", pair, "CT").png)


def test_a_report_shows_the_worst_cases_first_and_says_that_it_shows_no_more(tmp_path, ct, monkeypatch):
    for side, error in (("p", 10), ("r", 0)):
        (tmp_path / side).mkdir()
        for case in (1, 2):
            write_volume(tmp_path / side / f"{case}.nii", Volume(ct.array + np.float32(error * case), ct.grid))
    monkeypatch.setattr(figures, "MOST_PANELS", 1)
    matches = match(tmp_path / "p", tmp_path / "r")
    content = cohort_report(score_matches(matches, "CT"), matches)
    assert [panel.case for panel in content.panels] == ["2"]
    assert content.notes == ["Pictures show only the 1 cases with the largest errors."]
