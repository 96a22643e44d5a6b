from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from modality_translate.data.fingerprint import Alignment, Fingerprint
from modality_translate.data.machine import GIB, Machine
from modality_translate.data.plan_geometry import (
    choose_air,
    choose_context,
    choose_dims,
    choose_slice_patch,
    choose_spacing,
    choose_volume_patch,
    step_bytes,
)

CPU, GPU = Machine("cpu", 16 * GIB, bf16=False), Machine("cuda", 24 * GIB, bf16=True)
Of = Callable[..., Fingerprint]


def test_voxels_have_the_median_size_of_the_sources(of: Of):
    decision = choose_spacing(of(spacing=(1.0, 1.0, 2.0)), CPU, paired=True)
    assert decision.value == [1.0, 1.0, 2.0]
    assert "median of the sources" in decision.reason


def test_the_thick_axis_of_flat_voxels_gets_its_10th_percentile(of: Of):
    found = of(spacing=(1.0, 1.0, 5.0), spacing_p10=(0.8, 0.8, 4.0))
    assert choose_spacing(found, CPU, paired=True).value == [1.0, 1.0, 4.0]


def test_on_a_cpu_voxels_are_no_finer_than_half_of_what_pairs_lie_apart(of: Of):
    found = of(spacing=(0.5, 0.5, 2.0), alignment=Alignment(2.4, 4.0, 0.7, 9))
    assert choose_spacing(found, CPU, paired=True).value == [1.2, 1.2, 2.0]
    assert choose_spacing(found, GPU, paired=True).value == [0.5, 0.5, 2.0]


def test_far_pairs_do_not_make_voxels_coarse_without_end(of: Of):
    found = of(spacing=(0.5, 0.5, 2.0), alignment=Alignment(9.0, 12.0, 0.4, 9))
    assert choose_spacing(found, CPU, paired=True).value == [1.5, 1.5, 2.0]


def test_without_pairs_the_coarser_side_counts(of: Of):
    found = of(spacing=(1.0, 1.0, 2.0), target={"spacing": (3.0, 3.0, 1.0)})
    assert choose_spacing(found, CPU, paired=False).value == [3.0, 3.0, 2.0]


@pytest.mark.parametrize(
    ("changes", "machine", "paired", "reason"),
    [
        ({"spacing": (1.0, 1.0, 4.0)}, GPU, True, "4.0 times as thick"),
        ({"shape_p10": (90, 90, 20)}, GPU, True, "20 slices are too few"),
        ({}, GPU, False, "two translators"),
        ({}, CPU, True, "too slow on a CPU"),
    ],
)
def test_slices_where_a_volume_network_does_not_fit(of: Of, changes, machine: Machine, paired: bool, reason: str):
    decision = choose_dims(of(**changes), machine, paired=paired)
    assert decision.value == 2
    assert reason in decision.reason


def test_3d_for_cubic_voxels_on_a_gpu(of: Of):
    assert choose_dims(of(), GPU, paired=True).value == 3


@pytest.mark.parametrize(("slices", "thickness", "context"), [(50, 3.0, 5), (12, 3.0, 3), (50, 6.0, 3), (5, 3.0, 1)])
def test_as_many_neighbouring_slices_as_there_are_near(of: Of, slices: int, thickness: float, context: int):
    assert choose_context(of(shape=(90, 90, slices)), (1.0, 1.0, thickness), paired=True).value == context


def test_what_is_fed_back_in_is_a_single_slice(of: Of):
    assert choose_context(of(), (1.0, 1.0, 1.0), paired=False).value == 1


def test_a_slice_patch_covers_the_median_slice_up_to_the_limit(of: Of):
    decision = choose_slice_patch(of(shape=(90, 300, 40)), CPU, (1.0, 1.0, 1.0), paired=True)
    assert decision.value == [96, 96]
    assert choose_slice_patch(of(shape=(90, 60, 40)), CPU, (2.0, 2.0, 1.0), paired=True).value == [48, 32]


def test_a_volume_patch_is_shortened_until_it_fits_into_memory(of: Of):
    small = Machine("cuda", 4 * GIB, bf16=True)
    found = of(shape=(180, 200, 90))
    patch = choose_volume_patch(found, small, (1.0, 1.0, 1.0), 32, 2).value
    assert step_bytes(patch, 32, 2) <= small.memory
    assert max(patch) < 128
    assert choose_volume_patch(found, Machine("cuda", 80 * GIB, True), (1.0, 1.0, 1.0), 32, 2).value == [128, 128, 96]


def test_a_patch_is_never_a_multiple_larger_than_the_volume(of: Of):
    patch = choose_volume_patch(of(shape=(50, 60, 33)), GPU, (1.0, 1.0, 1.0), 32, 2).value
    assert patch == [64, 64, 48]


@pytest.mark.parametrize(
    ("unseen", "paired", "skipped", "reason"),
    [
        (0.0004, True, True, "stays air: 0.04% of a target's body"),
        (0.14, True, False, "14.0% of a target's body lies where its source shows nothing"),
        (None, True, False, "only pairs tell"),
        (0.0, False, False, "only pairs tell"),
    ],
)
def test_air_is_left_out_where_the_target_shows_nothing_there_either(of: Of, unseen, paired, skipped, reason: str):
    decision = choose_air(replace(of(), unseen=unseen), paired=paired)
    assert decision.value is skipped
    assert reason in decision.reason
