// Small pieces of a page: elements, buttons, sliders, a voice for who does not see the pictures.

let count = 0;
const unique = () => `living-${++count}`;

/** An element: attributes (a function is a listener, true is an empty attribute), then children. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

export const button = (text, click, attributes = {}) =>
  element("button", { type: "button", ...attributes, click }, text);

/** A button that is pressed or not; `set` shows which. */
export function toggle(text, click) {
  const made = button(text, click, { "aria-pressed": "false" });
  return Object.assign(made, { set: (on) => made.setAttribute("aria-pressed", String(on)) });
}

/**
 * A slider over a list of values. `say(value)` is shown beside it and spoken; `on(value)` is called
 * when the reader moves it. `set(value)` shows a value, also one between its places; `blank()` none.
 */
export function slider(label, values, say, on) {
  const id = unique();
  const shown = element("output", { for: id });
  const moved = () => {
    set(values[input.value]);
    on(values[input.value]);
  };
  // Where none is shown, the place that the slider already has can be chosen too.
  const chosen = () => shown.textContent || moved();
  const input = element("input", {
    type: "range",
    id,
    min: 0,
    max: values.length - 1,
    step: 1,
    input: moved,
    click: chosen,
    keyup: ({ key }) => /^(Arrow|Page|Home|End)/.test(key) && chosen(),
  });
  const nearest = (value) =>
    values.reduce((best, each, i) => (Math.abs(each - value) < Math.abs(values[best] - value) ? i : best), 0);
  const tell = (spoken, text = spoken) => {
    shown.textContent = text;
    input.setAttribute("aria-valuetext", spoken);
  };
  const set = (value) => {
    input.value = nearest(value);
    tell(say(value));
  };
  const blank = () => tell("not shown", "");
  const made = element("div", { class: "living-slider" }, element("label", { for: id }, label), input, shown);
  return Object.assign(made, { input, set, blank });
}

/** A choice from a list of [value, text]. */
export function select(label, options, on) {
  const id = unique();
  const input = element(
    "select",
    { id, change: () => on(input.value) },
    ...options.map(([value, text]) => element("option", { value }, text)),
  );
  const made = element("div", { class: "living-select" }, element("label", { for: id }, label), input);
  return Object.assign(made, { input, set: (value) => (input.value = value) });
}

/** What a picture shows, in words: to be read at once, and spoken no more often than one can listen. */
export function voice(pause = 1500) {
  const shown = element("span", { "aria-hidden": "true" });
  const spoken = element("span", { role: "status", class: "living-spoken" });
  let timer;
  let last = -Infinity;
  return Object.assign(element("p", { class: "living-words" }, shown, spoken), {
    say(text, aloud = text) {
      shown.textContent = text;
      clearTimeout(timer);
      const speak = () => {
        last = performance.now();
        if (spoken.textContent !== aloud) spoken.textContent = aloud;
      };
      timer = setTimeout(speak, Math.max(150, last + pause - performance.now()));
    },
  });
}

/** Take back what `trouble` said. */
export const calm = (figure) => figure.querySelector(".living-trouble")?.remove();

/** Say in place what went wrong: words, or an Error, after which the figure stays as it was printed. */
export function trouble(figure, what) {
  calm(figure);
  const words = what.message
    ? `This cannot be moved just now: ${what.message} What is printed here still holds.`
    : what;
  figure.append(element("p", { class: "living-trouble", role: "alert" }, words));
}

/** A hyperparameter's name as a label: "Noise scale". */
export const titled = (name) => name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");

export const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;
/** A number as it is written in the book, with so many places: a minus of its own, none before a zero. */
export const fixed = (value, places = 2, plus = "") => {
  const said = Math.abs(value).toFixed(places);
  return Number(said) ? (value < 0 ? "−" : plus) + said : said;
};

/** A number as it is written in the book: 0.0001, 10⁻⁷, 20,000. */
export function plain(value) {
  if (!Number.isFinite(value)) return "no number";
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (size >= 1000) return sign + size.toLocaleString("en");
  const short = Number(size.toPrecision(3));
  if (short === 0 || short >= 1e-4) return sign + short;
  const [digits, power] = short.toExponential().split("e-");
  const raised = power.replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  return `${sign}${digits === "1" ? "" : `${digits} × `}10⁻${raised}`;
}

export const lessMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
