"""Results are kept, never mixed between budgets, and shown with the tight patients apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from contenders import Budget, Result
from limbs import HELD_OUT
from side_by_side import check_budget, kept, table


def test_what_was_made_once_is_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    assert kept(path, lambda: [1.5]) == [1.5]
    assert kept(path, lambda: pytest.fail("made again")) == [1.5]


def test_a_folder_takes_results_of_one_budget(tmp_path: Path) -> None:
    check_budget(tmp_path, Budget(20.0))
    check_budget(tmp_path, Budget(20.0))
    with pytest.raises(SystemExit, match="another folder"):
        check_budget(tmp_path, Budget(0.3))


def test_tight_patients_are_averaged_apart() -> None:
    errors = dict(zip(HELD_OUT, (100.0, 40.0, 50.0, 60.0), strict=True))
    scores = {name: {"mae": error, "psnr": 30.0, "ms_ssim": 0.9, "mae_bone": 400.0} for name, error in errors.items()}
    line = table([Result("one", scores, 12, 0.3, "13 pairs")], list(HELD_OUT[1:])).splitlines()[-1]
    assert line == "| one | 62.5 | 50.0 | 30.00 | 0.9000 | 400.0 | 400.0 | 12 | 0.3 | 13 pairs |"
