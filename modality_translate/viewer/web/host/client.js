// The page's side of the worker. A host that is cancelled is thrown away and begun anew: that ends even an engine that
// does not answer.

import { HostError } from "./errors.js";

/** A graph may take as long as it likes; a model that cannot do one patch in this time is of no use in a page. */
const LOAD_SECONDS = 300;

export class Host {
  /** `startWorker()` gives a Worker of worker.js; `parts` is described in engine.js. */
  constructor(startWorker, parts) {
    this.startWorker = startWorker;
    this.parts = parts;
    this.waiting = new Map();
    this.last = 0;
    this.model = null;
    this.begin();
  }

  begin() {
    this.worker = this.startWorker();
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => this.stop(`The worker stopped (${event.message || "out of memory?"}).`);
  }

  hear({ id, result, error, progress }) {
    const call = this.waiting.get(id);
    if (!call) return;
    if (progress) return void call.progress(...progress);
    this.waiting.delete(id);
    if (error === undefined) call.resolve(result);
    else call.reject(new HostError(error));
  }

  ask(task, details, progress = () => {}) {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, progress });
      this.worker.postMessage({ id, task, ...details });
    });
  }

  /** {spec, card, author, licence} of a model file (Blob), which later translations use. */
  async load(model) {
    this.model = null;
    const late = () => this.stop(`The model did not finish its self-test within ${LOAD_SECONDS} s.`);
    const timer = setTimeout(late, LOAD_SECONDS * 1000);
    try {
      const description = await this.ask("load", { model, parts: this.parts });
      this.model = model;
      return description;
    } finally {
      clearTimeout(timer);
    }
  }

  /** {nifti (Blob), window, shape, notes} of a volume file (Blob). */
  open(volume) {
    return this.ask("open", { volume });
  }

  /** {nifti (Blob), window, notes}: the synthetic volume of a volume file (Blob); `force` takes one unlike the training's. */
  translate(volume, force, progress) {
    return this.ask("translate", { volume, force }, progress);
  }

  /** {nifti (Blob), window}: right minus left of two volume files (Blobs). */
  difference(left, right) {
    return this.ask("difference", { left, right });
  }

  /** Ends whatever is running, whose promises reject, and loads the model again. */
  async cancel() {
    const { model } = this;
    this.stop("Cancelled.");
    if (model) await this.load(model);
  }

  stop(reason) {
    this.worker.terminate();
    const calls = [...this.waiting.values()];
    this.waiting.clear();
    this.begin();
    for (const call of calls) call.reject(new HostError(reason));
  }
}
