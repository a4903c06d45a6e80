// Ten classes of the reader's own, drawn on a board or loaded from pictures: they stay in this page.

import { Board } from "./board.js";
import { button, calm, element, plain, select, trouble, voice } from "./controls.js";
import { FINE, likeData, rasterize } from "./drawing.js";
import { paintInk } from "./picture.js";

const SIDE = 28; // pixels of the board, each way
const HELD_BACK = 4; // every fourth picture is not trained on, where each class has so many
const LARGEST = 25e6; // bytes of a picture's file
const FAINT = 0.1; // what differs from the ground by less is ground

/** The ink of a picture's file, on `size` places each way: whatever differs from its edge. */
async function ink(file, size) {
  if (file.size > LARGEST) throw new Error(`${file.name} is larger than 25 megabytes. Choose a smaller one.`);
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Error(
      `${file.name} is no picture that this browser can read. Expected PNG or JPEG, for example.`,
    );
  }
  const canvas = element("canvas", { width: size, height: size });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const scale = size / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  context.fillStyle = "#fff"; // of what can be seen through
  context.fillRect(0, 0, size, size);
  context.drawImage(picture, (size - width) / 2, (size - height) / 2, width, height);
  picture.close(); // else photographs wait in memory, as large as they are
  const { data } = context.getImageData(0, 0, size, size);
  const light = Float32Array.from({ length: size * size }, (_, i) => luminance(data, 4 * i));
  // Within the picture alone: what was laid beside a long one is no edge of it.
  const [left, top] = [(size - width) / 2, (size - height) / 2].map(Math.ceil);
  const within = (at, edge) => at >= edge && at < size - edge;
  const inside = (i) => within(i % size, left) && within(Math.floor(i / size), top);
  const ground = light[top * size + left];
  const found = light.map((value, i) => (inside(i) ? Math.abs(value - ground) : 0));
  const most = found.reduce((a, b) => Math.max(a, b), 0);
  if (most < FAINT)
    throw new Error(`${file.name} is all of one colour. Expected something that stands out from the ground.`);
  return found.map((value) => (value < FAINT * most ? 0 : value / most));
}

const luminance = (data, at) => (0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]) / 255;

/** What a worker trains on, from classes [{name, pictures}], and whether some are held back to test. */
export function parts(classes, side) {
  const made = { train: [], test: [] };
  // Of all classes, or of none: a test of one class would be passed by who always says its name.
  const split = classes.every(({ pictures: { length } }) => !length || length >= HELD_BACK);
  classes.forEach(({ pictures }, label) => {
    pictures.forEach((pixels, i) =>
      made[split && i % HELD_BACK === HELD_BACK - 1 ? "test" : "train"].push([label, pixels]),
    );
  });
  const held = made.test.length > 0;
  const packed = (some) => ({
    images: Uint8Array.from(some.flatMap(([, pixels]) => Array.from(pixels, (ink) => Math.round(255 * ink)))),
    labels: Uint8Array.from(some, ([label]) => label),
  });
  const train = packed(made.train);
  const test = held ? packed(made.test) : train;
  const data = { pixels: side * side, width: side, classes: classes.length, train, test };
  // There are too few for images of their own to stop early by.
  return { held, data: { ...data, validation: train } };
}

/**
 * A panel for classes of one's own, named at first as the data's. `about` is what the page knows of them,
 * `side` their pixels each way; `train(parts, names, held)` is called with what is to be trained on.
 */
export function own({ class_names: names, form }, side, train) {
  const classes = names.map((name) => ({ name, pictures: [] }));
  let chosen = 0;
  let strokes = [];
  const said = voice();
  const drawn = () => board.show(rasterize(strokes, SIDE), SIDE * FINE);
  const show = () => {
    drawn();
    const { name, pictures } = classes[chosen];
    if (document.activeElement !== called) called.value = name; // whoever types goes on
    [...which.input.options].forEach((option, i) => {
      option.textContent = `${classes[i].name} (${classes[i].pictures.length})`;
    });
    strip.replaceChildren(...pictures.map(thumbnail));
    const filled = classes.filter(({ pictures }) => pictures.length).length;
    begin.disabled = filled < 2;
    const all = classes.reduce((sum, { pictures }) => sum + pictures.length, 0);
    said.say(
      `${plain(all)} ${all === 1 ? "picture" : "pictures"} in ${filled} of ten classes.${filled < 2 ? " To train, put pictures into at least two." : ""}`,
    );
  };
  const thumbnail = (pixels, i) => {
    const canvas = element("canvas", {});
    paintInk(canvas, pixels, side);
    const label = `Remove picture ${i + 1} of ${classes[chosen].name}`;
    const away = button(
      "",
      () => {
        classes[chosen].pictures.splice(i, 1);
        show();
        (strip.children[i] ?? strip.lastChild ?? which.input).focus();
      },
      { "aria-label": label, title: label },
    );
    away.append(canvas);
    return away;
  };
  const on = {
    begin() {},
    stroke(points, before = "") {
      strokes = [...strokes, { erase: false, points }];
      drawn();
      if (before) said.say(before.trim());
    },
    extend(points) {
      strokes = [...strokes.slice(0, -1), { erase: false, points }];
      drawn();
    },
    clear() {
      strokes = [];
      board.release();
      show();
    },
    erase() {
      strokes = strokes.slice(0, -1);
      board.release();
      show();
    },
    lift: () => said.say("Pen lifted."),
    say: (text) => said.say(text),
  };
  const board = new Board(on, "own-hint");
  /** Put a drawing, ink on `size` places each way, among a class's pictures. */
  const add = ({ pictures }, grid, size) => {
    const pixels = likeData(grid, size, side, form);
    if (!pixels) throw new Error("There is no ink on the board. Draw on it first.");
    pictures.push(pixels);
  };
  const attempt = async (work) => {
    calm(panel);
    try {
      await work();
    } catch (error) {
      trouble(panel, error.message);
    }
    show();
  };
  const which = select(
    "Class",
    names.map((name, i) => [String(i), name]),
    (value) => {
      chosen = Number(value);
      show();
    },
  );
  const called = element("input", {
    type: "text",
    maxlength: 20,
    change: () => {
      classes[chosen].name = called.value.trim() || names[chosen];
      show();
    },
  });
  const files = element("input", {
    type: "file",
    multiple: true,
    accept: "image/*",
    change: () =>
      attempt(async () => {
        const size = SIDE * FINE;
        const given = [...files.files];
        files.value = "";
        const into = classes[chosen]; // while they are loaded another may be chosen
        const refused = [];
        for (const file of given)
          await ink(file, size).then(
            (grid) => add(into, grid, size),
            (error) => refused.push(error.message),
          );
        const added = given.length - refused.length;
        const why = refused.length > 3 ? [...refused.slice(0, 3), "And so on."] : refused;
        if (why.length) throw new Error(`${added} of ${given.length} added. ${why.join(" ")}`);
      }),
  });
  const keep = button("Add to this class", () =>
    attempt(() => {
      add(classes[chosen], rasterize(strokes, SIDE), SIDE * FINE);
      strokes = [];
      board.release();
    }),
  );
  const begin = button("Train on these", () =>
    train(
      parts(classes, side),
      classes.map(({ name }) => name),
    ),
  );
  const strip = element("div", { class: "living-strip" });
  const panel = element(
    "div",
    { class: "living-own", role: "group", "aria-label": "Classes of your own" },
    element("div", { class: "living-buttons" }, which, element("label", {}, "Its name ", called)),
    board.canvas,
    element(
      "p",
      { class: "living-hint", id: "own-hint" },
      "Draw one, add it, and draw the next; or choose pictures from your computer. Press a small picture to remove it. All of them stay in this page, and are gone when it is closed. By keyboard: arrow keys move, Space sets the pen down and lifts it, E takes the last stroke back, Delete clears.",
    ),
    element(
      "div",
      { class: "living-buttons" },
      keep,
      button("Clear", () => on.clear()),
      element("label", {}, "Pictures of this class, from your computer ", files),
    ),
    strip,
    said,
    element("div", { class: "living-buttons" }, begin),
  );
  show();
  return panel;
}
