// 3 x 4 affines, voxel to world RAS+ mm, as three rows [a, b, c, t]; the arithmetic is float64.

export function columns(affine) {
  return [0, 1, 2, 3].map((column) => affine.map((row) => row[column]));
}

/** The affine with these three columns and this translation. */
export function fromColumns(axes, translation) {
  return [0, 1, 2].map((row) => [axes[0][row], axes[1][row], axes[2][row], translation[row]]);
}

/** World position of a voxel index [x, y, z]. */
export function apply(affine, [x, y, z]) {
  return affine.map(([a, b, c, t]) => a * x + b * y + c * z + t);
}

/** Voxel size along the three storage axes, in mm. */
export function spacingOf(affine) {
  return columns(affine)
    .slice(0, 3)
    .map(([a, b, c]) => Math.sqrt(a * a + b * b + c * c));
}

/** The 3 x 3 rows of unit columns. */
export function directions(affine) {
  const spacing = spacingOf(affine);
  return affine.map((row) => row.slice(0, 3).map((value, axis) => value / spacing[axis]));
}

export function determinant([[a, b, c], [d, e, f], [g, h, i]]) {
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** The rotation (or reflection) closest to a regular 3 x 3 matrix: the orthogonal factor of its polar decomposition. */
export function closestRotation(matrix) {
  let result = matrix;
  for (let step = 0; step < 100; step++) {
    const cofactors = cofactorsOf(result);
    const scale = determinant(result);
    const next = result.map((row, r) => row.map((value, c) => (value + cofactors[r][c] / scale) / 2));
    const change = Math.max(...next.flatMap((row, r) => row.map((value, c) => Math.abs(value - result[r][c]))));
    result = next;
    if (change < 1e-15) break;
  }
  return result;
}

/** Of M: the transposed inverse times the determinant. */
function cofactorsOf(m) {
  return [0, 1, 2].map((r) =>
    [0, 1, 2].map((c) => {
      const [r1, r2, c1, c2] = [(r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3];
      return m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
    }),
  );
}

/** Whether two grids {shape, affine} agree: no corner voxel is more than `tolerance` mm from its counterpart. */
export function matches(one, other, tolerance = 1e-3) {
  if (one.shape.some((size, axis) => size !== other.shape[axis])) return false;
  for (let corner = 0; corner < 8; corner++) {
    const index = one.shape.map((size, axis) => (corner >> axis) % 2 && size - 1);
    const there = apply(other.affine, index);
    if (apply(one.affine, index).some((value, row) => !(Math.abs(value - there[row]) <= tolerance))) return false;
  }
  return true;
}
