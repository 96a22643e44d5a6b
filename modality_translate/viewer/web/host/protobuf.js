// Just enough of the protobuf wire format to look at a model before any engine does: onnxruntime-web does not hand out
// metadata_props. Every length is checked against the message that holds it.

import { HostError } from "./errors.js";

const FIXED_WIDTH = { 1: 8, 5: 4 };
const LONGEST_VARINT = 10;

function damaged(what) {
  return new HostError(`The model is not a readable ONNX file (${what}).`, "Copy or export it again.");
}

/** The fields {number, wire, value, start, stop} of the message in data[start, stop), in file order. */
export function* fields(data, start = 0, stop = data.length) {
  let place = start;
  while (place < stop) {
    const [key, afterKey] = varint(data, place, stop);
    // Shifts are of 32 bits in JavaScript; a number that large is no field of ONNX.
    const number = Math.floor(key / 8);
    const wire = key % 8;
    if (number === 0) throw damaged("field number 0");
    let value = 0;
    let begin = afterKey;
    if (wire === 0) [value, place] = varint(data, afterKey, stop);
    else if (wire === 2) {
      const [length, afterLength] = varint(data, afterKey, stop);
      begin = afterLength;
      place = begin + length;
    } else if (wire in FIXED_WIDTH) place = afterKey + FIXED_WIDTH[wire];
    else throw damaged(`wire type ${wire}`);
    if (place > stop) throw damaged("a field is longer than its message");
    yield { number, wire, value, start: begin, stop: place };
  }
}

/** The field's content as UTF-8. */
export function text(data, field) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data.subarray(field.start, field.stop));
  } catch {
    throw damaged("text that is not UTF-8");
  }
}

/** The numbers of a repeated field, of which an entry holds one or, packed, several. */
export function numbers(data, field) {
  if (field.wire !== 2) return [field.value];
  const found = [];
  for (let place = field.start; place < field.stop; ) {
    const [value, after] = varint(data, place, field.stop);
    found.push(value);
    place = after;
  }
  return found;
}

/** [value, place after it]. Beyond 2^53 the value is inexact, which only makes a length even more too long. */
function varint(data, start, stop) {
  let value = 0;
  for (let i = 0; i < LONGEST_VARINT; i++) {
    if (start + i >= stop) throw damaged("it ends in the middle of a number");
    const byte = data[start + i];
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return [value, start + i + 1];
  }
  throw damaged("a number is too long");
}
