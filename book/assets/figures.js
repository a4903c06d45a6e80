/* A way to save each figure as it stands, as SVG or PNG, with its caption and whose it is. */
{
  const SVG = "http://www.w3.org/2000/svg";
  const [INK, PAPER, LINE, LETTERS] = ["#1a1c20", "#ffffff", 15, 78];
  const credit = document.querySelector('meta[property="og:site_name"]')?.content ?? document.title;

  /** Words in lines of so many letters at most. */
  const wrapped = (text) => text.match(new RegExp(`\\S.{0,${LETTERS - 1}}(?=\\s|$)`, "g")) ?? [];

  /** The figure as a drawing of its own: dark on white, wherever it is seen. */
  function drawing(figure) {
    const printed = [...figure.querySelectorAll('svg[role="img"]')];
    const shown = printed.find((svg) => svg.getClientRects().length) ?? printed[0]; // a widget hides it
    const { x, y, width, height } = shown.viewBox.baseVal;
    const made = document.createElementNS(SVG, "svg");
    const caption = figure.querySelector("figcaption .caption-text").textContent.trim();
    const place = location.protocol === "file:" ? "" : `, ${location.host}${location.pathname}`;
    const lines = [...wrapped(caption), "", ...wrapped(`${credit}${place}. MIT licence.`)];
    const wide = Math.max(width, 420);
    const high = height + (lines.length + 1) * LINE;
    const set = (element, values) => Object.entries(values).forEach((pair) => element.setAttribute(...pair));
    set(made, { xmlns: SVG, viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, color: INK });
    const ground = document.createElementNS(SVG, "rect");
    set(ground, { width: wide, height: high, fill: PAPER });
    const inner = shown.cloneNode(true);
    inner.removeAttribute("style");
    set(inner, {
      x: 0,
      y: 0,
      width,
      height,
      viewBox: `${x} ${y} ${width} ${height}`,
      "font-family": "serif",
    });
    const text = document.createElementNS(SVG, "text");
    set(text, { fill: INK, "font-family": "serif", "font-size": 11 });
    lines.forEach((line, i) => {
      const part = document.createElementNS(SVG, "tspan");
      set(part, { x: 6, y: height + (i + 1) * LINE });
      part.textContent = line;
      text.append(part);
    });
    made.append(ground, inner, text);
    return { source: new XMLSerializer().serializeToString(made), wide, high };
  }

  const named = (figure) =>
    (figure.querySelector(".caption-text .number")?.textContent ?? "figure")
      .trim()
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-");

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  const asSvg = (figure) =>
    save(new Blob([drawing(figure).source], { type: "image/svg+xml" }), `${named(figure)}.svg`);

  async function asPng(figure) {
    const { source, wide, high } = drawing(figure);
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(source)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: 2 * wide, height: 2 * high });
    canvas.getContext("2d").drawImage(image, 0, 0, 2 * wide, 2 * high);
    canvas.toBlob((blob) => save(blob, `${named(figure)}.png`), "image/png");
  }

  for (const figure of document.querySelectorAll('figure.book-figure[data-kind="Figure"]')) {
    if (!figure.querySelector('svg[role="img"]') || !figure.querySelector("figcaption .caption-text"))
      continue;
    const way = (text, how) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = text;
      made.addEventListener("click", () => how(figure));
      return made;
    };
    const ways = document.createElement("span");
    ways.className = "figure-save d-print-none";
    ways.append("Save as ", way("SVG", asSvg), " or ", way("PNG", asPng));
    figure.querySelector("figcaption").append(ways);
  }
}
