// Where a NIfTI header places its voxels: sform if coded, else qform, else voxel sizes alone, as nibabel chooses.

import { closestRotation, determinant, directions, fromColumns, matches, spacingOf } from "./affine.js";
import { HostError } from "./errors.js";

const SMALLEST_VOXEL = 1e-4;
const LARGEST_VOXEL = 1e4;
export const ALIGNED = 2;
const QUATERNION_SLACK = 3 * 2 ** -23;
const REPAIR = "Set a valid sform and qform first, for example with nibabel or fslorient.";

/**
 * {affine, forms: {qform, sform}, notes} of `raw`: {shape, pixdim[4], qform, sform (codes), quaternion[3], offset[3],
 * rows (the sform, 3 x 4)}.
 */
export function place(raw) {
  const placement = chosen({ ...raw, qform: known(raw.qform), sform: known(raw.sform) });
  checkAffine(placement.affine);
  return placement;
}

function chosen(raw) {
  const forms = { qform: raw.qform, sform: raw.sform };
  if (raw.sform) {
    const agrees = !raw.qform || sformAgrees(raw);
    if (agrees) return { affine: raw.rows, forms, notes: [] };
    // What is kept is one affine, so both codes must say where that one leads.
    const note = "sform and qform disagree by more than 1 mm: the sform is used";
    return { affine: raw.rows, forms: { qform: raw.sform, sform: raw.sform }, notes: [note] };
  }
  if (raw.qform) return { affine: byQuaternion(raw), forms, notes: [] };
  const note = "no orientation is recorded: taken as left, anterior, superior voxel order";
  return { affine: bySizes(raw), forms, notes: [note] };
}

function known(code) {
  return code >= 0 && code <= 5 ? code : code > 0 ? ALIGNED : 0;
}

function sizes({ pixdim }) {
  return pixdim.slice(1, 4).map(Math.abs);
}

function sformAgrees(raw) {
  try {
    return matches({ shape: raw.shape, affine: raw.rows }, { shape: raw.shape, affine: byQuaternion(raw) }, 1);
  } catch (error) {
    if (error instanceof HostError) return false;
    throw error;
  }
}

/** The affine of the qform, of which the quaternion's first part is left out of the header. */
export function byQuaternion(raw) {
  const [x, y, z] = raw.quaternion;
  const rest = 1 - (x * x + y * y + z * z);
  if (!(rest > -QUATERNION_SLACK)) throw new HostError("The volume has a qform that is no rotation.", REPAIR);
  const w = Math.abs(rest) < QUATERNION_SLACK ? 0 : Math.sqrt(rest);
  const s = 2 / (w * w + x * x + y * y + z * z);
  const rotation = [
    [1 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y)],
    [s * (x * y + w * z), 1 - s * (x * x + z * z), s * (y * z - w * x)],
    [s * (x * z - w * y), s * (y * z + w * x), 1 - s * (x * x + y * y)],
  ];
  const [a, b, c] = sizes(raw);
  const scale = [a, b, raw.pixdim[0] === -1 ? -c : c];
  return rotation.map((row, r) => [...row.map((value, axis) => value * scale[axis]), raw.offset[r]]);
}

function bySizes(raw) {
  const [a, b, c] = sizes(raw).map((size) => size || 1);
  const middle = raw.shape.map((size) => (size - 1) / 2);
  return fromColumns([[-a, 0, 0], [0, b, 0], [0, 0, c]], [a * middle[0], -b * middle[1], -c * middle[2]]);
}

/** Refuses an affine that cannot place voxels in a patient. */
function checkAffine(affine) {
  if (!affine.flat().every(Number.isFinite)) throw new HostError("The volume has NaN or infinity in its affine.", REPAIR);
  const spacing = spacingOf(affine);
  if (Math.min(...spacing) < SMALLEST_VOXEL || Math.max(...spacing) > LARGEST_VOXEL)
    throw new HostError(`The volume has voxels of ${spacing.map((s) => s.toPrecision(4)).join(" x ")} mm, which cannot be.`, REPAIR);
  if (Math.abs(determinant(directions(affine))) < 1e-3)
    throw new HostError("The volume has an affine with parallel axes (singular).", REPAIR);
}

/**
 * {pixdim[4], quaternion[3], usable, same} of a grid: `usable` unless a qform cannot say it (sheared axes), `same` if it
 * leads back to this very affine.
 */
export function quaternionOf(grid) {
  const unit = directions(grid.affine);
  const qfac = determinant(unit) > 0 ? 1 : -1;
  const r = closestRotation(unit.map(([a, b, c]) => [a, b, c * qfac]));
  const pixdim = [qfac, ...spacingOf(grid.affine)];
  const quaternion = rotationParts(r);
  const offset = grid.affine.map((row) => row[3]);
  const again = { shape: grid.shape, affine: byQuaternion({ pixdim, quaternion: quaternion.map(Math.fround), offset }) };
  const flat = again.affine.flat();
  const same = grid.affine.flat().every((value, i) => Math.abs(flat[i] - value) <= 1e-5 + 1e-6 * Math.abs(value));
  return { pixdim, quaternion, usable: matches(grid, again, 0.05), same };
}

/** [x, y, z] of the quaternion with w >= 0, from its largest part, which is far from 0. */
function rotationParts(r) {
  const trace = r[0][0] + r[1][1] + r[2][2];
  const squares = [trace, r[0][0], r[1][1], r[2][2]];
  const largest = squares.indexOf(Math.max(...squares));
  const mixed = [
    [1 + trace, r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]],
    [r[2][1] - r[1][2], 1 + 2 * r[0][0] - trace, r[0][1] + r[1][0], r[0][2] + r[2][0]],
    [r[0][2] - r[2][0], r[0][1] + r[1][0], 1 + 2 * r[1][1] - trace, r[1][2] + r[2][1]],
    [r[1][0] - r[0][1], r[0][2] + r[2][0], r[1][2] + r[2][1], 1 + 2 * r[2][2] - trace],
  ][largest];
  const length = Math.hypot(...mixed) * (mixed[0] < 0 ? -1 : 1);
  return mixed.slice(1).map((part) => part / length);
}
