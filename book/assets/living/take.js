// What a reader takes along from the playground: the Python that does the same, and the weights.

import { button, element, toggle } from "./controls.js";
import { literal } from "./number.js";

const USUAL = 3_000; // steps, before the first is taken

const number = (value) => literal(value, Number.isInteger(value));

/** Arguments as Python has them: "strength=1e-4, share=0.5". */
const named = (values) =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");

/** The lines of Python that train what the knobs say, `steps` long, on as many images as the page has. */
export function python(models, steps, images, dataset) {
  const own = dataset.startsWith("folder:");
  const made = models.map(({ technique, hyper, loss, rate, batch, seed }) => {
    const its = Object.fromEntries(Object.entries(hyper).map(([name, value]) => [name, number(value)]));
    const training = { steps: number(steps || USUAL), seeds: `[${seed}]`, learning_rate: number(rate) };
    const more = { batch_size: number(batch), train_size: number(images), loss: JSON.stringify(loss) };
    return `    Settings(
        ${technique}(${named(its)}),
        ${named(training)},
        ${named(more)},
    ),`;
  });
  const techniques = [...new Set(models.map(({ technique }) => technique))].sort().join(", ");
  return `# From the start, with the settings as they stand now: what you changed on the way is not repeated.
from regularization.core import data
from regularization.core.settings import Settings
from regularization.core.techniques import ${techniques}
from regularization.results.store import train

${own ? OWN : ""}digits = data.load(${JSON.stringify(dataset)})
models = [
${made.join("\n")}
]
for settings in models:
    run = train(settings, digits)
    print(settings.technique, run.test_accuracy.item())
`;
}

/** Arrays by name, {data: Float32Array, shape}, and words about them, as a file of safetensors. */
export function safetensors(arrays, words) {
  const header = { __metadata__: words };
  let end = 0;
  for (const [name, { data, shape }] of Object.entries(arrays))
    header[name] = { dtype: "F32", shape, data_offsets: [end, (end += data.byteLength)] };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(start + end).fill(0x20);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(text, 8);
  let at = start;
  for (const { data } of Object.values(arrays)) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/** Let the browser save bytes as a file. */
export function download(name, bytes) {
  const href = URL.createObjectURL(new Blob([bytes]));
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

const OWN = `# Yours are in the page alone. For Python, save them as picture files: a folder "own", and in it a
# folder for each of ten classes.
`;

const LOADING = `
# And the weights that this page has learned, if you downloaded them:
from safetensors.numpy import load_file

weights = load_file("weights.safetensors")  # "a" is model A's: a picture for each class
`;

/**
 * Two buttons, and the code that one of them shows. `now()` is what stands there: {models, steps, images,
 * dataset, weights: arrays by name}; `renew()` writes the code anew where it is seen.
 */
export function taking(now) {
  const code = element("code", {});
  const shown = element("pre", { class: "living-code", tabindex: "0", hidden: true }, code);
  const renew = () => {
    if (shown.hidden) return;
    const { models, steps, images, dataset } = now();
    const text = python(models, steps, images, dataset) + LOADING;
    if (code.textContent !== text) code.textContent = text;
  };
  const show = toggle("Show the code", () => {
    shown.hidden = !shown.hidden;
    show.set(!shown.hidden);
    renew();
  });
  const take = button("Download the weights", () => {
    const { models, steps, weights } = now();
    const about = { models: JSON.stringify(models), steps: String(steps) };
    download("weights.safetensors", safetensors(weights, about));
  });
  return { buttons: [show, take], shown, renew };
}
