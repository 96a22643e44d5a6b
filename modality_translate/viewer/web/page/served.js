// The page as `mtranslate view` serves it: its parts lie beside it and its files behind files.json.

import { fetchParts } from "../host/parts.js";
import { startApp } from "./app.js";

const here = new URL(".", location.href);

async function get(address) {
  const answer = await fetch(new URL(address, here));
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

async function listed() {
  const items = await (await get("files.json")).json();
  return items.map((item) => ({
    ...item,
    fetched: async () => (await get(`files/${item.id}`)).blob(),
    address: `files/${item.id}`,
  }));
}

startApp({
  items: await listed(),
  parts: await fetchParts(new URL("vendor/", here)),
  startWorker: () => new Worker(new URL("host/worker.js", here), { type: "module" }),
});
