// The forward pass on the files of a build, against the logits that Python got from its saved runs.
import assert from "node:assert/strict";
import { test } from "node:test";

import { evidence, logits } from "../../book/assets/living/model.js";
import { read } from "./reading.js";

const { WEIGHTS, DIGITS, REFERENCE } = process.env;
const weights = read(WEIGHTS);
const digits = read(DIGITS).arrays.images;
const reference = read(REFERENCE).arrays.logits;
const [count, height, width] = digits.shape;
const pixels = height * width;
const classes = weights.arrays.weights.shape[1];

weights.about.techniques.forEach(({ slug }, i) =>
  test(`${slug} has Python's logits on ${count} digits`, () => {
    const own = weights.arrays.weights.data.subarray(i * classes * pixels, (i + 1) * classes * pixels);
    let off = 0;
    for (let n = 0; n < count; n++) {
      const image = Float32Array.from(
        digits.data.subarray(n * pixels, (n + 1) * pixels),
        (level) => level / 255,
      );
      const found = logits(own, image);
      found.forEach(
        (z, c) => (off = Math.max(off, Math.abs(z - reference.data[(i * count + n) * classes + c]))),
      );
      const terms = evidence(own, image, n % classes).reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(terms - found[n % classes]) < 1e-3, "the evidence does not add up to the logit");
    }
    assert.ok(off < 1e-4, `${off} off`);
  }),
);
