// Arithmetic that JavaScript lacks or defines otherwise than numpy.

/** Round to the nearest whole number, halves to the even one, as numpy's rint and Python's round do. */
export function halfEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** Percentiles `qs` of finite values (any array), numpy's `linear` definition, in float64. */
export function percentiles(values, qs) {
  const sorted = Float64Array.from(values).sort();
  return qs.map((q) => {
    const place = ((sorted.length - 1) * q) / 100;
    const below = Math.floor(place);
    const low = sorted[below];
    const high = sorted[Math.min(below + 1, sorted.length - 1)];
    const part = place - below;
    // numpy counts from the nearer end, which decides the last bit.
    return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
  });
}

export function smallest(values) {
  let least = Infinity;
  for (let i = 0; i < values.length; i++) if (values[i] < least) least = values[i];
  return least;
}
