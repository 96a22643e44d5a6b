// Where a page that is served finds onnxruntime-web: beside it, the WebAssembly packed.

/** {ort, glue, wasm} for engine.js, fetched from the folder at `vendor` (a URL). */
export async function fetchParts(vendor) {
  const packed = await fetch(new URL("ort-wasm-simd-threaded.wasm.gz", vendor));
  if (!packed.ok) throw new Error(`onnxruntime-web is missing at ${vendor}`);
  return {
    ort: new URL("ort.wasm.min.mjs", vendor).href,
    glue: new URL("ort-wasm-simd-threaded.mjs", vendor).href,
    wasm: await unpacked(packed.body),
  };
}

/** The bytes (ArrayBuffer) of a gzip stream. */
export function unpacked(stream) {
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
