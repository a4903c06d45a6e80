// How many steps a second the page's training takes, on one core, technique by technique.
// node bench/living.js RESULTS, a build's folder of results; `make bench` runs it.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { parse } from "../book/assets/living/files.js";
import { compiled } from "../book/assets/living/kernels.js";
import { Sparse, Training } from "../book/assets/living/training.js";

const KERNELS = new URL("../book/assets/living/kernels.wasm", import.meta.url);
await compiled(readFileSync(KERNELS));
const STEPS = 500;
const ROUNDS = 7;
const packed = readFileSync(`${process.argv[2]}/training_digits.bin`);
const { arrays, about } = parse(new Uint8Array(gunzipSync(packed)).buffer);
const pixels = arrays.train_images.shape[1] ** 2;
const store = (part) => ({
  images: new Sparse(arrays[`${part}_images`].data, pixels),
  labels: arrays[`${part}_labels`].data,
});
const data = { train: store("train"), validation: store("validation"), pixels, classes: 10 };

const models = about.techniques.map(({ title, name: technique, settings: hyper, loss }) => {
  const training = new Training(data, { technique, hyper, loss, rate: 1e-3, batch: 32, seed: 0 });
  return { title, training, seconds: [] };
});
for (let round = -1; round < ROUNDS; round++)
  // the first warms up
  for (const { training, seconds } of models) {
    const start = performance.now();
    for (let i = 0; i < STEPS; i++) training.advance();
    if (round >= 0) seconds.push((performance.now() - start) / 1000);
  }

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
console.log(
  `In JavaScript (node ${process.versions.node}), batches of 32, medians of ${ROUNDS} rounds in turn:`,
);
for (const { title, seconds } of models) {
  const ratio = median(seconds.map((each, i) => each / models[0].seconds[i]));
  const perSecond = Math.round(STEPS / median(seconds)).toLocaleString("en");
  console.log(
    `${title.padEnd(30)} ${ratio.toFixed(2).padStart(5)} times no regularization, ${perSecond.padStart(6)} steps a second`,
  );
}
