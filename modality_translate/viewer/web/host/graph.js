// A model's graph as its bytes say it, without weights: what the checks of scan.js look at. Field numbers are those of
// onnx.proto3. A field that may stand once but stands twice counts each time: parsers differ on which one wins.

import { fields, numbers, text } from "./protobuf.js";

const within = (data, message) => fields(data, message.start, message.stop);

/** {graphs, opsets, nodes, weights, inputs, outputs, sparse, extras} of a model file (Uint8Array). */
export function readGraph(data) {
  const graph = { graphs: 0, opsets: [], nodes: [], weights: [], inputs: [], outputs: [], sparse: false, extras: false };
  for (const part of fields(data)) {
    if (part.number === 7) {
      graph.graphs += 1;
      readParts(data, part, graph);
    } else if (part.number === 8) graph.opsets.push(opset(data, part));
    else if (part.number === 20 || part.number === 25) graph.extras = true;
  }
  return graph;
}

function readParts(data, message, graph) {
  for (const part of within(data, message)) {
    if (part.number === 1) graph.nodes.push(node(data, part));
    else if (part.number === 5) graph.weights.push(tensor(data, part));
    else if (part.number === 11) graph.inputs.push(port(data, part));
    else if (part.number === 12) graph.outputs.push(port(data, part));
    else if (part.number === 15) graph.sparse = true;
  }
}

function opset(data, message) {
  const found = { domain: "", version: 0 };
  for (const part of within(data, message)) {
    if (part.number === 1) found.domain = text(data, part);
    else if (part.number === 2) found.version = part.value;
  }
  return found;
}

function node(data, message) {
  const found = { operators: [], domains: [], inputs: [], outputs: [], tensors: [], nested: false };
  const texts = { 1: found.inputs, 2: found.outputs, 4: found.operators, 7: found.domains };
  for (const part of within(data, message)) {
    if (part.number in texts) texts[part.number].push(text(data, part));
    else if (part.number === 5) readAttribute(data, part, found);
  }
  return found;
}

function readAttribute(data, message, found) {
  for (const part of within(data, message)) {
    // A graph (6, 11), types (14, 15), sparse values (22, 23); one tensor (5) or several (10).
    if ([6, 11, 14, 15, 22, 23].includes(part.number)) found.nested = true;
    else if (part.number === 5 || part.number === 10) found.tensors.push(tensor(data, part));
  }
}

/** `elements` as announced, `size` in bytes of the whole entry. */
function tensor(data, message) {
  const found = { name: "", elements: 1, size: message.stop - message.start, external: false };
  for (const part of within(data, message)) {
    if (part.number === 1) for (const length of numbers(data, part)) found.elements *= length;
    else if (part.number === 8) found.name = text(data, part);
    else if (part.number === 13 || (part.number === 14 && part.value !== 0)) found.external = true;
  }
  return found;
}

/** Element types (1 is float32) and sizes, null where free. */
function port(data, message) {
  const found = { name: "", types: [], shape: [] };
  for (const part of within(data, message)) {
    if (part.number === 1) found.name = text(data, part);
    else if (part.number === 2)
      for (const kind of within(data, part)) {
        if (kind.number === 1) readTensorType(data, kind, found);
        else found.types.push(0);
      }
  }
  return found;
}

function readTensorType(data, message, found) {
  for (const part of within(data, message)) {
    if (part.number === 1) found.types.push(part.value);
    else if (part.number === 2) for (const dim of within(data, part)) if (dim.number === 1) found.shape.push(sizeOf(data, dim));
  }
}

function sizeOf(data, message) {
  let size = null;
  for (const part of within(data, message)) {
    if (part.number === 1) size = part.value;
    else if (part.number === 2) text(data, part);
  }
  return size;
}
