// What the techniques answer, beside the board: one's bars, everyone's vote, and words.

import { element } from "./controls.js";
import { largest } from "./model.js";

/** Which technique says what of the classes' `names`, the most common answer first: [{name, by}]. */
export function sides(titles, best, names) {
  const said = names.map((name, place) => ({ name, place, by: titles.filter((_, i) => best[i] === place) }));
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
  constructor(titles, names, choose) {
    const bar = (name) => element("div", {}, element("b", {}, name), element("i", {}), element("span", {}));
    this.said = element(
      "p",
      { class: "living-hint" },
      `What each of the ${titles.length} says, in the table's order. Tinted: not what most say.`,
    );
    const vote = (title) => element("span", { title, click: () => choose(title) });
    this.shares = element("div", { class: "living-shares", "aria-hidden": "true" }, ...names.map(bar));
    this.votes = element("div", { class: "living-votes", "aria-hidden": "true" }, ...titles.map(vote));
    Object.assign(this, { titles, names });
  }

  /** Show the shares `[techniques][classes]`, of which one technique's are the bars. */
  show(shares, chosen = -1) {
    const best = shares.map(largest);
    const common = sides(this.titles, best, this.names)[0]?.place;
    [...this.shares.children].forEach((row, digit) => {
      const share = shares[chosen]?.[digit] ?? 0;
      row.classList.toggle("best", digit === best[chosen]);
      row.style.setProperty("--share", share.toFixed(3));
      row.lastElementChild.textContent = Math.round(100 * share);
    });
    [...this.votes.children].forEach((vote, i) => {
      vote.textContent = this.names[best[i]]?.slice(0, 2) ?? "·";
      vote.dataset.said = best[i] ?? "";
      vote.classList.toggle("other", best[i] !== common);
      vote.classList.toggle("chosen", i === chosen);
    });
  }
}
