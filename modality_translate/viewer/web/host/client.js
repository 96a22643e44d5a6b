// The page's side of the worker. A worker that is cancelled is thrown away, which ends even an engine that does not
// answer; the next call begins a new one.

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
    this.worker = null;
    this.model = null;
    this.loaded = false;
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
    if (!this.worker) this.begin();
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, progress });
      this.worker.postMessage({ id, task, ...details });
    });
  }

  /** {spec, card, author, licence} of a model file (Blob), which later translations use. */
  async load(model) {
    Object.assign(this, { model: null, loaded: false });
    const late = () => this.stop(`The model did not finish its self-test within ${LOAD_SECONDS} s.`);
    const timer = setTimeout(late, LOAD_SECONDS * 1000);
    try {
      const description = await this.ask("load", { model, parts: this.parts });
      Object.assign(this, { model, loaded: true });
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
  async translate(volume, force, progress) {
    const { model } = this;
    if (model && !this.loaded)
      await this.load(model).finally(() => {
        this.model = model;
      });
    return this.ask("translate", { volume, force }, progress);
  }

  /** {nifti (Blob), window}: right minus left of two volume files (Blobs). */
  difference(left, right) {
    return this.ask("difference", { left, right });
  }

  /** Ends whatever is running: its promises reject. */
  cancel() {
    this.stop("Cancelled.");
  }

  stop(reason) {
    this.worker?.terminate();
    Object.assign(this, { worker: null, loaded: false });
    const calls = [...this.waiting.values()];
    this.waiting.clear();
    for (const call of calls) call.reject(new HostError(reason));
  }
}
