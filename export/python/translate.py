"""Translate a volume with an mtranslate model file: numpy, nibabel and onnxruntime, nothing else.

    python translate.py MODEL.onnx INPUT.nii.gz OUTPUT.nii.gz [THREADS]

Sections are those of export/FORMAT.md. Arrays are (X, Y, Z), affines (4, 4) lead from voxel indices to world RAS+ mm,
a grid is a pair (shape, affine). Left out: the search for foreign code (section 1), so run only models you trust or
that `mtranslate inspect` accepted, and what of the envelope judges intensities (section 4).
"""

import functools
import hashlib
import itertools
import json
import math
import os
import pathlib
import sys

import nibabel
import numpy as np
from nibabel.affines import voxel_sizes

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime reads it when it is imported
import onnxruntime

SQUARE = 3  # voxels wide is a body in a slice at least; section 3.5


def main(model, source, output, threads=0):
    if pathlib.Path(output).exists():
        sys.exit(f"{output}: is already there.")
    spec, predict = load(model, int(threads))
    image = nibabel.load(source)
    save(translate(image.get_fdata(), image.affine, spec, predict), image, spec, output)


def load(path, threads=0):
    """The spec (a dict) and predict: patches (N, 1, X, Y, Z) to cores; 0 threads: all. Sections 1 and 5."""
    data = pathlib.Path(path).read_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    if metadata.get("mtranslate.schema") != "1":
        sys.exit(f"{path}: is no mtranslate model of schema 1.")
    digest = metadata["mtranslate.sha256"].encode()
    if hashlib.sha256(data.replace(digest, b"0" * 64)).hexdigest().encode() != digest:
        sys.exit(f"{path}: is damaged, its hash does not match.")
    spec = json.loads(metadata["mtranslate.spec"])
    core = tuple(np.subtract(spec["tiling"]["patch"], 2 * np.array(spec["tiling"]["halo"])))

    def predict(patches):
        (answer,) = session.run(["synthetic"], {"source": patches})
        if answer.shape != (len(patches), 1, *core) or not np.isfinite(answer).all():
            sys.exit(f"{path}: answered {answer.shape}, or with NaN or infinity.")
        return answer

    lo, hi = value_range(spec["source"]["scaling"])
    x, y, z = np.indices(spec["tiling"]["patch"])
    patch = np.float32(lo + (hi - lo) * (0.5 + 0.5 * np.sin(0.37 * x + 0.23 * y + 0.11 * z)))
    answer, wanted = predict(patch[None, None]).astype(float).ravel(), spec["self_test"]
    places = np.rint(np.linspace(0, answer.size - 1, len(wanted["samples"]))).astype(int)
    found = np.array([answer.mean(), answer.std(), *answer[places]])
    if not np.abs(found - [wanted["mean"], wanted["std"], *wanted["samples"]]).max() <= wanted["tolerance"]:
        sys.exit(f"{path}: fails its self-test on this engine.")
    return spec, predict


def translate(array, affine, spec, predict):
    """The synthetic volume, float32 in the target's units, on the grid of `array`. Section 3."""
    if array.ndim != 3 or not np.isfinite(array).all() or array.min() == array.max():
        sys.exit("The volume is not 3D, has NaN or infinity, or holds one value only.")
    order = nibabel.io_orientation(affine)
    oriented = nibabel.apply_orientation(array.astype(np.float32), order)
    grid = oriented.shape, affine @ nibabel.orientations.inv_ornt_aff(order, array.shape)
    check_envelope(grid, spec["envelope"])
    fine = spaced(grid, spec["spacing"])
    source, target = spec["source"], spec["target"]
    scaled = source["scaling"]["kind"] == "percentile"
    prepared = resample(oriented, grid, fine, oriented.min() if scaled else source["background"])
    if scaled:
        prepared = percentiles(prepared, voxel_sizes(fine[1]), source["scaling"])
    result = tiled(prepared, spec["tiling"], air_of(source), air_of(target), predict)
    result = resample(np.clip(result, *value_range(target["scaling"])), fine, grid, target["background"])
    back = nibabel.orientations.ornt_transform([[0, 1], [1, 1], [2, 1]], order)
    return nibabel.apply_orientation(result, back)


def save(array, image, spec, path):
    """As the spec's number type, placed like `image`. Section 3.8."""
    if spec["target"]["stored"] == "int16":
        array = np.clip(np.rint(array), -32768, 32767).astype(np.int16)
    placed = nibabel.Nifti1Header()
    for key in ("pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d",
                "qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"):  # fmt: skip
        placed[key] = image.header[key]
    if not placed["qform_code"] and not placed["sform_code"]:
        placed.set_sform(image.affine, code=2)
    placed.set_xyzt_units("mm")
    nibabel.save(nibabel.Nifti1Image(array, None, placed, dtype=array.dtype), path)


def value_range(scaling):
    return scaling.get("lo", 0.0), scaling.get("hi", scaling.get("top"))


def air_of(channel):
    return 0.0 if channel["scaling"]["kind"] == "percentile" else channel["background"]


def check_envelope(grid, seen):
    """Voxel size and field of view. Section 4."""
    sizes = voxel_sizes(grid[1])
    for found, key, least, most in ((sizes, "spacing", 0.5, 2), (sizes * grid[0], "extent", 0.4, 2.5)):
        if seen and ((found < np.multiply(seen[key][0], least)) | (found > np.multiply(seen[key][1], most))).any():
            sys.exit(f"The volume's {key} (mm) is {found.round(2)}; the model was trained on {seen[key]}.")


def spaced(grid, spacing):
    """A grid with the same centre and voxels of `spacing` mm. Section 3.2."""
    shape, affine = grid
    old, new = voxel_sizes(affine), np.array(spacing or voxel_sizes(affine))
    if np.all(np.abs(old - new) <= 1e-4 * new):
        return grid
    finer = tuple(max(1, round(n * o / s)) for n, o, s in zip(shape, old, new, strict=True))
    moved = affine * [*(new / old), 1]
    moved[:3, 3] += affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    moved[:3, 3] -= moved[:3, :3] @ ((np.array(finer) - 1) / 2)
    return finer, moved


def resample(array, source, target, background):
    """`array` on the grid `source` as seen by `target`, whose axes are parallel. Section 3.3."""
    corners = np.array(list(itertools.product(*[(0, n - 1) for n in source[0]], [1]))).T
    if source[0] == target[0] and np.abs((source[1] - target[1])[:3] @ corners).max() <= 1e-3:
        return array
    steps = np.linalg.inv(source[1]) @ target[1]
    places = [steps[i, 3] + steps[i, i] * np.arange(n) for i, n in enumerate(target[0])]
    for i in sorted(range(3), key=lambda i: target[0][i] / source[0][i]):
        if target[0][i] != source[0][i] or np.abs(places[i] - np.arange(source[0][i])).max() > 1e-3:
            array = np.moveaxis(along(np.moveaxis(array, i, 0), places[i], abs(steps[i, i])), 0, i)
    for i, place in enumerate(places):
        np.moveaxis(array, i, 0)[(place < -0.5001) | (place > source[0][i] - 1 + 0.5001)] = background
    return array


def along(array, places, step):
    """Triangle kernel along the first axis."""
    width = max(1.0, step)
    taps = np.floor(places - width)[:, None] + np.arange(1, math.ceil(2 * width) + 2)
    away = taps - places[:, None]
    g = np.clip(1 - np.abs(away) / width, 0, None) * ((taps >= 0) & (taps < len(array)))
    s0, s1, s2 = ((g * away**power).sum(axis=1, keepdims=True) for power in range(3))
    tilted = g * (s2 - s1 * away)
    kept = (s0 * s2 - s1**2 > 1e-9) & (tilted >= -1e-9).all(axis=1, keepdims=True)
    g = np.where(kept, np.maximum(tilted, 0), g)
    g = np.float32(g / np.where(g.any(axis=1, keepdims=True), g.sum(axis=1, keepdims=True), 1))
    result = np.zeros((len(places), *array.shape[1:]), np.float32)
    for tap, weight in zip(np.clip(taps, 0, len(array) - 1).astype(int).T, g.T, strict=True):
        result += weight[:, None, None] * array[tap]
    return result


def tiled(array, tiling, outside, air, predict):
    """Patches through the graph, blended, in boxes around the body; `air` elsewhere. Sections 3.5 to 3.7."""
    patch, halo, level = np.array(tiling["patch"]), np.array(tiling["halo"]), tiling.get("skip_below")
    core = patch - 2 * halo
    padded = np.pad(array, np.stack([halo, halo + core], 1), constant_values=outside)
    places = [(box, corner) for box in boxes(array, level, core, halo, tiling) for corner in corners(box, core, tiling)]
    starting = [corner + [span.start for span in box] for box, corner in places]
    views = [padded[tuple(map(slice, start, start + patch))] for start in starting]
    run = [level is None or view.max() > np.float32(level) for view in views]
    answers = answered(itertools.compress(views, run), predict)
    cores = (next(answers) if wanted else np.full(core, air, np.float32) for wanted in run)
    result = np.full(array.shape, air, np.float32)
    for box, group in itertools.groupby(zip(places, cores, strict=True), lambda pair: pair[0][0]):
        result[box] = blended([span.stop - span.start for span in box], ((at, one) for (_, at), one in group), core)
    return result


def boxes(array, level, core, halo, tiling):
    """Around what fills a square above `level` and 8 more; one for each slice where the core is one slice."""
    if level is None:
        return [tuple(slice(0, size) for size in array.shape)]
    above = opened(array > np.float32(level))
    if core[2] > 1:
        return [box(above)] if above.any() else []
    seen = [above[:, :, max(0, z - halo[2]) : z + halo[2] + 1] for z in range(array.shape[2])]
    spans = [(*box(part)[:2], z) for z, part in enumerate(seen) if part.any()]
    steady = functools.partial(steadied, overlap=tiling["overlap"])
    return [(*map(steady, (x, y), above.shape, core.tolist()), slice(z, z + 1)) for x, y, z in spans]


def opened(above):
    """Those that lie in a square of them in a slice, as wide as an axis that is shorter."""
    windows, square = np.lib.stride_tricks.sliding_window_view, [min(SQUARE, size) for size in above.shape[:2]]
    full = windows(above, square, (0, 1)).all((-2, -1))
    around = np.pad(full, [(square[0] - 1,) * 2, (square[1] - 1,) * 2, (0, 0)])
    return windows(around, square, (0, 1)).any((-2, -1))


def box(above):
    ends = [np.flatnonzero(above.any(axis=axes))[[0, -1]] for axes in ((1, 2), (0, 2), (0, 1))]
    return tuple(slice(max(0, a - 8), min(n, b + 1 + 8)) for (a, b), n in zip(ends, above.shape, strict=True))


def steadied(span, size, core, overlap):
    """As long as its patches can cover, from the coarsest multiple that holds it."""
    stride, count = steps(span.stop - span.start, core, overlap)
    length = core + (count - 1) * stride
    if length >= size:
        return slice(0, size)
    firsts = (min(span.start // pitch * pitch, size - length) for pitch in (32, 16, 8, 4, 2, 1))
    first = next(first for first in firsts if first + length >= span.stop)
    return slice(first, first + length)


def corners(box, core, tiling):
    shape = [span.stop - span.start for span in box]
    xs, ys, zs = map(starts, shape, core.tolist(), [tiling["overlap"]] * 3)
    return [np.array([x, y, z]) for z, x, y in itertools.product(zs, xs, ys)]


def blended(shape, cores, size):
    total, weights, weight = np.zeros(shape), np.zeros(shape, np.float32), window(size)
    for corner, core in cores:
        place = tuple(map(slice, corner, corner + size))
        used = tuple(map(slice, total[place].shape))
        total[place] += core[used] * weight[used].astype(float)
        weights[place] += weight[used]
    return (total / weights).astype(np.float32)


def answered(patches, predict):
    """As many at once as `mtranslate convert --threads 1`: an engine's last bits may depend on it."""
    for first in patches:
        more = itertools.islice(patches, max(1, min(4, 2**20 // first.size)) - 1)
        yield from predict(np.stack([first, *more])[:, None])[:, 0]


def steps(size, length, overlap):
    """Stride and number of the cores along an axis."""
    stride = max(1, int(length * (1 - overlap)))
    return stride, max(0, math.ceil((size - length) / stride)) + 1


def starts(size, length, overlap):
    _, count = steps(size, length, overlap)
    return [round(start) for start in np.linspace(0, size - length, count)]


def window(core):
    factors = (np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (n / 8)) ** 2) for n in core)
    return np.float32(np.maximum(np.rint(4096 * functools.reduce(np.multiply.outer, factors)), 5) / 4096)


def percentiles(array, sizes, scaling):
    """Two percentiles of the foreground become 0 and `top`. Section 3.4."""
    inside = array[foreground(array, sizes)].astype(float)
    lo, hi = np.percentile(inside if inside.size else array.astype(float), [scaling["low"], scaling["high"]]).tolist()
    return np.zeros_like(array) if hi <= lo else (array - lo) * (scaling["top"] / (hi - lo))


def foreground(array, sizes):
    smooth = array
    for axis, size in enumerate(sizes):
        if size <= 2.5:
            smooth = np.float32(gathered(smooth.astype(float), axis, 3, np.add) / 3)
    bright = np.minimum(smooth, array) > air_threshold(smooth)
    bright = bright if bright.any() else array > array.min()
    for join in (np.logical_or, np.logical_and):
        for axis, size in enumerate(sizes):
            bright = gathered(bright, axis, 2 * round(3 / size) + 1, join)
    labels = components(bright)
    bright = bright & (labels == np.bincount(labels[bright], minlength=1).argmax())
    labels = components(np.moveaxis(~bright, 2, 0), flat=True)
    holes = np.arange(labels.max() + 1) > 0
    holes[labels[:, [0, -1]]] = holes[labels[:, :, [0, -1]]] = False
    return bright | np.moveaxis(holes[labels], 0, 2)


def gathered(array, axis, width, join):
    """Each voxel joined with its neighbours in a box of `width` along `axis`; edges repeat."""
    padded = np.pad(np.moveaxis(array, axis, 0), [(width // 2, width // 2), (0, 0), (0, 0)], mode="edge")
    shifted = (padded[first : first + array.shape[axis]] for first in range(width))
    return np.moveaxis(functools.reduce(join, shifted), 0, axis)


def air_threshold(array):
    m = max(1, math.ceil((array.size / 1e6) ** (1 / 3)))
    values = array[::m, ::m, ::m].astype(float).ravel()
    lo, body, hi = np.percentile(values, [1, 90, 99])
    scale, gain = (body - lo, 300) if body - lo > 0.12 * (hi - lo) else (hi - lo, 30)
    if scale <= 0:
        return array.min()
    q = np.log1p(gain * np.clip((values - lo) / scale, 0, 1))
    counts, edges = np.histogram(q, 256)
    counts, centres = counts.astype(np.float32), (edges[:-1] + edges[1:]) / 2
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    mean_below = np.cumsum(counts * centres) / below
    mean_above = (np.cumsum((counts * centres)[::-1]) / above[::-1])[::-1]
    otsu = centres[np.argmax(below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2)]
    return float(lo + scale * np.expm1(otsu) / gain)


def components(mask, flat=False):
    """Labels (X, Y, Z) of face-connected voxels, rising in C order, 0 outside; `flat`: not along the first axis."""
    runs = np.cumsum(mask & ~np.pad(mask, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]).reshape(mask.shape) * mask
    parent = np.arange(runs.max() + 1)
    pairs = [(runs[:, 1:], runs[:, :-1])] + ([] if flat else [(runs[1:], runs[:-1])])
    joined = np.concatenate([np.stack([a[(a > 0) & (b > 0)], b[(a > 0) & (b > 0)]]) for a, b in pairs], axis=1)
    while (found := parent[joined]).size and (found[0] != found[1]).any():
        np.minimum.at(parent, found.max(axis=0), found.min(axis=0))
        while (parent != parent[parent]).any():
            parent = parent[parent]
    return parent[runs]


if __name__ == "__main__":
    try:
        main(*sys.argv[1:]) if len(sys.argv) in (4, 5) else sys.exit(__doc__)
    except Exception as error:  # those of the libraries share no base class
        sys.exit(f"Error: {error}")
