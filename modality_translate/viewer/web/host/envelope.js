// Whether a volume is like those the model was trained on: FORMAT.md, section 4. The limits are those of
// modality_translate/pipeline/envelope.py.

import { spacingOf } from "./affine.js";
import { bodyMask, sampled } from "./foreground.js";
import { orient, orientation, orientedGrid } from "./geometry.js";
import { percentiles } from "./numbers.js";

const ENOUGH_VOXELS = 2e6;
const SPACING_FACTOR = 2;
const SMALLEST_EXTENT = 0.4;
const LARGEST_EXTENT = 2.5;
const CT_MEDIAN_MARGIN = 300;
const PET_FACTOR = 10;
const HIGHEST_SUV = 100;
const AXES = ["left-right", "front-back", "head-foot"];
const VALUE_CHECKS = { CT: ctReasons, MR: mrReasons, PET: petReasons };

/** Reasons, in plain words with numbers, why the volume does not fit the spec; none if it fits. */
export function envelopeReasons(volume, spec) {
  const [first] = volume.array;
  if (volume.array.every((value) => value === first)) return [`every voxel has the same value, ${first}: the volume is empty`];
  const found = measure(volume, spec.source.modality);
  const reasons = VALUE_CHECKS[spec.source.modality](found, spec.envelope);
  if (!spec.envelope) return reasons;
  return [...reasons, ...spacingReasons(found, spec.envelope), ...extentReasons(found, spec.envelope)];
}

function measure(volume, modality) {
  const order = orientation(volume.affine);
  const { shape, affine } = orientedGrid(volume, order);
  const values = sampled(orient(volume.array, volume.shape, order), shape, ENOUGH_VOXELS);
  const mask = bodyMask(values.array, values.shape, modality, [1, 1, 1]);
  const inside = values.array.filter((_, i) => mask[i]);
  const [median, high] = percentiles(inside.length ? inside : values.array, [50, 99]);
  const [low] = percentiles(values.array, [1]);
  const spacing = spacingOf(affine);
  return { spacing, extent: spacing.map((size, axis) => size * shape[axis]), low, median, high, looksLikeCt: looksLikeCt(volume) };
}

/** A mode of air near -1000 HU, and soft tissue around 0. */
function looksLikeCt(volume) {
  const { array } = sampled(volume.array, volume.shape);
  const counts = new Float64Array(45);
  let tissue = 0;
  for (const value of array) {
    if (value >= -1200 && value <= -300) counts[Math.min(44, Math.floor((value + 1200) / 20))] += 1;
    if (value > -150 && value < 150) tissue += 1;
  }
  if (counts.reduce((sum, count) => sum + count, 0) < 0.01 * array.length) return false;
  const mode = -1200 + 20 * counts.indexOf(Math.max(...counts));
  return mode >= -1100 && mode <= -850 && tissue > 0.02 * array.length;
}

function ctReasons({ low, median, looksLikeCt: ct }, envelope) {
  if (low > -50) return [`the values are not HU: 1 % of the voxels lie below ${text(low)}, where CT has air (-1000) or fat (-100)`];
  if (low < -1100 && !ct) return [`the values are not HU: 1 % of the voxels lie below ${text(low)}; it looks like CT stored with an offset`];
  if (!envelope || (median >= envelope.median[0] - CT_MEDIAN_MARGIN && median <= envelope.median[1] + CT_MEDIAN_MARGIN)) return [];
  return [`the body's median is ${text(median)} HU; the training volumes had ${envelope.median.map(text).join(" to ")} HU`];
}

function mrReasons({ looksLikeCt: ct }) {
  return ct ? ["the model takes MR, but the values look like CT in HU"] : [];
}

function petReasons({ high, median, looksLikeCt: ct }, envelope) {
  if (ct) return ["the model takes PET, but the values look like CT in HU"];
  if (high > HIGHEST_SUV) return [`the values are not SUV: 1 % of the body lies above ${text(high)}`];
  if (!envelope || withinFactor(median, envelope.median, PET_FACTOR)) return [];
  return [`the body's median is ${text(median)} SUV; the training volumes had ${envelope.median.map(text).join(" to ")} SUV`];
}

function spacingReasons({ spacing }, envelope) {
  return AXES.flatMap((name, axis) => {
    const limits = envelope.spacing.map((triple) => triple[axis]);
    if (withinFactor(spacing[axis], limits, SPACING_FACTOR)) return [];
    return [`the voxel size ${name} is ${text(spacing[axis])} mm; the training volumes had ${limits.map(text).join(" to ")} mm`];
  });
}

function extentReasons({ extent }, envelope) {
  return AXES.flatMap((name, axis) => {
    const limits = envelope.extent.map((triple) => triple[axis]);
    if (extent[axis] >= limits[0] * SMALLEST_EXTENT && extent[axis] <= limits[1] * LARGEST_EXTENT) return [];
    return [`the field of view ${name} is ${text(extent[axis])} mm; the training volumes had ${limits.map(text).join(" to ")} mm`];
  });
}

function withinFactor(value, [low, high], factor) {
  return value >= low / factor && value <= high * factor;
}

function text(value) {
  return String(Number(value.toPrecision(3)));
}
