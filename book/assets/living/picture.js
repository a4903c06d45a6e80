// Weight images on a canvas, in the colours of the book's figures.

import { element, plain } from "./controls.js";

/** A colour of regularization.report.style, from the page's style sheet. */
export const named = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--book-${name}`).trim();

// Negative is dark, zero grey, positive light.
const STOPS = named("signed")
  .split(" ")
  .map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** The colour of a value from -1 to 1. */
export function colour(value) {
  const place = ((Math.min(1, Math.max(-1, value)) + 1) / 2) * (STOPS.length - 1);
  const low = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[low].map((from, i) => Math.round(from + (place - low) * (STOPS[low + 1][i] - from)));
}

const SIGNED = Array.from({ length: 511 }, (_, i) => colour((i - 255) / 255));
const INK = Array.from({ length: 256 }, (_, level) => [level, level, level]);

/** Draw an image of signed values, `width` a row, in the colours of a scale from `low` to `high`. */
export const paint = (canvas, values, width, [low, high]) =>
  fill(canvas, bars(values, width, [low, high]), width, SIGNED, (value) =>
    Math.round(510 * Math.min(1, Math.max(0, (value - low) / (high - low)))),
  );

/** Draw ink, pixels on [0, 1], white on black as the data are; a signal's zero is the middle. */
export const paintInk = (canvas, pixels, width) =>
  pixels.length > width
    ? fill(canvas, pixels, width, INK, (ink) => Math.round(255 * ink))
    : fill(
        canvas,
        bars(
          pixels.map((ink) => 2 * ink - 1),
          width,
          [-1, 1],
        ),
        width,
        INK,
        (value) => (value ? 255 : 0),
      );

/** A signal, one row, as a picture of bars about zero; any other image as it is (report.pictures). */
function bars(values, width, [low, high]) {
  if (values.length > width) return values;
  const picture = new Float32Array((width + 1) * width);
  for (let row = 0; row <= width; row++) {
    const level = high + (row / width) * (low - high);
    values.forEach((value, i) => {
      if (value > 0 ? 0 < level && level <= value : value <= level && level < 0)
        picture[row * width + i] = value;
    });
  }
  return picture;
}

function fill(canvas, values, width, colours, place) {
  const height = values.length / width;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < values.length; i++) {
    const [red, green, blue] = colours[place(values[i])] ?? INK[0]; // what is no number is black
    image.data[4 * i] = red;
    image.data[4 * i + 1] = green;
    image.data[4 * i + 2] = blue;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** The largest size of some values. */
export const extent = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * Where the colours of values that share a scale end, [low, high]: as regularization.report.pictures
 * has it, at the 99.5th percentile of the sizes that are not zero.
 */
export function ends(values) {
  const sizes = Float32Array.from(
    values.filter((value) => value),
    Math.abs,
  ).sort();
  const place = 0.995 * (sizes.length - 1);
  const [under, over] = [Math.floor(place), Math.ceil(place)].map((at) => sizes[at]);
  const most = sizes.length ? under + (place % 1) * (over - under) : 1;
  const below = values.some((value) => value < 0);
  const above = values.some((value) => value > 0);
  return [below || !above ? -most : 0, above || !below ? most : 0];
}

/**
 * The colours of a scale from end to end; `show([low, high], values, largest)` says where they end, by
 * an arrow where values lie beyond. Those of a film are cut there already: `largest` was not.
 */
function bar() {
  const [from, to] = [element("span"), element("span")];
  const strip = element("div", {});
  strip.style.backgroundImage = `linear-gradient(to right, ${named("signed").split(" ").join(", ")})`;
  return Object.assign(element("div", { class: "living-bar" }, from, strip, to), {
    show([low, high], values, largest) {
      from.textContent = two(low);
      to.textContent = two(high);
      strip.classList.toggle("less", largest > -low && Math.min(...values) < 0.999 * low);
      strip.classList.toggle("more", largest > high && Math.max(...values) > 0.999 * high);
    },
  });
}

const two = (value) => plain(Number(value.toPrecision(2)));

/**
 * Ten weight images, each under its class's name, and their colours; `show(values, width, words, scale,
 * largest)` paints and describes them, on a scale of their own if they are given none.
 */
export function ten(names) {
  const canvases = names.map(() => element("canvas", {}));
  const made = element("div", { class: "living-ten", role: "img", "aria-label": "No weights yet." });
  const colours = bar();
  canvases.forEach((canvas, i) => made.append(element("div", {}, names[i], canvas)));
  made.append(colours);
  return Object.assign(made, {
    show(values, width, words, scale = ends(values), largest = extent(values)) {
      const size = values.length / names.length;
      canvases.forEach((canvas, i) => paint(canvas, values.subarray(i * size, (i + 1) * size), width, scale));
      colours.show(scale, values, largest);
      made.setAttribute("aria-label", `Ten weight images, for ${names.join(", ")}. ${words}`);
    },
  });
}
