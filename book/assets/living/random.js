// Random numbers from a seed, drawn in bulk. Not those of the Python: the same seed is another draw.

import { kernels } from "./kernels.js";

const PLACES = 2 ** 16;
const FEW = 64; // numbers that are drawn sooner than a call is prepared
let quantiles; // of the standard normal, at the middles of PLACES equal parts

function normalTable() {
  const table = new Float32Array(PLACES);
  const step = 1e-4;
  let place = 0;
  // The distribution function, added up from its density by the midpoint rule.
  for (let x = -6, below = 0; place < PLACES; x += step) {
    below += (step * Math.exp(-0.5 * (x + step / 2) ** 2)) / Math.sqrt(2 * Math.PI);
    while (place < PLACES && (place + 0.5) / PLACES <= below) table[place++] = x + step;
    if (x > 6) table.fill(6, place), (place = PLACES);
  }
  return table;
}

export class Random {
  /** A generator of its own for every list of whole numbers. */
  constructor(...key) {
    // sfc32 (Doty-Humphrey, PractRand): small, fast, and good enough for pictures.
    [this.a, this.b, this.c, this.d] = [0x9e3779b9, key[0] ?? 0, key[1] ?? 0, 1];
    for (let i = 0; i < 15; i++) this.next();
  }

  /** 32 random bits. */
  next() {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** A number between 0 and 1, neither of them. */
  uniform() {
    return (this.next() + 0.5) / 2 ** 32;
  }

  uniforms(count) {
    return Float32Array.from({ length: count }, () => this.uniform());
  }

  /** Ones with a probability to 16 bits, else zeros. */
  bernoulli(probability, count) {
    const below = Math.round(probability * PLACES);
    if (kernels.bernoulli && count > FEW) return kernels.bernoulli(this, below, count);
    const found = new Uint8Array(count);
    for (let i = 0; i < count; i += 2) {
      const bits = this.next();
      found[i] = (bits & 0xffff) < below;
      found[i + 1] = bits >>> 16 < below; // beyond the end it is not kept
    }
    return found;
  }

  /** Standard normal numbers, to 16 bits. */
  normals(count) {
    quantiles ??= normalTable();
    if (kernels.normals && count > FEW) return kernels.normals(this, quantiles, count);
    const found = new Float32Array(count);
    for (let i = 0; i < count; i += 2) {
      const bits = this.next();
      found[i] = quantiles[bits & 0xffff];
      found[i + 1] = quantiles[bits >>> 16];
    }
    return found;
  }

  /** One standard normal number. */
  normal() {
    quantiles ??= normalTable();
    return quantiles[this.next() & 0xffff];
  }

  /** Symmetric beta numbers, both parameters `a`: a share of two gamma draws. */
  betas(a, count) {
    const draw = () => {
      const [x, y] = [this.gamma(a), this.gamma(a)];
      return x + y > 0 ? x / (x + y) : this.next() & 1; // both too small for a float: an end
    };
    return Float32Array.from({ length: count }, draw);
  }

  /** Marsaglia and Tsang (2000). */
  gamma(a) {
    if (a < 1) return this.gamma(a + 1) * this.uniform() ** (1 / a);
    const d = a - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** The numbers below `count` in random order. */
  permutation(count) {
    const order = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(this.uniform() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
