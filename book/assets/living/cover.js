// The front page: one technique's ten pictures, which a slider moves and a drawn digit asks.

import { choice, isSet, number, put, read, strokes } from "./address.js";
import { Board } from "./board.js";
import { button, element, lessMotion, percent, plain, slider, titled, toggle, voice } from "./controls.js";
import { FINE, likeData, rasterize } from "./drawing.js";
import { load, result } from "./files.js";
import { largest, logits, softmax } from "./model.js";
import { ten } from "./picture.js";
import { Reel } from "./reel.js";

const PACE = 700; // milliseconds a frame, of a film that plays once

export async function widget(figure, { film, shown }) {
  const { arrays, about } = await load(result(`${film}.film`));
  const reels = about.reels.map((each, i) => new Reel(each, arrays[i]));
  const titles = reels.map(({ title }) => title);
  const printed = [...figure.children];
  const fields = {
    technique: choice(titles.includes(shown) ? shown : titles[0], titles),
    at: number(NaN, 0, 1e3, { whole: true }), // NaN is the end of the technique's path
    ink: strokes(),
  };
  const state = read(location.search, fields);
  const { class_names: names, noun, form } = about;
  const pictures = ten(names);
  const shares = [...pictures.children].slice(0, 10).map((each) => {
    const share = element("i", { class: "living-share" });
    each.append(share);
    return share;
  });
  const said = voice();
  const strength = element("div", {});
  const note = element("p", { class: "living-hint" });
  const more = element("a", {}, "Ask all techniques");
  const reel = () => reels[titles.indexOf(state.technique)];
  const last = () => reel().axes[0].at.length - 1;
  const place = () => Math.min(last(), Number.isNaN(state.at) ? last() : state.at);
  let playing;
  let coming = false; // whether a picture of the state is on its way

  const change = (changes) => {
    clearInterval(playing);
    if ("ink" in changes && !changes.ink.length) board.release();
    Object.assign(state, changes);
    put(fields, state);
    if (!coming) requestAnimationFrame(() => show());
    coming = true;
  };
  const extended = (points) => [...state.ink.slice(0, -1), { erase: false, points }];
  const board = new Board({
    begin: () => clearInterval(playing),
    stroke: (points) => change({ ink: [...state.ink, { erase: false, points }] }),
    extend: (points) => change({ ink: extended(points) }),
    clear: () => change({ ink: [] }),
    erase: () => change({ ink: state.ink.slice(0, -1) }),
    lift: () => show("Pen lifted. "),
    say: (text) => said.say(text),
  });
  const buttons = titles.map((title) => toggle(title, () => change({ technique: title, at: NaN })));
  const wall = toggle("All five", () => turn(!panel.hidden));
  const paper = element("div", { class: "living-invited" }, board.canvas);
  const hint =
    "With a finger, pen or mouse, and the ten pictures say what they take it for. By keyboard: arrow keys move, Space sets the pen down and lifts it, Delete clears.";
  const asked = element(
    "div",
    { class: "living-ask" },
    paper,
    element("p", { class: "living-hint", id: "board-hint" }, hint),
    element(
      "div",
      { class: "living-buttons" },
      button("Clear", () => change({ ink: [] })),
      more,
    ),
  );
  const panel = element(
    "div",
    { class: "living-cover" },
    element("div", {}, pictures, strength, note, said),
    ...(form ? [asked] : []), // of what nobody draws there is no board
  );

  /** Show the frame of the state, and what it makes of the drawing; `before` is said first. */
  function show(before = "", aloud) {
    coming = false;
    const [shownReel, at] = [reel(), place()];
    const weights = shownReel.frame(at);
    pictures.show(
      weights,
      shownReel.width,
      shownReel.words(at, [at]),
      shownReel.ends[at],
      shownReel.largest[at],
    );
    buttons.forEach((each, i) => each.set(!panel.hidden && titles[i] === state.technique));
    const [{ name, at: values }] = shownReel.axes;
    if (strength.dataset.of !== state.technique) {
      strength.dataset.of = state.technique;
      const places = values.map((_, i) => i);
      strength.replaceChildren(
        slider(
          titled(name),
          places,
          (i) => plain(values[i]),
          (i) => change({ at: i }),
        ),
      );
    }
    strength.firstElementChild.set(at);
    const grid = rasterize(state.ink, 28);
    board.show(grid, 28 * FINE);
    paper.dataset.invite = state.ink.length ? "" : `Draw a ${names[3]}`;
    more.href = `living.html?ink=${fields.ink.write(state.ink)}#living-answers`;
    note.textContent = shownReel.note;
    const drawn = form && likeData(grid, 28 * FINE, shownReel.width, form);
    const answer = drawn && softmax(logits(weights, drawn));
    const best = answer && largest(answer);
    shares.forEach((share, digit) => {
      share.style.setProperty("--share", (answer?.[digit] ?? 0).toFixed(3));
      share.classList.toggle("best", digit === best);
    });
    const right = `These ten pictures know ${percent(shownReel.accuracy[at])} of the test ${noun[1]}.`;
    const words = answer
      ? `${state.technique} says ${names[best]}, with a probability of ${Math.round(100 * answer[best])} %. ${right}`
      : `${state.technique}, ${name.replaceAll("_", " ")} ${plain(values[at])}. ${right}`;
    said.say(words, aloud ?? before + words);
  }

  /** Turn to the five as printed, or to the one that moves. */
  function turn(away) {
    clearInterval(playing);
    panel.hidden = away;
    for (const each of printed) each.style.display = away ? "" : "none";
    wall.set(away);
    show("", "");
  }

  figure.append(
    element(
      "div",
      { class: "living-panel", role: "group", "aria-label": "One technique's pictures" },
      element("div", { class: "living-buttons" }, ...buttons, wall),
      panel,
    ),
  );
  for (const each of buttons) each.addEventListener("click", () => panel.hidden && turn(false));
  turn(false);
  if (isSet(fields, state) || lessMotion()) return;
  // A film that plays once, from nothing to the end: no state of the page's.
  state.at = 0;
  show("", "");
  playing = setInterval(() => {
    state.at += 1;
    if (state.at === last()) {
      clearInterval(playing);
      state.at = NaN;
    }
    show("", "");
  }, PACE);
}
