/* Pages that the reader can move: what a page marks by data-live is taken over by a widget (living/). Without a script, or from a file, where browsers load no modules, the figures stay as they were printed. */
{
  const main = new URL("living/main.js", document.currentScript.src);
  const marked = document.querySelectorAll("[data-live]");
  if (marked.length && location.protocol !== "file:") import(main).then(({ begin }) => begin(marked));
  else
    for (const figure of document.querySelectorAll('[data-live="draw"], [data-live="train"]'))
      figure.insertAdjacentHTML(
        "beforebegin",
        '<p class="living-note">Opened from a file, this part is a picture. Served, by <code>make serve</code> or from the web, it is yours to move.</p>',
      );
}
