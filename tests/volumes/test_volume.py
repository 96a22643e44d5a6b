"""The grid says where a voxel is and whether two lattices are the same."""

import numpy as np
import pytest

from modality_translate.volumes import Grid, Volume


def test_a_grid_knows_its_spacing_extent_and_orientation(oblique):
    grid = Grid((5, 4, 3), oblique)
    np.testing.assert_allclose(grid.spacing, (0.9, 1.1, 2.5))
    np.testing.assert_allclose(grid.extent, (4.5, 4.4, 7.5))
    assert grid.orientation == "RAS"


def test_grids_match_within_a_tolerance(oblique):
    grid, moved = Grid((5, 4, 3), oblique), oblique.copy()
    moved[1, 3] += 0.01
    assert not grid.matches(Grid((5, 4, 3), moved))
    assert grid.matches(Grid((5, 4, 3), moved), tolerance=0.02)
    assert not grid.matches(Grid((5, 4, 2), oblique))


def test_a_volume_fills_its_grid(voxels, oblique):
    assert Volume.of(voxels.astype(int), oblique).array.dtype == np.float32
    with pytest.raises(ValueError, match="does not fill the grid"):
        Volume(voxels, Grid((4, 4, 3), oblique))
