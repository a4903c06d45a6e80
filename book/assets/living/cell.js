// The last cell of a chapter, trained where it stands: its numbers can be changed, a button runs it.

import { button, calm, element, percent, plain, trouble, voice } from "./controls.js";
import { draw, frame, thinned } from "./curve.js";
import { number } from "./number.js";
import { ten } from "./picture.js";
import { TECHNIQUES } from "./techniques.js";
import { trainer } from "./trainer.js";

const HOW =
  "Change a number in the code: drag it, type, or use the arrow keys. Then run it. The page loads half a megabyte of images, fewer than Python has.";

export function widget(place, told) {
  if (TECHNIQUES[told.technique]) new Cell(place, told); // others are Python's alone
}

/** Links to where the chapter runs as it is written, if the site has an address for that. */
const elsewhere = () =>
  [...document.querySelectorAll(".dropdown-launch-buttons a[href]")].map(({ href, textContent }) =>
    element("a", { href }, `Open in ${textContent.trim()}`),
  );

/** The element that holds just what stands in some code from one place to another; or none. */
function token(code, { line, from, to }) {
  const before = code.textContent.split("\n").slice(0, line);
  let left = before.reduce((sum, { length }) => sum + length + 1, from);
  for (const each of code.children) {
    // Between the elements are spaces and ends of lines.
    const gap = each.previousSibling?.nodeType === Node.TEXT_NODE ? each.previousSibling.length : 0;
    left -= gap;
    if (left === 0 && each.textContent.length === to - from) return each;
    left -= each.textContent.length;
  }
}

class Cell {
  constructor(place, told) {
    this.told = told;
    this.values = { hyper: { ...told.hyper }, training: { ...told.training } };
    this.trained = []; // what is shown: the last training, and the one before
    this.runs = button("Run it here", () => (this.running ? this.stop() : this.run()));
    this.progress = element("progress", { value: 0, "aria-label": "Steps taken", hidden: true });
    this.hint = element("p", { class: "living-hint" }, HOW);
    this.said = voice(3000);
    this.troubles = element("div", {});
    this.models = element("div", { class: "living-models" });
    this.curve = frame();
    this.panel = element(
      "div",
      { class: "living-panel", role: "group", "aria-label": "Run this cell" },
      element("div", { class: "living-buttons" }, this.runs, this.progress, ...elsewhere()),
      this.hint,
      this.troubles,
      this.said,
      this.models,
    );
    place.append(this.panel);
    const code = place.closest(".cell").querySelector(".cell_input pre");
    const places = told.numbers.map((each) => token(code, each));
    /** The numbers as the code has them. */
    this.written = () =>
      places
        .flatMap((place, i) => (place ? [`${told.numbers[i].name}=${place.textContent}`] : []))
        .join(", ");
    told.numbers.forEach(({ of, name, ...within }, i) => {
      const on = (value) => {
        calm(this.troubles);
        this.values[of][name] = value;
      };
      const wrong = (words) => trouble(this.troubles, words);
      if (places[i]) number(places[i], name, within, on, wrong);
    });
    code.addEventListener("keydown", ({ key, shiftKey, ctrlKey }) => {
      if (key === "Enter" && (shiftKey || ctrlKey) && !this.running) this.run();
    });
  }

  async run() {
    calm(this.troubles);
    this.running = true;
    this.runs.textContent = "Stop";
    try {
      const show = (message) => this.show(message);
      const files = ["training_digits", "test_digits"];
      const run = (this.latest = {}); // whoever presses again while it loads has begun another
      this.coming ??= trainer(...files, show, (error) => this.lost(error));
      this.trainer = await this.coming;
      if (this.running && run === this.latest) this.start(this.settings());
    } catch (error) {
      if (!this.trainer) this.coming = undefined; // the next run tries again
      this.idle();
      trouble(this.troubles, error.message);
    }
  }

  /** What the worker is to train; throws an Error where the page has too few images for it. */
  settings() {
    const { technique, loss, numbers } = this.told;
    const { train_size: wanted, batch_size: batch, ...how } = this.values.training;
    const images = this.trainer.counts.train;
    const size = Math.min(wanted, images);
    if (size < wanted && numbers.some(({ name }) => name === "train_size"))
      throw new Error(
        `train_size: this page has only ${plain(images)} images to train on. Expected that many or fewer.`,
      );
    if (batch > size)
      throw new Error(
        `batch_size: ${plain(batch)} is more than the ${plain(size)} images. Expected that many or fewer.`,
      );
    const hyper = { ...this.values.hyper };
    return { technique, hyper, loss, rate: how.learning_rate, wrong: how.label_noise, batch, size, seed: 0 };
  }

  /** Begin to train, beside what was trained before. */
  start(settings) {
    const { worker, about, counts } = this.trainer;
    const { steps } = this.values.training;
    const numbers = this.written();
    const made = { steps, numbers, line: [], pictures: ten(about.class_names), words: element("p", {}) };
    const mark = element("span", {}, element("code", {}, numbers));
    const heading = element("p", { class: "living-legend" }, mark);
    made.element = element("div", { class: "living-model" }, heading, made.pictures, made.words);
    const before = this.trained.filter(({ line }) => line.length).slice(0, 1); // what was seen
    before[0]?.element.querySelector(".living-legend > span").classList.add("second");
    this.trained = [made, ...before];
    this.models.replaceChildren(...this.trained.map(({ element }) => element));
    this.panel.append(this.curve);
    const seeds = this.told.seeds > 1 ? `, with one seed of ${this.told.seeds}` : "";
    this.hint.textContent = `Trained in this page on ${plain(settings.size)} ${about.noun[1]}, tested on ${plain(counts.test)}${seeds}. Python has more of them, and other random numbers.`;
    Object.assign(this.progress, { hidden: false, max: steps, value: 0 });
    this.asked = (this.asked ?? 0) + 1;
    worker.postMessage({ models: [settings], asked: this.asked, reset: true, run: true, to: steps });
  }

  stop() {
    this.trainer?.worker.postMessage({ run: false });
    this.idle();
  }

  idle() {
    this.running = false;
    this.runs.textContent = "Run it here";
    this.progress.hidden = true;
  }

  /** The worker is no more: the next run begins another. */
  lost(error) {
    this.trainer?.worker.terminate();
    this.trainer = this.coming = undefined;
    this.idle();
    trouble(this.troubles, error.message);
  }

  /** Show what the worker has to tell, if it is of the last training. */
  show({ models: [{ weights, accuracy, lost, step }], asked, perSecond, running }) {
    if (asked !== this.asked || !this.trainer) return;
    this.trainer.worker.postMessage({ seen: true });
    const [now, before] = this.trained;
    // Before the first step there is nothing to see, and it would stretch the axis.
    if (step && step !== now.line.at(-1)?.[0]) now.line = thinned([...now.line, [step, 100 * accuracy]]);
    Object.assign(now, { accuracy });
    now.words.textContent = `Test accuracy ${percent(accuracy)} after ${plain(step)} steps.`;
    now.pictures.show(weights, this.trainer.size[1], now.words.textContent);
    this.progress.value = step;
    const left = perSecond ? `, about ${duration((now.steps - step) / perSecond)} left` : "";
    if (running) this.said.say(`Step ${plain(step)} of ${plain(now.steps)}${left}.`);
    else if (lost)
      this.said.say(
        `At step ${plain(step)} the numbers grew too large to compute with. Lower the learning rate or the strength, and run it again.`,
      );
    else if (step < now.steps) this.said.say(`Stopped at step ${plain(step)} of ${plain(now.steps)}.`);
    else {
      const than = before ? ` Before, with ${before.numbers}: ${percent(before.accuracy)}.` : "";
      this.said.say(`Test accuracy ${percent(accuracy)}.${than}`);
    }
    this.draw();
    if (!running) this.idle();
  }

  draw() {
    if (this.trained.some(({ line }) => !line.length)) return;
    const last = Math.max(...this.trained.map(({ line }) => line.at(-1)[0]));
    const lines = this.trained.map(({ line }) => line.map(([step, y]) => [step / last, y]));
    const markers = lines.map((line) => line.at(-1));
    draw(this.curve, lines, markers, ["step 0", plain(last)]);
  }
}

/** Seconds in words. */
function duration(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} minutes` : `${plain(Math.ceil(seconds / 3600))} hours`;
}
