"""Memory is kept within its limit, in any order of volumes, and what never fits is said before any work."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from modality_translate.errors import RecipeError, VolumeError
from modality_translate.pipeline import memory
from modality_translate.pipeline.memory import streamed_bytes, working_bytes
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime import budget
from modality_translate.runtime.budget import Budget, peak_bytes
from modality_translate.runtime.folder import convert_folder
from modality_translate.runtime.plan import plan
from modality_translate.runtime.translator import Translator
from modality_translate.runtime.work import STREAMED, Options
from modality_translate.volumes import Volume, read_header, write_volume


@pytest.fixture
def scan(tmp_path: Path, head: Volume) -> Path:
    file = tmp_path / "scan.nii"
    write_volume(file, head)
    return file


@pytest.fixture
def wanted(scan: Path, spec: Spec) -> int:
    return working_bytes(read_header(scan).grid, spec)


def test_volumes_wait_for_one_another(scan: Path, spec: Spec, wanted: int):
    limited = Budget(2.5 * wanted + 1e6, spec, 1e6)
    in_hand: list[int] = []
    most = 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal most
        for _ in range(20):
            with limited.of(scan):
                with guard:
                    in_hand.append(1)
                    most = max(most, len(in_hand))
                with guard:
                    in_hand.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert 1 <= most <= 2


def test_room_comes_back_after_an_error(scan: Path, spec: Spec, wanted: int):
    limited = Budget(1.5 * wanted, spec, 0)
    for _ in range(3):
        with pytest.raises(RuntimeError), limited.of(scan):
            raise RuntimeError


def test_what_never_fits_stays_on_disk(scan: Path, spec: Spec, wanted: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(budget, "streamed_bytes", lambda grid, spec: 0.2 * wanted)
    limited = Budget(1e9 + 0.5 * wanted, spec, 1e9)
    with limited.of(scan) as first, limited.of(scan) as second:
        assert first
        assert second
    with Budget(1e9 + 1.1 * wanted, spec, 1e9).of(scan) as streamed:
        assert not streamed


def test_what_does_not_fit_even_so_is_refused_with_what_it_takes(
    scan: Path, spec: Spec, wanted: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(budget, "streamed_bytes", lambda grid, spec: 0.7 * wanted)
    limited = Budget(1e9 + 0.5 * wanted, spec, 1e9)
    least, allowed = (1e9 + 0.7 * wanted) / 1e9, (1e9 + 0.5 * wanted) / 1e9
    words = rf"takes up to {least:.2f} GB.*stay on disk; {allowed:.2f} GB are allowed.*--memory"
    with pytest.raises(VolumeError, match=words):
        limited.of(scan).__enter__()


def test_less_than_the_model_takes_is_refused(spec: Spec):
    with pytest.raises(RecipeError, match=r"--memory: 0.10 GB is less than .* 0.20 GB. Allow more"):
        Budget(1e8, spec, 2e8)


def test_this_process_takes_something():
    assert peak_bytes() > 2e7


@pytest.mark.parametrize("share", [1.1, 2.2, 10.0])
def test_a_folder_is_converted_within_any_budget_that_holds_its_largest(
    model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: Volume, share: float, watcher: Any
):
    translator = Translator.load(model, device="cpu", threads=1)
    for number in range(4):
        write_volume(scans / f"more-{number}.nii", head)
    largest = working_bytes(head.grid, translator.spec)
    monkeypatch.setattr(budget, "warm_bytes", lambda engine, spec: 0.0)
    options = Options(memory=share * largest)
    found = convert_folder(translator, plan(scans, tmp_path / "out"), options, watcher)
    assert {o.name: o.status for o in found.outcomes if o.status != "converted"} == {"b/damaged.nii.gz": "failed"}
    assert len(found.outcomes) == 7


@pytest.fixture
def large(head: Volume, monkeypatch: pytest.MonkeyPatch) -> Volume:
    """A head that no budget below this takes in memory."""
    monkeypatch.setattr(budget, "warm_bytes", lambda engine, spec: 0.0)
    monkeypatch.setattr(memory, "PIECES", 0)
    return head


def test_volumes_beyond_the_budget_are_kept_on_disk_and_come_out_the_same(
    model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: Volume, watcher: Any
):
    translator = Translator.load(model, device="cpu", threads=1)
    tight = Options(memory=0.9 * working_bytes(large.grid, translator.spec))
    kept = convert_folder(translator, plan(scans, tmp_path / "free"), Options(), watcher)
    found = convert_folder(translator, plan(scans, tmp_path / "tight"), tight, watcher)
    assert [(o.name, o.status) for o in found.outcomes] == [(o.name, o.status) for o in kept.outcomes]
    made = [o for o in found.outcomes if o.status == "converted"]
    assert made
    assert all(STREAMED in outcome.notes for outcome in made)
    for outcome in made:
        assert (tmp_path / "tight" / outcome.output).read_bytes() == (tmp_path / "free" / outcome.output).read_bytes()
    outputs = {outcome.output for outcome in made}
    left = {str(f.relative_to(tmp_path / "tight")) for f in (tmp_path / "tight").rglob("*") if f.is_file()}
    assert {name for name in left if not name.startswith((".mtranslate", "report"))} == outputs


def test_a_volume_that_fits_nowhere_fails_alone(
    model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: Volume, watcher: Any
):
    translator = Translator.load(model, device="cpu", threads=1)
    need = streamed_bytes(large.grid, translator.spec)
    found = convert_folder(translator, plan(scans, tmp_path / "out"), Options(memory=0.9 * need), watcher)
    assert {outcome.status for outcome in found.outcomes} == {"failed"}
    assert any("--memory" in outcome.reason for outcome in found.outcomes)
