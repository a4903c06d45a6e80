// Trains one or two models, step by step in turn, beside the page. Messages in: {data}, {models},
// {run: true or false}, {steps}, {reset}, {seen}; out: {step, models, perSecond, running}.

import { accuracy, Sparse, Training, transposed } from "./training.js";

const SLICE = 30; // milliseconds of training between two looks at what the page wants
let data;
let test;
let models = [];
let running = false;
let waiting = true;
let pause = 100;
let last = 0;
let clock = 0;
let taken = 0;

const channel = new MessageChannel(); // comes back sooner than a timer
channel.port1.onmessage = slice;

onmessage = ({ data: message }) => {
  if (message.data) begin(message.data);
  if (message.models) set(message.models);
  if (message.pause) pause = message.pause;
  if (message.reset) for (const model of models) model.reset();
  if (message.steps) advance(message.steps);
  if (message.seen) return void (waiting = true);
  if ("run" in message && message.run !== running) {
    running = message.run;
    [clock, taken] = [performance.now(), 0];
    if (running) channel.port2.postMessage(0);
  }
  if (models.length) post();
};

function begin({ pixels, classes, train, validation, test: held }) {
  const store = ({ images, labels }) => ({ images: new Sparse(images, pixels), labels });
  data = { pixels, classes, train: store(train), validation: store(validation) };
  test = store(held);
}

/** Take over settings; a model that is added starts where the first one did, and catches up. */
function set(all) {
  models = all.map((settings, i) => {
    const model = models[i] ?? new Training(data, settings);
    if (models[i]) model.set(settings);
    return model;
  });
  const ahead = Math.max(...models.map(({ step }) => step));
  if (models.some(({ step }) => step < ahead)) for (const model of models) model.reset();
}

function advance(steps) {
  for (let i = 0; i < steps; i++) for (const model of models) model.advance();
  taken += steps;
}

function slice() {
  if (!running) return;
  const until = performance.now() + SLICE;
  while (performance.now() < until) advance(10);
  if (models.some(({ loss }) => !Number.isFinite(loss))) running = false;
  if (!running || (waiting && performance.now() - last > pause)) post();
  channel.port2.postMessage(0);
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
    };
  });
  const perSecond = running && taken ? (1000 * taken) / (performance.now() - clock) : 0;
  if (performance.now() - clock > 2000) [clock, taken] = [performance.now(), 0];
  postMessage(
    { step: models[0]?.step ?? 0, models: found, perSecond, running },
    found.map(({ weights }) => weights.buffer),
  );
}
