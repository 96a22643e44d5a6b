// One volume from one modality to another: FORMAT.md, section 3. A volume is what nifti.js reads; `predict` takes
// (Float32Array, N) patches in C order and resolves to the answers, one core each.

import { HostError } from "./errors.js";
import { spacingOf } from "./affine.js";
import { bodyBoxes, isAbove, layDown } from "./body.js";
import { foreground } from "./foreground.js";
import { orient, orientBack, orientation, orientedGrid, resample, spaced } from "./geometry.js";
import { halfEven, percentiles, smallest } from "./numbers.js";
import { Blend, corners, cut } from "./patches.js";
import { core, rangeOf } from "./spec.js";

/** The synthetic volume on the input's grid, in target units; `progress(done, total)` counts patches. */
export async function translate(volume, spec, predict, progress = () => {}) {
  const order = orientation(volume.affine);
  const canonical = orientedGrid(volume, order);
  const grid = spec.spacing ? spaced(canonical, spec.spacing) : canonical;
  const turned = orient(volume.array, volume.shape, order);
  const resampled = resample(turned, canonical, grid, rawBackground(turned, spec.source));
  const source = hostUnits(resampled, grid, spec.source);
  const answer = await translateArray(source, grid.shape, spec, predict, progress);
  const [low, high] = rangeOf(spec.target.scaling);
  for (let i = 0; i < answer.length; i++) answer[i] = Math.min(high, Math.max(low, answer[i]));
  const restored = resample(answer, grid, canonical, spec.target.background);
  return { ...volume, array: orientBack(restored, volume.shape, order) };
}

/** Arbitrary units have no fixed value of air: the darkest voxel stands for it. */
function rawBackground(array, channel) {
  return channel.scaling.kind === "percentile" ? smallest(array) : channel.background;
}

function hostUnits(array, grid, { scaling }) {
  if (scaling.kind !== "percentile") return array;
  const mask = foreground(array, grid.shape, spacingOf(grid.affine));
  const inside = array.filter((_, i) => mask[i]);
  const [low, high] = percentiles(inside.length ? inside : array, [scaling.low, scaling.high]);
  if (high <= low) return new Float32Array(array.length);
  const [shift, gain] = [Math.fround(low), Math.fround(scaling.top / (high - low))];
  return array.map((value) => Math.fround(value - shift) * gain);
}

/** Air in host units: percentiles move it to 0. */
function hostBackground(channel) {
  return channel.scaling.kind === "percentile" ? 0 : channel.background;
}

async function translateArray(array, shape, spec, predict, progress) {
  const result = new Float32Array(array.length).fill(hostBackground(spec.target));
  const boxes = bodyBoxes(array, shape, spec.tiling).map((box) => ({
    ...box,
    corners: corners(box.shape, core(spec.tiling), spec.tiling.overlap),
  }));
  const total = boxes.reduce((sum, box) => sum + box.corners.length, 0);
  let done = 0;
  for (const box of boxes)
    layDown(await translateBox(array, shape, box, spec, predict, () => progress(++done, total)), box, result, shape);
  if (total === 0) progress(1, 1);
  return result;
}

async function translateBox(array, shape, box, spec, predict, ran) {
  const { tiling } = spec;
  const level = tiling.skip_below;
  const blend = new Blend(box.shape, core(tiling));
  const patch = new Float32Array(size(tiling.patch));
  const air = new Float32Array(size(core(tiling))).fill(hostBackground(spec.target));
  for (const corner of box.corners) {
    const start = corner.map((at, axis) => box.start[axis] + at);
    cut(array, shape, start, tiling, hostBackground(spec.source), patch, 0);
    const isRun = level === null || patch.some((value) => isAbove(value, level));
    blend.add(corner, isRun ? await checked(predict, patch, spec) : air, 0);
    ran();
  }
  return blend.result();
}

async function checked(predict, patch, spec) {
  const answer = await predict(patch);
  const wanted = size(core(spec.tiling));
  if (answer.length !== wanted)
    throw new HostError(`The model answered ${answer.length} voxels; ${wanted} were wanted.`, "Export it again.");
  if (!answer.every(Number.isFinite))
    throw new HostError("The model answered with NaN or infinity.", "The training diverged: use an earlier checkpoint.");
  return answer;
}

/** Rejects unless `predict` answers the formula patch of FORMAT.md, section 5, as the spec remembers it. */
export async function checkSelfTest(spec, predict) {
  const [px, py, pz] = spec.tiling.patch;
  const [low, high] = rangeOf(spec.source.scaling);
  const patch = Float32Array.from({ length: px * py * pz }, (_, i) => {
    const [x, y, z] = [Math.floor(i / (py * pz)), Math.floor(i / pz) % py, i % pz];
    return low + (high - low) * (0.5 + 0.5 * Math.sin(0.37 * x + 0.23 * y + 0.11 * z));
  });
  const answer = await checked(predict, patch, spec);
  const { mean, std, samples, tolerance } = spec.self_test;
  const found = statistics(answer);
  const step = samples.length > 1 ? (answer.length - 1) / (samples.length - 1) : 0;
  const apart = [found.mean - mean, found.std - std, ...samples.map((value, i) => answer[halfEven(i * step)] - value)];
  const worst = Math.max(...apart.map(Math.abs));
  if (!(worst <= tolerance))
    throw new HostError(
      `The model fails its self-test: the worst difference is ${worst.toPrecision(3)}, ${tolerance.toPrecision(3)} is allowed.`,
      "The file is damaged, or this browser computes it wrongly.",
    );
}

function statistics(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
}

function size([x, y, z]) {
  return x * y * z;
}
