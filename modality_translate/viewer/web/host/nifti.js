// NIfTI files in and out. A volume is {shape, affine, forms, array, notes}: array is Float32Array, x fastest, in the
// modality's units; affine is 3 x 4, voxel to world RAS+ mm.

import { HostError } from "./errors.js";
import { HEADER_BYTES, parseHeader } from "./header.js";
import { halfEven } from "./numbers.js";
import { ALIGNED, quaternionOf } from "./placement.js";

const SLACK = 2 ** 16;
const DEFLATE_LIMIT = 1032;
const VOXELS_AT = 352;
const LARGEST_SIDE = 32767;
const FLOAT32 = 16;
const INT16 = 4;
const COPY_AGAIN = "Copy or download the file again.";

/** The volume in a .nii or .nii.gz Blob. Rejects with a HostError for whatever is not understood without doubt. */
export async function readNifti(blob) {
  const magic = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const packed = magic[0] === 0x1f && magic[1] === 0x8b;
  const source = new Source(packed ? blob.stream().pipeThrough(new DecompressionStream("gzip")) : blob.stream());
  try {
    const header = parseHeader(await source.peek(HEADER_BYTES));
    const end = header.offset + header.bytes;
    // The page must not allocate what a lying header announces.
    if (end > blob.size * (packed ? DEFLATE_LIMIT : 1))
      throw new HostError(`The volume is truncated: ${blob.size} bytes cannot hold the ${end} announced.`, COPY_AGAIN);
    const bytes = await source.exactly(end);
    await source.finish();
    return { ...header, array: voxels(bytes, header) };
  } finally {
    await source.close();
  }
}

/** Bytes of a stream in order, never more at once than asked for and one chunk. */
class Source {
  constructor(stream) {
    this.reader = stream.getReader();
    this.pieces = [];
    this.held = 0;
  }

  /** The first `count` bytes, fewer at the end of the stream; they will be read again. */
  async peek(count) {
    while (this.held < count && (await this.more()));
    return this.joined(Math.min(count, this.held));
  }

  async exactly(count) {
    const result = new Uint8Array(count);
    let place = 0;
    do {
      for (const piece of this.pieces) {
        result.set(piece.subarray(0, Math.max(0, count - place)), Math.min(place, count));
        place += piece.length;
      }
      this.pieces = [];
    } while (place < count && (await this.more()));
    if (place < count) throw new HostError(`The volume is truncated: ${place} of ${count} bytes are there.`, COPY_AGAIN);
    this.extra = place - count;
    return result;
  }

  /** To the end of the stream, where gzip keeps its checksum. */
  async finish() {
    let extra = this.extra;
    while (extra <= SLACK && (await this.more())) extra += this.pieces.pop().length;
    if (extra > SLACK) throw new HostError("The file holds more than its header describes.", COPY_AGAIN);
  }

  async close() {
    await this.reader.cancel().catch(() => {});
  }

  async more() {
    try {
      const { done, value } = await this.reader.read();
      if (done) return false;
      this.pieces.push(value);
      this.held += value.length;
      return true;
    } catch (error) {
      throw new HostError(`The file is damaged or cut off (${error.message}).`, COPY_AGAIN);
    }
  }

  joined(count) {
    const result = new Uint8Array(count);
    let place = 0;
    for (const piece of this.pieces) {
      if (place >= count) break;
      result.set(piece.subarray(0, count - place), place);
      place += piece.length;
    }
    return result;
  }
}

function voxels(bytes, { shape, getter, itemsize, littleEndian, offset, slope, inter }) {
  const view = new DataView(bytes.buffer);
  const array = new Float32Array(shape[0] * shape[1] * shape[2]);
  let broken = 0;
  for (let i = 0; i < array.length; i++) {
    array[i] = Number(view[getter](offset + i * itemsize, littleEndian)) * slope + inter;
    if (!Number.isFinite(array[i])) broken += 1;
  }
  if (broken) throw new HostError(`The volume holds ${broken} NaN or infinite voxels.`, "Replace them by the value of air first.");
  return array;
}

/** The bytes (Uint8Array) of a .nii file of this volume: a fresh header that carries geometry and `description` only. */
export function writeNifti({ shape, affine, forms, array }, stored, description) {
  if (Math.max(...shape) > LARGEST_SIDE) throw new HostError("The volume is too long for NIfTI-1.", "Use mtranslate convert.");
  const itemsize = stored === "int16" ? 2 : 4;
  const bytes = new Uint8Array(VOXELS_AT + array.length * itemsize);
  const view = new DataView(bytes.buffer);
  writeHeader(view, shape, affine, forms, stored);
  bytes.set(new TextEncoder().encode(description.replace(/[^ -~]/g, "?")).subarray(0, 79), 148);
  // Every machine with a browser is little-endian, as the file is.
  if (stored === "int16") rounded(new Int16Array(bytes.buffer, VOXELS_AT), array);
  else new Float32Array(bytes.buffer, VOXELS_AT).set(array);
  return bytes;
}

function rounded(into, array) {
  for (let i = 0; i < array.length; i++) into[i] = Math.min(32767, Math.max(-32768, halfEven(array[i])));
}

function writeHeader(view, shape, affine, forms, stored) {
  const short = (place, ...values) => values.forEach((value, i) => view.setInt16(place + 2 * i, value, true));
  const real = (place, ...values) => values.forEach((value, i) => view.setFloat32(place + 4 * i, value, true));
  const { pixdim, quaternion, usable, same } = quaternionOf({ shape, affine });
  const qform = usable ? forms.qform : 0;
  view.setInt32(0, 348, true);
  short(40, 3, ...shape, 1, 1, 1, 1);
  short(70, stored === "int16" ? INT16 : FLOAT32, stored === "int16" ? 16 : 32);
  real(76, ...pixdim, 1, 1, 1, 1);
  real(108, VOXELS_AT, 1, 0);
  view.setUint8(123, 2); // mm
  // Without a code of its own the sform gets one when the qform alone would not lead to this very affine.
  short(252, qform, forms.sform || (qform && same ? 0 : forms.qform || ALIGNED));
  real(256, ...quaternion, ...affine.map((row) => row[3]));
  real(280, ...affine.flat());
  [0x6e, 0x2b, 0x31, 0].forEach((letter, i) => view.setUint8(344 + i, letter)); // n+1
}
