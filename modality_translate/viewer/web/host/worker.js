// The host in a Web Worker, so that the page stays responsive. Each message {id, task, ...} is answered with
// {id, result} or {id, error}; translations also send {id, progress: [done, total]}.

import { difference, windowOf } from "./display.js";
import { openEngine } from "./engine.js";
import { envelopeReasons } from "./envelope.js";
import { HostError } from "./errors.js";
import { readModel } from "./model.js";
import { readNifti, writeNifti } from "./nifti.js";
import { checkSelfTest, translate } from "./translate.js";

/** A promise of {spec, predict}: what asks for the model while it loads waits for it. */
let loading = Promise.reject(new HostError("No model is loaded.", "Choose one first."));
loading.catch(() => {});

const TASKS = {
  /** Checks a model file (Blob), opens it and runs its self-test. */
  async load({ model, parts }) {
    loading = loadModel(model, parts);
    const { spec, card, author, licence } = await loading;
    return { spec, card, author, licence };
  },

  /** A volume file (Blob) as a fresh float32 NIfTI of its geometry and voxels alone: what a viewer may see. */
  async open({ volume }) {
    const read = await readNifti(volume);
    return { ...written(read), window: windowOf(read), shape: read.shape, notes: read.notes };
  },

  /** The synthetic volume of a volume file (Blob), in the spec's number type; `force` for one unlike the training's. */
  async translate({ volume, force }, progress) {
    const { spec, predict } = await loading;
    const source = await readNifti(volume);
    const reasons = envelopeReasons(source, spec);
    if (reasons.length && !force) throw new HostError(`${reasons.join("; ")}.`, "The result would mislead.");
    const synthetic = await translate(source, spec, predict, progress);
    const text = `mtranslate web ${spec.name.slice(0, 40)}${reasons.length ? " FORCED" : ""}`;
    const notes = [...source.notes, ...reasons.map((reason) => `forced: ${reason}`)];
    return { ...written(synthetic, spec.target.stored, text), window: spec.target.display, notes };
  },

  /** Right minus left of two volume files (Blobs) on one grid. */
  async difference({ left, right }) {
    const apart = difference(await readNifti(left), await readNifti(right));
    return { ...written(apart), window: apart.window };
  },
};

async function loadModel(model, parts) {
  const bytes = new Uint8Array(await model.arrayBuffer());
  const read = await readModel(bytes);
  const predict = await openEngine(bytes, read.spec, parts);
  await checkSelfTest(read.spec, predict);
  return { ...read, predict };
}

function written(volume, stored = "float32", description = "") {
  return { nifti: new Blob([writeNifti(volume, stored, description)]) };
}

onmessage = async ({ data: { id, task, ...details } }) => {
  try {
    postMessage({ id, result: await TASKS[task](details, (...progress) => postMessage({ id, progress })) });
  } catch (error) {
    postMessage({ id, error: message(error) });
  }
};

function message(error) {
  if (error instanceof HostError) return error.message;
  if (error instanceof RangeError) return "The browser has not enough memory for this volume. Use mtranslate convert.";
  return `Something unforeseen went wrong: ${String(error?.message ?? error).slice(0, 200)}`;
}
