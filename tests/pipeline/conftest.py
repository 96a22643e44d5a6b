from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product

import nibabel
import numpy as np
import pytest

from modality_translate.intensities import Window
from modality_translate.pipeline import Channel, Predict, Spec, Tiling
from modality_translate.volumes.volume import Forms, Grid, Volume

ORDERS = sorted(
    "".join(codes)
    for axes in permutations(("LR", "PA", "IS"))
    for codes in product(*axes)
)  # fmt: skip
WIDE = Window(lo=-1e6, hi=1e6)


@pytest.fixture(params=ORDERS)
def order(request: pytest.FixtureRequest) -> str:
    """Each of the 48 storage orders."""
    return str(request.param)


@pytest.fixture
def make_spec() -> Callable[..., Spec]:
    """A spec of equal, wide windows at both sides: nothing but geometry is left to do."""

    def make(patch=(8, 8, 8), halo=(0, 0, 0), overlap=0.5, scaling=WIDE, modality="MR", **others) -> Spec:
        channel = Channel.of(modality, scaling)
        tiling = Tiling(patch=patch, halo=halo, overlap=overlap)
        return Spec(name="test", **{"source": channel, "target": channel, "tiling": tiling, **others})

    return make


@pytest.fixture
def identity() -> Callable[[Spec], Predict]:
    """The network that changes nothing: it drops the halo."""

    def of(spec: Spec) -> Predict:
        inner = tuple(slice(h, h + n) for h, n in zip(spec.tiling.halo, spec.tiling.core, strict=True))
        return lambda patches: patches[:, :, *inner]

    return of


@pytest.fixture
def stored() -> Callable[..., Volume]:
    """An oblique, anisotropic volume of random values, stored in a given order."""

    def make(codes: str = "RAS", shape=(13, 9, 7), spacing=(0.9, 1.1, 2.5)) -> Volume:
        array = np.random.default_rng(5).normal(100, 40, shape).astype(np.float32)
        turn = nibabel.eulerangles.euler2mat(0.1, -0.05, 0.08)
        affine = np.eye(4)
        affine[:3, :3] = turn @ np.diag(spacing)
        affine[:3, 3] = (-20, 31, 7)
        change = nibabel.orientations.ornt_transform(
            nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(codes)
        )
        moved = nibabel.orientations.apply_orientation(array, change)
        affine = affine @ nibabel.orientations.inv_ornt_aff(change, array.shape)
        return Volume(np.asarray(moved, np.float32), Grid(moved.shape, affine), Forms(qform=1, sform=4))

    return make


@pytest.fixture
def body() -> Callable[..., np.ndarray]:
    """A body (X, Y, Z) of tissue in air, with a little noise."""

    def make(air: float, tissue: float, noise: float, shape=(24, 20, 16)) -> np.ndarray:
        x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
        rng = np.random.default_rng(3)
        mean = np.where(x**2 + y**2 + z**2 < 0.7, tissue, air)
        return (mean + rng.normal(0, noise, shape)).astype(np.float32)

    return make
