// Between a volume's own lattice and the one a model works on: storage order, voxel size, resampling. A grid is
// {shape, affine}; arrays are Float32Array, x fastest.

import { apply, closestRotation, columns, directions, fromColumns, matches, spacingOf } from "./affine.js";
import { halfEven } from "./numbers.js";

const DRIFT = 1e-3;
const EDGE = 0.5001;

/** For each axis R, A, S: {from, flip}, the storage axis that becomes it, turned round or not. */
export function orientation(affine) {
  const r = closestRotation(directions(affine));
  const largest = [0, 1, 2].map((axis) => Math.max(...r.map((row) => row[axis] ** 2)));
  const free = new Set([0, 1, 2]);
  const order = [];
  for (const from of [0, 1, 2].sort((a, b) => largest[b] - largest[a])) {
    const to = [...free].reduce((best, axis) => (Math.abs(r[axis][from]) > Math.abs(r[best][from]) ? axis : best));
    free.delete(to);
    order[to] = { from, flip: r[to][from] < 0 };
  }
  return order;
}

/** The grid in RAS+ order. */
export function orientedGrid({ shape, affine }, order) {
  const axes = columns(affine);
  const first = [0, 0, 0];
  for (const { from, flip } of order) first[from] = flip ? shape[from] - 1 : 0;
  const turned = order.map(({ from, flip }) => axes[from].map((value) => (flip ? -value : value)));
  return { shape: order.map(({ from }) => shape[from]), affine: fromColumns(turned, apply(affine, first)) };
}

/** The array of `shape` in RAS+ order. */
export function orient(array, shape, order) {
  return reordered(array, shape, order, false);
}

/** The inverse of `orient`: an array in RAS+ order back in the storage order of `shape`. */
export function orientBack(array, shape, order) {
  return reordered(array, shape, order, true);
}

/** Walks the canonical array in its own order; the native place moves by strides that may be negative. */
function reordered(array, shape, order, back) {
  const strides = [1, shape[0], shape[0] * shape[1]];
  const step = order.map(({ from, flip }) => (flip ? -strides[from] : strides[from]));
  const first = order.reduce((sum, { from, flip }) => sum + (flip ? strides[from] * (shape[from] - 1) : 0), 0);
  const [nx, ny, nz] = order.map(({ from }) => shape[from]);
  const result = new Float32Array(array.length);
  let canonical = 0;
  for (let z = 0; z < nz; z++)
    for (let y = 0; y < ny; y++) {
      let native = first + z * step[2] + y * step[1];
      for (let x = 0; x < nx; x++, native += step[0], canonical++)
        if (back) result[native] = array[canonical];
        else result[canonical] = array[native];
    }
  return result;
}

/** A grid with the same axes, field of view and centre, and voxels of `spacing` mm; the very same if sizes agree. */
export function spaced(grid, spacing) {
  const old = spacingOf(grid.affine);
  if (spacing.every((size, axis) => Math.abs(old[axis] - size) <= 1e-4 * size)) return grid;
  const shape = grid.shape.map((n, axis) => Math.max(1, halfEven((n * old[axis]) / spacing[axis])));
  const axes = columns(grid.affine)
    .slice(0, 3)
    .map((column, axis) => column.map((value) => (value * spacing[axis]) / old[axis]));
  const centre = apply(grid.affine, middle(grid.shape));
  const reach = apply(fromColumns(axes, [0, 0, 0]), middle(shape));
  return { shape, affine: fromColumns(axes, centre.map((value, row) => value - reach[row])) };
}

function middle(shape) {
  return shape.map((size) => (size - 1) / 2);
}

/**
 * The array on `source` as seen by `target`, which has the same axes and centre: a triangle kernel, widened where the
 * target is coarser; `background` outside the source's field of view.
 */
export function resample(array, source, target, background) {
  if (matches(source, target)) return array;
  const [old, now] = [spacingOf(source.affine), spacingOf(target.affine)];
  const step = now.map((size, axis) => size / old[axis]);
  const centres = target.shape.map((count, axis) =>
    Float64Array.from({ length: count }, (_, j) => (source.shape[axis] - 1) / 2 + (j - (count - 1) / 2) * step[axis]),
  );
  const shape = [...source.shape];
  let result = array;
  const growth = [0, 1, 2].map((axis) => target.shape[axis] / source.shape[axis]);
  for (const axis of [0, 1, 2].sort((a, b) => growth[a] - growth[b])) {
    if (stays(centres[axis], shape[axis])) continue;
    result = along(result, shape, axis, triangle(centres[axis], step[axis], shape[axis]));
    shape[axis] = centres[axis].length;
  }
  return beyond(result === array ? array.slice() : result, source.shape, centres, background);
}

function stays(centres, size) {
  return centres.length === size && centres.every((centre, j) => Math.abs(centre - j) <= DRIFT);
}

function outside(centre, size) {
  return centre < -EDGE || centre > size - 1 + EDGE;
}

/** For each sample its taps [{k, weight}], whose weights sum to 1, or none outside the field of view. */
function triangle(centres, step, size) {
  const width = Math.max(1, step);
  return Array.from(centres, (centre) => {
    if (outside(centre, size)) return [];
    const taps = [];
    const first = Math.floor(centre - width) + 1;
    for (let k = first; k <= first + Math.ceil(2 * width); k++)
      if (k >= 0 && k < size) taps.push({ k, away: k - centre, weight: Math.max(0, 1 - Math.abs(k - centre) / width) });
    return balanced(taps);
  });
}

/** Sum 1 and, unless that takes a negative weight, the centre of mass on the sample: ramps would ripple otherwise. */
function balanced(taps) {
  const [sum, first, second] = [0, 1, 2].map((power) => taps.reduce((s, { weight, away }) => s + weight * away ** power, 0));
  const tilted = taps.map(({ weight, away }) => weight * (second - first * away));
  // A sample on the outermost voxel has a weight of exactly 0, which rounding turns into -1e-16.
  const kept = sum * second - first ** 2 > 1e-9 && tilted.every((weight) => weight >= -1e-9);
  const chosen = kept ? tilted.map((weight) => Math.max(weight, 0)) : taps.map(({ weight }) => weight);
  const total = chosen.reduce((s, weight) => s + weight, 0);
  return taps.map(({ k }, i) => ({ k, weight: Math.fround(chosen[i] / (total > 0 ? total : 1)) }));
}

function along(array, shape, axis, rows) {
  const inner = shape.slice(0, axis).reduce((product, size) => product * size, 1);
  const outer = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const size = shape[axis];
  const result = new Float32Array(inner * rows.length * outer);
  for (let o = 0; o < outer; o++)
    rows.forEach((taps, j) => {
      const into = (o * rows.length + j) * inner;
      for (const { k, weight } of taps) {
        const from = (o * size + k) * inner;
        for (let i = 0; i < inner; i++) result[into + i] += Math.fround(weight * array[from + i]);
      }
    });
  return result;
}

function beyond(array, size, centres, background) {
  const [out0, out1, out2] = centres.map((axis, i) => Array.from(axis, (centre) => outside(centre, size[i])));
  if (![out0, out1, out2].some((out) => out.includes(true))) return array;
  let place = 0;
  for (const z of out2) for (const y of out1) for (const x of out0) {
    if (x || y || z) array[place] = background;
    place += 1;
  }
  return array;
} // prettier-ignore
