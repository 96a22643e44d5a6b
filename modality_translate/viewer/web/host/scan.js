// What a model file may hold, looked at by bytes before the engine parses or allocates anything. The rules are those of
// FORMAT.md, section 1; field numbers are those of onnx.proto3.

import { HostError } from "./errors.js";
import { fields, text } from "./protobuf.js";

const OLDEST_OPSET = 13;
const NEWEST_OPSET = 25;
const LARGEST_GRAPH = 10_000;

export const OPERATORS = new Set(
  (
    "Abs Add And ArgMax ArgMin Asinh AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant " +
    "Conv ConvTranspose Cos CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand Flatten " +
    "Floor Gather Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid " +
    "HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max " +
    "MaxPool Mean Min Mish Mod Mul Neg Not Or PRelu Pad Pow QuantizeLinear Reciprocal ReduceMax ReduceMean ReduceMin " +
    "ReduceProd ReduceSum Relu Reshape Resize Round Selu Shape Sigmoid Sign Sin Sinh Slice Softmax Softplus Softsign " +
    "SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile Transpose Unsqueeze Where"
  ).split(" "),
);

export function refused(reason) {
  return new HostError(`The model ${reason}.`, "Export the run again; only models by `mtranslate export` are run.");
}

/** Throws for anything but plain operators and weights that are inside. */
export function checkStructure(data) {
  let graphs = 0;
  let opsets = 0;
  for (const field of fields(data)) {
    if (field.number === 7) {
      graphs += 1;
      checkGraph(data, field);
    } else if (field.number === 8) {
      opsets += 1;
      checkOpset(data, field);
    } else if (field.number === 20 || field.number === 25) throw refused("holds functions or training steps");
  }
  if (graphs !== 1 || opsets === 0) throw refused(`holds ${graphs} graphs and ${opsets} operator sets`);
}

function within(data, message) {
  return fields(data, message.start, message.stop);
}

function checkOpset(data, opset) {
  let version = 0;
  for (const field of within(data, opset)) {
    if (field.number === 1) checkDomain(text(data, field));
    else if (field.number === 2) version = field.value;
  }
  if (!(version >= OLDEST_OPSET && version <= NEWEST_OPSET))
    throw refused(`uses opset ${version}, known are ${OLDEST_OPSET} to ${NEWEST_OPSET}`);
}

function checkDomain(domain) {
  if (domain !== "" && domain !== "ai.onnx") throw refused(`uses operators of the foreign domain '${domain.slice(0, 40)}'`);
}

function checkGraph(data, graph) {
  let nodes = 0;
  for (const field of within(data, graph)) {
    if (field.number === 1) {
      nodes += 1;
      checkNode(data, field);
    } else if (field.number === 5) checkTensor(data, field);
    else if (field.number === 15) throw refused("holds sparse weights");
  }
  if (nodes > LARGEST_GRAPH) throw refused(`has ${nodes} nodes, at most ${LARGEST_GRAPH} are taken`);
}

function checkNode(data, node) {
  for (const field of within(data, node)) {
    if (field.number === 4) {
      const operator = text(data, field);
      if (!OPERATORS.has(operator)) throw refused(`uses the operator '${operator.slice(0, 40)}', which no translator needs`);
    } else if (field.number === 7) checkDomain(text(data, field));
    else if (field.number === 5) checkAttribute(data, field);
  }
}

function checkAttribute(data, attribute) {
  for (const field of within(data, attribute)) {
    if ([6, 11, 22, 23].includes(field.number))
      throw refused("holds a graph within a node (control flow) or sparse values");
    if (field.number === 5 || field.number === 10) checkTensor(data, field);
  }
}

function checkTensor(data, tensor) {
  for (const field of within(data, tensor))
    if (field.number === 13 || (field.number === 14 && field.value !== 0))
      throw refused("keeps weights in another file (external data)");
}
