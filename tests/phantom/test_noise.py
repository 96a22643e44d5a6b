from __future__ import annotations

import numpy as np
import pytest

from modality_translate.phantom.noise import Lattice, folded_noise, smooth_noise

BOX = ((0.0, 0.0, 0.0), (40.0, 50.0, 60.0))


def test_noise_has_zero_mean_and_unit_spread() -> None:
    nodes = smooth_noise(np.random.default_rng(0), *BOX, 4.0, 6.0).nodes
    assert nodes.mean() == pytest.approx(0, abs=1e-4)
    assert nodes.std() == pytest.approx(1, abs=1e-4)


def test_a_spline_of_a_linear_ramp_is_the_ramp() -> None:
    i, j, k = np.indices((8, 9, 10)).astype(np.float32)
    lattice = Lattice(i + 2 * j - k, (0.0, 0.0, 0.0), 5.0)
    x, y, z = np.linspace(6, 28, 5), np.linspace(6, 30, 7), np.linspace(6, 38, 4)
    expected = (x[:, None, None] + 2 * y[:, None] - z) / 5
    np.testing.assert_allclose(lattice.sample(x, y, z), expected, rtol=1e-5, atol=1e-4)


def test_slabs_are_cut_from_the_same_field() -> None:
    lattice = smooth_noise(np.random.default_rng(0), *BOX, 4.0, 6.0)
    x, y, z = np.arange(0, 40, 3.0), np.arange(0, 50, 3.0), np.arange(0, 60, 3.0)
    columns = lattice.columns(y, z)
    np.testing.assert_array_equal(lattice.sample(x, y, z)[4:9], columns.rows(x[4:9]))


def test_folds_are_nearly_distances_near_their_sheets() -> None:
    lattice = folded_noise(np.random.default_rng(0), *BOX, 2.0, 4.0)
    slope = np.sqrt(sum(g**2 for g in np.gradient(lattice.nodes, 2.0)))
    assert np.median(slope[np.abs(lattice.nodes) < 1]) == pytest.approx(1, abs=0.25)
