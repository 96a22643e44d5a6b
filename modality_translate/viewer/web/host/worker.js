// The host in a Web Worker, so that the page stays responsive. Each message {id, task, ...} is answered with
// {id, result} or {id, error}; translations also send {id, progress: [done, total]}.

import { HostError } from "./errors.js";
import { openEngine } from "./engine.js";
import { readModel } from "./model.js";
import { readNifti, writeNifti } from "./nifti.js";
import { checkSelfTest, translate } from "./translate.js";

let loaded = null;

const TASKS = {
  /** Checks a model file (Blob), opens it and runs its self-test. */
  async load({ model, parts }) {
    loaded = null;
    const bytes = new Uint8Array(await model.arrayBuffer());
    const { spec, card, author, licence } = await readModel(bytes);
    const predict = await openEngine(bytes, spec, parts);
    await checkSelfTest(spec, predict);
    loaded = { spec, predict };
    return { spec, card, author, licence };
  },

  /** A volume file (Blob) as a fresh float32 NIfTI of its geometry and voxels alone: what a viewer may see. */
  async open({ volume }) {
    const read = await readNifti(volume);
    return { nifti: new Blob([writeNifti(read, "float32", "")]), shape: read.shape, notes: read.notes };
  },

  /** The synthetic volume of a volume file (Blob), as NIfTI of the number type that the spec asks for. */
  async translate({ volume }, progress) {
    if (!loaded) throw new HostError("No model is loaded.", "Choose one first.");
    const read = await readNifti(volume);
    const synthetic = await translate(read, loaded.spec, loaded.predict, progress);
    const { stored } = loaded.spec.target;
    return { nifti: new Blob([writeNifti(synthetic, stored, `mtranslate web ${loaded.spec.name.slice(0, 40)}`)]) };
  },
};

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
