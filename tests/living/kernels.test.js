import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { compiled, kernels } from "../../book/assets/living/kernels.js";
import { Random } from "../../book/assets/living/random.js";
import { Batch } from "../../book/assets/living/training.js";

const plain = { ...kernels };
const FILE = new URL("../../book/assets/living/kernels.wasm", import.meta.url);
const there = await compiled(readFileSync(FILE));
const random = new Random(7);

/** Rows of which a third of the pixels has ink. */
function batch(size, pixels) {
  const made = { size, start: new Int32Array(size + 1), index: [], value: [] };
  for (let row = 0; row < size; row++) {
    for (let pixel = 0; pixel < pixels; pixel++)
      if (random.uniform() < 1 / 3) made.index.push(pixel), made.value.push(random.uniform());
    made.start[row + 1] = made.index.length;
  }
  return { ...made, index: Uint16Array.from(made.index), value: Float32Array.from(made.value) };
}

function near(ours, theirs, by = 1e-5) {
  const most = Math.max(...theirs.map(Math.abs));
  ours.forEach((value, i) =>
    assert.ok(Math.abs(value - theirs[i]) <= by * most, `${i}: ${value}, ${theirs[i]}`),
  );
}

/** The compiled function and JavaScript's, each on copies of the arguments, which are returned. */
function both(name, ...given) {
  const copies = [0, 1].map(() => given.map((each) => (ArrayBuffer.isView(each) ? each.slice() : each)));
  kernels[name](...copies[0]);
  plain[name](...copies[1]);
  return copies;
}

test("this node has WebAssembly with SIMD, and what is no file of it leaves JavaScript at work", async () => {
  assert.ok(there && kernels.forward !== plain.forward);
  const before = { ...kernels };
  assert.equal(await compiled(new Uint8Array(9)), false);
  assert.equal(await compiled(Promise.reject(new Error("no connection"))), false);
  assert.deepEqual(kernels, before);
});

test("the products are JavaScript's, of all rows or of some", () => {
  const rows = batch(9, 50);
  const weights = random.normals(500);
  for (const [first, count] of [
    [0, 9],
    [2, 5],
    [8, 1],
  ]) {
    const [ours, theirs] = both("forward", rows, weights, new Float32Array(10 * count), first, count);
    near(ours[2], theirs[2]);
  }
  const d = random.normals(90);
  const [ours, theirs] = both("backward", rows, d, random.normals(500)); // whatever stood there
  near(ours[2], theirs[2]);
  const [images, others] = both("along", d, weights, new Float32Array(9 * 50));
  near(images[2], others[2]);
});

test("Adam's steps are JavaScript's, also of what is no multiple of four, and of slopes next to none", () => {
  for (const count of [1, 10, 64]) {
    const [p, m] = [random.normals(count), random.normals(count)];
    const [g, v] = [random.normals(count), random.normals(count).map(Math.abs)];
    g[0] = 1e-30;
    const [ours, theirs] = both("adam", p, g, m, v, 1e-2);
    for (const i of [0, 2, 3]) near(ours[i], theirs[i]);
  }
});

test("exponentials are right to a few parts in ten million, none to what is none", () => {
  const at = Float32Array.from({ length: 173 }, (_, i) => i - 86);
  const [[ours], [theirs]] = both("exp", at);
  ours.forEach((value, i) => assert.ok(Math.abs(value / theirs[i] - 1) < 5e-7, `exp(${at[i]})`));
  const odd = Float32Array.of(-1000, NaN, 0);
  kernels.exp(odd);
  assert.ok(odd[0] < 1e-37 && Number.isNaN(odd[1]) && odd[2] === 1);
});

test("a slope that is no number is one in the parameters, too", () => {
  for (const { adam } of [kernels, plain]) {
    const p = new Float32Array(4);
    adam(p, Float32Array.of(NaN, 1, 1, 1), new Float32Array(4), new Float32Array(4), 1e-2);
    assert.ok(Number.isNaN(p[0]) && Number.isFinite(p[1]));
  }
});

test("far from its middle a density is nothing, and has no slope", () => {
  const [mu, log] = [new Float32Array(4).fill(1e15), new Float32Array(4)];
  const some = () => new Float32Array(4).fill(1);
  const [ours] = both("density", mu, log, some(), 1, some(), some());
  const [slopes] = both("densitySlopes", mu, some(), 1, ours[4], ours[5], some(), some(), some());
  for (const found of [ours[4], slopes[6], slopes[7]]) assert.deepEqual(found, new Float32Array(4));
});

test("densities and their slopes are JavaScript's", () => {
  const [mu, log, noise, d] = [0, 1, 2, 3].map(() => random.normals(21));
  const [out, more] = [new Float32Array(21), new Float32Array(21)];
  const [ours, theirs] = both("density", mu, log, noise, 0.3, out, more);
  for (const i of [4, 5]) near(ours[i], theirs[i]);
  const slopes = both("densitySlopes", mu, noise, 0.3, ours[4], ours[5], d, out, more);
  for (const i of [6, 7]) near(slopes[0][i], slopes[1][i]);
});

test("images are moved as JavaScript moves them", () => {
  for (const [height, width] of [
    [5, 6],
    [28, 28],
    [3, 9],
  ]) {
    const ink = () => Math.max(0, random.uniform() - 0.5);
    const images = Float32Array.from({ length: 3 * height * width }, ink);
    const by = Float32Array.of(
      1,
      0,
      0,
      0,
      Math.cos(0.3),
      Math.sin(0.3),
      0.7,
      -1.2,
      Math.cos(2),
      Math.sin(2),
      -9,
      1,
    );
    const [ours, theirs] = [kernels, plain].map(({ moved }) => {
      const batch = new Batch(3, height * width, width);
      batch.write(images);
      moved(batch, [height, width], by);
      return batch.dense();
    });
    near(ours, theirs);
    near(ours.subarray(0, height * width), images.subarray(0, height * width)); // not moved at all
  }
});

test("the numbers of a generator are the same, drawn by either, and it goes on from the same state", () => {
  const draws = () => {
    const its = new Random(3, 1);
    return [its.normals(501), its.bernoulli(0.3, 333), its.normals(7), its.next()];
  };
  const ours = draws();
  const { normals, bernoulli } = kernels;
  Object.assign(kernels, { normals: undefined, bernoulli: undefined });
  assert.deepEqual(ours, draws());
  Object.assign(kernels, { normals, bernoulli });
});
