// From strokes to the data's form: drawn without the browser's help, so that a link draws the same.

import { Random } from "./random.js";

export const FINE = 10; // places of the drawing per pixel of the data, each way
export const REACH = 256; // strokes' points are whole numbers below this, each way

/**
 * Draw strokes, [{erase, points: [[x, y], ...]}], on a grid of `side * FINE` places each way.
 * `base` is an image of the data to draw on, or nothing. Returns the ink on [0, 1].
 */
export function rasterize(strokes, side, base) {
  const size = side * FINE;
  const scale = size / REACH;
  const grid = new Float32Array(size * size);
  if (base)
    for (let i = 0; i < grid.length; i++)
      grid[i] = base[Math.floor(i / size / FINE) * side + Math.floor((i % size) / FINE)];
  for (const { erase, points } of strokes) {
    const radius = (erase ? 2.2 : 1.05) * (size / 28);
    const cover = new Float32Array(grid.length); // so that a stroke that crosses itself is one stroke
    points.forEach(([x, y], i) => {
      const [fromX, fromY] = points[Math.max(i - 1, 0)];
      segment(
        cover,
        size,
        [fromX, fromY, x, y].map((at) => (at + 0.5) * scale),
        radius,
      );
    });
    for (let i = 0; i < grid.length; i++)
      grid[i] = erase ? grid[i] * (1 - cover[i]) : Math.max(grid[i], cover[i]);
  }
  return grid;
}

/** Cover the places within a radius of a segment; those on its edge in part. */
function segment(cover, size, [x0, y0, x1, y1], radius) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const square = dx * dx + dy * dy;
  const range = (a, b) => [
    Math.max(0, Math.floor(Math.min(a, b) - radius - 1)),
    Math.min(size - 1, Math.ceil(Math.max(a, b) + radius + 1)),
  ];
  const [left, right] = range(x0, x1);
  const [top, bottom] = range(y0, y1);
  for (let row = top; row <= bottom; row++)
    for (let column = left; column <= right; column++) {
      const [x, y] = [column + 0.5 - x0, row + 0.5 - y0];
      const along = square ? Math.min(1, Math.max(0, (x * dx + y * dy) / square)) : 0;
      const away = Math.hypot(x - along * dx, y - along * dy);
      const i = row * size + column;
      cover[i] = Math.max(cover[i], Math.min(1, Math.max(0, radius + 0.5 - away)));
    }
}

/** Average a grid down by FINE each way. */
export function averaged(grid, side) {
  const size = side * FINE;
  return resized(grid, size, { left: 0, top: 0, width: size, height: size }, side, side);
}

/**
 * Bring a drawing, ink on [0, 1] on `size` places each way, into the form of the data: cut it out,
 * scale its longer side to `form.box` pixels, average what falls into a pixel, and lay its centre
 * of mass (or its box) in the middle of `side` pixels each way (LeCun et al., 1998, section III.A).
 * Returns pixels on [0, 1] in steps of 1/255, or null if there is no ink.
 */
export function likeData(grid, size, side, form) {
  const box = bounds(grid, size);
  if (!box) return null;
  const scale = form.box / Math.max(box.width, box.height);
  const [width, height] = [box.width, box.height].map((long) => Math.max(1, Math.round(long * scale)));
  const small = resized(grid, size, box, width, height);
  let [mass, down, across] = [0, 0, 0];
  small.forEach((ink, i) => {
    mass += ink;
    down += ink * Math.floor(i / width);
    across += ink * (i % width);
  });
  // MNIST's centres of mass lie within half a pixel of the middle pixel, the lower right of four.
  const start = (centre, long) =>
    form.centre === "mass" ? Math.ceil(side / 2 - 0.5 - centre / mass) : Math.floor((side - long) / 2);
  const [top, left] = [start(down, height), start(across, width)];
  const pixels = new Float32Array(side * side);
  small.forEach((ink, i) => {
    const [row, column] = [top + Math.floor(i / width), left + (i % width)];
    if (row >= 0 && row < side && column >= 0 && column < side)
      pixels[row * side + column] = Math.round(255 * ink) / 255;
  });
  return pixels;
}

/** The box around all ink, or null. */
function bounds(grid, size) {
  let [left, top, right, bottom] = [size, size, -1, -1];
  for (let i = 0; i < grid.length; i++) {
    if (grid[i] < 0.5 / 255) continue;
    const [row, column] = [Math.floor(i / size), i % size];
    (left = Math.min(left, column)), (right = Math.max(right, column));
    (top = Math.min(top, row)), (bottom = Math.max(bottom, row));
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Resize a part of a grid by averaging areas: each result is the mean of what falls into it. */
function resized(grid, size, { left, top, width, height }, columns, rows) {
  const narrow = new Float64Array(height * columns);
  const found = new Float32Array(rows * columns);
  const across = overlaps(width, columns);
  const down = overlaps(height, rows);
  for (let row = 0; row < height; row++)
    for (const [from, to, share] of across)
      narrow[row * columns + to] += share * grid[(top + row) * size + left + from];
  for (const [from, to, share] of down)
    for (let column = 0; column < columns; column++)
      found[to * columns + column] += share * narrow[from * columns + column];
  return found;
}

/** Which of `many` equal parts of a line fall into which of `few`: [from, to, share of to]. */
function overlaps(many, few) {
  const found = [];
  const ratio = many / few;
  for (let to = 0; to < few; to++)
    for (
      let from = Math.floor(to * ratio);
      from < Math.min(many, Math.ceil((to + 1) * ratio - 1e-9));
      from++
    ) {
      const shared = Math.min(from + 1, (to + 1) * ratio) - Math.max(from, to * ratio);
      if (shared > 1e-9) found.push([from, to, shared / ratio]);
    }
  return found;
}

/** Disturb an image: shift it by pixels, hide a share of its pixels, add normal noise, cut to [0, 1]. */
export function disturbed(pixels, width, { right = 0, down = 0, hidden = 0, noise = 0 }) {
  const found = new Float32Array(pixels.length);
  const keep = new Random(1).uniforms(pixels.length);
  const normal = new Random(2).normals(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    const [row, column] = [Math.floor(i / width) - down, (i % width) - right];
    const inside = row >= 0 && row < pixels.length / width && column >= 0 && column < width;
    const ink = inside && keep[i] >= hidden ? pixels[row * width + column] : 0;
    found[i] = Math.min(1, Math.max(0, ink + noise * normal[i]));
  }
  return found;
}
