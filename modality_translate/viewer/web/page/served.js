// The page on a server: its parts lie beside it, and what `mtranslate view` shows behind files.json. Any other server
// has no such list, and the page begins empty.

import { fetchParts } from "../host/parts.js";
import { startApp } from "./app.js";

const here = new URL(".", location.href);

async function get(address) {
  const answer = await fetch(new URL(address, here));
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

async function listed() {
  const list = await fetch(new URL("files.json", here));
  const items = list.ok ? await list.json() : [];
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
