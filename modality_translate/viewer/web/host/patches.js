// Cutting a volume into patches and blending what a network made of them. Volumes are Float32Array with x fastest, the
// order of NIfTI files; patches are in C order (z fastest), as the graph takes them.

import { halfEven } from "./numbers.js";

const WEIGHT_UNITS = 4096;
const LEAST_UNITS = 5;

/** Voxel [x, y, z] at which each output core starts, z slowest, then x. */
export function corners(shape, core, overlap) {
  const [xs, ys, zs] = shape.map((size, axis) => starts(size, core[axis], overlap));
  return zs.flatMap((z) => xs.flatMap((x) => ys.map((y) => [x, y, z])));
}

/** How far apart cores lie along an axis at most, and how many there are. */
export function steps(size, length, overlap) {
  const stride = Math.max(1, Math.trunc(length * (1 - overlap)));
  return { stride, count: Math.ceil(Math.max(0, size - length) / stride) + 1 };
}

function starts(size, length, overlap) {
  if (size <= length) return [0];
  const { count } = steps(size, length, overlap);
  const step = (size - length) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? size - length : halfEven(i * step)));
}

/** Writes the input patch whose core starts at `corner` into `into` at `offset`; outside the volume is `background`. */
export function cut(array, shape, corner, { patch, halo }, background, into, offset) {
  const [nx, ny, nz] = shape;
  const [px, py, pz] = patch;
  const [fx, fy, fz] = corner.map((start, axis) => start - halo[axis]);
  into.fill(background, offset, offset + px * py * pz);
  for (let x = Math.max(0, -fx); x < Math.min(px, nx - fx); x++)
    for (let y = Math.max(0, -fy); y < Math.min(py, ny - fy); y++) {
      const row = offset + (x * py + y) * pz;
      const from = fx + x + nx * (fy + y);
      for (let z = Math.max(0, -fz); z < Math.min(pz, nz - fz); z++) into[row + z] = array[from + nx * ny * (fz + z)];
    }
}

/** Blending window of a core in C order: a Gaussian of core / 8 along each axis, in whole multiples of 1 / 4096. */
export function weights(core) {
  const [wx, wy, wz] = core.map(gaussian);
  const window = new Float32Array(core[0] * core[1] * core[2]);
  let place = 0;
  for (const x of wx)
    for (const y of wy)
      for (const z of wz) window[place++] = Math.max(halfEven(x * y * z * WEIGHT_UNITS), LEAST_UNITS) / WEIGHT_UNITS;
  return window;
}

function gaussian(length) {
  if (length === 1) return [1];
  return Array.from({ length }, (_, i) => {
    const away = (i - (length - 1) / 2) / (length / 8);
    return Math.exp(-0.5 * away ** 2);
  });
}

/** The weighted mean of overlapping cores, in float64, exact where they agree. */
export class Blend {
  constructor(shape, core) {
    this.shape = shape;
    this.core = core;
    this.window = weights(core);
    this.sum = new Float64Array(shape[0] * shape[1] * shape[2]);
    this.weight = new Float32Array(this.sum.length);
  }

  /** Lays down the core that begins at `offset` of `tiles` (C order); what reaches beyond the volume is dropped. */
  add(corner, tiles, offset) {
    const [nx, ny, nz] = this.shape;
    const [cx, cy, cz] = this.core;
    const [fx, fy, fz] = corner;
    for (let x = 0; x < Math.min(cx, nx - fx); x++)
      for (let y = 0; y < Math.min(cy, ny - fy); y++) {
        const row = (x * cy + y) * cz;
        const into = fx + x + nx * (fy + y);
        for (let z = 0; z < Math.min(cz, nz - fz); z++) {
          const place = into + nx * ny * (fz + z);
          const weight = this.window[row + z];
          this.sum[place] += tiles[offset + row + z] * weight;
          this.weight[place] += weight;
        }
      }
  }

  /** The blended volume, x fastest, Float32Array. */
  result() {
    return Float32Array.from(this.sum, (sum, place) => sum / this.weight[place]);
  }
}
