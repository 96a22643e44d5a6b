// Connected parts of a mask (Uint8Array, x fastest).

/** The largest face-connected component; the first in C order (z fastest) of equals. */
export function largestComponent(mask, shape) {
  const [nx, ny, nz] = shape;
  const label = new Uint32Array(mask.length);
  const queue = new Uint32Array(mask.length);
  let count = 0;
  let best = { size: 0, label: 0 };
  for (let x = 0; x < nx; x++)
    for (let y = 0; y < ny; y++)
      for (let z = 0; z < nz; z++) {
        const seed = x + nx * (y + ny * z);
        if (!mask[seed] || label[seed]) continue;
        count += 1;
        const size = flood(mask, shape, seed, label, count, queue);
        if (size > best.size) best = { size, label: count };
      }
  if (count <= 1) return mask;
  return Uint8Array.from(label, (value) => (value === best.label ? 1 : 0));
}

function flood(mask, [nx, ny, nz], seed, label, name, queue) {
  let end = 1;
  queue[0] = seed;
  label[seed] = name;
  const visit = (place) => {
    if (!mask[place] || label[place]) return;
    label[place] = name;
    queue[end++] = place;
  };
  for (let head = 0; head < end; head++) {
    const place = queue[head];
    const x = place % nx;
    const y = Math.floor(place / nx) % ny;
    const z = Math.floor(place / (nx * ny));
    if (x > 0) visit(place - 1);
    if (x < nx - 1) visit(place + 1);
    if (y > 0) visit(place - nx);
    if (y < ny - 1) visit(place + nx);
    if (z > 0) visit(place - nx * ny);
    if (z < nz - 1) visit(place + nx * ny);
  }
  return end;
}

/** The mask with the holes of each plane z filled: what its border does not reach by the edges of pixels. */
export function filled(mask, [nx, ny, nz]) {
  const result = new Uint8Array(mask.length).fill(1);
  const empty = Uint8Array.from(mask, (value) => 1 - value);
  const seen = new Uint32Array(mask.length);
  const queue = new Uint32Array(nx * ny);
  for (let z = 0; z < nz; z++) {
    const plane = (array) => array.subarray(z * nx * ny, (z + 1) * nx * ny);
    const outside = plane(seen);
    for (const seed of border(nx, ny)) if (plane(empty)[seed] && !outside[seed]) flood(plane(empty), [nx, ny, 1], seed, outside, 1, queue);
    outside.forEach((reached, place) => {
      if (reached) plane(result)[place] = 0;
    });
  }
  return result;
}

function* border(nx, ny) {
  for (let x = 0; x < nx; x++) yield* [x, x + nx * (ny - 1)];
  for (let y = 0; y < ny; y++) yield* [nx * y, nx * y + nx - 1];
}
