"""Small, awkward files: odd shapes, oblique affines, any header field overridden."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

SHAPE = (5, 4, 3)


def _oblique_affine():
    turn = nibabel.eulerangles.euler2mat(0.2, -0.1, 0.3)
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.9, 1.1, 2.5])
    affine[:3, 3] = -31.5, 42.25, -7.75
    return affine


@pytest.fixture
def oblique():
    """An affine with unequal spacing, tilted axes and an offset."""
    return _oblique_affine()


@pytest.fixture
def voxels():
    """Numbers (5, 4, 3) that fit every integer type."""
    return np.arange(60, dtype=np.float32).reshape(SHAPE, order="F")


@pytest.fixture
def nifti(voxels):
    """nifti(dtype, order, version, single, data, **fields) -> bytes of a header, 4 zeros when single, and voxels."""

    def build(dtype="i2", order="<", version=1, single=True, data=None, **fields):
        header = (nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header)(endianness=order)
        header.set_data_shape(SHAPE)
        header.set_data_dtype(np.dtype(dtype))
        affine = _oblique_affine()
        header.set_qform(affine, code=1)
        header.set_sform(affine, code=1)
        header["magic"] = header.single_magic if single else header.pair_magic
        header["vox_offset"] = header.single_vox_offset if single else 0
        header["scl_slope"], header["scl_inter"] = 1, 0
        for name, value in fields.items():
            header[name] = value
        numbers = voxels if data is None else data
        body = np.asarray(numbers).astype(np.dtype(order + dtype), casting="unsafe").tobytes(order="F")
        return header.binaryblock + bytes(4 * single) + body

    return build


@pytest.fixture
def save(tmp_path):
    """save(content, name) -> path; the content is gzipped when the name ends in gz."""

    def write(content, name="volume.nii"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content, 6, mtime=0) if name.endswith("gz") else content)
        return path

    return write


@pytest.fixture(scope="session")
def formats():
    """Real files in awkward formats, beside the project."""
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "formats"
    if not folder.is_dir():
        pytest.skip("the shared volumes are not here")
    return folder


@pytest.fixture
def blob():
    """A smooth volume (24, 20, 16)."""
    x, y, z = np.ogrid[:24, :20, :16]
    return (100 * np.exp(-((x - 11) ** 2 + (y - 9) ** 2 + (z - 8) ** 2) / 60)).astype(np.float32)
