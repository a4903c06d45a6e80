// What the techniques answer, beside the board: one's bars, everyone's vote, and words.

import { element } from "./controls.js";
import { largest } from "./model.js";

/** Which technique says what, the most common answer first: [{digit, by}]. */
export function sides(titles, best) {
  const said = Array.from({ length: 10 }, (_, digit) => ({
    digit,
    by: titles.filter((_, i) => best[i] === digit),
  }));
  return said.filter(({ by }) => by.length).sort((a, b) => b.by.length - a.by.length);
}

/** Who says what the label is, to begin a sentence with. */
export function who(titles, best, label) {
  const right = titles.filter((_, i) => best[i] === label);
  if (!right.length) return "No technique";
  if (right.length === titles.length) return `All ${titles.length} techniques`;
  return right.length < 3 ? `Only ${right.join(" and ")}` : `${right.length} of ${titles.length} techniques`;
}

/** One technique's ten probabilities as bars, and what all techniques say, one place each. */
export class Answers {
  constructor(titles, choose) {
    const bar = (_, digit) =>
      element("div", {}, element("b", {}, String(digit)), element("i", {}), element("span", {}));
    this.said = element(
      "p",
      { class: "living-hint" },
      `What each of the ${titles.length} says, in the table's order. Tinted: not what most say.`,
    );
    const vote = (title) => element("span", { title, click: () => choose(title) });
    this.shares = element(
      "div",
      { class: "living-shares", "aria-hidden": "true" },
      ...Array.from({ length: 10 }, bar),
    );
    this.votes = element("div", { class: "living-votes", "aria-hidden": "true" }, ...titles.map(vote));
    this.titles = titles;
  }

  /** Show the shares `[techniques][classes]`, of which one technique's are the bars. */
  show(shares, chosen = -1) {
    const best = shares.map(largest);
    const common = sides(this.titles, best)[0]?.digit;
    [...this.shares.children].forEach((row, digit) => {
      const share = shares[chosen]?.[digit] ?? 0;
      row.classList.toggle("best", digit === best[chosen]);
      row.style.setProperty("--share", share.toFixed(3));
      row.lastElementChild.textContent = Math.round(100 * share);
    });
    [...this.votes.children].forEach((vote, i) => {
      vote.textContent = best[i] ?? "·";
      vote.classList.toggle("other", best[i] !== common);
      vote.classList.toggle("chosen", i === chosen);
    });
  }
}
