// Where the patient is: FORMAT.md, section 3.4. Arrays are x fastest, masks Uint8Array, spacing in mm.

import { closed, smoothed } from "./filters.js";
import { filled, largestComponent } from "./components.js";
import { halfEven, percentiles, smallest } from "./numbers.js";

const BODY_HU = -300;
const CLOSED_GAP = 3;
const SMOOTHED = 2.5;
const COMPRESSION = 300;
const COMPRESSION_IN_AIR = 30;
const ENOUGH_VOXELS = 1e6;
const BINS = 256;

/** {array, shape} of every n-th voxel along each axis, about `voxels` of them at most. */
export function sampled(array, shape, voxels = ENOUGH_VOXELS) {
  const step = Math.max(1, Math.ceil((array.length / voxels) ** (1 / 3)));
  const sizes = shape.map((size) => Math.ceil(size / step));
  const result = new Float32Array(sizes[0] * sizes[1] * sizes[2]);
  let place = 0;
  for (let z = 0; z < shape[2]; z += step)
    for (let y = 0; y < shape[1]; y += step)
      for (let x = 0; x < shape[0]; x += step) result[place++] = array[x + shape[0] * (y + shape[1] * z)];
  return { array: result, shape: sizes };
}

/** Tissue against air in an MR or PET volume of any unit. */
export function foreground(array, shape, spacing) {
  const smooth = smoothed(array, shape, [0, 1, 2].filter((axis) => spacing[axis] <= SMOOTHED));
  const threshold = airThreshold(smooth, shape);
  let bright = Uint8Array.from(array, (value, i) => (smooth[i] > threshold && value > threshold ? 1 : 0));
  if (!bright.includes(1)) {
    const least = smallest(array);
    bright = Uint8Array.from(array, (value) => (value > least ? 1 : 0));
  }
  const widths = spacing.map((size) => 2 * halfEven(CLOSED_GAP / size) + 1);
  return filled(largestComponent(closed(bright, shape, widths), shape), shape);
}

/** The patient's body: of a CT what is above -300 HU, of others the foreground. */
export function bodyMask(array, shape, modality, spacing) {
  if (modality !== "CT") return foreground(array, shape, spacing);
  const dense = Uint8Array.from(array, (value) => (value > BODY_HU ? 1 : 0));
  return filled(largestComponent(dense, shape), shape);
}

function airThreshold(array, shape) {
  const values = sampled(array, shape).array;
  const [lo, body, hi] = percentiles(values, [1, 90, 99]);
  const hot = body - lo > 0.12 * (hi - lo);
  const [scale, gain] = hot ? [body - lo, COMPRESSION] : [hi - lo, COMPRESSION_IN_AIR];
  if (scale <= 0) return smallest(array);
  const compressed = Float64Array.from(values, (value) => Math.log1p(gain * Math.min(1, Math.max(0, (value - lo) / scale))));
  return lo + (scale * Math.expm1(otsu(compressed))) / gain;
}

/** Otsu's threshold over 256 equal bins, the centre of the first best bin. */
function otsu(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low === high) return low;
  const edges = Float64Array.from({ length: BINS + 1 }, (_, i) => (i === BINS ? high : low + i * ((high - low) / BINS)));
  const counts = histogram(values, edges);
  const centres = counts.map((_, i) => (edges[i] + edges[i + 1]) / 2);
  return centres[bestSplit(counts, centres)];
}

function histogram(values, edges) {
  const counts = new Float64Array(BINS);
  const [low, width] = [edges[0], edges[BINS] - edges[0]];
  for (const value of values) {
    let bin = Math.min(BINS - 1, Math.floor(((value - low) / width) * BINS));
    // The quotient is rounded, the edges decide.
    if (value < edges[bin]) bin -= 1;
    else if (bin < BINS - 1 && value >= edges[bin + 1]) bin += 1;
    counts[bin] += 1;
  }
  return counts;
}

function bestSplit(counts, centres) {
  const above = { weight: new Float64Array(BINS), sum: new Float64Array(BINS) };
  let [weight, sum] = [0, 0];
  for (let i = BINS - 1; i >= 0; i--) {
    above.weight[i] = weight += counts[i];
    above.sum[i] = sum += counts[i] * centres[i];
  }
  [weight, sum] = [0, 0];
  let best = { variance: -1, bin: 0 };
  for (let i = 0; i < BINS - 1; i++) {
    weight += counts[i];
    sum += counts[i] * centres[i];
    const apart = sum / weight - above.sum[i + 1] / above.weight[i + 1];
    const variance = weight * above.weight[i + 1] * apart ** 2;
    if (variance > best.variance) best = { variance, bin: i };
  }
  return best.bin;
}
