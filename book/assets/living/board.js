// A board to draw on, by pointers or by keys: they make strokes, as drawing.js takes them.

import { POINTS } from "./address.js";
import { element } from "./controls.js";
import { REACH } from "./drawing.js";
import { named, paintInk } from "./picture.js";

const PLACES = 28; // of the keyboard's cursor, each way

/**
 * The board. `on` is told what the hand does: it begins, a stroke starts and is extended, a keyboard's
 * pen lifts; clear, erase; and say, for the ear. `hint` is the id of what describes it.
 */
export class Board {
  constructor(on, hint = "board-hint") {
    this.canvas = element("canvas", {
      class: "living-board",
      tabindex: 0,
      role: "application",
      "aria-label": "Drawing board",
      "aria-describedby": hint,
      width: 280,
      height: 280,
      keydown: (event) => this.key(event),
      focus: () => this.draw(),
      blur: () => this.draw(),
      pointerdown: (event) => this.down(event),
      pointermove: (event) => this.move(event),
      pointerup: (event) => this.up(event),
      pointercancel: (event) => this.up(event),
      lostpointercapture: (event) => this.up(event),
    });
    Object.assign(this, { on, cursor: [PLACES / 2, PLACES / 2], lowered: false });
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const place = (from, at, long) =>
      Math.min(REACH - 1, Math.max(0, Math.floor(((at - from) / long) * REACH)));
    return [place(box.left, event.clientX, box.width), place(box.top, event.clientY, box.height)];
  }

  down(event) {
    if (event.button || this.points) return; // one finger, one stroke
    event.preventDefault();
    this.canvas.focus();
    this.keyboard = this.lowered = false;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.on.begin();
    this.points = [this.at(event)];
    this.on.stroke([...this.points]);
  }

  move(event) {
    if (!this.points || event.pointerId !== this.pointer) return;
    const all = event.getCoalescedEvents?.() ?? [];
    const before = this.points.length;
    for (const each of all.length ? all : [event]) {
      const [x, y] = this.at(each);
      const [lastX, lastY] = this.points.at(-1);
      const far = Math.hypot(x - lastX, y - lastY) >= 2; // nearer ones make only the address longer
      if (far && this.points.length < POINTS) this.points.push([x, y]);
    }
    if (this.points.length > before) this.on.extend([...this.points]);
  }

  up(event) {
    if (event.pointerId === this.pointer) this.points = undefined;
  }

  /** Let go of the stroke: the ink is another's. */
  release() {
    this.lowered = false;
    this.points = this.trail = undefined;
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const act = {
      " ": () => this.lower(!this.lowered),
      Enter: () => this.lower(!this.lowered),
      e: () => this.on.erase(),
      E: () => this.on.erase(),
      Delete: () => this.on.clear(),
      Backspace: () => this.on.clear(),
      Escape: () => this.lower(false),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !(moves[event.key] || act[event.key])) return;
    event.preventDefault();
    this.keyboard = true;
    if (moves[event.key]) {
      this.cursor = this.cursor.map((at, i) => Math.min(PLACES - 1, Math.max(0, at + moves[event.key][i])));
      if (this.lowered) this.on.extend((this.trail = [...this.trail, this.place()]));
      else this.on.say(`Column ${this.cursor[0] + 1}, row ${this.cursor[1] + 1} of ${PLACES}.`);
    } else act[event.key]();
    this.draw();
  }

  place = () => this.cursor.map((at) => Math.floor(((at + 0.5) / PLACES) * REACH));

  lower(down) {
    if (down === this.lowered) return;
    this.lowered = down;
    if (!down) return this.on.lift();
    this.on.begin();
    this.on.stroke((this.trail = [this.place()]), "Pen down. ");
  }

  show(grid, size) {
    Object.assign(this, { grid, size });
    this.draw();
  }

  /** Paint the ink, and the cursor where the keyboard draws. */
  draw() {
    if (this.grid) paintInk(this.canvas, this.grid, this.size);
    if (!this.keyboard || document.activeElement !== this.canvas) return;
    const context = this.canvas.getContext("2d");
    const cell = this.canvas.width / PLACES;
    if (!this.grid) context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    Object.assign(context, {
      strokeStyle: named(this.lowered ? "mark" : "line"),
      lineWidth: this.canvas.width / 140,
    });
    context.strokeRect(this.cursor[0] * cell, this.cursor[1] * cell, cell, cell);
  }
}
