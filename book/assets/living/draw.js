// Draw, or take one of the test set: every technique answers at once, and shows its evidence.

import { choice, isSet, number, put, read, strokes } from "./address.js";
import { Answers, sides, who } from "./answers.js";
import { Board } from "./board.js";
import {
  button,
  calm,
  element,
  fixed,
  plain,
  select,
  slider,
  titled,
  toggle,
  trouble,
  voice,
} from "./controls.js";
import { averaged, disturbed, FINE, likeData, rasterize } from "./drawing.js";
import { load, result } from "./files.js";
import { evidence, largest, logits, softmax } from "./model.js";
import { ends, extent, paint, paintInk } from "./picture.js";

const ITS_ANSWER = "answer";
const STEPS = (from, to, by) =>
  Array.from({ length: Math.round((to - from) / by) + 1 }, (_, i) => Number((from + i * by).toFixed(2)));

export function widget(figure, { digits, weights, first }) {
  const table = figure.querySelector("table");
  const rows = [...table.tBodies[0].rows];
  const titles = rows.map((row) => row.cells[0].textContent);
  const { class_names: names, noun, form, shape } = first;
  const [height, width] = shape;
  const sight = `What the model sees: the ${noun[0]}, in the size and at the place that the data have.`;
  const printed = rows.map((row) =>
    [...row.cells].slice(1).map((cell) => Number(cell.firstElementChild.style.getPropertyValue("--share"))),
  );
  const fields = {
    digit: number(0, 0, 1e6, { whole: true }), // 0 is the reader's own drawing
    ink: strokes(),
    noise: number(0, 0, 1),
    hidden: number(0, 0, 1),
    right: number(0, -8, 8, { whole: true }),
    down: number(0, -8, 8, { whole: true }),
    by: choice(titles[0], titles),
    for: choice(ITS_ANSWER, [ITS_ANSWER, ...names.map((_, place) => String(place))]),
  };
  const state = read(location.search, fields);
  let files;
  let loaded;
  let failed = false;
  let erasing = false;
  let opening = !state.ink.length; // the most disputed digit lies there until the reader draws
  const taken = () => state.digit || Number(opening);
  let coming; // what is to be said with the next answer, while one is on its way

  // The files are loaded by the first touch, or by an address that holds more than the defaults.
  const ready = () =>
    (files ??= Promise.all([load(result(`${weights}.bin`)), load(result(`${digits}.bin`))]).then(
      ([{ arrays, about }, test]) => {
        if (about.techniques.some(({ title }, i) => title !== titles[i]))
          throw new Error("the weights are of another build.");
        const [count] = test.arrays.images.shape;
        const classes = arrays.weights.shape[1];
        const size = height * width;
        loaded = {
          count,
          labels: test.arrays.labels.data,
          image: (i) =>
            Float32Array.from(
              test.arrays.images.data.subarray(i * size, (i + 1) * size),
              (level) => level / 255,
            ),
          models: titles.map((_, i) =>
            arrays.weights.data.subarray(i * classes * size, (i + 1) * classes * size),
          ),
        };
        return loaded;
      },
    ));

  const board = new Board({
    begin: again,
    stroke: (points, before) => {
      opening = false;
      state.ink = [...state.ink, { erase: erasing, points }];
      update(before);
    },
    extend: (points) => {
      state.ink = [...state.ink.slice(0, -1), { erase: state.ink.at(-1).erase, points }];
      update();
    },
    clear,
    erase: () => {
      erase(!erasing);
      said.say(erasing ? "Eraser." : "Pen.");
    },
    lift: () => update("Pen lifted. "),
    say: (text) => said.say(text),
  });
  const said = voice();
  const seen = element("canvas", {
    role: "img",
    class: "living-seen",
    "aria-label": "What the model sees: nothing yet.",
  });
  const picture = element("canvas", { role: "img", class: "living-seen", "aria-label": "No evidence yet." });
  const balance = element("p");
  const caption = table.querySelector(".caption-text").lastChild;
  const below = figure.querySelector(".answers-said");
  const change = (changes) => {
    Object.assign(state, changes);
    if ("ink" in changes) board.release();
    update("", "by" in changes || "for" in changes);
  };
  function clear() {
    opening = false;
    change({ ink: [], digit: 0 });
  }
  const erase = (on) => {
    erasing = on;
    pen.set(!on);
    eraser.set(on);
  };
  const pen = toggle("Pen", () => erase(false));
  const eraser = toggle("Eraser", () => erase(true));
  const next = (count) => (taken() % count) + 1;
  const previous = (count) => (taken() > 1 ? taken() - 1 : count);
  const take = (which) => {
    again();
    return ready().then(({ count }) => change({ digit: which(count), ink: [] }), fail);
  };
  const about = element("p", { class: "living-about" });
  const bySlider = (name, label, values, say) =>
    Object.assign(
      slider(label, values, say, (value) => change({ [name]: value })),
      { name },
    );
  const tools = [
    bySlider("noise", "Noise", STEPS(0, 1, 0.05), plain),
    bySlider("hidden", "Pixels hidden", STEPS(0, 0.95, 0.05), (share) => `${Math.round(100 * share)} %`),
    bySlider("right", "Shift to the right", STEPS(-8, 8, 1), String),
    ...(height > 1 ? [bySlider("down", "Shift down", STEPS(-8, 8, 1), String)] : []),
  ];
  const model = select(
    "Technique",
    titles.map((title) => [title, title]),
    (by) => change({ by }),
  );
  const label = select(
    titled(noun[0]),
    [[ITS_ANSWER, "its answer"], ...names.map((name, place) => [String(place), name])],
    (value) => change({ for: value }),
  );
  const undisturbed = { noise: 0, hidden: 0, right: 0, down: 0 };
  const answers = new Answers(titles, names, (by) => change({ by }));

  const drawing = (...parts) => (form ? parts : []); // of what nobody draws there is no board
  const panel = element(
    "div",
    { class: "living-panel", role: "group", "aria-label": `${form ? "Draw" : "Take"} a ${noun[0]}` },
    element(
      "div",
      { class: "living-draw" },
      ...drawing(
        element(
          "div",
          {},
          board.canvas,
          element(
            "p",
            { class: "living-hint", id: "board-hint" },
            "Draw with a finger, pen or mouse. By keyboard: arrow keys move, Space sets the pen down and lifts it, E changes to the eraser, Delete clears.",
          ),
        ),
      ),
      element("div", { class: "living-answers" }, model, answers.shares, answers.votes, answers.said, about),
      element(
        "div",
        { class: "living-tools" },
        ...drawing(
          element(
            "div",
            { class: "living-buttons" },
            pen,
            eraser,
            button("Undo", () => change({ ink: state.ink.slice(0, -1) })),
            button("Clear", clear),
          ),
        ),
        element(
          "div",
          { class: "living-buttons" },
          button(`← Test ${noun[0]}`, () => take(previous)),
          button(`Test ${noun[0]} →`, () => take(next)),
        ),
        ...tools,
        element(
          "div",
          { class: "living-buttons" },
          button("Undisturbed", () => change(undisturbed)),
          button("Reset all", () => {
            opening = true;
            change(read("", fields));
          }),
        ),
      ),
      element(
        "div",
        { class: "living-evidence" },
        element("div", {}, "The model sees", seen),
        element("div", {}, "Evidence", picture),
        element("div", {}, label, balance),
      ),
    ),
    said,
  );
  figure.prepend(panel);
  table.addEventListener("click", ({ target }) => {
    const cell = target.closest("td");
    const row = target.closest("tbody tr");
    if (cell && row && files) change({ by: titles[rows.indexOf(row)], for: String(cell.cellIndex - 1) });
  });

  /** A new touch tries again to load what could not be loaded. */
  function again() {
    if (failed) files = undefined;
    failed = false;
  }

  function fail(error) {
    failed = true;
    said.say("");
    trouble(figure, error);
  }

  /** Answer with the next picture that the browser paints; say `before` first, or all `evidence`. */
  function update(before = "", evidence = false) {
    put(fields, state);
    for (const tool of tools) tool.set(state[tool.name]);
    model.set(state.by);
    label.set(state.for);
    if (!coming) requestAnimationFrame(refresh);
    coming = { before: before || (coming?.before ?? ""), evidence: evidence || Boolean(coming?.evidence) };
  }

  function refresh() {
    const told = coming;
    coming = undefined;
    if (loaded) return answer(loaded, told);
    if (!taken()) board.show(rasterize(state.ink, 28), 28 * FINE);
    if (!failed) said.say(`Loading the ${noun[1]} and the weights.`);
    ready().then((found) => answer(found, told), fail);
  }

  function answer({ count, labels, image, models }, told) {
    calm(figure);
    if (state.digit > count) return change({ digit: 0 });
    const digit = taken();
    const base = digit ? image(digit - 1) : undefined;
    const drawn = form ? onBoard(base) : base;
    if (!drawn || !extent(drawn)) return empty();
    const pixels = disturbed(drawn, width, state);
    paintInk(seen, pixels, width);
    seen.setAttribute("aria-label", sight);
    const shares = models.map((weights) => softmax(logits(weights, pixels)));
    shares.forEach((each, i) =>
      each.forEach((share, c) => fill(rows[i].cells[c + 1], share, c === largest(each))),
    );
    const chosen = titles.indexOf(state.by);
    explain((c) => evidence(models[chosen], pixels, c), shares[chosen]);
    const which = `Test ${noun[0]} ${plain(digit)} of ${plain(count)}, the most disputed first.`;
    const words = tell(shares, base && which, labels[digit - 1]);
    said.say(words, told.evidence ? balance.textContent : told.before + words);
  }

  /** Show what is drawn, on top of an image if there is one; return it in the form of the data. */
  function onBoard(base) {
    const grid = rasterize(state.ink, width, base);
    board.show(grid, width * FINE);
    return base ? averaged(grid, width) : likeData(grid, width * FINE, width, form);
  }

  /** Say beside the board and above the table what the shares, of each technique, come to. */
  function tell(shares, which, label) {
    answers.show(shares, titles.indexOf(state.by));
    const best = shares.map(largest);
    about.textContent = which
      ? `${which} Its label is ${names[label]}. ${who(titles, best, label)} knew it.`
      : "Your own drawing.";
    const said = sides(titles, best, names);
    caption.textContent = ` What each technique makes of ${which ? `this ${noun[0]}` : "your drawing"}: probabilities of the ten classes, in hundredths.`;
    below.textContent = `They say ${said.map(({ name, by }) => `${name}: ${by.join(", ")}`).join("; ")}.`;
    return `${said.map(({ name, by }) => `${by.length} of ${titles.length} techniques say${by.length > 1 ? "" : "s"} ${name}`).join(", ")}.`;
  }

  function explain(of, shares) {
    const place = state.for === ITS_ANSWER ? largest(shares) : Number(state.for);
    const terms = of(place);
    const sum = (sign) => terms.reduce((total, term) => total + (term * sign > 0 ? term : 0), 0);
    const signed = (x) => fixed(x, 1, "+");
    paint(picture, terms, width, ends(terms));
    const words = `${state.by}, for ${names[place]}: ink that speaks for it ${signed(sum(1))}, against it ${signed(sum(-1))}; together ${signed(sum(1) + sum(-1))}. Its probability is ${Math.round(100 * shares[place])} %.`;
    balance.textContent = words;
    picture.setAttribute("aria-label", `Evidence: weight times ink. ${words}`);
  }

  function empty() {
    for (const row of rows) for (const cell of [...row.cells].slice(1)) fill(cell, NaN, false);
    answers.show([]);
    const nothing = new Float32Array(height * width);
    paintInk(seen, nothing, width);
    paint(picture, nothing, width, [-1, 1]);
    seen.setAttribute("aria-label", "What the model sees: nothing.");
    picture.setAttribute("aria-label", "No evidence without ink.");
    balance.textContent = "";
    about.textContent = "Nothing is drawn.";
    caption.textContent = " What each technique makes of your drawing, once there is one.";
    below.textContent = "";
    const remedy = `Draw a ${noun[0]}, or take a test ${noun[0]}.`;
    said.say(`The board is empty, so there is nothing to answer. ${remedy}`);
  }

  erase(false);
  for (const tool of tools) tool.set(state[tool.name]);
  model.set(state.by);
  label.set(state.for);
  if (isSet(fields, state)) return update();
  // As printed, which needs no file.
  const pixels = Float32Array.from(unpacked(first.image), (level) => level / 255);
  const terms = new Float32Array(unpacked(first.evidence).buffer);
  if (form) board.show(rasterize([], width, pixels), width * FINE);
  paintInk(seen, pixels, width);
  seen.setAttribute("aria-label", sight);
  explain(() => terms, printed[0]);
  tell(printed, `The most disputed of the test ${noun[1]}.`, first.label);
}

/** Bytes from base64. */
const unpacked = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** Write a probability into a cell of the table; NaN empties it. */
function fill(cell, share, best) {
  const said = Math.round(100 * share);
  cell.firstElementChild.textContent = said > 0 ? said : "·";
  cell.firstElementChild.style.setProperty("--share", (share || 0).toFixed(2));
  cell.classList.toggle("best", best);
}
