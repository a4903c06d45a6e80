// Train the model here, one or two side by side, and turn the knobs while it learns.

import { choice, number, put, read } from "./address.js";
import {
  button,
  calm,
  element,
  fixed,
  percent,
  plain,
  select,
  slider,
  titled,
  toggle,
  trouble,
  voice,
} from "./controls.js";
import { draw, frame, thinned } from "./curve.js";
import { smoothness } from "./model.js";
import { own } from "./own.js";
import { extent, ten } from "./picture.js";
import { taking } from "./take.js";
import { TECHNIQUES } from "./techniques.js";
import { trainer } from "./trainer.js";

const RATES = spaced(1e-5, 1e-1);
const BATCHES = [8, 16, 32, 64, 128];

export function widget(figure, { training, digits }) {
  let loading = false;
  const open = button("Train it here", () => begin().then((panel) => panel?.focus({ preventScroll: true })));
  const note = element("span", {}, " The page then loads some half a megabyte of digits.");
  const intro = element("p", { class: "living-note" }, open, note);
  figure.prepend(intro);
  if (new URLSearchParams(location.search).has("train")) begin();

  async function begin() {
    if (loading) return;
    loading = true;
    try {
      let panel;
      const show = (message) => panel?.show(message);
      const fail = (error) => {
        if (panel && !panel.weights) {
          panel.worker.terminate(); // it never began: the button is there again
          panel.element.replaceWith(intro);
          loading = false;
        }
        trouble(panel?.weights ? panel.element : figure, error);
      };
      panel = new Panel(await trainer(training, digits, show, fail));
      calm(figure);
      intro.replaceWith(panel.element);
      return panel.element.querySelector("button");
    } catch (error) {
      loading = false; // the next click tries again
      trouble(figure, error);
    }
  }
}

/** Some round numbers from `low` to `high`, five to a power of ten. */
function spaced(low, high) {
  const count = Math.round(5 * Math.log10(high / low));
  return Array.from({ length: count + 1 }, (_, i) =>
    Number((low * (high / low) ** (i / count)).toPrecision(2)),
  );
}

/** The places of a strength's slider: by powers of ten where it goes over several, else evenly. */
function places(path) {
  const low = path.find((value) => value > 0);
  const high = path.at(-1);
  const evenly = (_, i) => Number(((i / 40) * (high - path[0]) + path[0]).toPrecision(3));
  const fine = high / low > 30 ? spaced(low, high) : Array.from({ length: 41 }, evenly);
  const counts = path.every(Number.isInteger); // of steps, of evaluations
  const all = [...path, ...fine].map((value) => (counts ? Math.round(value) : value));
  return [...new Set(all)].sort((a, b) => a - b);
}

/** What the page asks beside a lesson's link, without the link. */
function questionOf(lesson) {
  const item = lesson && document.querySelector(`a[href*="lesson=${lesson}"]`)?.closest("li");
  return item ? item.textContent.trim() : "";
}

class Panel {
  constructor({ worker, about, size, counts, data }) {
    this.techniques = about.techniques.filter(({ name }) => TECHNIQUES[name]);
    this.measured = about.reference;
    this.fields = {
      train: choice("", ["1"]),
      lesson: choice("", ["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
      batch: choice("32", BATCHES.map(String)),
      seed: number(0, 0, 999, { whole: true }),
    };
    const slugs = this.techniques.map(({ slug }) => slug);
    for (const [key, first] of [
      ["a", slugs[0]],
      ["b", ""],
    ])
      Object.assign(this.fields, {
        [key]: choice(first, key === "b" ? ["", ...slugs] : slugs),
        [`${key}.strength`]: number(NaN, 0, 1e6), // held against the technique's own range below
        [`${key}.rate`]: number(1e-3, 1e-6, 1),
      });
    // In the address as long as the panel is open, also where all else is at its default.
    this.state = { ...read(location.search, this.fields), train: "1" };
    Object.assign(this, { worker, size, counts, about, data, names: about.class_names, held: true });
    [, this.noun] = about.noun;
    this.build();
    this.apply();
    if (this.state.lesson) this.run(true);
    document.addEventListener("visibilitychange", () => document.hidden && this.run(false));
  }

  build() {
    this.said = voice(4000);
    this.said.classList.add("living-spoken"); // what it says can be seen beside it
    this.curve = frame();
    this.numbers = element("p", { class: "living-numbers" });
    this.models = ["a", "b"].map((key) => this.model(key));
    this.runs = button("Run", () => this.run(!this.running));
    let other = "l2"; // the second model's technique, when it was last there
    this.beside = toggle("Second model", () => {
      other = this.state.b || other;
      this.turn({ b: this.state.b ? "" : other });
    });
    this.batch = select(
      "Batch",
      BATCHES.map((size) => [String(size), String(size)]),
      (batch) => this.turn({ batch }),
    );
    this.seed = slider(
      "Seed",
      Array.from({ length: 20 }, (_, i) => i),
      String,
      (seed) => this.turn({ seed }),
    );
    this.taking = taking(() => this.now());
    const given = element("div", { hidden: true });
    const give = toggle("Use your own pictures", () => {
      if (!given.childElementCount)
        given.append(own(this.about, this.size[1], (...its) => this.give(...its)));
      given.hidden = !given.hidden;
      give.set(!given.hidden);
    });
    this.back = button(`Back to the ${this.noun}`, () => this.give({ data: this.data }), { hidden: true });
    this.lesson = element("p", { class: "living-lesson" });
    this.legend = element("p", { class: "living-legend", "aria-hidden": "true" });
    const { steps, accuracy, learning_rate: rate, batch_size: batch } = this.measured;
    this.element = element(
      "div",
      { class: "living-panel", role: "group", "aria-label": "Train the model" },
      this.lesson,
      element(
        "div",
        { class: "living-buttons" },
        this.runs,
        button("Step", () => this.worker.postMessage({ steps: 1 })),
        button("100 steps", () => this.worker.postMessage({ steps: 100 })),
        button("Reset", () => this.reset()),
        button("Defaults", () => this.defaults()),
        this.beside,
        this.batch,
        this.seed,
        ...this.taking.buttons,
        ...(this.about.form ? [give, this.back] : []), // of what nobody draws there is no board
      ),
      this.taking.shown,
      given,
      element("div", { class: "living-models" }, ...this.models.map(({ element }) => element)),
      this.legend,
      this.curve,
      this.numbers,
      this.said,
      (this.hint = element("p", { class: "living-hint" })),
    );
    this.reference = `For comparison: without regularization, at a learning rate of ${plain(rate)} and batches of ${batch}, the book's own loop has ${accuracy} of the same test ${this.noun} right after ${plain(steps)} steps.`;
    this.hint.textContent = this.reference;
  }

  /** Train on other images: the reader's own, or again the page's. */
  give({ data, held }, names) {
    this.isOwn = Boolean(names);
    this.held = held || !this.isOwn; // back what is tested on
    this.names = names ?? this.about.class_names;
    this.counts = { train: data.train.labels.length, test: data.test.labels.length };
    if (!this.isOwn && document.activeElement === this.back) this.runs.focus();
    this.back.hidden = !this.isOwn;
    this.hint.textContent = this.reference;
    if (this.isOwn) {
      const tested = held
        ? `tested on ${plain(this.counts.test)} others, every fourth of each class.`
        : "and tested on the same ones, so the accuracy says little. Give each class four or more, and every fourth is kept for the test.";
      this.hint.textContent = `Your own: trained on ${plain(this.counts.train)} pictures, ${tested}`;
    }
    for (const model of this.models) {
      const pictures = ten(this.names);
      model.pictures.replaceWith(pictures);
      model.pictures = pictures;
    }
    this.worker.postMessage({ data });
    this.forget();
    this.apply();
    if (this.isOwn) this.run(true);
  }

  /** One model's controls and pictures. */
  model(key) {
    const name = key.toUpperCase();
    const pictures = ten(this.names);
    const words = element("p", {});
    const technique = select(
      `Model ${name}`,
      this.techniques.map(({ slug, title }) => [slug, title]),
      (slug) => {
        this.turn({ [key]: slug, [`${key}.strength`]: NaN });
        this.turned.push([this.step, this.called(key)]);
      },
    );
    const rate = slider("Learning rate", RATES, plain, (value) => this.turn({ [`${key}.rate`]: value }));
    const strength = element("div", {});
    const take = (of) => () => {
      const { rate, strength } = this.of(key)[of];
      this.turn({ [`${key}.rate`]: rate, [`${key}.strength`]: strength ?? NaN });
    };
    const own = button("As in the post", take("in_chapter"));
    const made = element(
      "div",
      { class: "living-model", role: "group", "aria-label": `Model ${name}` },
      technique,
      strength,
      rate,
      element("div", { class: "living-buttons" }, own, button("What validation picks", take("chosen"))),
      pictures,
      words,
    );
    return { key, element: made, technique, rate, strength, own, pictures, words };
  }

  of = (key) => this.techniques.find(({ slug }) => slug === this.state[key]);

  /** A model's name and technique: "A: Dropout". */
  called = (key) => `${key.toUpperCase()}: ${this.of(key).title}`;

  /** A change by the reader, while it runs. */
  turn(changes) {
    Object.assign(this.state, changes);
    if ("seed" in changes) this.forget();
    this.apply();
  }

  /** Bring the controls, the worker and the address to the state. */
  apply() {
    const keys = ["a", "b"].filter((key) => this.state[key]);
    for (const model of this.models) this.controls(model, keys.includes(model.key));
    if (this.count !== keys.length) this.forget();
    this.count = keys.length;
    this.lesson.textContent = questionOf(this.state.lesson);
    this.legend.replaceChildren(
      ...keys.map((key) => element("span", { class: key === "b" ? "second" : "" }, this.called(key))),
    );
    this.beside.set(keys.length > 1);
    this.batch.set(this.state.batch);
    this.seed.set(this.state.seed);
    this.asked = (this.asked ?? 0) + 1;
    this.worker.postMessage({ models: keys.map((key) => this.settings(key)), asked: this.asked });
    this.taking.renew();
    put(this.fields, this.state);
  }

  controls({ key, element: made, technique, rate, strength, own }, shown) {
    made.hidden = !shown;
    if (!shown) return;
    const { slug, knob, path, of_the_post: post } = this.of(key);
    technique.set(slug);
    own.textContent = post ? "As in the post" : "As in its chapter";
    rate.set(this.state[`${key}.rate`]);
    if (strength.dataset.of !== slug) {
      strength.dataset.of = slug;
      strength.replaceChildren();
      if (knob)
        strength.append(
          slider(titled(knob), places(path), plain, (value) => this.turn({ [`${key}.strength`]: value })),
        );
    }
    strength.firstElementChild?.set(this.strength(key));
  }

  /** The strength in the state, or the chapter's where there is none that makes sense. */
  strength(key) {
    const { path, in_chapter: its } = this.of(key);
    const value = this.state[`${key}.strength`];
    return value >= path[0] && value <= path.at(-1) ? value : its.strength;
  }

  settings(key) {
    const { name, settings, knob, loss } = this.of(key);
    const hyper = knob ? { ...settings, [knob]: this.strength(key) } : settings;
    return {
      technique: name,
      hyper,
      loss,
      rate: this.state[`${key}.rate`],
      batch: Number(this.state.batch),
      seed: this.state.seed,
    };
  }

  /** What stands here, to be taken along. */
  now() {
    const keys = ["a", "b"].filter((key) => this.state[key]);
    const shape = [this.names.length, ...this.size];
    const weights = keys.flatMap((key, i) =>
      this.weights?.[i] ? [[key, { data: this.weights[i], shape }]] : [],
    );
    return {
      models: keys.map((key) => this.settings(key)),
      steps: this.step,
      images: this.counts.train,
      dataset: this.isOwn ? "folder:own" : this.about.name,
      weights: Object.fromEntries(weights),
    };
  }

  run(on) {
    this.worker.postMessage({ run: on });
  }

  /** Begin another curve, on which nothing was turned yet. */
  forget() {
    this.line = undefined;
    this.turned = [];
  }

  reset() {
    this.forget();
    this.worker.postMessage({ reset: true });
  }

  defaults() {
    this.state = { ...read("", this.fields), train: "1" };
    this.apply();
    this.reset();
  }

  /** Show what the worker has to tell, if it is of the settings as they are. */
  show({ models, asked, perSecond, running }) {
    this.worker.postMessage({ seen: true });
    if (asked !== this.asked) return;
    this.running = running;
    this.runs.textContent = running ? "Pause" : "Run";
    const told = models.map(({ weights, accuracy, loss, step }, i) => {
      const model = this.models[i];
      const ofLoss = step ? `, loss of the last batch ${plain(loss)}` : "";
      const words = `${this.held ? "Test accuracy" : "Accuracy on these pictures"} ${percent(accuracy)}${ofLoss}. Neighbouring pixels correlate at ${fixed(smoothness(weights, this.size))}, weights up to ${plain(extent(weights))}.`;
      model.pictures.show(weights, this.size[1], words);
      model.words.textContent = words;
      return `${this.of(model.key).title}: ${percent(accuracy)}`;
    });
    const [step, behind] = [Math.max(...models.map((m) => m.step)), Math.min(...models.map((m) => m.step))];
    const accuracies = models.map(({ accuracy }) => 100 * accuracy);
    this.step = step;
    this.weights = models.map(({ weights }) => weights);
    if (!running) this.taking.renew();
    if (step === behind) this.draw(step, accuracies);
    const lost = models.some((each) => each.lost);
    const state = [
      lost &&
        " The numbers grew too large to compute with. Lower the learning rate or the strength, and reset.",
      step > behind && ` The other model catches up, at step ${plain(behind)}.`,
      !running && !lost && " Paused.",
    ].filter(Boolean);
    const speed = perSecond ? `, ${plain(Math.round(perSecond))} steps a second` : "";
    this.numbers.textContent = `Step ${plain(step)}${speed}.${state.join("")}`;
    this.said.say(`Step ${plain(step)}. ${told.join("; ")}.${state.join("")}`);
  }

  draw(step, accuracies) {
    if (!this.line || step < this.line.at(-1)[0] || accuracies.length + 1 !== this.line[0].length)
      this.line = [];
    if (step !== this.line.at(-1)?.[0]) this.line.push([step, ...accuracies]);
    this.line = thinned(this.line);
    const end = Math.max(step, 1);
    const lines = accuracies.map((_, i) => this.line.map((point) => [point[0] / end, point[i + 1]]));
    const markers = lines.map((line) => line.at(-1));
    const turned = this.turned.filter(([at]) => at > 0 && at <= step).map(([at, what]) => [at / end, what]);
    draw(this.curve, lines, markers, ["step 0", plain(end)], turned);
  }
}
