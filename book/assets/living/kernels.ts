// The inner loops of training, ten classes at a time: four numbers in one instruction.
// AssemblyScript; `npm run kernels` compiles it to kernels.wasm. Every argument that is a `usize` is
// the address of an array, which kernels.js has laid into the memory.

const ROW: usize = 40; // bytes of ten numbers

/** The logits of sparse rows, `[rows, 10]`: of each its values times the weights of its pixels. */
export function forward(start: usize, index: usize, value: usize, weights: usize, z: usize, rows: i32): void {
  for (let row = 0; row < rows; row++, start += 4, z += ROW) {
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    const to = load<i32>(start, 4);
    for (let k = load<i32>(start); k < to; k++) {
      const x = f32x4.splat(load<f32>(value + (<usize>k << 2)));
      const w = weights + <usize>load<u16>(index + (<usize>k << 1)) * ROW;
      a = f32x4.add(a, f32x4.mul(x, v128.load(w)));
      b = f32x4.add(b, f32x4.mul(x, v128.load(w, 16)));
      c = f32x4.add(c, f32x4.mul(x, v128.load_zero<u64>(w, 32)));
    }
    v128.store(z, a);
    v128.store(z, b, 16);
    v128.store_lane<u64>(z, c, 0, 32);
  }
}

/** Add to `gradient`, by the weights, what the rows' slopes along their logits, `d`, make of it. */
export function backward(start: usize, index: usize, value: usize, d: usize, gradient: usize, rows: i32): void {
  for (let row = 0; row < rows; row++, start += 4, d += ROW) {
    const a = v128.load(d);
    const b = v128.load(d, 16);
    const c = v128.load_zero<u64>(d, 32);
    const to = load<i32>(start, 4);
    for (let k = load<i32>(start); k < to; k++) {
      const x = f32x4.splat(load<f32>(value + (<usize>k << 2)));
      const g = gradient + <usize>load<u16>(index + (<usize>k << 1)) * ROW;
      v128.store(g, f32x4.add(v128.load(g), f32x4.mul(x, a)));
      v128.store(g, f32x4.add(v128.load(g, 16), f32x4.mul(x, b)), 16);
      v128.store_lane<u64>(g, f32x4.add(v128.load_zero<u64>(g, 32), f32x4.mul(x, c)), 0, 32);
    }
  }
}

/** The slopes along each pixel of each row, `[rows, pixels]`, from those along the logits, `d`. */
export function along(d: usize, weights: usize, found: usize, rows: i32, pixels: i32): void {
  for (let row = 0; row < rows; row++, d += ROW) {
    const a = v128.load(d);
    const b = v128.load(d, 16);
    const c = v128.load_zero<u64>(d, 32);
    let w = weights;
    for (let pixel = 0; pixel < pixels; pixel++, w += ROW, found += 4) {
      const s = f32x4.add(
        f32x4.mul(a, v128.load(w)),
        f32x4.add(f32x4.mul(b, v128.load(w, 16)), f32x4.mul(c, v128.load_zero<u64>(w, 32))),
      );
      store<f32>(
        found,
        f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3),
      );
    }
  }
}

/** Numbers as they are, but zero where they are nearer to it than `least`: all is slow with subnormal ones. */
// @ts-ignore: a decorator of AssemblyScript's
@inline
function flushed(x: v128, least: f32): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), f32x4.splat(least))); // what is no number stays none
}

/** A step of Adam on `count` parameters, of four; `step` is the learning rate, corrected for the start. */
export function adam(p: usize, g: usize, m: usize, v: usize, count: i32, step: f32): void {
  for (const end = p + (<usize>count << 2); p < end; p += 16, g += 16, m += 16, v += 16) {
    const slope = flushed(v128.load(g), 1e-17);
    const mean = flushed(
      f32x4.add(f32x4.mul(v128.load(m), f32x4.splat(0.9)), f32x4.mul(slope, f32x4.splat(0.1))),
      1e-30,
    );
    const square = flushed(
      f32x4.add(
        f32x4.mul(v128.load(v), f32x4.splat(0.999)),
        f32x4.mul(f32x4.mul(slope, slope), f32x4.splat(0.001)),
      ),
      1e-36,
    );
    v128.store(m, mean);
    v128.store(v, square);
    const by = f32x4.div(
      f32x4.mul(f32x4.splat(step), mean),
      f32x4.add(f32x4.sqrt(square), f32x4.splat(1e-8)),
    );
    v128.store(p, f32x4.sub(v128.load(p), by));
  }
}

/** Exponentials of four numbers, to a few parts in ten million. */
// @ts-ignore: a decorator of AssemblyScript's
@inline
function exponential(x: v128): v128 {
  // Cephes' expf: a power of two, times that of what is left, by a polynomial.
  const at = f32x4.min(f32x4.max(x, f32x4.splat(-87)), f32x4.splat(88));
  const n = f32x4.nearest(f32x4.mul(at, f32x4.splat(1.44269504088896341)));
  let r = f32x4.sub(at, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.12194440e-4)));
  let y = f32x4.splat(1.9875691500e-4);
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.3981999507e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(8.3334519073e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(4.1665795894e-2));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.6666665459e-1));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(5.0000001201e-1));
  y = f32x4.add(f32x4.add(f32x4.mul(y, f32x4.mul(r, r)), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  const found = v128.andnot(f32x4.mul(y, power), f32x4.lt(x, f32x4.splat(-87))); // as good as nothing
  return v128.or(found, f32x4.ne(x, x)); // a number that is none stays none
}

/** Exponentials in place, of `count` numbers, of four. */
export function exp(x: usize, count: i32): void {
  for (const end = x + (<usize>count << 2); x < end; x += 16) v128.store(x, exponential(v128.load(x)));
}

/** How far `scale` times the noise is from `mu`, in variances, of four. */
// @ts-ignore: a decorator of AssemblyScript's
@inline
function off(mu: usize, noise: usize, scale: f32, squares: v128): v128 {
  return f32x4.mul(f32x4.sub(f32x4.mul(f32x4.splat(scale), v128.load(noise)), v128.load(mu)), squares);
}

/** Densities of `count` normal distributions at `scale` times the noise, and the squares of 1 / sigma. */
// biome-ignore format: many addresses
export function density(
  mu: usize, log_sigma: usize, noise: usize, scale: f32, found: usize, squares: usize, count: i32,
): void {
  for (const end = mu + (<usize>count << 2); mu < end; mu += 16, noise += 16) {
    const log = v128.load(log_sigma);
    const square = exponential(f32x4.mul(log, f32x4.splat(-2)));
    const by = off(mu, noise, scale, square);
    const half = f32x4.mul(f32x4.splat(-0.5), f32x4.mul(by, by));
    v128.store(squares, square);
    v128.store(found, exponential(f32x4.sub(f32x4.sub(half, log), f32x4.splat(0.91893853320467274))));
    log_sigma += 16;
    found += 16;
    squares += 16;
  }
}

/** The slopes by `mu` and `log_sigma`, from those by the densities, `d`. */
// biome-ignore format: many addresses
export function densitySlopes(
  mu: usize, noise: usize, scale: f32, densities: usize, squares: usize, d: usize,
  byMu: usize, byLogSigma: usize, count: i32,
): void {
  for (const end = mu + (<usize>count << 2); mu < end; mu += 16, noise += 16) {
    const square = v128.load(squares);
    const by = off(mu, noise, scale, square);
    const slope = f32x4.mul(v128.load(d), v128.load(densities));
    const some = f32x4.ne(slope, f32x4.splat(0)); // far away the density is none, and by * by may be too large
    v128.store(byMu, v128.and(some, f32x4.mul(f32x4.mul(slope, by), square)));
    const twice = f32x4.sub(f32x4.mul(f32x4.splat(2), f32x4.mul(by, by)), f32x4.splat(1));
    v128.store(byLogSigma, v128.and(some, f32x4.mul(slope, twice)));
    densities += 16;
    squares += 16;
    d += 16;
    byMu += 16;
    byLogSigma += 16;
  }
}

/**
 * `count` sparse images of `[height, width]`, each turned by an angle about its middle, then shifted: of
 * each pixel the mean of four, by how near they are. `by` says of each the angle's cosine and sine, and how
 * far down and to the right. They are written as they came, to `starts`, `indices` and `values`; `frame` is
 * room for an image with a line of no ink all around it, `found` for one that was moved.
 */
// biome-ignore format: many addresses
export function moved(
  start: usize, index: usize, value: usize, frame: usize, found: usize, by: usize,
  starts: usize, indices: usize, values: usize, count: i32, height: i32, width: i32,
): void {
  const middle: f32 = <f32>(height - 1) / 2;
  const centre: f32 = <f32>(width - 1) / 2;
  const wide = width + 2;
  const down_one: usize = <usize>wide << 2;
  let written = 0;
  store<i32>(starts, 0);
  for (let n = 0; n < count; n++, by += 16) {
    memory.fill(frame, 0, <usize>(height + 2) * down_one);
    for (let k = load<i32>(start + (<usize>n << 2)); k < load<i32>(start + (<usize>n << 2), 4); k++) {
      const pixel = <i32>load<u16>(index + (<usize>k << 1));
      const to = (pixel / width + 1) * wide + (pixel % width) + 1;
      store<f32>(frame + (<usize>to << 2), load<f32>(value + (<usize>k << 2)));
    }
    const cos = load<f32>(by);
    const sin = load<f32>(by, 4);
    const down = load<f32>(by, 8);
    const h: f32 = -centre - load<f32>(by, 12);
    for (let i = 0; i < height; i++) {
      const v: f32 = <f32>i - middle - down;
      const first = f32x4.splat(cos * v - sin * h + middle); // the row, and the column, of the line's first
      const second = f32x4.splat(sin * v + cos * h + centre);
      let at = found + (<usize>(i * width) << 2);
      for (let j = 0; j < width; j += 4, at += 16) {
        const place = f32x4.add(f32x4.splat(<f32>j), f32x4(0, 1, 2, 3));
        const y = f32x4.sub(first, f32x4.mul(f32x4.splat(sin), place));
        const x = f32x4.add(second, f32x4.mul(f32x4.splat(cos), place));
        const up = f32x4.floor(y);
        const before = f32x4.floor(x);
        const top = i32x4.add(i32x4.trunc_sat_f32x4_s(up), i32x4.splat(1));
        const left = i32x4.add(i32x4.trunc_sat_f32x4_s(before), i32x4.splat(1));
        // As unsigned numbers those below zero are large, too.
        const inside = v128.and(i32x4.le_u(top, i32x4.splat(height)), i32x4.le_u(left, i32x4.splat(width)));
        const from = v128.and(i32x4.add(i32x4.mul(top, i32x4.splat(wide)), left), inside);
        const p0 = frame + (<usize>i32x4.extract_lane(from, 0) << 2);
        const p1 = frame + (<usize>i32x4.extract_lane(from, 1) << 2);
        const p2 = frame + (<usize>i32x4.extract_lane(from, 2) << 2);
        const p3 = frame + (<usize>i32x4.extract_lane(from, 3) << 2);
        // Of each pixel the two on its left and right, above and below.
        const above = v128.shuffle<f32>(v128.load_zero<u64>(p0), v128.load_zero<u64>(p1), 0, 4, 1, 5);
        const above_too = v128.shuffle<f32>(v128.load_zero<u64>(p2), v128.load_zero<u64>(p3), 0, 4, 1, 5);
        const a = v128.shuffle<f32>(above, above_too, 0, 1, 4, 5);
        const b = v128.shuffle<f32>(above, above_too, 2, 3, 6, 7);
        const below = v128.shuffle<f32>(
          v128.load_zero<u64>(p0 + down_one),
          v128.load_zero<u64>(p1 + down_one),
          0, 4, 1, 5,
        );
        const below_too = v128.shuffle<f32>(
          v128.load_zero<u64>(p2 + down_one),
          v128.load_zero<u64>(p3 + down_one),
          0, 4, 1, 5,
        );
        const c = v128.shuffle<f32>(below, below_too, 0, 1, 4, 5);
        const d = v128.shuffle<f32>(below, below_too, 2, 3, 6, 7);
        const across = f32x4.sub(x, before);
        const upper = f32x4.add(a, f32x4.mul(across, f32x4.sub(b, a)));
        const lower = f32x4.add(c, f32x4.mul(across, f32x4.sub(d, c)));
        const value = f32x4.add(upper, f32x4.mul(f32x4.sub(y, up), f32x4.sub(lower, upper)));
        v128.store(at, v128.and(value, inside)); // beyond a line's end the next one writes over it
      }
    }
    for (let pixel = 0; pixel < height * width; pixel++) {
      const ink = load<f32>(found + (<usize>pixel << 2));
      store<u16>(indices + (<usize>written << 1), <u16>pixel);
      store<f32>(values + (<usize>written << 2), ink);
      if (ink != 0) written++; // else the next one takes its place
    }
    store<i32>(starts + (<usize>n << 2), written, 4);
  }
}

// sfc32 as random.js has it, its state four whole numbers.
let a: i32 = 0;
let b: i32 = 0;
let c: i32 = 0;
let d: i32 = 0;

function begin(state: usize): void {
  a = load<i32>(state);
  b = load<i32>(state, 4);
  c = load<i32>(state, 8);
  d = load<i32>(state, 12);
}

function end(state: usize): void {
  store<i32>(state, a);
  store<i32>(state, b, 4);
  store<i32>(state, c, 8);
  store<i32>(state, d, 12);
}

// @ts-ignore: a decorator of AssemblyScript's
@inline
function next(): u32 {
  const t = a + b + d;
  d++;
  a = b ^ (b >>> 9);
  b = c + (c << 3);
  c = rotl<i32>(c, 21) + t;
  return <u32>t;
}

/** Standard normal numbers, of a table of 65,536 quantiles; `count` is even. */
export function normals(state: usize, table: usize, found: usize, count: i32): void {
  begin(state);
  for (let i = 0; i < count; i += 2, found += 8) {
    const bits = next();
    store<f32>(found, load<f32>(table + <usize>((bits & 0xffff) << 2)));
    store<f32>(found, load<f32>(table + <usize>((bits >>> 16) << 2)), 4);
  }
  end(state);
}

/** Ones where 16 random bits are less than `below`, else zeros; `count` is even. */
export function bernoulli(state: usize, found: usize, below: u32, count: i32): void {
  begin(state);
  for (let i = 0; i < count; i += 2, found += 2) {
    const bits = next();
    store<u8>(found, <u8>((bits & 0xffff) < below));
    store<u8>(found, <u8>(bits >>> 16 < below), 1);
  }
  end(state);
}
