// The inner loops of training, ten classes at a time: compiled (kernels.wasm, from kernels.ts) where
// there is WebAssembly with SIMD, else in JavaScript. Rows are sparse: `start`, `index` and `value`.

// In variables ten numbers are more than twice as fast as in an array.

/** The logits of rows, `z` [rows, 10], from the weights, [pixels, 10]. */
function forward({ start, index, value }, weights, z, first, rows) {
  for (let row = 0; row < rows; row++) {
    let [z0, z1, z2, z3, z4, z5, z6, z7, z8, z9] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (let k = start[first + row]; k < start[first + row + 1]; k++) {
      const at = index[k] * 10;
      const x = value[k];
      z0 += x * weights[at];
      z1 += x * weights[at + 1];
      z2 += x * weights[at + 2];
      z3 += x * weights[at + 3];
      z4 += x * weights[at + 4];
      z5 += x * weights[at + 5];
      z6 += x * weights[at + 6];
      z7 += x * weights[at + 7];
      z8 += x * weights[at + 8];
      z9 += x * weights[at + 9];
    }
    z.set([z0, z1, z2, z3, z4, z5, z6, z7, z8, z9], 10 * row);
  }
}

/** Write the gradient by the weights, from the slopes along the logits, `d` [rows, 10]. */
function backward({ start, index, value, size }, d, gradient) {
  gradient.fill(0);
  for (let row = 0; row < size; row++) {
    const [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9] = d.subarray(10 * row, 10 * row + 10);
    for (let k = start[row]; k < start[row + 1]; k++) {
      const at = index[k] * 10;
      const x = value[k];
      gradient[at] += x * d0;
      gradient[at + 1] += x * d1;
      gradient[at + 2] += x * d2;
      gradient[at + 3] += x * d3;
      gradient[at + 4] += x * d4;
      gradient[at + 5] += x * d5;
      gradient[at + 6] += x * d6;
      gradient[at + 7] += x * d7;
      gradient[at + 8] += x * d8;
      gradient[at + 9] += x * d9;
    }
  }
}

/** Write the slopes along each pixel, `found` [rows, pixels], from those along the logits. */
function along(d, weights, found) {
  const pixels = weights.length / 10;
  for (let i = 0; i < found.length; i++) {
    const [row, pixel] = [10 * Math.floor(i / pixels), 10 * (i % pixels)];
    let sum = 0;
    for (let c = 0; c < 10; c++) sum += d[row + c] * weights[pixel + c];
    found[i] = sum;
  }
}

/** One step of Adam (Kingma and Ba, 2015, section 2's efficient form); `step` is its corrected rate. */
function adam(p, g, m, v, step) {
  for (let i = 0; i < g.length; i++) {
    m[i] = 0.9 * m[i] + 0.1 * g[i];
    v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
    p[i] -= (step * m[i]) / (Math.sqrt(v[i]) + 1e-8);
  }
}

/** Exponentials in place. */
function exp(x) {
  for (let i = 0; i < x.length; i++) x[i] = Math.exp(x[i]);
}

/**
 * Write the densities of normal distributions at `scale` times the noise, and the squares of their
 * 1 / sigma; the distance is measured in variances, as the post has it.
 */
function density(mu, log_sigma, noise, scale, found, squares) {
  for (let i = 0; i < found.length; i++) {
    squares[i] = Math.exp(-2 * log_sigma[i]);
    const off = (scale * noise[i] - mu[i]) * squares[i];
    found[i] = Math.exp(-0.5 * off * off - log_sigma[i] - 0.5 * Math.log(2 * Math.PI));
  }
}

/** Write the slopes by `mu` and `log_sigma`, from those by the densities, `d`. */
function densitySlopes(mu, noise, scale, densities, squares, d, byMu, byLogSigma) {
  for (let i = 0; i < d.length; i++) {
    const off = (scale * noise[i] - mu[i]) * squares[i];
    const slope = d[i] * densities[i];
    byMu[i] = slope * off * squares[i];
    byLogSigma[i] = slope * (2 * off * off - 1);
  }
}

/**
 * Turn a batch's images, [height, width], about their middle, then shift them: of each pixel the mean of
 * four, by how near they are. `by` says of each the angle's cosine and sine, and how far down and right.
 */
function moved(batch, [height, width], by) {
  const images = batch.dense();
  const found = new Float32Array(images.length);
  const [middle, centre, wide] = [(height - 1) / 2, (width - 1) / 2, width + 2];
  const frame = new Float32Array(wide * (height + 2)); // of no ink: no pixel lacks a neighbour
  for (let at = 0, n = 0; at < found.length; n += 4) {
    const [cos, sin, down, right] = by.subarray(n, n + 4);
    for (let i = 0; i < height; i++)
      frame.set(images.subarray(at + i * width, at + (i + 1) * width), (i + 1) * wide + 1);
    for (let v = -middle - down, i = 0; i < height; i++, v++)
      for (let h = -centre - right, j = 0; j < width; j++, h++, at++) {
        const y = cos * v - sin * h + middle;
        const x = sin * v + cos * h + centre;
        const top = Math.floor(y);
        const left = Math.floor(x);
        found[at] = 0;
        if (top < -1 || left < -1 || top >= height || left >= width) continue;
        const from = (top + 1) * wide + left + 1;
        const upper = frame[from] + (x - left) * (frame[from + 1] - frame[from]);
        const lower = frame[from + wide] + (x - left) * (frame[from + wide + 1] - frame[from + wide]);
        found[at] = upper + (y - top) * (lower - upper);
      }
  }
  batch.write(found);
}

/** What is in use: at first JavaScript's; random numbers in bulk (random.js) are compiled alone. */
export const kernels = { forward, backward, along, adam, exp, density, densitySlopes, moved };

/** Take what is compiled from now on, from the bytes of kernels.wasm; return whether that works. */
export async function compiled(bytes) {
  try {
    const { instance } = await WebAssembly.instantiate(await bytes);
    const its = Object.entries(wrapped(instance.exports));
    // A file that a browser kept from before may have fewer.
    Object.assign(kernels, Object.fromEntries(its.filter(([name]) => instance.exports[name])));
    return true;
  } catch {
    return false; // no WebAssembly, no SIMD, or the file could not be loaded
  }
}

const TABLE = 1024; // what lies below is the compiler's; here are the quantiles of normal numbers
const BASE = TABLE + 4 * 65_536;
const PAGE = 65_536;

/** The compiled functions for arrays, which are laid into their memory for each call. */
function wrapped({ memory, ...its }) {
  let end;
  const room = (bytes) => {
    const at = end;
    end += (bytes + 15) & ~15;
    if (end > memory.buffer.byteLength) memory.grow(Math.ceil((end - memory.buffer.byteLength) / PAGE));
    return at;
  };
  const lay = (array) => {
    const at = room(array.byteLength);
    new array.constructor(memory.buffer, at, array.length).set(array);
    return at;
  };
  const take = (at, array) => array.set(new array.constructor(memory.buffer, at, array.length));
  const afresh =
    (f) =>
    (...all) => {
      end = BASE;
      return f(...all);
    };
  /** Numbers from a generator, [rows] of a kind, whose state goes on; an even count is drawn. */
  const drawn = (random, kind, count, draw) => {
    const state = Int32Array.of(random.a, random.b, random.c, random.d);
    const even = count + (count % 2);
    const [at, out] = [lay(state), room(even * kind.BYTES_PER_ELEMENT)];
    draw(at, out, even);
    [random.a, random.b, random.c, random.d] = new Int32Array(memory.buffer, at, 4);
    return new kind(memory.buffer, out, count).slice();
  };
  let quantiles;
  const sparse = ({ start, index, value }, first, rows) => {
    const [from, to] = [start[first], start[first + rows]];
    const offsets = start.subarray(first, first + rows + 1);
    return [
      lay(from ? offsets.map((at) => at - from) : offsets),
      lay(index.subarray(from, to)),
      lay(value.subarray(from, to)),
    ];
  };
  return {
    forward: afresh((store, weights, z, first, rows) => {
      const [where, w, out] = [sparse(store, first, rows), lay(weights), room(z.byteLength)];
      its.forward(...where, w, out, rows);
      take(out, z);
    }),
    backward: afresh((batch, d, gradient) => {
      const [where, at, out] = [sparse(batch, 0, batch.size), lay(d), room(gradient.byteLength)];
      new Float32Array(memory.buffer, out, gradient.length).fill(0);
      its.backward(...where, at, out, batch.size);
      take(out, gradient);
    }),
    along: afresh((d, weights, found) => {
      const [at, w, out] = [lay(d), lay(weights), room(found.byteLength)];
      its.along(at, w, out, d.length / 10, weights.length / 10);
      take(out, found);
    }),
    adam: afresh((p, g, m, v, step) => {
      const [at, ...others] = [p, g, m, v].map(lay);
      its.adam(at, ...others, p.length, step);
      take(at, p);
      take(others[1], m);
      take(others[2], v);
    }),
    exp: afresh((x) => {
      const at = lay(x);
      its.exp(at, x.length);
      take(at, x);
    }),
    density: afresh((mu, log_sigma, noise, scale, found, squares) => {
      const [m, s, n] = [mu, log_sigma, noise].map(lay);
      const [out, square] = [room(found.byteLength), room(found.byteLength)];
      its.density(m, s, n, scale, out, square, found.length);
      take(out, found);
      take(square, squares);
    }),
    densitySlopes: afresh((mu, noise, scale, densities, squares, d, byMu, byLogSigma) => {
      const [m, n, ...others] = [mu, noise, densities, squares, d].map(lay);
      const outs = [room(d.byteLength), room(d.byteLength)];
      its.densitySlopes(m, n, scale, ...others, ...outs, d.length);
      take(outs[0], byMu);
      take(outs[1], byLogSigma);
    }),
    moved: afresh((batch, [height, width], by) => {
      const { start, index, value, size } = batch;
      const [where, turns] = [sparse(batch, 0, size), lay(by)];
      const frame = room(4 * (height + 2) * (width + 2));
      const one = room(4 * height * width + 12); // four are written at a time
      const outs = [start.byteLength, 2 * size * height * width, 4 * size * height * width].map(room);
      its.moved(...where, frame, one, turns, ...outs, size, height, width);
      take(outs[0], start);
      take(outs[1], index.subarray(0, start[size]));
      take(outs[2], value.subarray(0, start[size]));
    }),
    normals: afresh((random, table, count) => {
      const draw = (at, out, even) => its.normals(at, TABLE, out, even);
      room(0);
      if (quantiles !== table) new Float32Array(memory.buffer, TABLE, table.length).set((quantiles = table));
      return drawn(random, Float32Array, count, draw);
    }),
    bernoulli: afresh((random, below, count) => {
      const draw = (at, out, even) => its.bernoulli(at, out, below, even);
      return drawn(random, Uint8Array, count, draw);
    }),
  };
}
