// Train as Python did, from seeds of its own, and print the test accuracies for Python to judge.
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { compiled } from "../../book/assets/living/kernels.js";
import { accuracy, Sparse, Training } from "../../book/assets/living/training.js";
import { read } from "./reading.js";

await compiled(readFileSync(new URL("../../book/assets/living/kernels.wasm", import.meta.url)));
const {
  arrays,
  about: { cases, steps, seeds },
} = read(process.env.REFERENCE);
const pixels = arrays.train_images.shape[1] ** 2;
const classes = 10;
const part = (name) => ({
  images: new Sparse(arrays[`${name}_images`].data, pixels),
  labels: arrays[`${name}_labels`].data,
});
const [train, validation, held] = ["train", "validation", "test"].map(part);

for (const settings of cases)
  test(settings.technique, (t) => {
    const found = Array.from({ length: seeds }, (_, seed) => {
      const training = new Training({ train, validation, pixels, classes }, { ...settings, seed });
      for (let i = 0; i < steps; i++) training.advance();
      return accuracy(training.weights(), held, classes);
    });
    t.diagnostic(`accuracy ${JSON.stringify({ [settings.technique]: found })}`);
  });
