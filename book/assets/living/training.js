// The loop: batches, one step of Adam, evaluations. What regularization.training does, for one model.

import { kernels } from "./kernels.js";
import { largest } from "./model.js";
import { Random } from "./random.js";
import { TECHNIQUES } from "./techniques.js";

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
    this.index = new Uint16Array(2 * size * pixels); // a mixed image has the pixels of two
    this.value = new Float32Array(2 * size * pixels);
  }

  /** Take images from a store by their numbers. */
  take(store, numbers) {
    for (let row = 0, at = 0; row < this.size; row++) {
      const [from, to] = [store.start[numbers[row]], store.start[numbers[row] + 1]];
      this.index.set(store.index.subarray(from, to), at);
      this.value.set(store.value.subarray(from, to), at);
      this.start[row + 1] = at += to - from;
    }
  }

  /** The images with every pixel, in a row. */
  dense() {
    const found = new Float32Array(this.size * this.pixels);
    const { start, index, value, pixels } = this;
    for (let row = 0; row < this.size; row++)
      for (let k = start[row]; k < start[row + 1]; k++) found[row * pixels + index[k]] += value[k];
    return found;
  }

  /** Mix each image, by its part, with the one before it, the first with the last: both, one after the other. */
  mix(part) {
    const start = this.start.slice();
    const [index, value] = [this.index, this.value].map((each) => each.slice(0, start[this.size]));
    let at = 0;
    const add = (row, share) => {
      for (let k = start[row]; k < start[row + 1]; k++, at++) {
        this.index[at] = index[k];
        this.value[at] = share * value[k];
      }
    };
    for (let row = 0, before = this.size - 1; row < this.size; before = row++) {
      if (part[row] > 0) add(row, part[row]);
      if (part[row] < 1) add(before, 1 - part[row]);
      this.start[row + 1] = at;
    }
  }

  /** Put images in place of these of which no pixel is zero. */
  fill(images) {
    this.value.set(images);
    for (let row = 0, at = 0; row < this.size; row++) {
      for (let pixel = 0; pixel < this.pixels; pixel++) this.index[at++] = pixel;
      this.start[row + 1] = at;
    }
  }

  /** Put images with every pixel in place of these. */
  write(images) {
    const { start, index, value, pixels } = this;
    let at = 0;
    for (let row = 0, i = 0; row < this.size; row++) {
      for (let pixel = 0; pixel < pixels; pixel++, i++) {
        const ink = images[i];
        if (ink === 0) continue;
        index[at] = pixel;
        value[at++] = ink;
      }
      start[row + 1] = at;
    }
  }
}

/** A seed's start, [pixels, classes] in a row. */
export function initialKernel(seed, count) {
  const random = new Random(seed, 0);
  const found = new Float32Array(count);
  for (let i = 0; i < count; ) {
    const draw = random.normal();
    if (Math.abs(draw) < 2) found[i++] = INITIAL_STDDEV * draw;
  }
  return found;
}

/** Labels of which a share is wrong: any other class. */
function mislabelled(labels, { seed, wrong = 0 }, classes) {
  if (!wrong) return labels;
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
    this.labels = mislabelled(this.data.train.labels, settings, this.data.classes);
    const all = new Random(settings.seed, 5).permutation(this.labels.length);
    this.members = all.subarray(0, settings.size); // that it trains on
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
      images: this.members.length,
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
      const slope = new Float32Array(batch.size * shape.pixels);
      kernels.along(d, weights, slope);
      batch.write(technique.attack(s, batch.dense(), slope));
    }
    technique.inputs?.(s, batch, noise.inputs);
    const { d, total } = slopes(batch, targets, weights, classes, loss);
    this.loss = total;
    if (this.byWeights?.length !== weights.length) this.byWeights = new Float32Array(weights.length);
    const { byWeights } = this; // anew each step it would cost as much as to fill it
    kernels.backward(batch, d, byWeights);
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
      if (this.place >= this.members.length) {
        this.numbers = this.order.permutation(this.members.length);
        this.place = 0;
      }
      numbers[i] = this.members[this.numbers[this.place++]];
    }
    return numbers;
  }

  /** One step of Adam, its rate corrected for the start. */
  adam(gradient, rate) {
    this.count++;
    const step = (rate * Math.sqrt(1 - 0.999 ** this.count)) / (1 - 0.9 ** this.count);
    for (const [name, g] of Object.entries(gradient)) {
      const [m, v] = (this.moments[name] ??= [new Float32Array(g.length), new Float32Array(g.length)]);
      kernels.adam(this.parameters[name], g, m, v, step);
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
  const d = new Float32Array(batch.size * classes);
  kernels.forward(batch, weights, d, 0, batch.size);
  const s = new Float64Array(classes);
  let total = 0;
  for (let at = 0; at < d.length; at += classes) {
    softmaxed(d, at, s);
    let across = 0;
    for (let c = 0; c < classes; c++) {
      const off = s[c] - targets[at + c];
      if (loss === "cross_entropy") {
        d[at + c] = off / batch.size;
        total -= (targets[at + c] * Math.log(Math.max(s[c], Number.MIN_VALUE))) / batch.size;
      } else {
        d[at + c] = off / d.length;
        across += d[at + c] * s[c];
        total += (0.5 * off * off) / d.length;
      }
    }
    if (loss !== "cross_entropy") for (let c = 0; c < classes; c++) d[at + c] = s[c] * (d[at + c] - across);
  }
  return { d, total };
}

/** Write the softmax of the logits from a place on. */
function softmaxed(logits, at, found) {
  let [top, sum] = [-Infinity, 0];
  for (let c = 0; c < found.length; c++) top = Math.max(top, logits[at + c]);
  for (let c = 0; c < found.length; c++) sum += found[c] = Math.exp(logits[at + c] - top);
  for (let c = 0; c < found.length; c++) found[c] /= sum;
}

/** The share of images that weights, [pixels, classes] in a row, know. */
export function accuracy(weights, { images, labels }, classes) {
  const z = new Float32Array(images.count * classes);
  kernels.forward(images, weights, z, 0, images.count);
  let right = 0;
  for (let i = 0; i < images.count; i++)
    right += largest(z.subarray(i * classes, (i + 1) * classes)) === labels[i];
  return right / images.count;
}

/** Turn [rows, columns] in a row into [columns, rows]. */
export function transposed(array, columns) {
  const rows = array.length / columns;
  return Float32Array.from(array, (_, i) => array[(i % rows) * columns + Math.floor(i / rows)]);
}
