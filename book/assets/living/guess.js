// Guess before a chapter's result; the page then shows the difference. Nothing is sent anywhere.

import { button, element, select, slider, toggle, voice } from "./controls.js";

const KINDS = { number, order, rows, which };

export function widget(block, told) {
  const said = voice(0);
  const { form, judge, line } = KINDS[told.kind](told, said);
  const reveal = button("Reveal", () => {
    said.say(judge());
    block.querySelector(".guess-line")?.remove();
    if (line) said.before(line());
  });
  block.replaceChildren(element("p", { class: "guess-question" }, told.question), form, reveal, said);
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
    return `You guessed ${guess}. ${said}. ${within}.`;
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
    return `${right} of ${pairs} pairs are in order. From the highest: ${said.join("; ")}.`;
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
  const judge = () => `${chosen ? (chosen === right ? "Yes. " : `You said ${chosen}. `) : ""}${said}.`;
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
    return `${letters.length - wrong.length} of ${letters.length} are right. ${wrong.join(", ")}${wrong.length ? "." : ""}`;
  };
  return { form: element("div", { class: "guess-rows" }, ...choices), judge };
}
