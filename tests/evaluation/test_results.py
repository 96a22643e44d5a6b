import json
import math

import pytest

from modality_translate.evaluation.results import Case, Evaluation, Statistics


def test_statistics_of_one_case_have_no_deviation():
    assert Statistics.of([3.0]) == Statistics(3.0, None, 3.0, 3.0, 3.0, 1)


def test_the_deviation_is_that_of_a_sample():
    assert Statistics.of([1.0, 3.0]).std == pytest.approx(math.sqrt(2))


def test_the_cohort_is_summarised_metric_by_metric(evaluation):
    mae = evaluation.summary["mae"]
    assert (mae.min, mae.median, mae.max, mae.cases) == (59.0, 61.5, 200.0, 6)
    assert evaluation.means["psnr"] == pytest.approx(27.5)


def test_the_worst_case_comes_first(evaluation):
    assert evaluation.worst_first[0].name == "case5"


def test_the_table_names_every_case_failure_and_lonely_reference(evaluation):
    lines = evaluation.table().splitlines()
    assert lines[0].split() == ["case", "MAE", "[HU]", "PSNR", "[dB]"]
    assert lines[1].split() == ["case0", "60.00", "30.00"]
    assert [line.split()[0] for line in lines[7:12]] == ["mean", "std", "median", "min", "max"]
    assert lines[12:] == [
        "not scored: broken: on another grid than the reference",
        "no prediction: lonely",
        "Scored inside the body.",
    ]


def test_a_missing_figure_is_a_dash_and_does_not_enter_the_mean():
    cases = (
        Case("a", {"mae": 10.0, "mae_bone": 100.0}, (0, 1), 5),
        Case("b", {"mae": 20.0}, (0, 1), 5),
    )
    evaluation = Evaluation("CT", "HU", "synthrad2025", cases)
    assert evaluation.table().splitlines()[2].split() == ["b", "20.00", "-"]
    assert evaluation.summary["mae_bone"].mean == 100.0


def test_an_infinite_psnr_is_shown_but_not_averaged():
    evaluation = Evaluation("CT", "HU", "synthrad2025", (Case("a", {"mae": 0.0, "psnr": math.inf}, (0, 1), 5),))
    assert "inf" in evaluation.table()
    assert "psnr" not in evaluation.summary
    assert json.loads(evaluation.to_json())["cases"]["a"]["psnr"] is None


def test_json_says_protocol_range_and_failures(evaluation):
    report = json.loads(evaluation.to_json())
    assert report["protocol"] == "synthrad2025"
    assert report["cases"]["case1"] == {"mae": 62.0, "psnr": 29.0, "range": [-1024.0, 3071.0], "voxels": 1001}
    assert report["failures"] == {"broken": "on another grid than the reference"}
    assert report["unanswered"] == ["lonely"]
    assert report["summary"]["mae"]["cases"] == 6


def test_control_characters_of_a_file_name_do_not_reach_the_terminal():
    evaluation = Evaluation("CT", "HU", "synthrad2025", (Case("a\x1b[2J", {"mae": 0.0}, (0, 1), 5),))
    assert "\x1b" not in evaluation.table()
