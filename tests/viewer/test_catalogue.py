from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from modality_translate.errors import NothingToDoError
from modality_translate.viewer.catalogue import catalogue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    nibabel.Nifti1Image(np.ones((2, 3, 4), np.float32), np.eye(4)).to_filename(tmp_path / "deep" / "a.nii.gz")
    nibabel.Nifti1Image(np.ones((2, 3, 4, 2), np.float32), np.eye(4)).to_filename(tmp_path / "frames.nii")
    (tmp_path / "broken.nii").write_bytes(b"no volume")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("nothing to show")
    return tmp_path


def test_a_folder_gives_what_can_be_shown_and_names_the_rest(folder: Path):
    found = catalogue([folder])
    assert [(item.name, item.kind) for item in found.items] == [("deep/a.nii.gz", "volume"), ("report.json", "report")]
    said = " ".join(str(error) for error in found.refused)
    assert all(name in said for name in ("frames.nii", "broken.nii", "broken.onnx"))


def test_a_shipped_model_is_found_by_its_name():
    (item,) = catalogue([Path("limb-mr-to-ct")]).items
    assert (item.name, item.kind) == ("limb-mr-to-ct.onnx", "model")


def test_ids_are_random_and_the_page_is_not_told_the_path(folder: Path):
    one, other = (catalogue([folder]).items[0] for _ in range(2))
    assert one.id != other.id
    assert str(folder) not in str(one.listed())


def test_nothing_to_show_is_an_error_with_the_reason(tmp_path: Path):
    with pytest.raises(NothingToDoError, match=r"gone\.nii: does not exist"):
        catalogue([tmp_path / "gone.nii"])
