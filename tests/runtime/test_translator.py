from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from modality_translate.errors import EnvelopeError, ModelError, RecipeError, VolumeError
from modality_translate.pipeline.spec import Spec
from modality_translate.runtime.translator import Translator
from modality_translate.volumes import Volume, write_volume


@pytest.fixture
def translator(model: Path) -> Translator:
    return Translator.load(model, device="cpu", threads=1)


@pytest.fixture
def ct(head: Volume) -> Volume:
    """The head as CT, which a model for MR must refuse."""
    array = np.where(head.array > 100, 40.0 + head.array % 7, -1000.0)
    return Volume.of(array, head.grid.affine)


def test_a_volume_comes_back_on_its_own_grid_in_hu(translator: Translator, head: Volume):
    synthetic = translator.translate(head)
    assert synthetic.grid.matches(head.grid)
    # The graph doubles the prepared 0..1000 and subtracts 1000.
    assert synthetic.array.min() == pytest.approx(-1000, abs=60)
    assert synthetic.array.max() == pytest.approx(1000, abs=60)
    assert np.corrcoef(synthetic.array.ravel(), head.array.ravel())[0, 1] > 0.99


def test_a_path_gives_what_its_volume_gives(translator: Translator, head: Volume, tmp_path: Path):
    write_volume(tmp_path / "head.nii.gz", head)
    np.testing.assert_array_equal(
        translator.translate(tmp_path / "head.nii.gz").array, translator.translate(head).array
    )


def test_arrays_and_images_give_what_their_volume_gives(translator: Translator, head: Volume):
    expected = translator.translate(head).array
    np.testing.assert_array_equal(translator.translate(head.array, affine=head.affine).array, expected)
    image = translator.translate(head.to_nibabel()).to_nibabel()
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), expected)
    np.testing.assert_allclose(image.affine, head.affine, atol=1e-5)


def test_threads_with_different_volumes_do_not_mix_them(translator: Translator, head: Volume):
    volumes = [Volume.of(head.array[:, :, : 4 + i] * (1 + i), head.affine) for i in range(6)]
    alone = [translator.translate(volume).array for volume in volumes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda volume: translator.translate(volume).array, volumes))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_a_model_for_very_small_voxels_does_not_fill_the_memory(
    seal: Callable[..., Path], graph: onnx.ModelProto, spec: Spec, head: Volume
):
    fine = Translator.load(seal(graph, spec.model_copy(update={"spacing": (0.01, 0.01, 0.01)})), device="cpu")
    with pytest.raises(VolumeError, match="2600 x 2400 x 3300 voxels at the model's voxel size"):
        fine.translate(head)


def test_progress_counts_the_patches(translator: Translator, head: Volume):
    seen: list[tuple[int, int]] = []
    translator.translate(head, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] > 1
    assert seen == sorted(seen)


def test_a_volume_unlike_the_training_is_refused(translator: Translator, ct: Volume):
    with pytest.raises(EnvelopeError, match=r"volume: .*CT.*--force"):
        translator.translate(ct)


def test_force_notes_what_was_wrong(translator: Translator, ct: Volume, head: Volume):
    forced = translator.translate(ct, force=True)
    assert any(note.startswith("forced: ") for note in forced.notes)
    assert translator.description(forced).endswith("tiny FORCED")
    assert translator.description(translator.translate(head, force=True)).endswith(" tiny")


def test_the_readers_notes_stay_with_the_volume(translator: Translator, head: Volume):
    noted = Volume(head.array, head.grid, head.forms, ("sform is missing",))
    assert translator.translate(noted).notes == ("sform is missing",)


def test_the_description_fits_the_header(model: Path, seal: Callable[..., Path], graph: onnx.ModelProto, spec: Spec):
    long = seal(graph, spec.model_copy(update={"name": "n" * 200}))
    description = Translator.load(long, device="cpu").description(Volume.of(np.zeros((2, 2, 2)), np.eye(4)))
    assert len(description) < 80


def test_threads_may_share_a_translator(translator: Translator, head: Volume):
    alone = translator.translate(head).array
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda _: translator.translate(head).array, range(6)))
    assert all(np.array_equal(alone, array) for array in together)


def test_a_model_that_answers_otherwise_is_refused(seal: Callable[..., Path], graph: onnx.ModelProto):
    graph.graph.initializer[0].float_data[0] = 2.1
    with pytest.raises(ModelError, match="fails its self-test"):
        Translator.load(seal(graph), device="cpu")


def test_a_model_without_a_self_test_is_refused(seal: Callable[..., Path], graph: onnx.ModelProto, spec: Spec):
    with pytest.raises(ModelError, match="carries no self-test"):
        Translator.load(seal(graph, spec.model_copy(update={"self_test": None})), device="cpu")


def test_overlap_replaces_the_specs(model: Path, head: Volume):
    seen: dict[float, list[Any]] = {}
    for overlap in (0.0, 0.75):
        counts = seen.setdefault(overlap, [])
        loaded = Translator.load(model, device="cpu", overlap=overlap)
        loaded.translate(head, progress=lambda done, total, counts=counts: counts.append(total))
    assert seen[0.75][0] > seen[0.0][0]


def test_an_overlap_out_of_range_is_refused(model: Path):
    with pytest.raises(RecipeError, match="overlap: 1 is out of range"):
        Translator.load(model, device="cpu", overlap=1.0)
