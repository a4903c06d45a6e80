// The frames of a film, along one axis or several, and what is said of them.

import { fixed, percent, plain } from "./controls.js";

export class Reel {
  /** `about` holds the axes and, frame by frame, accuracy, ends, largest and smoothness; shades, a note. */
  constructor(about, { data, shape }) {
    const [classes, height, width] = shape.slice(-3);
    Object.assign(this, about, { data, width, size: classes * height * width });
    this.last = about.axes.findIndex(({ at }) => at.length > 1);
  }

  index = (places) => places.reduce((before, place, axis) => before * this.axes[axis].at.length + place, 0);

  frame(index) {
    const shade = Math.max(...this.ends[index].map(Math.abs)) / this.shades;
    return Float32Array.from(
      this.data.subarray(index * this.size, (index + 1) * this.size),
      (x) => shade * x,
    );
  }

  places = () => this.sliders.map((one) => (one ? Number(one.input.value) : 0));

  words(index, places) {
    const where = this.axes
      .map(({ name, at }, axis) => `${name.replaceAll("_", " ")} ${plain(at[places[axis]])}`)
      .join(", ");
    return `At ${where}: test accuracy ${percent(this.accuracy[index])}, neighbouring pixels correlate at ${fixed(this.smoothness[index])}, weights up to ${plain(this.largest[index])}.`;
  }
}
