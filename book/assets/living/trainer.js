// Begins a worker that trains on a page's digits.

import { lessMotion } from "./controls.js";
import { load, result } from "./files.js";

/**
 * Load the digits, by the names of their files, and begin a worker (worker.js says what it understands).
 * `show(message)` is called with what it tells, `fail(error)` when it has ended.
 */
export async function trainer(training, digits, show, fail) {
  const files = [training, digits].map((name) => load(result(`${name}.bin`)));
  const [{ arrays, about }, test] = await Promise.all(files);
  const size = test.arrays.images.shape.slice(1);
  const part = (name) => ({ images: arrays[`${name}_images`].data, labels: arrays[`${name}_labels`].data });
  const data = {
    pixels: size[0] * size[1],
    width: size[1],
    classes: about.class_names.length,
    train: part("train"),
    validation: part("validation"),
    test: { images: test.arrays.images.data, labels: test.arrays.labels.data },
  };
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => show(data);
  worker.onerror = ({ message }) =>
    fail(new Error(`the training stopped (${message || "its script could not be loaded"}).`));
  worker.postMessage({ pause: lessMotion() ? 2000 : 80 });
  worker.postMessage({ data });
  const counts = { train: data.train.labels.length, test: data.test.labels.length };
  return { worker, about, size, counts, data };
}
