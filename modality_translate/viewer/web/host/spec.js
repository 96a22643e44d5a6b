// The spec: the contract in a model file, read strictly. It is closed: an unknown key is an error, for a host that
// passes over what it does not know would compute something else than the model means.

import { HostError } from "./errors.js";

const LARGEST_SPEC = 16 * 1024;
const LARGEST_PATCH = 2 ** 27;
/** Voxels a network may be given for each voxel of a volume, by halo and overlap together. */
const MOST_WORK = 4096;

function unusable(where, wanted) {
  return new HostError(`The model has a spec that cannot be used: ${where} must be ${wanted}.`, "Export the run again.");
}

const number = (value, at) => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw unusable(at, "a finite number");
};
const whole = (least) => (value, at) => {
  if (!Number.isInteger(value) || value < least) throw unusable(at, `a whole number of at least ${least}`);
};
const between = (low, high) => (value, at) => {
  number(value, at);
  if (value < low || value > high) throw unusable(at, `from ${low} to ${high}`);
};
const positive = (value, at) => {
  number(value, at);
  if (value <= 0) throw unusable(at, "above 0");
};
const string = (value, at) => {
  // JSON can spell half a character, which no file and no terminal takes.
  if (typeof value !== "string" || !value.isWellFormed()) throw unusable(at, "text");
};
const oneOf =
  (...choices) =>
  (value, at) => {
    if (!choices.includes(value)) throw unusable(at, `one of ${choices.join(", ")}`);
  };
const maybe = (check) => (value, at) => {
  if (value !== null) check(value, at);
};
const list = (length, check) => (value, at) => {
  if (!Array.isArray(value) || (length !== null && value.length !== length)) throw unusable(at, `${length ?? "several"} values`);
  value.forEach((item, index) => check(item, `${at}[${index}]`));
};
const entries = (check) => (value, at) => {
  plain(value, at);
  for (const [key, item] of Object.entries(value)) check(item, `${at}.${key.slice(0, 40)}`);
};
/** `needed` and `optional` map keys to checks; an absent optional key gets its value from `defaults`. */
const record =
  (needed, optional = {}, defaults = {}) =>
  (value, at) => {
    plain(value, at);
    for (const key of Object.keys(value))
      if (!Object.hasOwn(needed, key) && !Object.hasOwn(optional, key)) throw unusable(`${at}.${key.slice(0, 40)}`, "absent");
    for (const [key, fallback] of Object.entries(defaults)) if (!Object.hasOwn(value, key)) value[key] = fallback;
    for (const [key, check] of Object.entries(needed)) check(value[key], `${at}.${key}`);
    for (const [key, check] of Object.entries(optional)) if (Object.hasOwn(value, key)) check(value[key], `${at}.${key}`);
  };

function plain(value, at) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unusable(at, "an object");
}

const pair = list(2, number);
const millimetres = list(3, between(0.01, 100));
const kind = oneOf("window", "asinh", "percentile");
const SCALINGS = {
  window: record({ lo: number, hi: number }, { kind }, {}),
  asinh: record({}, { kind, knee: positive, hi: positive }, { knee: 1, hi: 30 }),
  percentile: record({}, { kind, low: between(0, 100), high: between(0, 100), top: positive }, { low: 0.5, high: 99.5, top: 1000 }),
};
const scaling = (value, at) => {
  plain(value, at);
  kind(value.kind, `${at}.kind`);
  SCALINGS[value.kind](value, at);
  const ordered = value.kind === "window" ? value.lo < value.hi : value.kind === "asinh" || value.low < value.high;
  if (!ordered) throw unusable(at, "in rising order");
};
const channel = record({
  modality: oneOf("MR", "CT", "PET"),
  units: string,
  background: number,
  scaling,
  display: pair,
  stored: oneOf("int16", "float32"),
});
const envelope = record({
  spacing: list(2, list(3, number)),
  extent: list(2, list(3, number)),
  low: pair,
  median: pair,
  high: pair,
  cases: whole(0),
});
const spec = record(
  {
    name: string,
    source: channel,
    target: channel,
    tiling: record(
      { patch: list(3, whole(1)) },
      { halo: list(3, whole(0)), overlap: between(0, 1), skip_below: maybe(number) },
      { halo: [0, 0, 0], overlap: 0.5, skip_below: null },
    ),
    self_test: record({ mean: number, std: number, samples: list(null, number), tolerance: number }),
  },
  {
    version: oneOf(1),
    orientation: oneOf("RAS"),
    spacing: maybe(millimetres),
    blend: oneOf("gaussian"),
    envelope: maybe(envelope),
    accuracy: entries(number),
    versions: entries(string),
  },
  { version: 1, orientation: "RAS", spacing: null, blend: "gaussian", envelope: null, accuracy: {}, versions: {} },
);

/** The spec in this JSON text, with the defaults of absent fields; triples along x, y, z. */
export function parseSpec(json) {
  if (new TextEncoder().encode(json).length > LARGEST_SPEC)
    throw new HostError("The model has a spec of more than 16 kB.", "Export the run again.");
  let value;
  try {
    value = JSON.parse(json);
  } catch {
    throw unusable("it", "JSON");
  }
  spec(value, "spec");
  if (keysWritten(json) !== keysRead(JSON.parse(json))) throw unusable("spec", "without a key that stands twice");
  checkTiling(value.tiling);
  return value;
}

function checkTiling(tiling) {
  const { patch, overlap } = tiling;
  if (overlap >= 1) throw unusable("spec.tiling.overlap", "below 1");
  const lengths = core(tiling);
  if (lengths.some((length) => length < 1)) throw unusable("spec.tiling", "a patch larger than its halo");
  if (product(patch) > LARGEST_PATCH) throw unusable("spec.tiling.patch", `at most ${LARGEST_PATCH} voxels`);
  const work = product(patch) / product(lengths.map((length) => Math.max(1, Math.trunc(length * (1 - overlap)))));
  if (work > MOST_WORK) throw unusable("spec.tiling", `cheaper: halo and overlap multiply the work by ${Math.round(work)}`);
}

function product([x, y, z]) {
  return x * y * z;
}

/** Of two equal keys JSON.parse takes the last one and other parsers another, so they are counted in the text. */
function keysWritten(json) {
  return json.match(/"(?:[^"\\]|\\.)*"\s*:?/g)?.filter((found) => found.endsWith(":")).length ?? 0;
}

function keysRead(value) {
  if (typeof value !== "object" || value === null) return 0;
  const below = Object.values(value).reduce((sum, item) => sum + keysRead(item), 0);
  return below + (Array.isArray(value) ? 0 : Object.keys(value).length);
}

/** Output shape of the network: the patch without its halo. */
export function core(tiling) {
  return tiling.patch.map((length, axis) => length - 2 * tiling.halo[axis]);
}

/** [lowest, highest] value that a scaling can express, in the channel's units. */
export function rangeOf(scaling) {
  return { window: [scaling.lo, scaling.hi], asinh: [0, scaling.hi], percentile: [0, scaling.top] }[scaling.kind];
}
