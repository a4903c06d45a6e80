// Against steps that Python took: the same start, batches and noise (test_javascript.py writes them).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { compiled } from "../../book/assets/living/kernels.js";
import { TECHNIQUES } from "../../book/assets/living/techniques.js";
import { Sparse, Training, transposed } from "../../book/assets/living/training.js";

// As in a page, by what is compiled; or by plain JavaScript alone.
if (process.env.KERNELS) assert.ok(await compiled(readFileSync(process.env.KERNELS)));
const { digits, cases, stopping } = JSON.parse(readFileSync(process.env.REFERENCE));
const { pixels, classes } = digits;
const store = { images: new Sparse(Uint8Array.from(digits.images), pixels), labels: digits.labels };

for (const { name, settings, kernel, steps, weights, loss } of cases)
  test(`${name} takes the steps that Python takes`, () => {
    const training = new Training({ train: store, validation: store, pixels, classes }, settings);
    training.start(transposed(Float32Array.from(kernel), pixels));
    for (const { numbers, inputs, batch, weights } of steps) {
      const drawn = weights && transposed(Float32Array.from(weights), pixels);
      training.advance({ numbers, noise: { inputs, batch, weights: drawn } });
    }
    training.technique.review?.(settings.hyper, training.parameters, [0.5]);
    assert.ok(Math.abs(training.loss - loss) < 1e-5 * (1 + Math.abs(loss)), `loss ${training.loss}, ${loss}`);
    const found = transposed(training.weights(), classes);
    const moved = Math.max(...weights.map((w, i) => Math.abs(w - kernel[i])));
    const off = Math.max(...weights.map((w, i) => Math.abs(w - found[i])));
    assert.ok(off < 1e-3 * moved, `${off} off, where the weights moved by ${moved}`);
  });

test("early stopping keeps what Python keeps", () => {
  const { review } = TECHNIQUES.EarlyStopping;
  for (const { scores, patience, best } of stopping) {
    const p = { kernel: new Float32Array(1), best: new Float32Array(1) };
    scores.forEach((_, i) => {
      p.kernel[0] = i;
      review({ patience }, p, scores.slice(0, i + 1));
    });
    assert.equal(p.best[0], best, `${scores} at patience ${patience}`);
  }
});
