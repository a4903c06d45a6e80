/* A button for all the folded code of the pages; what was chosen is remembered. Without a script each fold opens by itself. */
const folds = [...document.querySelectorAll("details.code-fold")];
const place = document.querySelector(".article-header-buttons");
if (folds.length && place) {
  const NAME = "seeing-regularization.code";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show-code";
  const show = (open) => {
    button.textContent = open ? "Hide all code" : "Show all code";
    for (const fold of folds) fold.open = open;
  };
  button.addEventListener("click", () => {
    const open = folds.some((fold) => !fold.open);
    show(open);
    localStorage.setItem(NAME, open ? "shown" : "");
  });
  show(Boolean(localStorage.getItem(NAME)));
  place.prepend(button);
}
