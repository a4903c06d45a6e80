// What a reader has guessed, in this browser's own storage: nothing is sent anywhere.

const NAME = "seeing-regularization.guesses";
const MOST = 300; // letters of a text that is kept

/** The address of this page within the book, and the book's own. */
export function here() {
  const book = new URL(document.documentElement.dataset.content_root ?? "./", location.href);
  return { book, page: location.pathname.slice(book.pathname.length) };
}

/** All that is kept, guesses by where they were made; whatever else may stand there is passed over. */
export function recall() {
  try {
    const found = Object.entries(JSON.parse(localStorage.getItem(NAME)) ?? {});
    return Object.fromEntries(found.filter(([, each]) => isGuess(each)));
  } catch {
    return {};
  }
}

const isGuess = (each) =>
  ["page", "title", "kind", "yours", "found"].every((name) => typeof each?.[name] === "string") &&
  ["right", "of"].every((name) => Number.isFinite(each[name]));

/** Keep a guess, in place of the one that was made there before; return whether it is kept. */
export function keep(place, guess) {
  const short = Object.entries(guess).map(([name, value]) => [
    name,
    typeof value === "string" ? value.slice(0, MOST) : value,
  ]);
  if (localStorage.forgets) return false; // what stands in for one that is forbidden (layout.html)
  try {
    localStorage.setItem(NAME, JSON.stringify({ ...recall(), [place]: Object.fromEntries(short) }));
    return true;
  } catch {
    return false; // full, or forbidden
  }
}

/** Forget all of it; return whether it is gone. */
export function forget() {
  try {
    localStorage.removeItem(NAME);
    return true;
  } catch {
    return false;
  }
}
