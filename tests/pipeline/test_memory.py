"""What is foretold is enough, and not far too much."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from modality_translate.intensities import Percentile
from modality_translate.pipeline import memory, translate
from modality_translate.pipeline.memory import streamed_bytes, working_bytes
from modality_translate.volumes import Volume, read_volume, write_volume

SHAPE = (160, 150, 140)


@pytest.mark.parametrize("patch", [(64, 64, 1), (32, 32, 32)])
@pytest.mark.parametrize("scaling", [None, Percentile()])
@pytest.mark.parametrize("spacing", [None, (1.5, 1.5, 1.5), (0.9, 1.0, 0.8)])
def test_a_translation_stays_within_what_is_foretold(make_spec, body, monkeypatch, patch, scaling, spacing):
    monkeypatch.setattr(memory, "PIECES", 24 * 2**20)  # slabs are as large as this whole volume; that is all they take
    spec = make_spec(patch, overlap=0.25, spacing=spacing, **({"scaling": scaling} if scaling else {}))
    volume = Volume.of(body(0, 300, 5, SHAPE), np.eye(4))
    # Before anything is counted, as scipy loads its parts when they are used first.
    translate(Volume.of(body(0, 300, 5), np.eye(4)), spec, lambda patches: patches)
    tracemalloc.start()
    translate(volume, spec, lambda patches: patches, batch=1, overwrite_source=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    foretold = working_bytes(volume.grid, spec)
    assert 0.35 * foretold < volume.array.nbytes + peak < foretold


@pytest.mark.parametrize("patch", [(64, 64, 1), (32, 32, 32)])
@pytest.mark.parametrize("spacing", [None, (0.8, 1.0, 0.9)])
def test_a_volume_on_disk_takes_less_than_is_foretold(make_spec, body, patch, spacing, tmp_path):
    spec = make_spec(patch, overlap=0.25, spacing=spacing, scaling=Percentile())
    array = body(0, 300, 5, (180, 170, 160))
    write_volume(tmp_path / "volume.nii", Volume.of(array, np.eye(4)))
    tracemalloc.start()
    volume = read_volume(tmp_path / "volume.nii", scratch=tmp_path)
    translate(volume, spec, lambda patches: patches, batch=1, overwrite_source=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * streamed_bytes(volume.grid, spec)  # the other half is for pages of the files themselves


def test_a_larger_volume_takes_more(make_spec):
    grids = [Volume.of(np.zeros(shape), np.eye(4)).grid for shape in (SHAPE, (400, 400, 400))]
    small, large = (working_bytes(grid, make_spec()) for grid in grids)
    assert large - small > 4 * (400**3 - np.prod(SHAPE))
