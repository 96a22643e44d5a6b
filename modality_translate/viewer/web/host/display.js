// The window a viewer should open with, and the difference of two volumes.

import { matches } from "./affine.js";
import { HostError } from "./errors.js";
import { sampled } from "./foreground.js";
import { percentiles } from "./numbers.js";

const SOFT_TISSUE = [-160, 240];

/** [low, high]: of what looks like a CT in HU soft tissue, of others the 0.5th and 99.5th percentile. */
export function windowOf({ array, shape }) {
  const [air, low, median, high] = percentiles(sampled(array, shape).array, [1, 0.5, 50, 99.5]);
  if (air < -900 && air > -1100 && high > 100 && median < 300) return SOFT_TISSUE;
  return low < high ? [low, high] : [low - 1, low + 1];
}

/** Right minus left, voxel by voxel, with a window around 0. Throws unless both lie on one grid. */
export function difference(left, right) {
  if (!matches(left, right))
    throw new HostError("The two volumes lie on different grids.", "A difference needs the same shape and affine.");
  const array = right.array.map((value, i) => value - left.array[i]);
  const [largest] = percentiles(sampled(array.map(Math.abs), right.shape).array, [99]);
  return { ...right, array, window: [-largest || -1, largest || 1] };
}
