// Weight images on a canvas, in the colours of the book's figures.

import { element } from "./controls.js";

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

/** Draw a square image of signed values; `limit` is the end of the scale. */
export const paint = (canvas, values, side, limit) =>
  fill(canvas, values, side, SIGNED, (value) =>
    limit > 0 ? 255 + Math.round(255 * Math.min(1, Math.max(-1, value / limit))) : 255,
  );

/** Draw ink, pixels on [0, 1], white on black as the data are. */
export const paintInk = (canvas, pixels, side) =>
  fill(canvas, pixels, side, INK, (ink) => Math.round(255 * ink));

function fill(canvas, values, side, colours, place) {
  if (canvas.width !== side || canvas.height !== side) Object.assign(canvas, { width: side, height: side });
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
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

/** Ten weight images, each under its digit; `show(values, side, words)` paints and describes them. */
export function ten(classes = 10) {
  const canvases = Array.from({ length: classes }, () => element("canvas", {}));
  const made = element("div", { class: "living-ten", role: "img", "aria-label": "No weights yet." });
  canvases.forEach((canvas, digit) => made.append(element("div", {}, String(digit), canvas)));
  return Object.assign(made, {
    show(values, side, words) {
      const limit = extent(values);
      const size = side * side;
      canvases.forEach((canvas, i) => paint(canvas, values.subarray(i * size, (i + 1) * size), side, limit));
      made.setAttribute("aria-label", `Ten weight images for the digits 0 to 9. ${words}`);
    },
  });
}
