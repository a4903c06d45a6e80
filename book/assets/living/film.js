// A slider over training time and over strength moves a figure's ten weight images.

import { put, read } from "./address.js";
import { button, element, plain, slider, titled, voice } from "./controls.js";
import { draw, frame } from "./curve.js";
import { load, result } from "./files.js";
import { ten } from "./picture.js";
import { Reel } from "./reel.js";

const LABELS = { step: "Training time, steps" };

export async function widget(figure, { film, classes }) {
  const { arrays, about } = await load(result(`${film}.film`));
  const reels = about.reels.map((reel, number) => new Reel(reel, arrays[number]));
  const printed = figure.querySelector("svg");
  const pictures = ten(classes);
  const curve = frame();
  const said = voice();
  const fields = { [film]: place(reels) };

  function show(at) {
    const [number, ...places] = at;
    const reel = reels[number];
    const index = reel.index(places);
    const words = reel.words(index, places);
    printed.style.display = "none";
    curve.style.display = "";
    pictures.hidden = reset.disabled = false;
    pictures.show(reel.frame(index), reel.width, words, reel.ends[index], reel.largest[index]);
    said.say(words);
    // Along the axis moved last, while the others stay.
    const { last: axis } = reel;
    const { at: values } = reel.axes[axis];
    const height = (i) => 100 * reel.accuracy[reel.index(places.with(axis, i))];
    const line = values.map((_, i) => [i / (values.length - 1), height(i)]);
    draw(curve, [line], [line[places[axis]]], [values[0], values.at(-1)].map(plain));
    reels.forEach((each, i) =>
      each.sliders.forEach((one, axis) => one && (i === number ? one.set(places[axis]) : one.blank())),
    );
    put(fields, { [film]: at });
  }

  function asPrinted() {
    printed.style.display = "";
    pictures.hidden = true;
    curve.style.display = "none";
    reset.disabled = true;
    said.say("The picture is as printed.");
    for (const { sliders, axes, printed: place } of reels)
      sliders.forEach((one, axis) => one && (one.set(place ?? axes[axis].at.length - 1), one.blank()));
    put(fields, { [film]: [] });
  }

  const reset = button("As printed", asPrinted);
  const panel = element("div", { class: "living-panel", role: "group", "aria-label": "Move the pictures" });
  reels.forEach((reel, number) => {
    reel.sliders = reel.axes.map(
      ({ name, at }, axis) =>
        at.length > 1 &&
        slider(
          LABELS[name] ?? titled(name),
          at.map((_, i) => i),
          (i) => plain(at[i]),
          (i) => {
            reel.last = axis;
            show([number, ...reel.places().with(axis, i)]);
          },
        ),
    );
    panel.append(...reel.sliders.filter(Boolean));
    if (reel.note) panel.append(element("p", { class: "living-hint" }, reel.note));
  });
  panel.append(reset, curve, said);
  printed.after(pictures);
  figure.append(panel);
  const state = read(location.search, fields)[film];
  if (state.length) show(state);
  else asPrinted();
}

/** The address's field: the number of the reel, then a place on each of its axes; empty as printed. */
function place(reels) {
  return {
    initial: [],
    read(text) {
      const [number, ...places] = text.split("-").map(Number);
      const axes = reels[number]?.axes;
      const valid =
        axes?.length === places.length &&
        places.every((at, axis) => Number.isInteger(at) && at >= 0 && at < axes[axis].at.length);
      return valid ? [number, ...places] : [];
    },
    write: (at) => at.join("-"),
  };
}
