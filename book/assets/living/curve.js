// A small curve with a marker, drawn as SVG in the page's own colours.

const SVG = "http://www.w3.org/2000/svg";
const LINES = ["line", "line line-1"]; // whole words: styles of names that no file has are left out
const POINTS = 300; // of a line
const ROOM = 0.35; // of the axis, for words beside a mark
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [320, 110, 40, 18];

function svg(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

/** A line that has become too long, with every other point. */
export const thinned = (line) =>
  line.length > POINTS ? line.filter((_, i) => i % 2 === 0 || i === line.length - 1) : line;

/** An empty frame for curves; decoration, since what it shows is said in words beside it. */
export function frame() {
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "living-curve", "aria-hidden": "true" });
}

/**
 * Draw lines, [[[x, y], ...], ...], x on [0, 1] and y in per cent, each with its marker, [x, y].
 * `ends` are the words at the two ends of the x axis; `turned` are places on it, [[x, words], ...], that
 * have words of their own where there is room.
 */
export function draw(made, lines, markers, ends, turned = []) {
  const all = lines.flat().map(([, y]) => y);
  const [low, high] = [Math.floor(Math.min(...all) - 0.5), Math.ceil(Math.max(...all) + 0.5)].map((end) =>
    Math.min(100, Math.max(0, end)),
  );
  const at = ([x, y]) =>
    [LEFT + x * (WIDTH - LEFT - 8), (HEIGHT - BOTTOM - 6) * (1 - (y - low) / (high - low)) + 4].map((v) =>
      v.toFixed(1),
    );
  const [left, top] = at([0, high]);
  const [right, bottom] = at([1, low]);
  made.replaceChildren(
    svg("path", { d: `M${left},${top}V${bottom}H${right}`, class: "axis" }),
    svg("text", { x: left - 4, y: +top + 8, "text-anchor": "end" }, `${high} %`),
    svg("text", { x: left - 4, y: bottom, "text-anchor": "end" }, `${low} %`),
    svg("text", { x: left, y: HEIGHT - 3 }, ends[0]),
    svg("text", { x: right, y: HEIGHT - 3, "text-anchor": "end" }, ends[1]),
    ...turned.flatMap(([x, words], i) => {
      const place = Number(at([x, high])[0]);
      const mark = svg("path", { d: `M${place},${top}V${bottom}`, class: "turned" });
      const [before, after] = [x - (turned[i - 1]?.[0] ?? 0), (turned[i + 1]?.[0] ?? 1) - x];
      const side = after > ROOM ? 1 : before > ROOM ? -1 : 0;
      const anchor = side < 0 ? "end" : "start";
      const said = svg("text", { x: place + 3 * side, y: bottom - 4, "text-anchor": anchor }, words);
      return side ? [mark, said] : [mark];
    }),
    ...lines.map((line, i) => svg("polyline", { points: line.map(at).join(" "), class: LINES[i] })),
    ...markers.map((marker, i) =>
      svg(
        i ? "rect" : "circle",
        i
          ? { x: at(marker)[0] - 4, y: at(marker)[1] - 4, width: 8, height: 8, class: "marker marker-1" }
          : { cx: at(marker)[0], cy: at(marker)[1], r: 4.5, class: "marker marker-0" },
      ),
    ),
  );
}
