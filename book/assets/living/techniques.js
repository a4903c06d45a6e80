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

/** A new array of f(value, i). A loop: the arrays' own map takes several times as long. */
function map(array, f) {
  const found = new Float32Array(array.length);
  for (let i = 0; i < array.length; i++) found[i] = f(array[i], i);
  return found;
}

/** Sum f(i) over all i of an array's length. */
function sum(array, f) {
  let total = 0;
  for (let i = 0; i < array.length; i++) total += f(i);
  return total;
}

/** The squared length of the whole kernel (the floor is TensorFlow's). */
function square(kernel) {
  const total = sum(kernel, (i) => kernel[i] ** 2);
  return Math.max(total, 1e-12);
}

/** The sums of a * b for each class. */
function byClass(a, b, classes) {
  const found = new Float64Array(classes);
  for (let i = 0; i < a.length; i += classes)
    for (let c = 0; c < classes; c++) found[c] += a[i + c] * b[i + c];
  return found;
}

const lengths = (kernel, classes) => byClass(kernel, kernel, classes).map(Math.sqrt);

/** A penalty on the kernel by its derivative. */
const penalty = (derivative) => ({
  penalize(s, p, gradient) {
    const d = gradient.kernel;
    const w = p.kernel;
    for (let i = 0; i < w.length; i++) d[i] += derivative(s, w[i]);
  },
});

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
      batch.each((k, row, pixel) => (batch.value[k] *= kept[row * batch.pixels + pixel] * scale));
    },
  },

  GaussianWeights: {
    parameters: (kernel) => ({ mu: kernel, log_sigma: kernel.slice() }),
    draw: (s, random, { classes, pixels, step }) => ({ weights: random.rotated(classes * pixels, step) }),
    weights: (s, p, noise) =>
      map(p.mu, (mu, i) => {
        const k = Math.exp(-p.log_sigma[i]);
        const d = ((noise ? s.noise_scale * noise[i] : 0) - mu) * k * k;
        return (k / Math.sqrt(2 * Math.PI)) * Math.exp(-0.5 * d * d);
      }),
    gradient(s, p, d, noise, shape, weights) {
      const mu = new Float32Array(d.length);
      const log_sigma = new Float32Array(d.length);
      for (let i = 0; i < d.length; i++) {
        const kk = Math.exp(-2 * p.log_sigma[i]);
        const off = (s.noise_scale * noise[i] - p.mu[i]) * kk;
        mu[i] = d[i] * weights[i] * off * kk;
        log_sigma[i] = d[i] * weights[i] * (2 * off * off - 1);
      }
      return { mu, log_sigma };
    },
  },

  L2: penalty((s, w) => s.strength * w),

  L1: penalty((s, w) => s.strength * Math.sign(w)),

  ElasticNet: penalty((s, w) => s.strength * (s.share * Math.sign(w) + (1 - s.share) * w)),

  WeightNormalization: {
    weights(s, p) {
      const scale = s.norm / Math.sqrt(square(p.kernel));
      return map(p.kernel, (w) => scale * w);
    },
    gradient(s, p, d) {
      const along = sum(d, (i) => d[i] * p.kernel[i]) / square(p.kernel);
      const scale = s.norm / Math.sqrt(square(p.kernel));
      return { kernel: map(d, (each, i) => scale * (each - along * p.kernel[i])) };
    },
  },

  WeightNormalizationWithGain: {
    parameters: (kernel, { classes }) => ({
      direction: kernel,
      gain: Float32Array.from(lengths(kernel, classes)),
    }),
    weights(s, p, noise, { classes }) {
      const length = lengths(p.direction, classes);
      return map(p.direction, (v, i) => (p.gain[i % classes] * v) / length[i % classes]);
    },
    gradient(s, p, d, noise, { classes }) {
      const length = lengths(p.direction, classes);
      const along = byClass(d, p.direction, classes).map((value, c) => value / length[c]);
      const direction = map(d, (each, i) => {
        const c = i % classes;
        return (p.gain[c] / length[c]) * (each - (along[c] * p.direction[i]) / length[c]);
      });
      return { direction, gain: Float32Array.from(along) };
    },
  },

  WeightDecay: {
    before(s, p, rate) {
      const kept = 1 - rate * s.strength;
      p.kernel.forEach((w, i) => (p.kernel[i] = w * kept));
    },
  },

  MaxNorm: {
    after(s, p, { classes }) {
      const scale = lengths(p.kernel, classes).map((length) => 1 / Math.max(length / s.norm, 1));
      p.kernel.forEach((w, i) => (p.kernel[i] = w * scale[i % classes]));
    },
  },

  SpectralNormalization: {
    weights(s, p, noise, { classes }) {
      const found = singular(p.kernel, classes);
      return Object.assign(
        map(p.kernel, (w) => (w * s.norm) / found.largest),
        { found },
      );
    },
    gradient(s, p, d, noise, { classes }, { found: { largest, left, right } }) {
      const along = sum(d, (i) => d[i] * p.kernel[i]) / largest;
      const turn = (i) => left[i % classes] * right[Math.floor(i / classes)];
      return { kernel: map(d, (each, i) => (s.norm / largest) * (each - along * turn(i))) };
    },
  },

  DropConnect: {
    draw: (s, random, { classes, pixels }) => ({ weights: random.bernoulli(1 - s.rate, classes * pixels) }),
    weights: (s, p, kept) => (kept ? map(p.kernel, (w, i) => (w * kept[i]) / (1 - s.rate)) : p.kernel),
    gradient: (s, p, d, kept) => ({ kernel: map(d, (each, i) => (each * kept[i]) / (1 - s.rate)) }),
  },

  WeightNoise: {
    draw: (s, random, { classes, pixels }) => ({ weights: random.normals(classes * pixels) }),
    weights: (s, p, noise) => (noise ? map(p.kernel, (w, i) => w + s.scale * noise[i]) : p.kernel),
  },

  VariationalWeights: {
    parameters: (kernel) => ({ mu: kernel, log_sigma: new Float32Array(kernel.length).fill(-3) }),
    draw: (s, random, { classes, pixels }) => ({ weights: random.normals(classes * pixels) }),
    weights: (s, p, noise) => (noise ? map(p.mu, (mu, i) => mu + Math.exp(p.log_sigma[i]) * noise[i]) : p.mu),
    gradient: (s, p, d, noise) => ({
      mu: d,
      log_sigma: map(d, (each, i) => each * noise[i] * Math.exp(p.log_sigma[i])),
    }),
    penalize(s, p, gradient, { images }) {
      const square = s.prior ** 2;
      for (let i = 0; i < p.mu.length; i++) {
        gradient.mu[i] += p.mu[i] / square / images;
        gradient.log_sigma[i] += (Math.exp(2 * p.log_sigma[i]) / square - 1) / images;
      }
    },
  },

  InputNoise: {
    draw: (s, random, { batch, pixels }) => ({ inputs: random.normals(batch * pixels) }),
    inputs(s, batch, noise) {
      const x = batch.dense();
      for (let i = 0; i < x.length; i++) x[i] += s.scale * noise[i];
      batch.write(x);
    },
  },

  AdversarialTraining: {
    attack: (s, images, slope) => map(images, (x, i) => x + s.epsilon * Math.sign(slope[i])),
  },

  Augmentation: {
    draw: (s, random, { batch }) => ({ batch: random.uniforms(3 * batch) }),
    images: (s, batch, noise) =>
      batch.write(
        moved(batch.dense(), batch, (row) => {
          const [turn, down, right] = [0, 1, 2].map((i) => 2 * noise[3 * row + i] - 1);
          return [(s.degrees * turn * Math.PI) / 180, s.pixels * down, s.pixels * right];
        }),
      ),
  },

  Mixup: {
    draw: (s, random, { batch }) => ({ batch: random.betas(s.concentration, batch) }),
    images: (s, batch, noise) => batch.write(mixed(batch.dense(), noise)),
    labels: (s, targets, noise) => targets.set(mixed(targets, noise)),
  },

  LabelSmoothing: {
    labels(s, targets, noise, { classes }) {
      targets.forEach((t, i) => (targets[i] = (1 - s.rate) * t + s.rate / classes));
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

/** Each row mixed with the one before it, the first with the last. */
function mixed(rows, part) {
  const length = rows.length / part.length;
  return map(rows, (x, i) => {
    const row = Math.floor(i / length);
    const before = (i - length + rows.length) % rows.length;
    return part[row] * x + (1 - part[row]) * rows[before];
  });
}

/**
 * Images turned about their middle, then shifted, as `by(row)` says: [angle, down, right]. A signal, one
 * row, is only shifted to the right.
 */
function moved(images, { size, pixels, width }, by) {
  const height = pixels / width;
  if (height === 1) return shifted(images, width, by);
  const found = new Float32Array(images.length);
  const [middle, centre] = [(height - 1) / 2, (width - 1) / 2];
  const wide = width + 2; // a frame of no ink, so that no pixel lacks a neighbour
  const framed = new Float32Array(wide * (height + 2));
  for (let row = 0, at = 0; row < size; row++) {
    for (let i = 0; i < height; i++)
      framed.set(images.subarray(at + i * width, at + (i + 1) * width), (i + 1) * wide + 1);
    const [angle, down, right] = by(row);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    for (let v = -middle - down, i = 0; i < height; i++, v++)
      for (let h = -centre - right, j = 0; j < width; j++, h++, at++) {
        const y = cos * v - sin * h + middle;
        const x = sin * v + cos * h + centre;
        const top = Math.floor(y);
        const left = Math.floor(x);
        if (top < -1 || left < -1 || top >= height || left >= width) continue;
        const from = (top + 1) * wide + left + 1;
        const upper = framed[from] + (x - left) * (framed[from + 1] - framed[from]);
        const lower = framed[from + wide] + (x - left) * (framed[from + wide + 1] - framed[from + wide]);
        found[at] = upper + (y - top) * (lower - upper);
      }
  }
  return found;
}

/** Signals shifted to the right, which go on outside as they end. */
function shifted(signals, width, by) {
  return map(signals, (_, i) => {
    const row = Math.floor(i / width);
    const place = Math.min(width - 1, Math.max(0, (i % width) - by(row)[2]));
    const [left, right] = [Math.floor(place), Math.ceil(place)].map((at) => signals[row * width + at]);
    return left + (place % 1) * (right - left);
  });
}

/** The largest singular value of the kernel and its vectors: by class `left`, by pixel `right`. */
function singular(kernel, classes) {
  const pixels = kernel.length / classes;
  let power = new Float64Array(classes * classes); // of the small matrix: W W^T, squared eight times
  for (let p = 0; p < kernel.length; p += classes)
    for (let a = 0; a < classes; a++)
      for (let b = 0; b < classes; b++) power[a * classes + b] += kernel[p + a] * kernel[p + b];
  for (let time = 0; time < 8; time++) {
    const top = power.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scaled = power.map((value) => value / top);
    power = power.map((_, i) => {
      let total = 0;
      for (let c = 0; c < classes; c++)
        total += scaled[i - (i % classes) + c] * scaled[c * classes + (i % classes)];
      return total;
    });
  }
  let left = new Float64Array(classes);
  for (let i = 0; i < power.length; i++) left[Math.floor(i / classes)] += power[i] * Math.cos(i % classes);
  const length = Math.hypot(...left);
  left = left.map((value) => value / length);
  const right = new Float64Array(pixels);
  for (let i = 0; i < kernel.length; i++) right[Math.floor(i / classes)] += left[i % classes] * kernel[i];
  const largest = Math.sqrt(sum(right, (i) => right[i] ** 2));
  return { largest, left, right: right.map((value) => value / largest) };
}
