// How the search orders what it finds: first the page that is called what is asked for.
// biome-ignore lint/correctness/noUnusedVariables: Sphinx writes this into its own script.
var Scorer = {
  // Sphinx's own.
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
  score([, title, anchor, , score]) {
    const asked = (new URLSearchParams(location.search).get("q") ?? "").trim().toLowerCase();
    const name = title.replace(/^[\d.]+ /, "").toLowerCase();
    if (!asked || anchor) return score;
    return score + 100 * ((name === asked) + name.startsWith(asked) + name.includes(asked));
  },
};
