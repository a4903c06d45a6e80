// What the reader guessed on other pages, beside what was found.

import { button, element, fixed } from "./controls.js";
import { forget, here, recall } from "./memory.js";

export function widget(place) {
  const show = () => {
    const guesses = Object.values(recall());
    place.replaceChildren(...(guesses.length ? all(guesses, show) : [nothing()]));
    return place.querySelector("a"); // where one goes on, when what had the focus is gone
  };
  show();
  addEventListener("storage", show); // another page of the book, open beside this one
  addEventListener("pageshow", show); // come back to
}

const nothing = () =>
  element(
    "p",
    { class: "living-note", role: "status" },
    "This browser has kept no guess yet. Each technique's chapter asks for some, and ",
    element("a", { href: new URL("comparison.html", here().book) }, "Side by side"),
    " for five at once.",
  );

function all(guesses, show) {
  const [chapter, ...columns] = ["chapter", "you guessed", "found"];
  const rows = guesses.map(({ page, title, yours, found }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, element("a", { href: address(page) }, title)),
      ...[yours, found].map((cell, i) => element("td", { "data-column": columns[i] }, cell)),
    ),
  );
  const heads = [chapter, ...columns].map((text) => element("th", { scope: "col" }, text));
  const table = element(
    "table",
    { class: "stacked" },
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows),
  );
  const said = element("p", { role: "status" }, ...summary(guesses));
  const away = button("Forget them", () => {
    if (forget()) return show().focus();
    said.textContent =
      "They could not be forgotten: this browser forbids its storage to this page just now. Allow it, and try again.";
  });
  return [
    said,
    element("figure", { class: "book-figure", "data-kind": "Table" }, table),
    element("p", { class: "living-note" }, away),
  ];
}

/** A page of this book: what is kept may name any. */
const address = (page) => {
  const { book } = here();
  const url = new URL(page, book);
  return url.origin === book.origin && url.pathname.startsWith(book.pathname) ? url.href : book.href;
};

/** What all of them together say. */
function summary(guesses) {
  const of = (kind) => guesses.filter((each) => each.kind === kind);
  const sum = (some, name) => some.reduce((total, each) => total + each[name], 0);
  const said = [];
  const numbers = of("number").map(({ right, of }) => of - right);
  if (numbers.length) {
    const mean = (values) => values.reduce((a, b) => a + b) / numbers.length;
    const [off, size] = [mean(numbers), mean(numbers.map(Math.abs))];
    const way = off > 0 ? "too high" : "too low";
    said.push(
      `Of ${numbers.length} ${plural(numbers, "accuracy", "accuracies")} you were ${fixed(size, 1)} points away on average, and on the whole ${fixed(Math.abs(off), 1)} ${way}. `,
    );
  }
  const pairs = of("which");
  if (pairs.length)
    said.push(
      `You told ${sum(pairs, "right")} of ${pairs.length} ${plural(pairs, "pair", "pairs")} of rows apart; a coin gets half of them. `,
    );
  const others = [...of("rows"), ...of("order")];
  for (const { kind, right, of } of others)
    said.push(
      kind === "rows"
        ? `Of ${of} rows you knew ${right}; by chance it is one. `
        : `Of ${of} pairs you had ${right} in their order; by chance it is half of them. `,
    );
  return said;
}

const plural = (some, one, several) => (some.length === 1 ? one : several);
