// The techniques of src/regularization/core/techniques once more, with their derivatives by hand.
//
// Each overrides the hooks that it changes, under its class's name in Python; `s` are its settings.
// Parameters are Float32Arrays by name, [pixels, classes] in a row: a step touches the ten weights
// of each pixel with ink. `shape` is {classes, pixels, batch, images}.
//
//   parameters(kernel, shape)      what is trained
//   draw(s, random, shape)         the noise of a step: {inputs, weights, batch}
//   images(s, batch, noise)        changes the images of a step, and
//   labels(s, targets, noise, shape) its targets, in place
//   attack(s, images, slope)       the images, every pixel in a row, from the slope of the loss along them
//   inputs(s, batch, noise)        changes what the layer sees, in place
//   weights(s, p, noise, shape)    what the inputs are multiplied with
//   gradient(s, p, d, noise, shape, weights) the gradient by parameters, from that by the weights, `d`
//   penalize(s, p, gradient, shape) adds the penalty's gradient
//   before(s, p, rate), after(s, p, shape) changes the parameters before or after Adam's step
//   review(s, p, scores)           after an evaluation on the validation images
//   atTest(s, p)                   the parameters that answer

import { kernels } from "./kernels.js";

/** A new array of f(value, i). A loop: the arrays' own map takes several times as long. */
function map(array, f) {
  const found = new Float32Array(array.length);
  for (let i = 0; i < array.length; i++) found[i] = f(array[i], i);
  return found;
}

/** The sum of a * b. */
function product(a, b) {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

/** The squared length of the whole kernel (the floor is TensorFlow's). */
const square = (kernel) => Math.max(product(kernel, kernel), 1e-12);

/** The sums of a * b for each class. */
function byClass(a, b, classes) {
  const found = new Float64Array(classes);
  for (let i = 0; i < a.length; i += classes)
    for (let c = 0; c < classes; c++) found[c] += a[i + c] * b[i + c];
  return found;
}

const lengths = (kernel, classes) => byClass(kernel, kernel, classes).map(Math.sqrt);

/** Add the derivative of a penalty on the kernel, l1 and l2 times the size and half the square of a weight. */
function penalized(kernel, gradient, l1, l2) {
  if (!l1) for (let i = 0; i < kernel.length; i++) gradient[i] += l2 * kernel[i];
  else for (let i = 0; i < kernel.length; i++) gradient[i] += l2 * kernel[i] + l1 * Math.sign(kernel[i]);
}

/** Scale the weights of each class in place. */
function scaled(kernel, scale) {
  for (let i = 0; i < kernel.length; ) for (let c = 0; c < scale.length; c++, i++) kernel[i] *= scale[c];
}

const DEFAULT = {
  parameters: (kernel) => ({ kernel }),
  draw: () => ({}),
  weights: (s, p) => p.kernel,
  gradient: (s, p, d) => ({ kernel: d }),
  atTest: (s, p) => p,
};

export const TECHNIQUES = {
  Technique: {},

  Dropout: {
    draw: (s, random, { batch, pixels }) => ({ inputs: random.bernoulli(1 - s.rate, batch * pixels) }),
    inputs(s, batch, kept) {
      const scale = 1 / (1 - s.rate);
      const { start, index, value, pixels } = batch;
      for (let row = 0; row < batch.size; row++)
        for (let k = start[row]; k < start[row + 1]; k++) value[k] *= kept[row * pixels + index[k]] * scale;
    },
  },

  GaussianWeights: {
    parameters: (kernel) => ({ mu: kernel, log_sigma: kernel.slice() }),
    draw: (s, random, { classes, pixels, step }) => ({ weights: random.rotated(classes * pixels, step) }),
    weights(s, p, noise) {
      const [found, squares] = [0, 1].map(() => new Float32Array(p.mu.length));
      kernels.density(p.mu, p.log_sigma, noise ?? p.mu, noise ? s.noise_scale : 0, found, squares);
      return Object.assign(found, { squares });
    },
    gradient(s, p, d, noise, shape, weights) {
      const [mu, log_sigma] = [0, 1].map(() => new Float32Array(d.length));
      kernels.densitySlopes(p.mu, noise, s.noise_scale, weights, weights.squares, d, mu, log_sigma);
      return { mu, log_sigma };
    },
  },

  L2: { penalize: (s, p, gradient) => penalized(p.kernel, gradient.kernel, 0, s.strength) },

  L1: { penalize: (s, p, gradient) => penalized(p.kernel, gradient.kernel, s.strength, 0) },

  ElasticNet: {
    penalize: (s, p, gradient) =>
      penalized(p.kernel, gradient.kernel, s.strength * s.share, s.strength * (1 - s.share)),
  },

  WeightNormalization: {
    weights(s, p) {
      const [found, whole] = [p.kernel.slice(), square(p.kernel)];
      const scale = s.norm / Math.sqrt(whole);
      for (let i = 0; i < found.length; i++) found[i] *= scale;
      return Object.assign(found, { whole });
    },
    gradient(s, p, d, noise, shape, { whole }) {
      const { kernel } = p;
      const [along, scale] = [product(d, kernel) / whole, s.norm / Math.sqrt(whole)];
      for (let i = 0; i < d.length; i++) d[i] = scale * (d[i] - along * kernel[i]);
      return { kernel: d };
    },
  },

  WeightNormalizationWithGain: {
    parameters: (kernel, { classes }) => ({
      direction: kernel,
      gain: Float32Array.from(lengths(kernel, classes)),
    }),
    weights(s, p, noise, { classes }) {
      const [found, norms] = [p.direction.slice(), lengths(p.direction, classes)];
      const scale = norms.map((norm, c) => p.gain[c] / norm);
      scaled(found, scale);
      return Object.assign(found, { norms, scale });
    },
    gradient(s, p, d, noise, { classes }, { norms, scale }) {
      const along = byClass(d, p.direction, classes).map((value, c) => value / norms[c]);
      const back = along.map((value, c) => value / norms[c]);
      for (let i = 0; i < d.length; )
        for (let c = 0; c < classes; c++, i++) d[i] = scale[c] * (d[i] - back[c] * p.direction[i]);
      return { direction: d, gain: Float32Array.from(along) };
    },
  },

  WeightDecay: {
    before(s, p, rate) {
      const kept = 1 - rate * s.strength;
      for (let i = 0; i < p.kernel.length; i++) p.kernel[i] *= kept;
    },
  },

  MaxNorm: {
    after(s, p, { classes }) {
      const shrunk = (length) => 1 / Math.max(length / s.norm, 1);
      scaled(p.kernel, lengths(p.kernel, classes).map(shrunk));
    },
  },

  SpectralNormalization: {
    weights(s, p, noise, { classes }) {
      const [found, values] = [p.kernel.slice(), singular(p.kernel, classes)];
      for (let i = 0; i < found.length; i++) found[i] *= s.norm / values.largest;
      return Object.assign(found, { values });
    },
    gradient(s, p, d, noise, { classes }, { values: { largest, left, right } }) {
      const along = product(d, p.kernel) / largest;
      const scale = s.norm / largest;
      for (let pixel = 0, i = 0; pixel < right.length; pixel++)
        for (let c = 0; c < classes; c++, i++) d[i] = scale * (d[i] - along * left[c] * right[pixel]);
      return { kernel: d };
    },
  },

  DropConnect: {
    draw: (s, random, { classes, pixels }) => ({ weights: random.bernoulli(1 - s.rate, classes * pixels) }),
    weights(s, p, kept) {
      if (!kept) return p.kernel;
      const found = p.kernel.slice();
      for (let i = 0; i < found.length; i++) found[i] *= kept[i] / (1 - s.rate);
      return found;
    },
    gradient(s, p, d, kept) {
      for (let i = 0; i < d.length; i++) d[i] *= kept[i] / (1 - s.rate);
      return { kernel: d };
    },
  },

  WeightNoise: {
    draw: (s, random, { classes, pixels }) => ({ weights: random.normals(classes * pixels) }),
    weights(s, p, noise) {
      if (!noise) return p.kernel;
      const found = p.kernel.slice();
      for (let i = 0; i < found.length; i++) found[i] += s.scale * noise[i];
      return found;
    },
  },

  VariationalWeights: {
    parameters: (kernel) => ({ mu: kernel, log_sigma: new Float32Array(kernel.length).fill(-3) }),
    draw: (s, random, { classes, pixels }) => ({ weights: random.normals(classes * pixels) }),
    weights(s, p, noise) {
      if (!noise) return p.mu;
      const [found, sigma] = [p.mu.slice(), p.log_sigma.slice()];
      kernels.exp(sigma);
      for (let i = 0; i < found.length; i++) found[i] += sigma[i] * noise[i];
      return Object.assign(found, { sigma });
    },
    // With the derivative of the penalty, for which there are the same exponentials.
    gradient(s, p, d, noise, { images }, { sigma }) {
      const [log_sigma, square] = [new Float32Array(d.length), s.prior ** 2];
      for (let i = 0; i < d.length; i++) {
        log_sigma[i] = d[i] * noise[i] * sigma[i] + ((sigma[i] * sigma[i]) / square - 1) / images;
        d[i] += p.mu[i] / square / images;
      }
      return { mu: d, log_sigma };
    },
  },

  InputNoise: {
    draw: (s, random, { batch, pixels }) => ({ inputs: random.normals(batch * pixels) }),
    inputs(s, batch, noise) {
      const x = batch.dense();
      for (let i = 0; i < x.length; i++) x[i] += s.scale * noise[i];
      batch.fill(x);
    },
  },

  AdversarialTraining: {
    attack(s, images, slope) {
      for (let i = 0; i < images.length; i++) images[i] += s.epsilon * Math.sign(slope[i]);
      return images;
    },
  },

  Augmentation: {
    draw: (s, random, { batch }) => ({ batch: random.uniforms(3 * batch) }),
    images(s, batch, noise) {
      const height = batch.pixels / batch.width;
      const by = new Float32Array(4 * batch.size);
      for (let row = 0; row < batch.size; row++) {
        const [turn, down, right] = [0, 1, 2].map((i) => 2 * noise[3 * row + i] - 1);
        const angle = (s.degrees * turn * Math.PI) / 180;
        by.set([Math.cos(angle), Math.sin(angle), s.pixels * down, s.pixels * right], 4 * row);
      }
      if (height > 1) kernels.moved(batch, [height, batch.width], by);
      else batch.write(shifted(batch.dense(), batch.width, (row) => by[4 * row + 3]));
    },
  },

  Mixup: {
    // A share that no sum would show is none: all is slow with numbers next to nothing.
    draw: (s, random, { batch }) => ({
      batch: random.betas(s.concentration, batch).map((part) => (part < 1e-7 ? 0 : part)),
    }),
    images: (s, batch, noise) => batch.mix(noise),
    labels: (s, targets, noise) => targets.set(mixed(targets, noise)),
  },

  LabelSmoothing: {
    labels(s, targets, noise, { classes }) {
      for (let i = 0; i < targets.length; i++) targets[i] = (1 - s.rate) * targets[i] + s.rate / classes;
    },
  },

  EarlyStopping: {
    parameters: (kernel) => ({ kernel, best: kernel.slice() }),
    review(s, p, scores) {
      let best = 0;
      // Training has stopped where the best lies so many evaluations back.
      const end = scores.findIndex((score, i) => {
        if (score > scores[best]) best = i;
        return i - best >= s.patience;
      });
      if (end < 0 && best === scores.length - 1) p.best = p.kernel.slice();
    },
    atTest: (s, p) => ({ kernel: p.best }),
  },

  WeightAveraging: {
    parameters: (kernel) => ({ kernel, average: new Float32Array(kernel.length), mass: new Float32Array(1) }),
    after(s, p) {
      const part = 1 / s.steps;
      for (let i = 0; i < p.kernel.length; i++) p.average[i] += part * (p.kernel[i] - p.average[i]);
      p.mass[0] += part * (1 - p.mass[0]);
    },
    atTest: (s, p) => ({ kernel: p.mass[0] ? map(p.average, (w) => w / p.mass[0]) : p.kernel }),
  },
};
for (const [name, hooks] of Object.entries(TECHNIQUES)) TECHNIQUES[name] = { ...DEFAULT, ...hooks };

/** Each row mixed, by its part, with the one before it, the first with the last. */
function mixed(rows, part) {
  const length = rows.length / part.length;
  return map(rows, (value, i) => {
    const row = Math.floor(i / length);
    const before = rows[(i >= length ? i : i + rows.length) - length];
    return part[row] * value + (1 - part[row]) * before;
  });
}

/** Signals shifted to the right, which go on outside as they end. */
function shifted(signals, width, by) {
  return map(signals, (_, i) => {
    const row = Math.floor(i / width);
    const place = Math.min(width - 1, Math.max(0, (i % width) - by(row)));
    const [left, right] = [Math.floor(place), Math.ceil(place)].map((at) => signals[row * width + at]);
    return left + (place % 1) * (right - left);
  });
}

/** The largest singular value of the kernel and its vectors: by class `left`, by pixel `right`. */
function singular(kernel, classes) {
  const pixels = kernel.length / classes;
  let power = new Float64Array(classes * classes); // of the small matrix: W W^T, squared eight times
  for (let a = 0; a < classes; a++)
    for (let b = 0; b <= a; b++) {
      let total = 0;
      for (let p = 0; p < kernel.length; p += classes) total += kernel[p + a] * kernel[p + b];
      power[a * classes + b] = power[b * classes + a] = total;
    }
  for (let time = 0; time < 8; time++) {
    let top = 0;
    for (let i = 0; i < power.length; i++) top = Math.max(top, Math.abs(power[i]));
    const squared = new Float64Array(power.length);
    for (let a = 0; a < classes; a++)
      for (let b = 0; b <= a; b++) {
        let total = 0; // it stays symmetric
        for (let c = 0; c < classes; c++)
          total += (power[a * classes + c] / top) * (power[b * classes + c] / top);
        squared[a * classes + b] = squared[b * classes + a] = total;
      }
    power = squared;
  }
  let left = new Float64Array(classes);
  for (let i = 0; i < power.length; i++) left[Math.floor(i / classes)] += power[i] * Math.cos(i % classes);
  const length = Math.hypot(...left);
  left = left.map((value) => value / length);
  const right = new Float64Array(pixels);
  for (let pixel = 0, i = 0; pixel < pixels; pixel++)
    for (let c = 0; c < classes; c++, i++) right[pixel] += left[c] * kernel[i];
  const largest = Math.sqrt(product(right, right));
  return { largest, left, right: right.map((value) => value / largest) };
}
