// The page as one file from disk: its parts and its files are inside, as packed data blocks.

import { unpacked } from "../host/parts.js";
import { startApp } from "./app.js";

async function inside(id) {
  const letters = atob(document.getElementById(id).textContent);
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  return unpacked(new Blob([bytes]).stream());
}

async function script(id) {
  return new Blob([await inside(id)], { type: "text/javascript" });
}

async function start() {
  const worker = URL.createObjectURL(await script("worker"));
  const items = JSON.parse(document.getElementById("files").textContent);
  await startApp({
    items: items.map((item) => ({ ...item, fetched: async () => new Blob([await inside(item.id)]) })),
    parts: { ort: await script("ort.wasm.min.mjs"), glue: await script("ort-wasm-simd-threaded.mjs"), wasm: await inside("wasm") },
    startWorker: () => new Worker(worker),
  });
}

start();
