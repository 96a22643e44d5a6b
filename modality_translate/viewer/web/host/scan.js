// What a model file may hold, looked at by bytes before the engine parses or allocates anything. The rules are those of
// FORMAT.md, section 1.

import { HostError } from "./errors.js";
import { core } from "./spec.js";

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

/** Operators whose second and later inputs decide how much they give. */
const SIZED = new Set(
  (
    "Expand Pad ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Reshape Resize Slice Split Squeeze Tile Unsqueeze"
  ).split(" "),
);

export function refused(reason) {
  return new HostError(`The model ${reason}.`, "Export the run again; only models by `mtranslate export` are run.");
}

/** Throws unless the graph {see graph.js} is plain operators on weights and sizes that stand in the file. */
export function checkGraph(graph, tiling) {
  checkOperators(graph);
  checkWeights(graph);
  checkSizes(graph);
  checkPorts(graph, tiling);
}

function checkOperators({ graphs, opsets, nodes, extras }) {
  if (extras) throw refused("holds functions or training steps");
  if (graphs !== 1 || !opsets.length) throw refused(`holds ${graphs} graphs and ${opsets.length} operator sets`);
  for (const { domain, version } of opsets) {
    checkDomain(domain);
    if (!(version >= OLDEST_OPSET && version <= NEWEST_OPSET))
      throw refused(`uses opset ${version}, known are ${OLDEST_OPSET} to ${NEWEST_OPSET}`);
  }
  if (nodes.length > LARGEST_GRAPH) throw refused(`has ${nodes.length} nodes, at most ${LARGEST_GRAPH} are taken`);
  nodes.forEach(checkOperator);
}

function checkDomain(domain) {
  if (domain !== "" && domain !== "ai.onnx") throw refused(`uses operators of the foreign domain '${domain.slice(0, 40)}'`);
}

function checkOperator({ operators, domains, nested }) {
  if (operators.length !== 1) throw refused(`has a node with ${operators.length} operators`);
  if (!OPERATORS.has(operators[0]))
    throw refused(`uses the operator '${operators[0].slice(0, 40)}', which no translator needs`);
  domains.forEach(checkDomain);
  if (nested) throw refused("holds a graph within a node (control flow) or sparse values");
}

function checkWeights({ sparse, weights, nodes }) {
  if (sparse) throw refused("holds sparse weights");
  for (const { external, elements, size } of [...weights, ...nodes.flatMap((node) => node.tensors)]) {
    if (external) throw refused("keeps weights in another file (external data)");
    // Two numbers in a byte is the densest that ONNX knows.
    if (elements > 2 * size) throw refused(`announces ${elements.toPrecision(3)} weights in ${size} bytes`);
  }
}

/** Sizes computed from voxels may be any; a value made twice is read differently by different parsers. */
function checkSizes({ inputs, weights, nodes }) {
  const constants = new Set(["", ...weights.map(({ name }) => name)]);
  const made = new Set([...constants, ...inputs.map(({ name }) => name)]);
  if (made.size !== 1 + inputs.length + weights.length) throw refused("names two of its values alike");
  for (const { operators, inputs: taken, outputs } of nodes) {
    const missing = taken.find((name) => !made.has(name));
    if (missing !== undefined) throw refused(`uses the value '${missing.slice(0, 40)}' before it is made`);
    if (SIZED.has(operators[0]) && !taken.slice(1).every((name) => constants.has(name)))
      throw refused(`computes the size of a value (inputs of ${operators[0]} outside the file)`);
    const twice = outputs.find((name) => name !== "" && made.has(name));
    if (twice !== undefined) throw refused(`makes the value '${twice.slice(0, 40)}' twice`);
    for (const name of outputs) {
      made.add(name);
      if (operators[0] === "Constant") constants.add(name);
    }
  }
}

function checkPorts({ inputs, outputs }, tiling) {
  const wanted = [[inputs, "source", tiling.patch], [outputs, "synthetic", core(tiling)]];
  for (const [ports, name, sizes] of wanted) {
    const [port] = ports;
    const fits = ports.length === 1 && port.name === name && port.types.join() === "1";
    if (!fits || port.shape[0] !== null || port.shape.slice(1).join() !== [1, ...sizes].join())
      throw refused(`does not have one float32 port '${name}' of (N, 1, ${sizes.join(", ")}), as its spec says`);
  }
}
