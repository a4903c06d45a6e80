// A number in a line of code: dragged, typed, or moved by the arrow keys.

const PREFERRED = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8]; // ten to a power of ten
const SMALLEST = -60; // steps from 1: below it comes zero, where zero can be
const PIXELS = 7; // of a drag, for a step
const KEYS = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

/** A number as Python's code has it: 5_000, 1e-4, 0.5, 3.0. */
export function literal(value, whole) {
  if (whole) return value.toLocaleString("en").replaceAll(",", "_");
  if (value && Math.abs(value) < 1e-3) return value.toExponential();
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
}

/** The number that is written as Python has it; NaN for anything else. */
export function parsed(text) {
  const typed = text.trim().replace(/(\d)_(?=\d)/g, "$1");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(typed) ? Number(typed) : NaN;
}

/** Whether a value is what a number can be, {low, high, above, below, whole}. */
export const fits = (value, { low, high, above, below, whole }) =>
  Number.isFinite(value) &&
  !(value < low || value > high || value <= above || value >= below) &&
  (!whole || Number.isSafeInteger(value));

/** The value some steps on: a hundred of them lie between two ends, else they are preferred numbers. */
export function stepped(value, steps, within) {
  const [from, to] = [within.low ?? within.above, within.high ?? within.below];
  let next;
  if (to === undefined) {
    const place = value > 0 ? Math.round(10 * Math.log10(value)) : SMALLEST - 1;
    const at = Math.max(place + steps, SMALLEST - 1);
    next = PREFERRED[((at % 10) + 10) % 10] * 10 ** Math.floor(at / 10);
    if (at < SMALLEST) next = 0;
  } else {
    const step = (to - from) / 100;
    next = Math.min(to, Math.max(from, from + step * (Math.round((value - from) / step) + steps)));
  }
  next = within.whole ? Math.round(next) : Number(next.toPrecision(3));
  if (within.whole && next === value) next += Math.sign(steps);
  return fits(next, within) ? next : value;
}

/**
 * Make `place`, an element with a number in it, one that the reader can change. `within` is what it can
 * be, and what is `expected` in words; `on(value)` is called with each other value, `wrong(words)` with
 * what was typed and is none.
 */
export function number(place, label, within, on, wrong) {
  let written = place.textContent;
  let value = parsed(written);
  const attributes = {
    role: "spinbutton",
    tabindex: "0",
    contenteditable: "true",
    inputmode: "decimal",
    spellcheck: "false",
    "aria-label": label,
    title: `${label}: ${within.expected}. Drag it, type, or use the arrow keys.`,
  };
  for (const [name, each] of Object.entries(attributes)) place.setAttribute(name, each);
  if ("low" in within) place.setAttribute("aria-valuemin", within.low);
  if ("high" in within) place.setAttribute("aria-valuemax", within.high);
  place.classList.add("living-number");

  const show = () => {
    if (place.textContent !== written) place.textContent = written;
    place.setAttribute("aria-valuenow", value);
    place.setAttribute("aria-valuetext", written);
  };
  const take = (next) => {
    if (next !== value) {
      [value, written] = [next, literal(next, within.whole)];
      on(value);
    }
    show();
  };
  const typed = () => {
    const [text, next] = [place.textContent, parsed(place.textContent)];
    if (next === value || fits(next, within)) return take(next);
    show();
    wrong(
      `${label}: “${text.trim().slice(0, 40)}” cannot be used. Expected ${within.expected}; it stays at ${written}.`,
    );
  };
  place.addEventListener("blur", typed);
  place.addEventListener("paste", (event) => {
    event.preventDefault(); // its words alone
    place.textContent = event.clipboardData.getData("text/plain").trim();
  });
  place.addEventListener("keydown", (event) => {
    if (event.key in KEYS) {
      typed();
      take(stepped(value, KEYS[event.key], within));
    } else if (event.key === "Enter") typed();
    else if (event.key === "Escape") show();
    else return;
    event.preventDefault();
  });
  place.addEventListener("pointerdown", ({ clientX: from, pointerId, button }) => {
    if (button) return;
    const first = value;
    let dragged = false;
    place.setPointerCapture(pointerId);
    const move = ({ clientX }) => {
      const steps = Math.trunc((clientX - from) / PIXELS);
      if (!steps && !dragged) return; // a click, to type
      dragged = true;
      place.blur();
      getSelection().removeAllRanges();
      take(steps ? stepped(first, steps, within) : first);
    };
    const end = () => place.removeEventListener("pointermove", move);
    place.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) place.addEventListener(name, end, { once: true });
  });
  show();
}
