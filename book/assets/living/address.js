// The page's state in its address, so that a lesson is a link. What makes no sense there is passed over.

const DECIMAL = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A number from `low` to `high`, whole if asked; anything else is the default. */
export const number = (initial, low, high, { whole = false } = {}) => ({
  initial,
  read(text) {
    const value = DECIMAL.test(text) ? Number(text) : NaN;
    return value >= low && value <= high && (!whole || Number.isInteger(value)) ? value : initial;
  },
  write: (value) => (Number.isNaN(value) ? "" : String(Number(value.toPrecision(6)))),
});

/** One of some words. */
export const choice = (initial, words) => ({
  initial,
  read: (text) => (words.includes(text) ? text : initial),
  write: String,
});

export const POINTS = 3_000; // more than a hand draws, less than an address may hold

/** Strokes, as drawing.js takes them: for each a byte (erasing?), two for its length, two a point. */
export const strokes = () => ({
  initial: [],
  read(text) {
    try {
      const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) =>
        c.charCodeAt(0),
      );
      const found = [];
      for (let at = 0, count = 0; at < bytes.length; ) {
        const [erase, length] = [bytes[at], bytes[at + 1] * 256 + bytes[at + 2]];
        const points = Array.from({ length }, (_, i) => [bytes[at + 3 + 2 * i], bytes[at + 4 + 2 * i]]);
        at += 3 + 2 * length;
        count += length;
        if (erase > 1 || !length || at > bytes.length || count > POINTS) return [];
        found.push({ erase: erase === 1, points });
      }
      return found;
    } catch {
      return [];
    }
  },
  write(value) {
    if (value.reduce((sum, { points }) => sum + points.length, 0) > POINTS) return ""; // no link then
    const bytes = value.flatMap(({ erase, points }) => [
      Number(erase),
      points.length >> 8,
      points.length & 255,
      ...points.flat(),
    ]);
    const text = btoa(bytes.map((byte) => String.fromCharCode(byte)).join(""));
    return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  },
});

/** Read fields, {name: field}, from an address's query; a field that is not there has its default. */
export function read(query, fields) {
  const given = new URLSearchParams(query);
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      given.has(name) ? field.read(given.get(name)) : field.initial,
    ]),
  );
}

/** Return the query with a state's fields in it; what is at its default is left out, others' stay. */
export function written(query, fields, state) {
  const given = new URLSearchParams(query);
  for (const [name, field] of Object.entries(fields)) {
    const text = field.write(state[name]);
    if (text === field.write(field.initial)) given.delete(name);
    else given.set(name, text);
  }
  const found = given.toString();
  return found ? `?${found}` : "";
}

/** Whether any of a state's fields is not at its default. */
export const isSet = (fields, state) =>
  Object.entries(fields).some(([name, field]) => field.write(state[name]) !== field.write(field.initial));

let waiting;
const ahead = new Map(); // by fields, the state to be written

/** Put a state into the page's address, soon: browsers refuse to be asked too often. */
export function put(fields, state) {
  ahead.set(fields, { ...state });
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    let query = location.search;
    for (const [each, its] of ahead) query = written(query, each, its);
    ahead.clear();
    history.replaceState(history.state, "", location.pathname + query + location.hash);
  }, 200);
}
