// Guess before a chapter's result; the page then shows the difference. Nothing is sent anywhere.

import { button, element, select, slider, toggle, voice } from "./controls.js";
import { here, keep } from "./memory.js";

const KINDS = { number, order, rows, which };

export function widget(block, told) {
  const said = voice(0);
  const { form, judge, line } = KINDS[told.kind](told, said);
  const note = element("p", { class: "living-hint" });
  const reveal = button("Reveal", () => {
    const judged = judge();
    said.say(judged.said);
    block.querySelector(".guess-line")?.remove();
    if (line) said.before(line());
    if (judged.yours) note.replaceChildren(...kept(block, told, judged));
  });
  block.replaceChildren(element("p", { class: "guess-question" }, told.question), form, reveal, said, note);
}

/** Keep a guess for the page of all guesses; return what is to be said of it. */
function kept(block, { kind }, { yours, found, right, of }) {
  const { book, page } = here();
  const place = `${page} ${[...document.querySelectorAll(".guess")].indexOf(block)}`;
  const title = document.querySelector("h1").firstChild.textContent.trim();
  if (!keep(place, { page, title, kind, yours, found, right, of }))
    return ["This browser does not keep your guess: its storage is full, or forbidden."];
  const link = element("a", { href: new URL("guesses.html", book) }, "your guesses");
  return ["Kept in this browser alone, among ", link, "."];
}

/** Of a hundred digits, how many? */
function number({ mean, low, high, said }) {
  let guess = 90;
  const values = Array.from({ length: 51 }, (_, i) => 50 + i);
  const form = slider("Your guess", values, String, (value) => (guess = value));
  form.set(guess);
  const judge = () => {
    const off = Math.abs(guess - mean).toFixed(1);
    const within =
      (guess >= low && guess <= high) || off === "0.0"
        ? "You are as close as it can be told"
        : `That is ${off} ${guess < mean ? "more" : "fewer"} than you guessed`;
    return {
      said: `You guessed ${guess}. ${said}. ${within}.`,
      yours: `${guess} of 100`,
      found: said,
      right: mean,
      of: guess,
    };
  };
  const mark = (name, value) => {
    const made = element("span", { class: name }, `${name} ${Math.round(value)}`);
    made.style.setProperty("--at", Math.max(0, (value - 50) / 50));
    return made;
  };
  const line = () => {
    const both = [mark("you", guess), mark("found", mean)];
    return element("div", { class: "guess-line", "aria-hidden": "true" }, ...both);
  };
  return { form, judge, line };
}

/** Which is the highest, which the lowest? */
function order({ names, said }, voice) {
  const form = element("ol", { class: "guess-order" });
  const row = (name) => {
    const up = button("↑", () => move(made, made.previousElementSibling, up), {
      "aria-label": `${name}: higher`,
    });
    const down = button("↓", () => move(made.nextElementSibling, made, down), {
      "aria-label": `${name}: lower`,
    });
    const made = element("li", { "data-name": name }, up, down, ` ${name}`);
    return made;
  };
  /** Carry a row along: it takes the place of the row that it comes over. */
  form.addEventListener("pointerdown", ({ target, pointerId }) => {
    const carried = target.closest("li");
    if (!carried || target.closest("button")) return;
    form.setPointerCapture(pointerId); // not to the row, which would lose it with its place
    form.onpointermove = ({ clientY }) => {
      const over = [...form.children].find((each) => {
        const { top, bottom } = each.getBoundingClientRect();
        return clientY > top && clientY < bottom;
      });
      if (!over || over === carried) return;
      const below = carried.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
      below ? over.after(carried) : over.before(carried);
    };
    form.onlostpointercapture = () => {
      form.onpointermove = null;
      tell(carried);
    };
  });
  const tell = (row) =>
    voice.say(`${row.dataset.name}: place ${[...form.children].indexOf(row) + 1} of ${names.length}.`);
  const move = (later, earlier, pressed) => {
    if (later && earlier) earlier.before(later);
    pressed.focus();
    tell(pressed.parentElement);
  };
  form.append(...[...names].sort((a, b) => a.localeCompare(b)).map(row));
  const judge = () => {
    const given = [...form.children].map((each) => names.indexOf(each.dataset.name));
    let right = 0;
    given.forEach((a, i) => given.slice(i + 1).forEach((b) => (right += a < b)));
    const pairs = (names.length * (names.length - 1)) / 2;
    const found = said.join("; ");
    const yours = [...form.children].map((each) => each.dataset.name).join("; ");
    return {
      said: `${right} of ${pairs} pairs are in order. From the highest: ${found}.`,
      yours,
      found,
      right,
      of: pairs,
    };
  };
  return { form, judge };
}

/** Which of two rows is it? */
function which({ letters, right, said }) {
  let chosen = "";
  const choices = letters.map((letter) =>
    toggle(letter, () => {
      chosen = letter;
      choices.forEach((each, i) => each.set(letters[i] === letter));
    }),
  );
  const judge = () => {
    const hit = chosen === right;
    const words = `${chosen ? (hit ? "Yes. " : `You said ${chosen}. `) : ""}${said}.`;
    return {
      said: words,
      yours: chosen && `row ${chosen}`,
      found: `row ${right}`,
      right: Number(hit),
      of: 1,
    };
  };
  return { form: element("div", { class: "living-buttons" }, ...choices), judge };
}

/** Which row is whose? */
function rows({ letters, names }) {
  const options = [["", "…"], ...[...names].sort((a, b) => a.localeCompare(b)).map((name) => [name, name])];
  const choices = letters.map((letter) => select(letter, options, () => {}));
  const judge = () => {
    const wrong = choices
      .map(({ input }, i) => (input.value === names[i] ? "" : `${letters[i]} is ${names[i]}`))
      .filter(Boolean);
    const right = letters.length - wrong.length;
    const given = choices.map(({ input }, i) => input.value && `${letters[i]}: ${input.value}`);
    return {
      said: `${right} of ${letters.length} are right. ${wrong.join(", ")}${wrong.length ? "." : ""}`,
      yours: given.filter(Boolean).join(", "),
      found: letters.map((letter, i) => `${letter}: ${names[i]}`).join(", "),
      right,
      of: letters.length,
    };
  };
  return { form: element("div", { class: "guess-rows" }, ...choices), judge };
}
