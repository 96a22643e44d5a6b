from __future__ import annotations

import numpy as np
import pytest

from modality_translate.evaluation.floors import score_floors
from modality_translate.evaluation.matching import Files
from modality_translate.intensities.scaling import Percentile, Window
from modality_translate.volumes import Volume, write_volume


def example(folder, name: str, gain: float) -> Files:
    """A cube of two tissues in air: bright in the source is 100 HU, dim is -100 HU."""
    source = np.zeros((24, 24, 24), np.float32)
    target = np.full(source.shape, -1000.0, np.float32)
    source[4:20, 4:20, 4:12], target[4:20, 4:20, 4:12] = 40.0, -100.0
    source[4:20, 4:20, 12:20], target[4:20, 4:20, 12:20] = 80.0, 100.0
    paths = folder / f"{name}_mr.nii.gz", folder / f"{name}_ct.nii.gz"
    write_volume(paths[0], Volume.of(source * gain, np.eye(4)))
    write_volume(paths[1], Volume.of(target, np.eye(4)), dtype="int16")
    return Files(name, *paths)


def test_a_lookup_of_scaled_values_is_right_whatever_the_gain(tmp_path):
    floors = score_floors([example(tmp_path, "a", 1.0)], [example(tmp_path, "b", 4.0)], Percentile(), "CT")
    assert floors["voxel-wise lookup"].means["mae"] == pytest.approx(0.0, abs=1e-3)


def test_a_lookup_of_raw_values_is_misled_by_another_gain(tmp_path):
    floors = score_floors([example(tmp_path, "a", 1.0)], [example(tmp_path, "b", 4.0)], Window(lo=0, hi=500), "CT")
    assert floors["voxel-wise lookup"].means["mae"] == pytest.approx(100.0, abs=1.0)


def test_all_water_is_scored_inside_the_body_only(tmp_path):
    floors = score_floors([example(tmp_path, "a", 1.0)], [example(tmp_path, "b", 1.0)], Percentile(), "CT")
    assert floors["all water"].means["mae"] == pytest.approx(100.0)


def test_water_is_no_answer_for_other_targets(tmp_path):
    one = example(tmp_path, "a", 1.0)
    assert set(score_floors([one], [one], Percentile(), "PET")) == {"voxel-wise lookup"}
