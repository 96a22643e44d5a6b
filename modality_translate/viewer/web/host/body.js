// The boxes around the body, outside which nothing is run: FORMAT.md, section 3.5. Volumes are Float32Array, x fastest.

import { steps } from "./patches.js";
import { core } from "./spec.js";

const MARGIN = 8;
const SQUARE = 3;
const PITCHES = [32, 16, 8, 4, 2, 1];

/**
 * [{start, shape}] in order of z, which hold every square of 3 x 3 voxels of a slice that are above the level, and 8
 * voxels on each side: the whole volume where there is no level, a box for each slice where the core is one slice, none
 * without a square. Boxes of slices are as large as their number of patches allows, so that they can begin where those
 * of their neighbours do.
 */
export function bodyBoxes(array, shape, tiling) {
  if (tiling.skip_below === null) return [{ start: [0, 0, 0], shape }];
  const extents = Array.from({ length: shape[2] }, (_, z) => extent(array, shape, tiling.skip_below, z));
  const single = core(tiling)[2] === 1;
  const bounds = single ? extents.map((_, z) => seen(extents, z, tiling.halo[2])) : [joined(extents)];
  const boxes = bounds.filter(Boolean).map((bound) => grown(bound, shape, single ? 2 : 3));
  return single ? boxes.map((box) => steadied(box, shape, tiling)) : boxes;
}

/** Whether a voxel is above the level, in float32. */
export function isAbove(value, level) {
  return value > Math.fround(level);
}

/** Lays `part` down in a volume, where `box` says. */
export function layDown(part, box, array, [nx, ny]) {
  const [width, height, depth] = box.shape;
  for (let z = 0; z < depth; z++)
    for (let y = 0; y < height; y++) {
      const row = width * (y + height * z);
      const into = box.start[0] + nx * (box.start[1] + y + ny * (box.start[2] + z));
      array.set(part.subarray(row, row + width), into);
    }
}

/** {first, end} of the squares in slice `z` whose voxels are above `level`; null of none. */
function extent(array, [nx, ny], level, z) {
  const [width, height] = [Math.min(SQUARE, nx), Math.min(SQUARE, ny)];
  let [left, right, front, back] = [nx, 0, ny, 0];
  for (let y = 0; y + height <= ny; y++)
    for (let x = 0; x + width <= nx; x++) {
      if (!isFilled(array, x + nx * (y + ny * z), nx, width, height, level)) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + width);
      front = Math.min(front, y);
      back = y + height;
    }
  return right > 0 ? { first: [left, front, z], end: [right, back, z + 1] } : null;
}

function isFilled(array, corner, nx, width, height, level) {
  for (let row = corner; row < corner + height * nx; row += nx)
    for (let place = row; place < row + width; place++) if (!isAbove(array[place], level)) return false;
  return true;
}

/** What the patches of slice `z` see, as a box of this slice. */
function seen(extents, z, halo) {
  const bound = joined(extents.slice(Math.max(0, z - halo), z + halo + 1));
  return bound && { first: [...bound.first.slice(0, 2), z], end: [...bound.end.slice(0, 2), z + 1] };
}

function joined(extents) {
  const found = extents.filter(Boolean);
  const along = (pick, key) => [0, 1, 2].map((axis) => pick(...found.map((bound) => bound[key][axis])));
  return found.length ? { first: along(Math.min, "first"), end: along(Math.max, "end") } : null;
}

/** With the margin along the first `axes`, as far as the volume has room. */
function grown({ first, end }, shape, axes) {
  const start = first.map((index, axis) => (axis < axes ? Math.max(0, index - MARGIN) : index));
  const stop = end.map((index, axis) => (axis < axes ? Math.min(shape[axis], index + MARGIN) : index));
  return { start, shape: stop.map((index, axis) => index - start[axis]) };
}

/** Along x and y as long as its patches can cover, from the coarsest multiple that holds it. */
function steadied(box, shape, tiling) {
  const result = { start: [...box.start], shape: [...box.shape] };
  for (const axis of [0, 1]) {
    const [first, size, length] = [box.start[axis], shape[axis], core(tiling)[axis]];
    const { stride, count } = steps(box.shape[axis], length, tiling.overlap);
    const reach = length + (count - 1) * stride;
    const starts = PITCHES.map((pitch) => Math.min(first - (first % pitch), size - reach));
    result.start[axis] = reach < size ? starts.find((start) => start + reach >= first + box.shape[axis]) : 0;
    result.shape[axis] = Math.min(size, reach);
  }
  return result;
}
