// Ten classes of the reader's own, drawn on a board or loaded from pictures: they stay in this page.

import { Board } from "./board.js";
import { button, calm, element, plain, select, trouble, voice } from "./controls.js";
import { FINE, likeData, rasterize } from "./drawing.js";
import { paintInk } from "./picture.js";

const SIDE = 28; // pixels of the board, each way
const HELD_BACK = 4; // every fourth picture of a class that has so many is not trained on
const LARGEST = 25e6; // bytes of a picture's file
const FAINT = 0.1; // what differs from the ground by less is ground

/** The ink of a picture's file, on `size` places each way: whatever differs from its edge. */
async function ink(file, size) {
  if (file.size > LARGEST) throw new Error(`${file.name} has more than 25 megabytes.`);
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name} is no picture that this browser can read.`);
  }
  const canvas = element("canvas", { width: size, height: size });
  const context = canvas.getContext("2d");
  const scale = size / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  context.fillStyle = "#fff"; // of what can be seen through
  context.fillRect(0, 0, size, size);
  context.drawImage(picture, (size - width) / 2, (size - height) / 2, width, height);
  const { data } = context.getImageData(0, 0, size, size);
  const light = Float32Array.from({ length: size * size }, (_, i) => luminance(data, 4 * i));
  // Within the picture alone: what was laid beside a long one is no edge of it.
  const [left, top] = [(size - width) / 2, (size - height) / 2].map(Math.ceil);
  const within = (at, edge) => at >= edge && at < size - edge;
  const inside = (i) => within(i % size, left) && within(Math.floor(i / size), top);
  const ground = light[top * size + left];
  const found = light.map((value, i) => (inside(i) ? Math.abs(value - ground) : 0));
  const most = found.reduce((a, b) => Math.max(a, b), 0);
  if (most < FAINT) throw new Error(`${file.name} is of one colour.`);
  return found.map((value) => (value < FAINT * most ? 0 : value / most));
}

const luminance = (data, at) => (0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]) / 255;

/** What a worker trains on, from classes [{name, pictures}], and whether some are held back to test. */
export function parts(classes, side) {
  const made = { train: [], test: [] };
  classes.forEach(({ pictures }, label) => {
    const split = pictures.length >= HELD_BACK;
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
  const show = () => {
    board.show(rasterize(strokes, SIDE), SIDE * FINE);
    const { name, pictures } = classes[chosen];
    called.value = name;
    [...which.input.options].forEach((option, i) => {
      option.textContent = `${classes[i].name} (${classes[i].pictures.length})`;
    });
    strip.replaceChildren(...pictures.map(thumbnail));
    const filled = classes.filter(({ pictures }) => pictures.length).length;
    begin.disabled = filled < 2;
    const all = classes.reduce((sum, { pictures }) => sum + pictures.length, 0);
    said.say(
      `${plain(all)} ${all === 1 ? "picture" : "pictures"} in ${filled} of ten classes.${filled < 2 ? " Two have to have some." : ""}`,
    );
  };
  const thumbnail = (pixels, i) => {
    const canvas = element("canvas", {});
    paintInk(canvas, pixels, side);
    const label = `Take away picture ${i + 1} of ${classes[chosen].name}`;
    const away = button(
      "",
      () => {
        classes[chosen].pictures.splice(i, 1);
        show();
      },
      { "aria-label": label, title: label },
    );
    away.append(canvas);
    return away;
  };
  const on = {
    begin() {},
    stroke(points) {
      strokes = [...strokes, { erase: false, points }];
      show();
    },
    extend(points) {
      strokes = [...strokes.slice(0, -1), { erase: false, points }];
      show();
    },
    clear() {
      strokes = [];
      board.release();
      show();
    },
    erase() {
      strokes = strokes.slice(0, -1);
      show();
    },
    lift() {},
    say: (text) => said.say(text),
  };
  const board = new Board(on, "own-hint");
  /** Put a drawing, ink on `size` places each way, among the chosen class's pictures. */
  const add = (grid, size) => {
    const pixels = likeData(grid, size, side, form);
    if (!pixels) throw new Error("There is no ink on the board. Draw on it first.");
    classes[chosen].pictures.push(pixels);
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
    "aria-label": "Its name",
    change: () => {
      classes[chosen].name = called.value.trim() || names[chosen];
      show();
    },
  });
  const files = element("input", {
    type: "file",
    multiple: true,
    accept: "image/*",
    "aria-label": "Pictures of this class, from your machine",
    change: () =>
      attempt(async () => {
        const size = SIDE * FINE;
        const given = [...files.files];
        files.value = "";
        for (const file of given) add(await ink(file, size), size);
      }),
  });
  const keep = button("Put it into the class", () =>
    attempt(() => {
      add(rasterize(strokes, SIDE), SIDE * FINE);
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
    element("div", { class: "living-buttons" }, which, called),
    board.canvas,
    element(
      "p",
      { class: "living-hint", id: "own-hint" },
      "Draw one of the class, put it in, and draw the next; or take pictures from your machine. They stay in this page, and are gone when it is closed. By keyboard: arrow keys move, Space sets the pen down and lifts it.",
    ),
    element(
      "div",
      { class: "living-buttons" },
      keep,
      button("Clear", () => on.clear()),
      files,
    ),
    strip,
    said,
    element("div", { class: "living-buttons" }, begin),
  );
  show();
  return panel;
}
