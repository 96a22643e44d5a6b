// The page: what each control does. Everything that computes is in the host's worker.

import { Host } from "../host/client.js";
import { saveLink } from "./download.js";
import { Library, naming } from "./library.js";
import { Panes } from "./panes.js";

const FLICKER_MS = 600;
const element = (id) => document.getElementById(id);

/** `items`: [{kind, name, fetched, address}] to begin with; `parts` and `startWorker`: see host/client.js. */
export async function startApp({ items, parts, startWorker }) {
  const app = new App(new Host(startWorker, parts));
  app.panes = await Panes.attach({ left: element("left-pane"), right: element("right-pane") });
  app.listen();
  for (const item of items) app.add(item);
  await app.begin();
}

class App {
  constructor(host) {
    this.host = host;
    this.volumes = new Library([element("left"), element("right")], (blob) => host.open(blob));
    this.models = new Library([element("model")], (blob) => ({ blob }));
    this.mode = "beside";
    this.busy = false;
  }

  add(item) {
    if (item.kind === "report") return this.addReport(item);
    return (item.kind === "model" ? this.models : this.volumes).add(item);
  }

  addReport({ name, address }) {
    const link = Object.assign(document.createElement("a"), { href: address, textContent: name, target: "_blank" });
    const entry = document.createElement("li");
    entry.append(link);
    element("reports").querySelector("ul").append(entry);
    element("reports").hidden = false;
  }

  /** The first two volumes side by side, the first model ready. */
  async begin() {
    element("right").add(new Option("", ""), 0);
    element("left").value = this.volumes.entries.length ? "0" : "";
    element("right").value = this.volumes.entries.length > 1 ? "1" : "";
    await this.refresh();
    if (this.models.entries.length) await this.loadModel();
  }

  listen() {
    const on = (id, event, act) => element(id).addEventListener(event, act);
    on("add-volumes", "change", ({ target }) => this.take([...target.files]));
    on("add-model", "change", ({ target }) => this.take([...target.files]));
    for (const side of ["left", "right"]) {
      on(side, "change", () => this.refresh());
      for (const end of ["low", "high"]) on(`${side}-${end}`, "change", () => this.applyWindow(side));
    }
    on("model", "change", () => this.loadModel());
    on("translate", "click", () => this.translate());
    on("cancel", "click", () => this.host.cancel());
    on("planes", "change", ({ target }) => this.panes.setPlanes(target.value));
    on("radiological", "change", ({ target }) => this.panes.setRadiological(target.checked));
    for (const radio of document.getElementsByName("mode")) radio.addEventListener("change", () => this.setMode(radio.value));
    this.listenForDrops(element("stage"));
    this.listenForFlicker();
  }

  listenForDrops(stage) {
    for (const event of ["dragenter", "dragover", "dragleave", "drop"])
      stage.addEventListener(event, (drag) => {
        drag.preventDefault();
        stage.classList.toggle("dropping", event === "dragenter" || event === "dragover");
        if (event === "drop") this.take([...drag.dataTransfer.files]);
      });
  }

  listenForFlicker() {
    const swap = (wanted) => element("stage").classList.toggle("swapped", wanted);
    setInterval(() => this.mode === "flicker" && !this.held && swap(), FLICKER_MS);
    const hold = (held) => (event) => {
      if (event.code !== "Space" || this.mode !== "flicker") return;
      event.preventDefault();
      this.held = held;
      swap(held);
    };
    document.addEventListener("keydown", hold(true));
    document.addEventListener("keyup", hold(false));
  }

  /** Files that were dropped or chosen: models are loaded, volumes shown left, then right; others are named. */
  async take(files) {
    for (const file of files) {
      await this.attempt(() => (file.name.toLowerCase().endsWith(".onnx") ? this.takeModel(file) : this.takeVolume(file)));
    }
  }

  async takeModel(file) {
    if (this.busy) throw new Error("Wait for what is running, or cancel it, before another model is added.");
    element("model").value = this.add({ kind: "model", name: file.name, blob: file });
    await this.loadModel();
  }

  async takeVolume(file) {
    const opened = await naming(file.name, this.host.open(file));
    const place = this.add({ kind: "volume", name: file.name, ...opened, opening: Promise.resolve() });
    element(element("left").value === "" ? "left" : "right").value = place;
    await this.refresh();
  }

  async refresh() {
    this.say("");
    const left = await this.shown("left", () => this.volumes.chosen(element("left")));
    const right = await this.shown("right", () => this.rightOf(left));
    const notes = [left, right].flatMap((volume) => (volume?.notes ?? []).map((note) => `${volume.name}: ${note}.`));
    if (notes.length && !element("status").textContent) this.say(notes.join(" "));
    this.allow();
  }

  /** What `find` resolves to, shown in a pane; nothing there, and the reason in the status, where it fails. */
  async shown(side, find) {
    let volume = null;
    await this.attempt(async () => {
      volume = await find();
    });
    await this.panes.show(side, volume);
    this.fillWindow(side, volume);
    return volume;
  }

  async rightOf(left) {
    const right = await this.volumes.chosen(element("right"));
    return this.mode === "difference" && left && right ? this.difference(left, right) : right;
  }

  async difference(left, right) {
    this.say("Computing the difference ...");
    const { nifti, window } = await this.host.difference(left.nifti, right.nifti);
    this.say("");
    return { name: `${right.name} minus ${left.name}`, nifti, window, colormap: "difference", synthetic: right.synthetic };
  }

  fillWindow(side, volume) {
    element(`${side}-low`).value = volume?.window[0] ?? "";
    element(`${side}-high`).value = volume?.window[1] ?? "";
  }

  applyWindow(side) {
    const ends = [element(`${side}-low`).valueAsNumber, element(`${side}-high`).valueAsNumber];
    const { shown } = this.panes.sides[side];
    if (!shown || !(ends[0] < ends[1])) return;
    shown.window = ends;
    this.panes.setWindow(side, ends);
  }

  async setMode(mode) {
    this.mode = mode;
    element("stage").dataset.mode = mode;
    await this.refresh();
    this.panes.redraw();
  }

  async loadModel() {
    this.model = null;
    element("about").hidden = true;
    this.setBusy(true);
    await this.attempt(async () => {
      const entry = await this.models.chosen(element("model"));
      if (!entry) return;
      this.say(`Opening ${entry.name} ...`);
      this.model = await naming(entry.name, this.host.load(entry.blob));
      element("card").textContent = this.model.card;
      element("about").hidden = false;
      const { source, target } = this.model.spec;
      this.say(`${entry.name} is ready: ${source.modality} to ${target.modality} (${target.units}). It passed its self-test.`);
    });
    this.setBusy(false);
  }

  async translate() {
    this.setBusy(true);
    const begun = performance.now();
    await this.attempt(async () => {
      const source = await this.volumes.chosen(element("left"));
      this.say(`Preparing ${source.name} ...`);
      const { nifti, window, notes } = await this.host.translate(source.nifti, element("force").checked, (done, all) => {
        element("progress").value = done / all;
        this.say(`Translating ${source.name}: patch ${done} of ${all}.`);
      });
      await this.finish(source, { nifti, window, notes });
      this.say(`Done in ${((performance.now() - begun) / 1000).toFixed(1)} s. ${notes.map((note) => `${note}.`).join(" ")}`);
    });
    this.setBusy(false);
  }

  async finish(source, { nifti, window, notes }) {
    const { name: by, target } = this.model.spec;
    const stem = source.name.replace(/^.*\//, "").replace(/\.nii(\.gz)?$/i, "");
    const name = `${stem}_synthetic-${target.modality}.nii.gz`;
    const place = this.volumes.add({ name: `${name} (synthetic, by ${by})`, nifti, window, notes, synthetic: true, opening: Promise.resolve() });
    element("right").value = place;
    await saveLink(element("download"), nifti, name);
    await this.refresh();
  }

  setBusy(busy) {
    this.busy = busy;
    element("cancel").hidden = element("progress").hidden = !busy;
    // Without a value the bar shows that something goes on, but not how far.
    element("progress").removeAttribute("value");
    this.allow();
  }

  allow() {
    element("model").disabled = this.busy;
    element("translate").disabled = this.busy || !this.model || element("left").value === "";
  }

  say(text, wrong = false) {
    element("status").textContent = text;
    element("status").classList.toggle("wrong", wrong);
  }

  async attempt(act) {
    try {
      await act();
    } catch (error) {
      this.say(error.message, true);
    }
  }
}
