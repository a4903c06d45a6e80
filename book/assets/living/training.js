// The loop: batches, one step of Adam, evaluations. What regularization.training does, for one model.

import { Random } from "./random.js";
import { TECHNIQUES } from "./techniques.js";
import { largest, softmax } from "./model.js";

export const EVALUATED = 250; // steps between two evaluations on the validation images
const INITIAL_STDDEV = 0.075; // truncated at two deviations

/** Images as the pixels that have ink: most have none. */
export class Sparse {
  constructor(images, pixels) {
    const inked = images.reduce((count, level) => count + (level > 0), 0);
    this.count = images.length / pixels;
    this.start = new Int32Array(this.count + 1);
    this.index = new Uint16Array(inked);
    this.value = new Float32Array(inked);
    let at = 0;
    for (let i = 0; i < images.length; i++) {
      if (images[i]) {
        this.index[at] = i % pixels;
        this.value[at++] = images[i] / 255;
      }
      if (i % pixels === pixels - 1) this.start[(i + 1) / pixels] = at;
    }
  }
}

/** The images of a step, each as the pixels with ink, until a technique gives it others. */
export class Batch {
  constructor(size, pixels, width = Math.sqrt(pixels)) {
    Object.assign(this, { size, pixels, width });
    this.start = new Int32Array(size + 1);
    this.index = new Uint16Array(size * pixels);
    this.value = new Float32Array(size * pixels);
  }

  /** Take images from a store by their numbers. */
  take(store, numbers) {
    let at = 0;
    for (let row = 0; row < this.size; row++) {
      for (let k = store.start[numbers[row]]; k < store.start[numbers[row] + 1]; k++, at++) {
        this.index[at] = store.index[k];
        this.value[at] = store.value[k];
      }
      this.start[row + 1] = at;
    }
  }

  /** Call f(place of the value, row, pixel) for all that is not zero. */
  each(f) {
    for (let row = 0; row < this.size; row++)
      for (let k = this.start[row]; k < this.start[row + 1]; k++) f(k, row, this.index[k]);
  }

  /** The images with every pixel, in a row. */
  dense() {
    const found = new Float32Array(this.size * this.pixels);
    this.each((k, row, pixel) => (found[row * this.pixels + pixel] = this.value[k]));
    return found;
  }

  /** Put images with every pixel in place of these. */
  write(images) {
    let at = 0;
    for (let row = 0, i = 0; row < this.size; row++) {
      for (let pixel = 0; pixel < this.pixels; pixel++, i++) {
        if (images[i] === 0) continue;
        this.index[at] = pixel;
        this.value[at++] = images[i];
      }
      this.start[row + 1] = at;
    }
  }
}

/** A seed's start, [pixels, classes] in a row. */
export function initialKernel(seed, count) {
  const random = new Random(seed, 0);
  const found = new Float32Array(count);
  for (let i = 0; i < count; ) {
    const [draw] = random.normals(1);
    if (Math.abs(draw) < 2) found[i++] = INITIAL_STDDEV * draw;
  }
  return found;
}

/** Labels of which a share is wrong: any other class. */
function mislabelled(labels, { seed, wrong = 0 }, classes) {
  const random = new Random(seed, 4);
  return labels.map((label) => {
    const [is, by] = random.uniforms(2);
    return is < wrong ? (label + 1 + Math.floor(by * (classes - 1))) % classes : label;
  });
}

export class Training {
  /**
   * `data` is {train, validation: {images: Sparse, labels}, pixels, width, classes}, the width of
   * images that are not square; `settings` are {technique: a class's name, hyper: its hyperparameters,
   * loss, rate, batch, seed}, and how many images it trains on, `size`, and what share of their labels
   * is wrong, `wrong`: without these all, and none.
   */
  constructor(data, settings) {
    this.data = data;
    this.reset(settings);
  }

  /** Begin anew, at the start of the seed. */
  reset(settings = this.settings) {
    this.settings = undefined;
    this.kernel = initialKernel(settings.seed, this.data.classes * this.data.pixels);
    Object.assign(this, { step: 0, loss: NaN, scores: [], place: Infinity });
    const { labels } = this.data.train;
    this.labels = mislabelled(labels.slice(0, settings.size), settings, this.data.classes);
    this.order = new Random(settings.seed, 1);
    this.random = new Noise(settings.seed);
    this.set(settings);
  }

  /** Go on with other settings: another technique from the weights as they are; a seed begins anew. */
  set(settings) {
    const before = this.settings ?? {};
    if (before.seed !== undefined && before.seed !== settings.seed) return this.reset(settings);
    this.settings = settings;
    if (before.batch !== settings.batch) {
      this.batch = new Batch(settings.batch, this.data.pixels, this.data.width);
      this.targets = new Float32Array(settings.batch * this.data.classes);
    }
    this.shape = {
      classes: this.data.classes,
      pixels: this.data.pixels,
      batch: settings.batch,
      images: this.labels.length,
    };
    if (before.technique !== settings.technique) this.start(this.kernel);
  }

  /** Let the technique take over a kernel. */
  start(kernel) {
    this.technique = TECHNIQUES[this.settings.technique];
    this.parameters = this.technique.parameters(kernel, this.shape);
    this.kernel = Object.values(this.parameters)[0]; // the first is what began as the kernel
    this.moments = {};
    this.count = 0; // of Adam's steps
    this.scores = [];
  }

  /** Take one step; `given` batches and noise are for tests. */
  advance(given = {}) {
    const { batch, targets, shape, parameters: p, technique } = this;
    const { hyper: s, loss, rate } = this.settings;
    const { classes } = shape;
    const numbers = given.numbers ?? this.next();
    batch.take(this.data.train.images, numbers);
    targets.fill(0);
    numbers.forEach((number, row) => (targets[row * classes + this.labels[number]] = 1));
    const noise = given.noise ?? technique.draw(s, this.random, { ...shape, step: this.step });
    technique.images?.(s, batch, noise.batch);
    technique.labels?.(s, targets, noise.batch, shape);
    const weights = technique.weights(s, p, noise.weights, shape);
    if (technique.attack) {
      const { d } = slopes(batch, targets, weights, classes, loss);
      batch.write(technique.attack(s, batch.dense(), alongImages(d, weights, classes)));
    }
    technique.inputs?.(s, batch, noise.inputs);
    const { d, total } = slopes(batch, targets, weights, classes, loss);
    this.loss = total;
    const byWeights = new Float32Array(weights.length);
    for (let row = 0; row < batch.size; row++)
      spread(batch, batch.start[row], batch.start[row + 1], d.subarray(row * classes), byWeights);
    const gradient = technique.gradient(s, p, byWeights, noise.weights, shape, weights);
    technique.penalize?.(s, p, gradient, shape);
    technique.before?.(s, p, rate);
    this.adam(gradient, rate);
    technique.after?.(s, p, shape);
    this.step++;
    if (technique.review && this.step % EVALUATED === 0) {
      this.scores.push(accuracy(technique.weights(s, p, undefined, shape), this.data.validation, classes));
      technique.review(s, p, this.scores);
    }
  }

  /** The numbers of the next batch: shuffled every epoch; a batch may span two. */
  next() {
    const numbers = new Int32Array(this.settings.batch);
    for (let i = 0; i < numbers.length; i++) {
      if (this.place >= this.labels.length) {
        this.numbers = this.order.permutation(this.labels.length);
        this.place = 0;
      }
      numbers[i] = this.numbers[this.place++];
    }
    return numbers;
  }

  /** One step of Adam (Kingma and Ba, 2015, section 2's efficient form). */
  adam(gradient, rate) {
    this.count++;
    const step = (rate * Math.sqrt(1 - 0.999 ** this.count)) / (1 - 0.9 ** this.count);
    for (const [name, g] of Object.entries(gradient)) {
      const p = this.parameters[name];
      const [m, v] = (this.moments[name] ??= [new Float32Array(g.length), new Float32Array(g.length)]);
      for (let i = 0; i < g.length; i++) {
        m[i] = 0.9 * m[i] + 0.1 * g[i];
        v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
        p[i] -= (step * m[i]) / (Math.sqrt(v[i]) + 1e-8);
      }
    }
  }

  /** Whether the loss is no number any more, or the gradient's square, by which Adam stands still. */
  get lost() {
    const overflown = ([, v]) => !v.every(Number.isFinite);
    return this.step > 0 && (Number.isNaN(this.loss) || Object.values(this.moments).some(overflown));
  }

  /** What answers at test time, [pixels, classes] in a row. */
  weights() {
    const s = this.settings.hyper;
    return this.technique.weights(s, this.technique.atTest(s, this.parameters), undefined, this.shape);
  }
}

/** Noise from a seed; the rotated kind is one draw, moved on by an element a step. */
class Noise extends Random {
  constructor(seed) {
    super(seed, 2);
    this.seed = seed;
  }

  rotated(count, step) {
    if (this.drawn?.length !== count) this.drawn = new Random(this.seed, 3).normals(count);
    const by = step % count;
    const found = new Float32Array(count);
    found.set(this.drawn.subarray(count - by), 0);
    found.set(this.drawn.subarray(0, count - by), by);
    return found;
  }
}

/** A batch's loss, the `total`, and its slopes along the logits, `d`, [batch, classes] in a row. */
function slopes(batch, targets, weights, classes, loss) {
  const z = new Float64Array(classes);
  const all = new Float64Array(batch.size * classes);
  let total = 0;
  for (let row = 0; row < batch.size; row++) {
    const [from, to] = [batch.start[row], batch.start[row + 1]];
    z.fill(0);
    multiply(batch, from, to, weights, z);
    const s = softmax(z);
    const d = all.subarray(row * classes, (row + 1) * classes);
    let across = 0;
    for (let c = 0; c < classes; c++) {
      const target = targets[row * classes + c];
      if (loss === "cross_entropy") {
        d[c] = (s[c] - target) / batch.size;
        total -= (target * Math.log(Math.max(s[c], Number.MIN_VALUE))) / batch.size;
      } else {
        d[c] = (s[c] - target) / (batch.size * classes);
        across += d[c] * s[c];
        total += (0.5 * (s[c] - target) ** 2) / (batch.size * classes);
      }
    }
    if (loss !== "cross_entropy") for (let c = 0; c < classes; c++) d[c] = s[c] * (d[c] - across);
  }
  return { d: all, total };
}

/** The slopes of a loss along the images, every pixel in a row, from those along the logits. */
function alongImages(d, weights, classes) {
  const pixels = weights.length / classes;
  const found = new Float32Array((d.length / classes) * pixels);
  for (let i = 0; i < found.length; i++) {
    const [row, pixel] = [Math.floor(i / pixels) * classes, (i % pixels) * classes];
    for (let c = 0; c < classes; c++) found[i] += d[row + c] * weights[pixel + c];
  }
  return found;
}

// All ten classes at a time: in variables they are more than twice as fast as in an array.

/** Add the logits of one row of a store or batch to `z`. */
function multiply({ index, value }, from, to, weights, z) {
  let [z0, z1, z2, z3, z4, z5, z6, z7, z8, z9] = z;
  for (let k = from; k < to; k++) {
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
  z.set([z0, z1, z2, z3, z4, z5, z6, z7, z8, z9]);
}

/** Add one row's part of the gradient by the weights, from that by the logits, `d`. */
function spread({ index, value }, from, to, d, byWeights) {
  const [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9] = d;
  for (let k = from; k < to; k++) {
    const at = index[k] * 10;
    const x = value[k];
    byWeights[at] += x * d0;
    byWeights[at + 1] += x * d1;
    byWeights[at + 2] += x * d2;
    byWeights[at + 3] += x * d3;
    byWeights[at + 4] += x * d4;
    byWeights[at + 5] += x * d5;
    byWeights[at + 6] += x * d6;
    byWeights[at + 7] += x * d7;
    byWeights[at + 8] += x * d8;
    byWeights[at + 9] += x * d9;
  }
}

/** The share of images that weights, [pixels, classes] in a row, know. */
export function accuracy(weights, { images, labels }, classes) {
  const z = new Float64Array(classes);
  let right = 0;
  for (let i = 0; i < images.count; i++) {
    z.fill(0);
    multiply(images, images.start[i], images.start[i + 1], weights, z);
    right += largest(z) === labels[i];
  }
  return right / images.count;
}

/** Turn [rows, columns] in a row into [columns, rows]. */
export function transposed(array, columns) {
  const rows = array.length / columns;
  return Float32Array.from(array, (_, i) => array[(i % rows) * columns + Math.floor(i / rows)]);
}
