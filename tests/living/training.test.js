import assert from "node:assert/strict";
import { test } from "node:test";

import { softmax, smoothness } from "../../book/assets/living/model.js";
import { Random } from "../../book/assets/living/random.js";
import { TECHNIQUES } from "../../book/assets/living/techniques.js";
import { Batch, initialKernel, Sparse, Training, transposed } from "../../book/assets/living/training.js";

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = (values, middle = mean(values)) =>
  Math.sqrt(mean(Array.from(values, (x) => (x - middle) ** 2)));

// A little world: ten classes, each with ink on pixels of its own.
const PIXELS = 100;
const CLASSES = 10;
const COUNT = 400;
const random = new Random(7);
const labels = Uint8Array.from({ length: COUNT }, (_, i) => i % CLASSES);
const images = new Uint8Array(COUNT * PIXELS).map(
  (_, i) =>
    ((i % PIXELS) % CLASSES === labels[Math.floor(i / PIXELS)] ? 200 : 0) * (random.uniform() < 0.6) +
    55 * (random.uniform() < 0.2),
);
const part = { images: new Sparse(images, PIXELS), labels };
const data = { train: part, validation: part, pixels: PIXELS, classes: CLASSES };
const settings = (changes = {}) => ({
  technique: "Technique",
  hyper: {},
  loss: "squared_error",
  rate: 1e-3,
  batch: 32,
  seed: 0,
  ...changes,
});
const run = (training, steps) => {
  for (let i = 0; i < steps; i++) training.advance();
  return training;
};

test("the draws have the moments that they should have", () => {
  const draw = new Random(1, 2);
  const normals = draw.normals(200_000);
  assert.ok(Math.abs(mean(normals)) < 0.01 && Math.abs(deviation(normals) - 1) < 0.01);
  assert.ok(Math.abs(mean(normals.map((x) => x ** 4)) - 3) < 0.06);
  assert.ok(Math.abs(mean(draw.bernoulli(0.3, 100_001)) - 0.3) < 0.01);
  const uniforms = draw.uniforms(100_000);
  assert.ok(
    Math.abs(mean(uniforms) - 0.5) < 0.005 && Math.abs(deviation(uniforms) - 1 / Math.sqrt(12)) < 0.003,
  );
  for (const a of [0.1, 0.5, 1, 4]) {
    const betas = draw.betas(a, 40_000); // symmetric: mean 1/2, variance 1 / (4 (2a + 1))
    assert.ok(Math.abs(mean(betas) - 0.5) < 0.01, `mean at ${a}`);
    assert.ok(Math.abs(deviation(betas) - 0.5 / Math.sqrt(2 * a + 1)) < 0.01, `deviation at ${a}`);
  }
  assert.deepEqual(
    [...draw.permutation(50)].sort((a, b) => a - b),
    [...Array(50).keys()],
  );
});

test("a seed is the same again, and another seed another", () => {
  const of = (seed) => [
    ...run(new Training(data, settings({ seed, technique: "Dropout", hyper: { rate: 0.5 } })), 20).weights(),
  ];
  assert.deepEqual(of(3), of(3));
  assert.notDeepEqual(of(3), of(4));
});

test("the start is a normal of deviation 0.075, cut off at two deviations", () => {
  const kernel = initialKernel(0, 50_000);
  assert.ok(Math.max(...kernel.map(Math.abs)) <= 0.15);
  assert.ok(Math.abs(deviation(kernel) - 0.075 * 0.8796) < 0.001); // of a truncated normal
});

test("a batch is the images that were put in, also by way of all their pixels", () => {
  const batch = new Batch(3, PIXELS);
  batch.take(part.images, [5, 0, 7]);
  const dense = batch.dense();
  [5, 0, 7].forEach((number, row) => {
    for (let p = 0; p < PIXELS; p++)
      assert.ok(Math.abs(dense[row * PIXELS + p] - images[number * PIXELS + p] / 255) < 1e-6);
  });
  batch.write(dense);
  assert.deepEqual(batch.dense(), dense);
});

test("each image is mixed with the one before it, the first with the last", () => {
  const [batch, part] = [new Batch(3, PIXELS), [0.25, 1, 0]];
  batch.take(data.train.images, [5, 0, 7]);
  const before = batch.dense();
  batch.mix(part);
  batch.dense().forEach((value, i) => {
    const [own, other] = [part[Math.floor(i / PIXELS)], before[(i + 2 * PIXELS) % (3 * PIXELS)]];
    assert.ok(Math.abs(value - own * before[i] - (1 - own) * other) < 1e-6);
  });
});

test("every technique learns, and its weights stay finite", () => {
  for (const technique of Object.keys(TECHNIQUES)) {
    const hyper = {
      rate: 0.1,
      strength: 1e-5,
      share: 0.5,
      norm: 10,
      scale: 0.05,
      noise_scale: 0.1,
      pixels: 0.3,
      degrees: 1,
      concentration: 0.2,
      patience: 10,
      steps: 100,
      prior: 1,
      epsilon: 0.01,
    };
    const loss = technique === "VariationalWeights" ? "cross_entropy" : "squared_error";
    const training = new Training(data, settings({ technique, hyper, loss, rate: 1e-2 }));
    const before = run(training, 1).loss;
    run(training, 499);
    assert.ok(training.loss < before / 2, `${technique}: ${before} to ${training.loss}`);
    assert.ok(training.weights().every(Number.isFinite), technique);
  }
});

test("settings change while it runs: strength, rate, batch and technique go on from here", () => {
  const training = run(new Training(data, settings({ technique: "L2", hyper: { strength: 0 } })), 50);
  const before = training.weights().slice();
  training.set(settings({ technique: "L2", hyper: { strength: 0.1 }, rate: 2e-3, batch: 8 }));
  assert.deepEqual(training.weights(), before);
  assert.equal(training.step, 50);
  run(training, 300);
  const size = (weights) => Math.hypot(...weights);
  assert.ok(size(training.weights()) < size(before) / 2, "the stronger penalty has made no weight smaller");
  const shrunk = training.weights().slice();
  training.set(settings({ technique: "Dropout", hyper: { rate: 0.5 } }));
  assert.deepEqual(training.weights(), shrunk);
  assert.equal(run(training, 1).step, 351);
});

test("another seed begins anew, and so does a reset", () => {
  const training = run(new Training(data, settings()), 30);
  const trained = training.weights().slice();
  training.set(settings({ seed: 1 }));
  assert.equal(training.step, 0);
  training.set(settings({ seed: 0 }));
  assert.deepEqual(run(training, 30).weights(), trained);
  training.reset();
  assert.deepEqual(run(training, 30).weights(), trained);
});

test("softmax bears large logits, and a transposed array comes back", () => {
  assert.deepEqual(softmax([1000, 0, 0]), [1, 0, 0]);
  const array = Float32Array.from({ length: 12 }, (_, i) => i);
  assert.deepEqual(transposed(transposed(array, 4), 3), array);
  assert.deepEqual([...transposed(array, 4).slice(0, 3)], [0, 4, 8]);
});

test("a plane is smooth, and a checkerboard is its opposite", () => {
  const plane = Float32Array.from({ length: 100 }, (_, i) => Math.floor(i / 10) + (i % 10));
  const board = Float32Array.from({ length: 100 }, (_, i) => (Math.floor(i / 10) + (i % 10)) % 2);
  assert.ok(smoothness(plane, [10, 10]) > 0.9);
  assert.ok(Math.abs(smoothness(board, [10, 10]) + 1) < 1e-9);
  assert.equal(smoothness(Float32Array.of(0, 1, 0, 1, 0), [1, 5]), -1); // a signal has no row below
});
