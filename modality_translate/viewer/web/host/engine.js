// onnxruntime-web behind one function. `parts` says where its pieces are: {ort, glue, wasm}; ort and glue are its two
// modules, as URLs or Blobs, wasm the bytes of the WebAssembly file.

import { HostError } from "./errors.js";
import { core } from "./spec.js";

const MOST_THREADS = 8;

/** Threads need SharedArrayBuffer, which a browser hands only to isolated pages (COOP and COEP headers). */
export function threadsHere() {
  return globalThis.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
}

/** An async function from one patch (Float32Array, C order) to the graph's answer for it. */
export async function openEngine(bytes, spec, parts) {
  const ort = await import(address(parts.ort));
  const paths = { mjs: address(parts.glue) };
  Object.assign(ort.env.wasm, { wasmBinary: parts.wasm, wasmPaths: paths, numThreads: threadsHere() });
  ort.env.logLevel = "error";
  const session = await opened(ort, bytes);
  if (session.inputNames.join() !== "source" || session.outputNames.join() !== "synthetic")
    throw new HostError("The model has other ports than `source` and `synthetic`.", "Export it again.");
  const wanted = [1, 1, ...core(spec.tiling)].join();
  return async (patch) => {
    const source = new ort.Tensor("float32", patch, [1, 1, ...spec.tiling.patch]);
    const { synthetic } = await answered(session, source);
    if (synthetic.type !== "float32" || synthetic.dims.join() !== wanted)
      throw new HostError(`The model answered ${synthetic.dims.join(" x ")}; ${wanted} was wanted.`, "Export it again.");
    return synthetic.data;
  };
}

/** The URL of a Blob is made here: a worker of a page from disk may not import the page's. */
function address(part) {
  return part instanceof Blob ? URL.createObjectURL(part) : part;
}

async function opened(ort, bytes) {
  try {
    return await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  } catch (error) {
    throw new HostError(`The engine does not take this model (${short(error)}).`, "Export it again.");
  }
}

async function answered(session, source) {
  try {
    return await session.run({ source });
  } catch (error) {
    throw new HostError(`The engine failed on this model (${short(error)}).`, "It may need more memory than a page has.");
  }
}

function short(error) {
  return String(error?.message ?? error).slice(0, 200);
}
