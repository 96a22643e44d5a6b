"""Every lie a header can tell is answered in one line, before anything is allocated."""

import struct

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modality_translate.errors import VolumeError
from modality_translate.volumes import read_header, read_volume
from modality_translate.volumes.header import NIFTI_TYPES

NAN, INF = float("nan"), float("inf")
HOSTILE = {
    "huge": ({"dim": [3, 32767, 32767, 32767, 1, 1, 1, 1]}, "32767 x 32767 x 32767 voxels, .* limit is 4 GiB"),
    "large": ({"dim": [3, 600, 600, 600, 1, 1, 1, 1]}, "truncated: 472 of 432000352 bytes"),
    "negative": ({"dim": [3, -8, 4, 3, 1, 1, 1, 1]}, r"dim\[1\] = -8"),
    "empty": ({"dim": [3, 5, 0, 3, 1, 1, 1, 1]}, r"dim\[2\] = 0"),
    "no frame": ({"dim": [4, 5, 4, 3, 0, 1, 1, 1]}, r"dim\[4\] = 0"),
    "no axis": ({"dim": [0, 5, 4, 3, 1, 1, 1, 1]}, r"0 dimensions in dim\[0\]"),
    "eight axes": ({"dim": [8, 5, 4, 3, 1, 1, 1, 1]}, r"8 dimensions in dim\[0\]"),
    "minus one axis": ({"dim": [-1, 5, 4, 3, 1, 1, 1, 1]}, r"-1 dimensions in dim\[0\]"),
    "five axes": ({"dim": [5, 5, 4, 1, 1, 3, 1, 1]}, "more than 4 dimensions"),
    "header length": ({"sizeof_hdr": 349}, "neither 348 nor 540"),
    "magic": ({"magic": b"abc"}, "no NIfTI magic"),
    "pair magic": ({"magic": b"ni1"}, "a separate .img file"),
    "type 9999": ({"datatype": 9999}, r"unknown voxels \(datatype 9999\)"),
    "type 0": ({"datatype": 0}, "unknown voxels"),
    "binary": ({"datatype": 1}, "binary voxels"),
    "complex64": ({"datatype": 32}, "complex64 voxels"),
    "RGB": ({"datatype": 128}, "RGB voxels"),
    "float128": ({"datatype": 1536}, "float128 voxels"),
    "RGBA": ({"datatype": 2304}, "RGBA voxels"),
    "inter NaN": ({"scl_slope": 2, "scl_inter": NAN}, "scl_inter = nan"),
    "inter Inf": ({"scl_slope": 2, "scl_inter": INF}, "scl_inter = inf"),
    "overflow": ({"scl_slope": 3e38}, "57 voxels beyond the range of float32|voxels beyond the range"),
    "offset NaN": ({"vox_offset": NAN}, "vox_offset = nan"),
    "offset Inf": ({"vox_offset": INF}, "vox_offset = inf"),
    "offset negative": ({"vox_offset": -16}, "vox_offset = -16"),
    "offset inside header": ({"vox_offset": 100}, "vox_offset = 100"),
    "offset huge": ({"vox_offset": 1e30}, "vox_offset = 1e"),
    "offset beyond": ({"vox_offset": 1e6}, "truncated: 472 of 1000120"),
    "sform zero": ({"srow_x": [0] * 4, "srow_y": [0] * 4, "srow_z": [0] * 4}, "voxels of 0 x 0 x 0 mm"),
    "sform NaN": ({"srow_y": [0, NAN, 0, 0]}, "NaN or infinite numbers in its affine"),
    "sform flat": ({"srow_x": [1, 1, 0, 0], "srow_y": [0, 0, 1, 0], "srow_z": [0, 0, 0, 0]}, "parallel axes"),
    "sform enormous": ({"srow_x": [3e38, 0, 0, 0]}, "mm, which cannot be"),
    "no size": ({"sform_code": 0, "qform_code": 0, "pixdim": [1, 0, 1, 1, 1, 1, 1, 1]}, "voxels of 0 x 1 x 1 mm"),
    "size NaN": ({"sform_code": 0, "qform_code": 0, "pixdim": [1, NAN, 1, 1, 1, 1, 1, 1]}, "NaN or infinite"),
    "no rotation": ({"sform_code": 0, "quatern_b": 9}, "a qform that is no rotation"),
}


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_header_is_refused_in_one_line_that_names_the_file(nifti, save, case, name):
    fields, reason = HOSTILE[case]
    path = save(nifti(**fields), name)
    if name.endswith("gz"):
        reason = reason.replace("truncated: 472 of", r"truncated or lies: \d+ compressed bytes cannot unpack to the")
    with pytest.raises(VolumeError, match=reason) as caught:
        read_volume(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"scl_slope": NAN}, "scl_slope is nan: the voxels are taken as stored"),
        ({"scl_slope": INF}, "scl_slope is inf"),
        ({"scl_slope": 0, "scl_inter": 5}, "scl_slope is 0"),
        ({"bitpix": 8}, "bitpix says 8 bits but the datatype is int16"),
    ],
)
def test_a_doubtful_field_is_a_note_and_changes_no_voxel(nifti, save, voxels, fields, note):
    volume = read_volume(save(nifti(**fields)))
    np.testing.assert_array_equal(volume.array, voxels)
    assert any(text.startswith(note) for text in volume.notes)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", NIFTI_TYPES.values())
def test_big_endian_twins_are_identical(nifti, save, voxels, dtype, version):
    little, big = (read_volume(save(nifti(dtype, order, version), f"{i}.nii")) for i, order in enumerate("<>"))
    np.testing.assert_array_equal(little.array, voxels)
    np.testing.assert_array_equal(big.array, little.array)
    np.testing.assert_array_equal(big.grid.affine, little.grid.affine)


@pytest.mark.parametrize("size", [0, -8, 2**31 - 1])
def test_the_size_of_an_extension_is_never_believed(nifti, save, voxels, size):
    start, body = nifti(vox_offset=400)[:348], nifti()[352:]
    extension = b"\1\0\0\0" + struct.pack("<ii", size, 6) + bytes(40)
    np.testing.assert_array_equal(read_volume(save(start + extension + body)).array, voxels)


def test_an_extension_is_skipped(nifti, save, voxels):
    for name in ("a.nii", "a.nii.gz"):
        content = nifti(vox_offset=3_000_000)
        path = save(content[:352] + bytes(3_000_000 - 352) + content[352:], name)
        np.testing.assert_array_equal(read_volume(path).array, voxels)


def test_fewer_axes_mean_axes_of_one_voxel(nifti, save):
    assert read_volume(save(nifti(dim=[2, 12, 5, 9, 9, 1, 1, 1]))).array.shape == (12, 5, 1)


def test_the_budget_counts_float32(nifti, save):
    path = save(nifti("u1"))
    assert read_header(path, max_bytes=240).grid.shape == (5, 4, 3)
    with pytest.raises(VolumeError, match="5 x 4 x 3 voxels"):
        read_header(path, max_bytes=239)


LISTS = {"max_size": 8, "min_size": 8}
SHORTS = st.one_of(st.integers(-3, 9), st.integers(-(2**15), 2**15 - 1))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "dim": st.lists(SHORTS, **LISTS),
            "datatype": st.one_of(st.sampled_from([*NIFTI_TYPES]), SHORTS),
            "vox_offset": st.floats(width=32),
            "scl_slope": st.floats(width=32),
            "scl_inter": st.floats(width=32),
            "pixdim": st.lists(st.floats(width=32), **LISTS),
            "srow_x": st.lists(st.floats(width=32), min_size=4, max_size=4),
            "quatern_b": st.floats(width=32),
            "sform_code": SHORTS,
            "qform_code": SHORTS,
        },
    )
)
def test_any_header_is_read_to_finite_numbers_or_refused(nifti, save, fields):
    path = save(nifti(**fields))
    try:
        volume = read_volume(path)
    except VolumeError:
        return
    assert np.isfinite(volume.array).all()
    assert np.isfinite(volume.grid.affine).all()
    assert abs(np.linalg.det(volume.grid.affine)) > 0


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=0, max_size=700))
def test_random_bytes_are_refused(save, content):
    for name in ("a.nii", "a.mgh", "a.hdr"):
        with pytest.raises(VolumeError, match=r"/a\.[a-z]+: (is|has|does|records|announces) "):
            read_volume(save(content, name))


@pytest.mark.parametrize("name", ["a.mgh", "a.mgz"])
def test_mgh_files_keep_geometry_and_voxels(save, voxels, oblique, name):
    image = nibabel.MGHImage(voxels.astype(">i2"), oblique)
    volume = read_volume(save(image.to_bytes(), name))
    np.testing.assert_array_equal(volume.array, voxels)
    np.testing.assert_allclose(volume.grid.affine, oblique, atol=1e-4)
    assert volume.notes == ()


def _mgh(code=4, placed=1, dims=(5, 4, 3, 1), delta=(1, 1, 1)):
    start = struct.pack(">7ih", 1, *dims, code, 0, placed)
    place = struct.pack(">15f", *delta, -1, 0, 0, 0, 0, -1, 0, 1, 0, 10, 20, 30)
    return (start + place).ljust(284, b"\0") + bytes(120)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"code": 2}, "unsupported MGH type"),
        ({"dims": (5, 0, 3, 1)}, r"dim\[2\] = 0"),
        ({"dims": (5, 4, 3, 2)}, "4D with 2 frames"),
        ({"dims": (50, 40, 30, 1)}, "truncated"),
        ({"delta": (0, 1, 1)}, "voxels of 0 x 1 x 1 mm"),
        ({"delta": (NAN, 1, 1)}, "NaN or infinite"),
    ],
)
def test_a_hostile_mgh_header_is_refused(save, fields, reason):
    with pytest.raises(VolumeError, match=reason):
        read_volume(save(_mgh(**fields), "a.mgh"))


def test_mgh_without_orientation_is_refused(save):
    with pytest.raises(VolumeError, match="records no orientation"):
        read_volume(save(_mgh(placed=0), "a.mgz"))
