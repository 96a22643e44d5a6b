// The box around the body, outside which nothing is run: FORMAT.md, section 3.5. Volumes are Float32Array, x fastest.

const MARGIN = 8;

/**
 * {start, shape} of the smallest box that holds every voxel above `level`, and 8 voxels on each side: the whole volume
 * where `level` is null, null if no voxel is above.
 */
export function bodyBox(array, shape, level) {
  if (level === null) return { start: [0, 0, 0], shape };
  const first = [...shape];
  const last = [-1, -1, -1];
  eachVoxel(shape, (at, place) => {
    if (!isAbove(array[place], level)) return;
    for (let axis = 0; axis < 3; axis++) {
      first[axis] = Math.min(first[axis], at[axis]);
      last[axis] = Math.max(last[axis], at[axis]);
    }
  });
  if (last[0] < 0) return null;
  const start = first.map((index) => Math.max(0, index - MARGIN));
  const end = last.map((index, axis) => Math.min(shape[axis], index + 1 + MARGIN));
  return { start, shape: end.map((index, axis) => index - start[axis]) };
}

/** Whether a voxel is above the level, in float32. */
export function isAbove(value, level) {
  return value > Math.fround(level);
}

/** The part of a volume in `box`. */
export function cropped(array, shape, box) {
  if (box.shape.every((size, axis) => size === shape[axis])) return array;
  const part = new Float32Array(box.shape[0] * box.shape[1] * box.shape[2]);
  eachRow(shape, box, (there, here) => part.set(array.subarray(there, there + box.shape[0]), here));
  return part;
}

/** Lays `part` down in a volume, where `box` says. */
export function layDown(part, box, array, shape) {
  eachRow(shape, box, (there, here) => array.set(part.subarray(here, here + box.shape[0]), there));
}

function eachRow([nx, ny], { start, shape }, row) {
  for (let z = 0; z < shape[2]; z++)
    for (let y = 0; y < shape[1]; y++)
      row(start[0] + nx * (start[1] + y + ny * (start[2] + z)), shape[0] * (y + shape[1] * z));
}

function eachVoxel([nx, ny, nz], voxel) {
  const at = [0, 0, 0];
  let place = 0;
  for (at[2] = 0; at[2] < nz; at[2]++)
    for (at[1] = 0; at[1] < ny; at[1]++) for (at[0] = 0; at[0] < nx; at[0]++) voxel(at, place++);
}
