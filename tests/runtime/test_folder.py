from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from modality_translate.errors import VolumeError
from modality_translate.runtime.folder import convert_folder
from modality_translate.runtime.lanes import Watcher
from modality_translate.runtime.plan import plan
from modality_translate.runtime.report import Conversion
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.work import Options
from modality_translate.volumes import Volume, read_volume, write_volume

DEFAULT = Options()


def convert(
    translator: Translator, source: Path, out: Path, watcher: Watcher, options: Options = DEFAULT
) -> Conversion:
    return convert_folder(translator, plan(source, out), options, watcher)


def statuses(conversion: Conversion) -> dict[str, str]:
    return {outcome.name: outcome.status for outcome in conversion.outcomes}


def test_one_bad_volume_does_not_stop_the_others(translator: Translator, scans: Path, tmp_path: Path, watcher: Any):
    found = convert(translator, scans, tmp_path / "out", watcher)
    assert statuses(found) == {"a.nii.gz": "converted", "b/c.nii": "converted", "b/damaged.nii.gz": "failed"}
    assert sorted(watcher.ended) == [(o.name, o.status) for o in found.outcomes]
    assert found.exit_code == 8
    assert sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.nii.gz")) == [
        "a.nii.gz",
        "b/c.nii.gz",
    ]


def test_results_are_hu_on_the_inputs_grid(
    translator: Translator, scans: Path, tmp_path: Path, head: Volume, watcher: Any
):
    convert(translator, scans, tmp_path / "out", watcher)
    written = nibabel.load(tmp_path / "out" / "a.nii.gz")
    assert written.get_data_dtype() == np.int16
    assert b"tiny" in written.header["descrip"].tobytes()
    assert read_volume(tmp_path / "out" / "a.nii.gz").grid.matches(head.grid)


def test_the_report_holds_no_folder_of_the_machine(translator: Translator, scans: Path, tmp_path: Path, watcher: Any):
    text = json.dumps(convert(translator, scans, tmp_path / "out", watcher).to_json())
    assert str(tmp_path) not in text
    assert "b/damaged.nii.gz" in text


def test_converting_twice_gives_the_same_bytes(translator: Translator, scans: Path, tmp_path: Path, watcher: Any):
    for out in ("one", "two"):
        convert(translator, scans, tmp_path / out, watcher)
    for name in ("a.nii.gz", "b/c.nii.gz"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_exists_is_refused_skipped_or_replaced(translator: Translator, scans: Path, tmp_path: Path, watcher: Any):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.nii.gz").write_bytes(b"mine")
    with pytest.raises(VolumeError, match="is already there"):
        convert(translator, scans, out, watcher)
    assert not (out / "b").exists()
    assert statuses(convert(translator, scans, out, watcher, Options("skip")))["a.nii.gz"] == "skipped"
    assert (out / "a.nii.gz").read_bytes() == b"mine"
    assert statuses(convert(translator, scans, out, watcher, Options("overwrite")))["a.nii.gz"] == "converted"
    assert (out / "a.nii.gz").read_bytes() != b"mine"


def test_an_unfit_volume_fails_unless_forced(translator: Translator, head: Volume, tmp_path: Path, watcher: Any):
    ct = Volume.of(np.where(head.array > 100, 40.0 + head.array % 7, -1000.0), head.grid.affine)
    source = tmp_path / "ct.nii.gz"
    write_volume(source, ct)
    refused = convert(translator, source, tmp_path / "out.nii.gz", watcher)
    assert (refused.exit_code, refused.outcomes[0].status) == (1, "failed")
    forced = convert(translator, source, tmp_path / "out.nii.gz", watcher, Options(force=True))
    assert forced.outcomes[0].notes[0].startswith("forced: ")
    assert b"FORCED" in nibabel.load(tmp_path / "out.nii.gz").header["descrip"].tobytes()


def test_an_output_folder_that_cannot_be_made_fails_that_volume(
    translator: Translator, scans: Path, tmp_path: Path, watcher: Any
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b").write_text("a file where a folder is needed")
    assert statuses(convert(translator, scans, tmp_path / "out", watcher))["b/c.nii"] == "failed"
