from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from modality_translate.errors import VolumeError
from modality_translate.runtime.folder import Options, convert_folder
from modality_translate.runtime.plan import plan
from modality_translate.runtime.report import Conversion
from modality_translate.runtime.translator import Translator
from modality_translate.volumes import Volume, read_volume, write_volume

DEFAULT = Options()


class Silent:
    """A watcher that remembers, and may interrupt."""

    def __init__(self, interrupt_at: int = 0) -> None:
        self.ended: list[tuple[str, str]] = []
        self.interrupt_at = interrupt_at

    def started(self, name: str, position: int, total: int) -> None:
        if position == self.interrupt_at:
            raise KeyboardInterrupt

    def patches(self, done: int, total: int) -> None:
        pass

    def finished(self, name: str, status: str, reason: str) -> None:
        self.ended.append((name, status))


@pytest.fixture
def translator(model: Path) -> Translator:
    return Translator.load(model, device="cpu", threads=1)


def convert(
    translator: Translator, source: Path, out: Path, options: Options = DEFAULT, watcher: Silent | None = None
) -> Conversion:
    return convert_folder(translator, plan(source, out), options, watcher or Silent())


def statuses(conversion: Conversion) -> dict[str, str]:
    return {outcome.name: outcome.status for outcome in conversion.outcomes}


def test_one_bad_volume_does_not_stop_the_others(translator: Translator, scans: Path, tmp_path: Path):
    watcher = Silent()
    found = convert(translator, scans, tmp_path / "out", watcher=watcher)
    assert statuses(found) == {"a.nii.gz": "converted", "b/c.nii": "converted", "b/damaged.nii.gz": "failed"}
    assert watcher.ended == [(o.name, o.status) for o in found.outcomes]
    assert found.exit_code == 8
    assert sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.nii.gz")) == [
        "a.nii.gz",
        "b/c.nii.gz",
    ]


def test_results_are_hu_on_the_inputs_grid(translator: Translator, scans: Path, tmp_path: Path, head: Volume):
    convert(translator, scans, tmp_path / "out")
    written = nibabel.load(tmp_path / "out" / "a.nii.gz")
    assert written.get_data_dtype() == np.int16
    assert b"tiny" in written.header["descrip"].tobytes()
    assert read_volume(tmp_path / "out" / "a.nii.gz").grid.matches(head.grid)


def test_the_report_holds_no_folder_of_the_machine(translator: Translator, scans: Path, tmp_path: Path):
    text = json.dumps(convert(translator, scans, tmp_path / "out").to_json())
    assert str(tmp_path) not in text
    assert "b/damaged.nii.gz" in text


def test_converting_twice_gives_the_same_bytes(translator: Translator, scans: Path, tmp_path: Path):
    for out in ("one", "two"):
        convert(translator, scans, tmp_path / out)
    for name in ("a.nii.gz", "b/c.nii.gz"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_exists_is_refused_skipped_or_replaced(translator: Translator, scans: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.nii.gz").write_bytes(b"mine")
    with pytest.raises(VolumeError, match="is already there"):
        convert(translator, scans, out)
    assert not (out / "b").exists()
    assert statuses(convert(translator, scans, out, Options("skip")))["a.nii.gz"] == "skipped"
    assert (out / "a.nii.gz").read_bytes() == b"mine"
    assert statuses(convert(translator, scans, out, Options("overwrite")))["a.nii.gz"] == "converted"
    assert (out / "a.nii.gz").read_bytes() != b"mine"


def test_an_unfit_volume_fails_unless_forced(translator: Translator, head: Volume, tmp_path: Path):
    ct = Volume.of(np.where(head.array > 100, 40.0 + head.array % 7, -1000.0), head.grid.affine)
    source = tmp_path / "ct.nii.gz"
    write_volume(source, ct)
    refused = convert(translator, source, tmp_path / "out.nii.gz")
    assert (refused.exit_code, refused.outcomes[0].status) == (1, "failed")
    forced = convert(translator, source, tmp_path / "out.nii.gz", Options(force=True))
    assert forced.outcomes[0].notes[0].startswith("forced: ")
    assert b"FORCED" in nibabel.load(tmp_path / "out.nii.gz").header["descrip"].tobytes()


def test_an_interrupt_keeps_what_was_done(translator: Translator, scans: Path, tmp_path: Path):
    found = convert(translator, scans, tmp_path / "out", watcher=Silent(interrupt_at=2))
    assert found.interrupted
    assert statuses(found) == {"a.nii.gz": "converted"}
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.nii.gz"]


def test_an_output_folder_that_cannot_be_made_fails_that_volume(translator: Translator, scans: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b").write_text("a file where a folder is needed")
    assert statuses(convert(translator, scans, tmp_path / "out"))["b/c.nii"] == "failed"
