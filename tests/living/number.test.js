import assert from "node:assert/strict";
import { test } from "node:test";

import { fits, literal, parsed, stepped } from "../../book/assets/living/number.js";

test("a number is written as Python reads it, and read as Python writes it", () => {
  const written = ["5_000", "1e-4", "0.5", "3.0", "0.0", "1.25e-4", "1_000_000"];
  const values = [5000, 1e-4, 0.5, 3, 0, 1.25e-4, 1e6];
  assert.deepEqual(
    values.map((value) => literal(value, value >= 1000)),
    written,
  );
  assert.deepEqual(written.map(parsed), values);
  assert.deepEqual([".5", " 7 ", "+2", "-1E3"].map(parsed), [0.5, 7, 2, -1000]);
});

test("what is no number in Python is none", () => {
  for (const text of ["", "lots", "1,5", "5__0", "_5", "1e", "0x10", "Infinity", "1 2"])
    assert.ok(Number.isNaN(parsed(text)), text);
});

test("a range has its ends, or lies between them", () => {
  const allowed = (within) => [-1, 0, 0.5, 1, 2, 1 / 0].filter((value) => fits(value, within));
  assert.deepEqual(allowed({ low: 0 }), [0, 0.5, 1, 2]);
  assert.deepEqual(allowed({ above: 0 }), [0.5, 1, 2]);
  assert.deepEqual(allowed({ low: 0, below: 1 }), [0, 0.5]);
  assert.deepEqual(allowed({ low: 1, whole: true }), [1, 2]);
});

test("steps are even between two ends, and else ten to a power of ten", () => {
  const walk = (value, step, within) =>
    Array.from({ length: 4 }, () => (value = stepped(value, step, within)));
  assert.deepEqual(walk(0.02, -1, { low: 0, below: 1 }), [0.01, 0, 0, 0]);
  assert.deepEqual(walk(0.98, 1, { low: 0, below: 1 }), [0.99, 0.99, 0.99, 0.99]);
  assert.deepEqual(walk(0.98, 1, { low: 0, high: 1 }), [0.99, 1, 1, 1]);
  assert.deepEqual(walk(1e-4, 1, { above: 0 }), [1.25e-4, 1.6e-4, 2e-4, 2.5e-4]);
  assert.deepEqual(walk(1.25e-6, -1, { low: 0 }), [1e-6, 0, 0, 0]);
  assert.deepEqual(walk(1.25e-6, -1, { above: 0 }), [1e-6, 1e-6, 1e-6, 1e-6]);
  assert.deepEqual(walk(0, 1, { low: 0 }), [1e-6, 1.25e-6, 1.6e-6, 2e-6]);
  assert.deepEqual(walk(3, -1, { low: 1, whole: true }), [2, 1, 1, 1]);
  assert.deepEqual(walk(5000, 1, { low: 1, whole: true }), [6300, 8000, 10000, 12500]);
});
