import assert from "node:assert/strict";
import { test } from "node:test";

// The panel's pictures ask a page for their colours, and here is none.
globalThis.document = {};
globalThis.getComputedStyle = () => ({ getPropertyValue: () => "#000 #fff" });
const { parts } = await import("../../book/assets/living/own.js");

/** Classes with so many pictures of one pixel each. */
const classes = (...counts) =>
  counts.map((count, label) => ({ name: String(label), pictures: Array(count).fill([label / 10]) }));

test("every fourth picture is held back where each class that has some has four", () => {
  const { held, data } = parts(classes(4, 0, 9), 1);
  assert.ok(held && data.classes === 3);
  assert.deepEqual([...data.test.labels], [0, 2, 2]);
  assert.deepEqual([...data.train.labels], [0, 0, 0, 2, 2, 2, 2, 2, 2, 2]);
  assert.equal(data.train.images.at(-1), 51); // of 255
});

test("where a class has fewer the test is what it trains on: else one name would pass it", () => {
  const { held, data } = parts(classes(4, 3), 1);
  assert.ok(!held);
  assert.deepEqual(data.test, data.train);
  assert.equal(data.train.labels.length, 7);
});
