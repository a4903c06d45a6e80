// Starts the widgets of a page: each when it is about to be seen, or when the address asks for it.

import { trouble } from "./controls.js";

const WIDGETS = {
  cell: () => import("./cell.js"),
  cover: () => import("./cover.js"),
  draw: () => import("./draw.js"),
  film: () => import("./film.js"),
  guess: () => import("./guess.js"),
  guesses: () => import("./guesses.js"),
  train: () => import("./train.js"),
};

export function begin(marked) {
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries)
        if (isIntersecting) {
          seen.unobserve(target);
          start(target);
        }
    },
    { rootMargin: "300px" },
  );
  const asked = new URLSearchParams(location.search);
  for (const element of marked) asked.has(element.dataset.live) ? start(element) : seen.observe(element);
}

async function start(element) {
  try {
    const { widget } = await WIDGETS[element.dataset.live]();
    await widget(element, JSON.parse(element.dataset.told));
  } catch (error) {
    trouble(element, error);
  }
}
