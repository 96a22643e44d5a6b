// Neighbourhoods along one axis of a volume (x fastest), edges repeated, as scipy.ndimage's mode "nearest" does.

/** For each line along `axis`: calls `work(read, write)` with functions of the index along the line. */
function lines(from, into, shape, axis, work) {
  const inner = shape.slice(0, axis).reduce((product, size) => product * size, 1);
  const size = shape[axis];
  const line = new Float64Array(size);
  for (let start = 0; start < from.length; start += inner * size)
    for (let i = start; i < start + inner; i++) {
      for (let k = 0; k < size; k++) line[k] = from[i + k * inner];
      work(line, (k, value) => {
        into[i + k * inner] = value;
      });
    }
  return into;
}

/** Mean over three voxels along each of `axes`, one by one, float32 between. */
export function smoothed(array, shape, axes) {
  return axes.reduce((result, axis) => lines(result, new Float32Array(array.length), shape, axis, meanOfThree), array);
}

function meanOfThree(line, write) {
  const last = line.length - 1;
  let sum = line[0] + line[0] + line[Math.min(1, last)];
  write(0, sum / 3);
  for (let k = 1; k <= last; k++) {
    sum += line[Math.min(k + 1, last)] - line[Math.max(k - 2, 0)];
    write(k, sum / 3);
  }
}

/** The mask (Uint8Array) closed by a box of `widths` voxels: the maximum, then the minimum. */
export function closed(mask, shape, widths) {
  let result = mask;
  for (const wanted of [1, 0])
    widths.forEach((width, axis) => {
      if (width > 1) result = lines(result, new Uint8Array(mask.length), shape, axis, spread(wanted, (width - 1) / 2));
    });
  return result;
}

/** A voxel becomes `wanted` where one within `reach` is: running from the last such voxel seen, in both directions. */
function spread(wanted, reach) {
  return (line, write) => {
    const near = new Uint8Array(line.length);
    let last = -Infinity;
    for (let k = 0; k < line.length; k++) {
      if (line[k] === wanted) last = k;
      if (k - last <= reach) near[k] = 1;
    }
    last = Infinity;
    for (let k = line.length - 1; k >= 0; k--) {
      if (line[k] === wanted) last = k;
      if (last - k <= reach) near[k] = 1;
      write(k, near[k] ? wanted : 1 - wanted);
    }
  };
}
