from __future__ import annotations

from pathlib import Path
from types import ModuleType

import nibabel
import numpy as np
import pytest

from modality_translate.volumes import read_volume


@pytest.mark.parametrize("modality", ["MR", "CT", "PET"])
def test_the_same_files_come_each_time(kit_volumes: ModuleType, tmp_path: Path, modality: str):
    for folder in ("one", "two"):
        kit_volumes.write_volumes(tmp_path / folder, modality)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 19
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_no_flip_or_swap_leaves_a_body_as_it_is(kit_volumes: ModuleType):
    body = kit_volumes.body("MR", (12, 12, 12), 0)
    for axes, flips in kit_volumes.ORDERS[1:]:
        turned = kit_volumes.reordered(kit_volumes.Scan(body, np.eye(4)), axes, flips).array
        assert np.abs(turned - body).mean() > 10


def test_all_48_orders_hold_the_same_voxels_at_the_same_places(kit_volumes: ModuleType, tmp_path: Path):
    kit_volumes.write_orders(tmp_path, "CT")
    first = nibabel.as_closest_canonical(nibabel.load(tmp_path / "order-00.nii"))
    stored = set()
    for path in sorted(tmp_path.iterdir()):
        image = nibabel.load(path)
        turned = nibabel.as_closest_canonical(image)
        np.testing.assert_array_equal(turned.get_fdata(), first.get_fdata())
        np.testing.assert_allclose(turned.affine, first.affine, atol=1e-4)
        stored.add(nibabel.aff2axcodes(image.affine))
    assert len(stored) == 48


def test_the_files_are_as_odd_as_their_names(kit_volumes: ModuleType, tmp_path: Path):
    kit_volumes.write_volumes(tmp_path, "MR")
    header = {path.name.partition(".")[0]: nibabel.load(path).header for path in tmp_path.iterdir()}
    assert header["big-endian"].endianness == ">"
    assert nibabel.load(tmp_path / "slope.nii.gz").dataobj.slope == 0.5
    assert (int(header["qform-only"]["sform_code"]), int(header["qform-only"]["qform_code"])) == (0, 1)
    assert (int(header["no-form"]["sform_code"]), int(header["no-form"]["qform_code"])) == (0, 0)
    assert header["four-slices"].get_data_shape()[2] == 4
    assert read_volume(tmp_path / "negative.nii.gz").array.min() < 0
    assert any("off a right angle" in note for note in read_volume(tmp_path / "sheared.nii.gz").notes)
