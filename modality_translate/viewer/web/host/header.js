// What the first bytes of a NIfTI file promise, checked before anything is allocated.

import { HostError } from "./errors.js";
import { place } from "./placement.js";

/** Voxels a page can hold: the source, two sums and the result live side by side. */
export const LARGEST_BYTES = 2 ** 30;
export const HEADER_BYTES = 540;
const OFFSET_LIMIT = 2 ** 28;
const DAMAGED = "The file is damaged or of another format; write it again as NIfTI.";
const CONVERT = "Convert it to a plain scalar volume first.";
const TYPES = {
  2: ["getUint8", 1], 4: ["getInt16", 2], 8: ["getInt32", 4], 16: ["getFloat32", 4], 64: ["getFloat64", 8],
  256: ["getInt8", 1], 512: ["getUint16", 2], 768: ["getUint32", 4], 1024: ["getBigInt64", 8], 1280: ["getBigUint64", 8],
}; // prettier-ignore

// Where the two versions of the format keep each field.
const LAYOUTS = {
  348: { magic: 344, dim: [40, 2], datatype: 70, pixdim: [76, 4], offset: 108, slope: 112, qform: 252, sform: 254,
         code: 2, quaternion: 256, shift: 268, rows: 280, real: 4 },
  540: { magic: 4, dim: [16, 8], datatype: 12, pixdim: [104, 8], offset: 168, slope: 176, qform: 344, sform: 348,
         code: 4, quaternion: 352, shift: 376, rows: 400, real: 8 },
}; // prettier-ignore
const MAGICS = { 348: "n+1\0", 540: "n+2\0\r\n\x1a\n" };

/**
 * {shape, affine, forms, notes, getter, itemsize, littleEndian, offset, slope, inter, bytes} of a header (Uint8Array of
 * at least 540 bytes, or the whole file). Throws a HostError for every field that cannot be believed.
 */
export function parseHeader(block) {
  const [length, littleEndian] = lengthOf(block);
  const read = reader(block, LAYOUTS[length], littleEndian);
  const magic = String.fromCharCode(...block.subarray(read.at.magic, read.at.magic + MAGICS[length].length));
  if (magic !== MAGICS[length]) throw new HostError("The file is no single-file NIfTI (wrong magic).", DAMAGED);
  const shape = shapeOf(read.dims());
  const [getter, itemsize] = typeOf(read.short(read.at.datatype));
  const bytes = shape[0] * shape[1] * shape[2] * itemsize;
  if (Math.max(bytes, (bytes / itemsize) * 4) > LARGEST_BYTES)
    throw new HostError(`The volume announces ${shape.join(" x ")} voxels, more than a page can hold.`, "Use mtranslate convert.");
  const scale = scaling(read.real(read.at.slope), read.real(read.at.slope + read.at.real));
  const placement = place({ shape, ...read.forms() });
  const offset = offsetOf(read.offset(), length + 4);
  return { shape, ...placement, getter, itemsize, littleEndian, offset, bytes, ...scale, notes: [...placement.notes, ...scale.notes] };
}

function lengthOf(block) {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  for (const littleEndian of [true, false]) {
    const length = block.length < 4 ? 0 : view.getInt32(0, littleEndian);
    if (length in LAYOUTS && block.length >= length) return [length, littleEndian];
  }
  throw new HostError("The file does not begin like a NIfTI file.", DAMAGED);
}

function reader(block, at, littleEndian) {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const short = (place) => view.getInt16(place, littleEndian);
  const real = (place) => (at.real === 4 ? view.getFloat32(place, littleEndian) : view.getFloat64(place, littleEndian));
  const long = (place) => Number(view.getBigInt64(place, littleEndian));
  const code = (place) => (at.code === 2 ? short(place) : view.getInt32(place, littleEndian));
  const reals = (place, count) => Array.from({ length: count }, (_, i) => real(place + i * at.real));
  return {
    at,
    short,
    real,
    dims: () => Array.from({ length: 8 }, (_, i) => (at.dim[1] === 2 ? short : long)(at.dim[0] + i * at.dim[1])),
    offset: () => (at.real === 4 ? real(at.offset) : long(at.offset)),
    forms: () => ({
      pixdim: reals(at.pixdim[0], 4),
      qform: code(at.qform),
      sform: code(at.sform),
      quaternion: reals(at.quaternion, 3),
      offset: reals(at.shift, 3),
      rows: [0, 1, 2].map((row) => reals(at.rows + row * 4 * at.real, 4)),
    }),
  };
}

function shapeOf(dim) {
  const ndim = dim[0];
  if (!(ndim >= 1 && ndim <= 7)) throw new HostError(`The volume has ${ndim} dimensions; 1 to 7 are possible.`, DAMAGED);
  const sizes = [...dim.slice(1, ndim + 1), 1, 1, 1, 1, 1, 1].slice(0, 7);
  sizes.forEach((size, axis) => {
    if (size < 1) throw new HostError(`The volume has dim[${axis + 1}] = ${size}; at least 1 is needed.`, DAMAGED);
  });
  if (sizes.slice(3).some((size) => size > 1))
    throw new HostError(`The volume has several frames (${sizes.join(" x ")}).`, "Split it into 3D volumes first.");
  return sizes.slice(0, 3);
}

function typeOf(datatype) {
  if (!(datatype in TYPES))
    throw new HostError(`The voxels are of an unsupported type (datatype ${datatype}).`, CONVERT);
  return TYPES[datatype];
}

function scaling(slope, inter) {
  if (slope === 0 || !Number.isFinite(slope)) return { slope: 1, inter: 0, notes: [`scl_slope is ${slope}: the voxels are taken as stored`] };
  if (!Number.isFinite(inter)) throw new HostError(`The volume has scl_inter = ${inter}, so its numbers have no meaning.`, DAMAGED);
  return { slope, inter, notes: [] };
}

function offsetOf(offset, least) {
  if (!(offset >= least && offset <= OFFSET_LIMIT && Number.isInteger(offset)))
    throw new HostError(`The volume has vox_offset = ${offset}; a whole number of at least ${least} is needed.`, DAMAGED);
  return offset;
}
