import assert from "node:assert/strict";
import { test } from "node:test";

import { averaged, disturbed, FINE, likeData, rasterize } from "../../book/assets/living/drawing.js";

const SIDE = 28;
const SIZE = SIDE * FINE;
const FORM = { box: 20, centre: "mass" };
const line = (from, to, erase = false) => ({ erase, points: [from, to] });
const total = (pixels) => pixels.reduce((a, b) => a + b, 0);

function bounds(pixels, side = SIDE) {
  const inked = [...pixels.keys()].filter((i) => pixels[i] > 0);
  const [rows, columns] = [inked.map((i) => Math.floor(i / side)), inked.map((i) => i % side)];
  return {
    height: Math.max(...rows) - Math.min(...rows) + 1,
    width: Math.max(...columns) - Math.min(...columns) + 1,
  };
}

function centre(pixels) {
  const mass = total(pixels);
  const weighted = (f) => pixels.reduce((sum, ink, i) => sum + ink * f(i), 0) / mass;
  return [weighted((i) => Math.floor(i / SIDE)), weighted((i) => i % SIDE)];
}

test("a stroke has round ends, soft edges and the pen's width", () => {
  const grid = rasterize([line([64, 128], [192, 128])], SIDE);
  const column = Array.from({ length: SIZE }, (_, row) => grid[row * SIZE + SIZE / 2]);
  assert.ok(Math.abs(total(column) - 2 * 1.05 * FINE) < 1.5);
  assert.ok(
    column.some((ink) => ink > 0 && ink < 1),
    "its edge is in steps",
  );
  assert.equal(Math.max(...column), 1);
});

test("a stroke is the same from either end, and drawn twice it is drawn once", () => {
  const there = line([50, 60], [200, 180]);
  const back = line([200, 180], [50, 60]);
  const once = rasterize([there], SIDE);
  const twice = rasterize([there, back], SIDE);
  once.forEach((ink, i) => assert.ok(Math.abs(ink - twice[i]) < 1e-6));
});

test("the eraser takes ink away, and ink can come back", () => {
  const drawn = line([40, 128], [220, 128]);
  const erased = line([128, 40], [128, 220], true);
  const gap = (grid) => grid[(SIZE / 2) * SIZE + SIZE / 2];
  assert.equal(gap(rasterize([drawn, erased], SIDE)), 0);
  assert.equal(gap(rasterize([drawn, erased, drawn], SIDE)), 1);
});

test("a drawing is brought to the data's size and place, whatever its own", () => {
  for (const [from, to] of [
    [
      [20, 10],
      [60, 90],
    ],
    [
      [128, 30],
      [140, 250],
    ],
    [
      [10, 200],
      [250, 240],
    ],
  ]) {
    const pixels = likeData(rasterize([line(from, to)], SIDE), SIZE, SIDE, FORM);
    const { height, width } = bounds(pixels);
    assert.ok(Math.max(height, width) <= 20 && Math.max(height, width) >= 19, `${height} by ${width}`);
    for (const at of centre(pixels)) assert.ok(at >= 13.4 && at < 14.6, `centre of mass ${at}`);
    assert.ok(pixels.every((ink) => ink >= 0 && ink <= 1 && Number.isInteger(Math.round(ink * 255e3) / 1e3)));
  }
});

test("an empty board is no digit", () => {
  assert.equal(likeData(rasterize([], SIDE), SIZE, SIDE, FORM), null);
  assert.equal(
    likeData(rasterize([line([9, 9], [90, 90]), line([9, 9], [90, 90], true)], SIDE), SIZE, SIDE, FORM),
    null,
  );
});

test("a single dot is a digit like others", () => {
  const pixels = likeData(rasterize([{ erase: false, points: [[128, 128]] }], SIDE), SIZE, SIDE, FORM);
  assert.deepEqual(bounds(pixels), { height: 20, width: 20 });
});

test("a digit of the test set that is not drawn on stays as it is", () => {
  const base = Float32Array.from({ length: SIDE * SIDE }, (_, i) => ((i * 37) % 256) / 255);
  averaged(rasterize([], SIDE, base), SIDE).forEach((ink, i) => assert.ok(Math.abs(ink - base[i]) < 1e-6));
});

test("a shift moves pixels and loses what leaves; nothing else changes", () => {
  const image = Float32Array.from({ length: 9 }, (_, i) => i / 10);
  assert.deepEqual(
    [...disturbed(image, 3, { right: 1, down: 0 })],
    [...Float32Array.from([0, 0, 0.1, 0, 0.3, 0.4, 0, 0.6, 0.7])],
  );
  assert.deepEqual([...disturbed(image, 3, { down: -1 })], [...image.slice(3), 0, 0, 0]);
  assert.deepEqual(disturbed(image, 3, {}), image);
});

test("noise and hiding are as large as they say, the same each time, and stay on [0, 1]", () => {
  const grey = new Float32Array(10_000).fill(0.5);
  const noisy = disturbed(grey, 100, { noise: 0.1 });
  const hidden = disturbed(grey, 100, { hidden: 0.3 });
  const spread = Math.sqrt(total(noisy.map((x) => (x - 0.5) ** 2)) / grey.length);
  assert.ok(Math.abs(spread - 0.1) < 0.004);
  assert.ok(Math.abs(hidden.filter((x) => x === 0).length / grey.length - 0.3) < 0.02);
  assert.deepEqual(noisy, disturbed(grey, 100, { noise: 0.1 }));
  assert.ok(disturbed(grey, 100, { noise: 1 }).every((x) => x >= 0 && x <= 1));
});
