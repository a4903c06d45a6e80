// Trains one or two models, step by step in turn, beside the page. Messages in: {data}, {models, asked},
// {run: true or false, to: a step to stop at}, {steps}, {reset}, {seen}; out: {models, asked, perSecond,
// running}.

import { compiled } from "./kernels.js";
import { accuracy, Sparse, Training, transposed } from "./training.js";

const SLICE = 30; // milliseconds of training between two looks at what the page wants
let data;
let test;
let models = [];
let asked; // the number of the settings, so that the page knows which it is shown
let running = false;
let end = Infinity; // the step to stop at
let queued = false; // whether a slice is on its way
let waiting = true;
let pause = 100;
let last = 0;
let clock = 0;
let taken = 0;

const channel = new MessageChannel(); // comes back sooner than a timer
channel.port1.onmessage = slice;

function queue() {
  if (!queued) channel.port2.postMessage(0);
  queued = true;
}

const file = fetch(new URL("./kernels.wasm", import.meta.url));
const ready = compiled(file.then((answer) => (answer.ok ? answer.arrayBuffer() : undefined)));

addEventListener("message", ({ data }) => ready.then(() => heed(data)).catch(report));

/** Let the page know: what a promise throws it does not hear of. */
function report(error) {
  setTimeout(() => {
    throw error;
  });
}

function heed(message) {
  if (message.data) begin(message.data);
  if (message.models) set(message);
  if (message.pause) pause = message.pause;
  if (message.reset) for (const model of models) model.reset();
  if (message.steps) advance(message.steps);
  if (message.seen) return void (waiting = true);
  if ("run" in message && message.run !== running) {
    [running, end] = [message.run, message.to ?? Infinity];
    [clock, taken] = [performance.now(), 0];
    if (running) queue();
  }
  if (models.length) post();
}

function begin({ pixels, width, classes, train, validation, test: held }) {
  [models, running] = [[], false]; // of other data
  const store = ({ images, labels }) => ({ images: new Sparse(images, pixels), labels });
  data = { pixels, width, classes, train: store(train), validation: store(validation) };
  test = store(held);
}

/** Take over settings. A model that is added begins at the start. */
function set(message) {
  asked = message.asked;
  models = message.models.map((settings, i) => {
    models[i]?.set(settings);
    return models[i] ?? new Training(data, settings);
  });
}

/** Take steps: all models together, or the one that has to catch up. */
function advance(steps) {
  for (let i = 0; i < steps; i++) {
    const first = Math.min(...models.map(({ step }) => step));
    for (const model of models) if (model.step === first) model.advance();
  }
  taken += steps;
}

function slice() {
  queued = false;
  if (!running) return;
  const until = performance.now() + SLICE;
  const ahead = () => end - models[0].step;
  while (performance.now() < until && ahead() > 0) advance(Math.min(10, ahead()));
  if (ahead() <= 0 || models.some(({ lost }) => lost)) running = false;
  if (!running || (waiting && performance.now() - last > pause)) post();
  if (running) queue();
}

function post() {
  waiting = false;
  last = performance.now();
  const found = models.map((model) => {
    const weights = model.weights();
    return {
      weights: transposed(weights, data.classes),
      accuracy: accuracy(weights, test, data.classes),
      loss: model.loss,
      lost: model.lost,
      step: model.step,
    };
  });
  const perSecond = running && taken ? (1000 * taken) / (performance.now() - clock) : 0;
  if (performance.now() - clock > 2000) [clock, taken] = [performance.now(), 0];
  postMessage(
    { models: found, asked, perSecond, running },
    found.map(({ weights }) => weights.buffer),
  );
}
