// The model file: one .onnx whose metadata_props say all a host needs, checked before any engine sees it.

import { HostError } from "./errors.js";
import { readGraph } from "./graph.js";
import { fields, text } from "./protobuf.js";
import { checkGraph, refused } from "./scan.js";
import { parseSpec } from "./spec.js";

const NEWEST_SCHEMA = 1;
const METADATA_PROPS = 14;
const SHA256 = "mtranslate.sha256";

/**
 * {spec, card, author, licence, sha256} of the model in these bytes (Uint8Array). Rejects with a HostError for all that
 * is not a whole, plain model of a known schema.
 */
export async function readModel(bytes) {
  const found = metadata(bytes);
  checkOurs(found);
  const sha256 = await checkHash(bytes, found.get(SHA256));
  const value = (key) => found.get(key)?.value ?? "";
  const spec = parseSpec(value("mtranslate.spec"));
  checkGraph(readGraph(bytes), spec.tiling);
  return {
    spec,
    card: value("mtranslate.card"),
    author: value("model_author"),
    licence: value("model_license"),
    sha256,
  };
}

function metadata(bytes) {
  const found = new Map();
  for (const prop of fields(bytes)) {
    if (prop.number !== METADATA_PROPS) continue;
    const entry = { key: "", value: "", start: prop.stop };
    for (const part of fields(bytes, prop.start, prop.stop)) {
      if (part.number === 1) entry.key = text(bytes, part);
      else if (part.number === 2) Object.assign(entry, { value: text(bytes, part), start: part.start });
    }
    // Parsers disagree on which of two equal keys counts.
    if (found.has(entry.key)) throw refused(`has the key '${entry.key.slice(0, 40)}' twice`);
    found.set(entry.key, entry);
  }
  return found;
}

function checkOurs(found) {
  if (!found.has("mtranslate.spec") || !found.has(SHA256))
    throw new HostError(
      "The model was not exported by mtranslate: it does not say how to prepare a volume.",
      "Export a trained run with `mtranslate export`.",
    );
  const schema = found.get("mtranslate.schema")?.value ?? "";
  if (!/^[0-9]{1,6}$/.test(schema)) throw refused("has no readable schema number");
  if (Number(schema) > NEWEST_SCHEMA)
    throw new HostError(`The model has schema ${schema}; this page reads up to ${NEWEST_SCHEMA}.`, "Use a newer page.");
}

async function checkHash(bytes, { value, start }) {
  if (!/^[0-9a-f]{64}$/.test(value)) throw refused("has no readable mtranslate.sha256");
  if (!globalThis.crypto?.subtle)
    throw new HostError("This page cannot compute SHA-256.", "Serve it over https or from 127.0.0.1, or open it from disk.");
  const copy = bytes.slice();
  copy.fill("0".charCodeAt(0), start, start + 64);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", copy));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== value)
    throw new HostError("The model is damaged or was changed: its hash does not match.", "Copy or export it again.");
  return value;
}
