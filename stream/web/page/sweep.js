// Draws one lead as a monitor does: the pen runs from left to right over ECG paper, and wipes what was there before.
// 25 mm/s and 10 mm/mV; a frame draws only what is new.

import { colour, h, plain } from "./dom.js";

export const SPEED = 25; // mm/s
const GAINS = [10, 5, 2.5, 1]; // mm/mV
const WIPE_MM = 7;
const QRS_S = [-0.08, 0.12]; // the part of the trace that takes the colour of its beat
const FIT_MS = 1500;

export const palette = {};

export function readPalette() {
  for (const name of ["paper", "grid", "grid-strong", "trace", "N", "S", "V", "F", "Q", "on-beat", "quiet"]) {
    palette[name] = colour(`--${name}`);
  }
}

export class Sweep {
  constructor(canvas, stream, name) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.grid = document.createElement("canvas");
    this.stream = stream;
    this.name = name; // of the lead; null: the one that comes
    this.patient = "";
    this.scale = 3.78; // CSS pixels for a millimetre
    this.gain = 10;
    this.share = 0.62; // of the height above the baseline
    this.drawn = null; // index of the last sample that was drawn
    this.marked = -Infinity; // time up to which marks were drawn
    this.fitted = 0;
    this.width = 0;
    this.height = 0;
    this.listeners = [];
  }

  get lead() {
    return this.stream.leads.get(this.name ?? this.stream.names[0]);
  }

  // Takes the size of the canvas on the page.
  resize(scale) {
    const box = this.canvas.getBoundingClientRect();
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [Math.floor(box.width), Math.floor(box.height)];
    if (width === this.width && height === this.height && scale === this.scale && ratio === this.ratio) return;
    Object.assign(this, { width, height, scale, ratio });
    for (const each of [this.canvas, this.grid]) {
      each.width = Math.max(1, width * ratio);
      each.height = Math.max(1, height * ratio);
    }
    this.redraw();
  }

  get window() {
    return this.width / (SPEED * this.scale); // seconds
  }

  get baseline() {
    return Math.round(this.share * this.height);
  }

  x(time) {
    const window = this.window;
    return ((time - Math.floor(time / window) * window) / window) * this.width;
  }

  y(millivolts) {
    return this.baseline - millivolts * this.gain * this.scale;
  }

  paper() {
    const context = this.grid.getContext("2d", { alpha: false });
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = palette.paper;
    context.fillRect(0, 0, this.width, this.height);
    const lines = (every, style) => {
      context.fillStyle = style;
      const step = every * this.scale;
      for (let x = 0; x < this.width; x += step) context.fillRect(Math.round(x), 0, 1, this.height);
      for (let y = this.baseline % step; y < this.height; y += step) context.fillRect(0, Math.round(y), this.width, 1);
    };
    if (this.scale >= 3) lines(1, palette.grid);
    lines(5, palette["grid-strong"]);
  }

  wipe(from, to) {
    const left = Math.max(0, Math.floor(from));
    const right = Math.min(this.width, Math.ceil(to));
    if (right <= left) return;
    const r = this.ratio;
    const box = [Math.round(left * r), 0, Math.round((right - left) * r), this.canvas.height];
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.drawImage(this.grid, ...box, ...box);
    this.context.setTransform(r, 0, 0, r, 0, 0);
  }

  // Wipes a stretch of time ahead of the pen; it may run over the right edge.
  wipeTime(from, to) {
    const [left, right] = [this.x(from), this.x(to)];
    if (to - from >= this.window) this.wipe(0, this.width);
    else if (right >= left) this.wipe(left, right);
    else {
      this.wipe(left, this.width);
      this.wipe(0, right);
    }
  }

  redraw() {
    if (!this.width || !this.height) return;
    this.paper();
    this.wipe(0, this.width);
    this.drawn = null;
    const lead = this.lead;
    const now = this.position;
    if (!lead || now === null || now === undefined) return;
    const first = Math.max(0, now - this.window + (WIPE_MM + 1) / SPEED);
    const index = Math.min(Math.floor(now * lead.fs), lead.end - 1);
    this.stroke(lead, Math.ceil(first * lead.fs), index);
    this.drawn = index;
    this.marked = now - this.letterTime;
    for (const mark of this.stream.marks) if (mark.time > first && mark.time <= this.marked) this.letter(mark);
  }

  // Draws what has come since the last frame, up to the time of the pen.
  frame(position, wall) {
    this.position = position;
    const lead = this.lead;
    if (!lead || position === null || !this.width) return;
    if (lead !== this.last) {
      this.last = lead;
      this.redraw();
    }
    if (wall - this.fitted > FIT_MS) {
      this.fitted = wall;
      if (this.fit(lead, position)) this.redraw();
    }
    const index = Math.min(Math.floor(position * lead.fs), lead.end - 1);
    if (this.drawn === null || index < this.drawn || (index - this.drawn) / lead.fs > this.window / 2) {
      this.redraw();
      return;
    }
    if (index === this.drawn) return;
    const ahead = WIPE_MM / SPEED;
    this.wipeTime(this.drawn / lead.fs + Math.min(ahead, 2 / (SPEED * this.scale)), position + ahead);
    this.stroke(lead, this.drawn, index);
    const marked = Math.max(this.marked, position - this.letterTime);
    for (let k = this.stream.marks.length - 1; k >= 0; k--) {
      const mark = this.stream.marks[k];
      if (mark.time <= this.marked) break;
      if (mark.time <= marked) this.letter(mark);
    }
    this.drawn = index;
    this.marked = marked;
  }

  // A beat whose R peak the pen has passed: its part of the trace is drawn again, in its colour.
  mark(beat) {
    const lead = this.lead;
    if (!lead || this.drawn === null || beat.time > this.marked) return; // drawn when the pen is there
    if (beat.time < this.position - this.window + (WIPE_MM + 4) / SPEED) return;
    if (beat.label !== "N") {
      const [from, to] = QRS_S.map((s) => Math.round((beat.time + s) * lead.fs));
      this.stroke(lead, from, Math.min(to, this.drawn), 0.6);
    }
    this.letter(beat);
  }

  labelAt(time) {
    const marks = this.stream.marks;
    for (let k = marks.length - 1; k >= 0 && marks[k].time > time - 1; k--) {
      const at = time - marks[k].time;
      if (at >= QRS_S[0] && at <= QRS_S[1]) return marks[k].label;
    }
    return "N";
  }

  stroke(lead, from, to, wider = 0) {
    const context = this.context;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.lineWidth = Math.max(1.4, Math.min(2.6, this.scale / 2.6)) + wider;
    context.lineJoin = "round";
    context.lineCap = "round";
    let label = null;
    let open = false;
    let before = -1;
    for (let i = from; i <= to; i++) {
      const value = lead.at(i);
      const time = i / lead.fs;
      const x = this.x(time);
      if (Number.isNaN(value) || x < before) {
        if (open) context.stroke();
        open = false;
        before = x;
        if (Number.isNaN(value)) continue;
      }
      before = x;
      const now = this.labelAt(time);
      const y = Math.max(1, Math.min(this.height - 1, this.y(value)));
      if (open && now !== label) {
        context.lineTo(x, y);
        context.stroke();
        open = false;
      }
      if (!open) {
        context.beginPath();
        context.strokeStyle = now === "N" ? palette.trace : palette[now];
        label = now;
        context.moveTo(x, y);
        open = true;
      } else context.lineTo(x, y);
    }
    if (open) context.stroke();
  }

  get letterSize() {
    return Math.max(11, Math.min(20, 3.1 * this.scale));
  }

  // The pen must be so far beyond an R peak that it does not wipe the letter above it.
  get letterTime() {
    return (0.64 * this.letterSize) / (SPEED * this.scale);
  }

  // Writes a beat's class above its R peak: a quiet letter for a normal beat, a filled one for any other.
  letter(mark) {
    const context = this.context;
    const size = this.letterSize;
    const x = Math.max(size * 0.6, Math.min(this.width - size * 0.6, this.x(mark.time)));
    const y = size * 0.72;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.textAlign = "center";
    context.textBaseline = "middle";
    if (mark.label === "N") {
      context.font = `500 ${size * 0.82}px system-ui, sans-serif`;
      context.fillStyle = palette.N;
    } else {
      context.fillStyle = palette[mark.label] ?? palette.Q;
      context.fillRect(x - size * 0.58, y - size * 0.64, size * 1.16, size * 1.28);
      context.font = `700 ${size}px system-ui, sans-serif`;
      context.fillStyle = palette["on-beat"];
    }
    context.fillText(mark.label, x, y + 0.5);
    for (const listener of this.listeners) listener(mark);
  }

  // Takes the largest gain with which the last seconds fit, and puts the baseline where they do.
  fit(lead, position) {
    let [low, high] = [Infinity, -Infinity];
    const end = Math.floor(position * lead.fs);
    for (let i = end - Math.floor(Math.min(this.window, 6) * lead.fs); i <= end; i++) {
      const value = lead.at(i);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (!(high >= low)) return false;
    const pad = 4 + 1.3 * this.letterSize; // letters stand above
    const room = Math.max(10, this.height - pad - 4);
    const needs = (gain, slack) => (high - low) * gain * this.scale * slack <= room;
    const best = GAINS.find((gain) => needs(gain, 1)) ?? GAINS.at(-1);
    const fits = this.y(high) >= pad - 3 && this.y(low) <= this.height;
    const roomier = best > this.gain && needs(best, 1.25);
    if (fits && !roomier) return false;
    const gain = fits || best < this.gain ? best : this.gain;
    const spare = Math.max(0, room - (high - low) * gain * this.scale);
    const share = Math.max(0.1, Math.min(0.95, (pad + spare * 0.5 + high * gain * this.scale) / this.height));
    if (gain === this.gain && Math.abs(share - this.share) * this.height < 2) return false;
    this.gain = gain;
    this.share = share;
    return true;
  }
}

// A lead of a patient on a canvas of its own; if it is not `fixed`, whichever lead comes takes its place.
export function sweepOf(patient, stream, name, fixed = true) {
  const canvas = h("canvas", { role: "img", "aria-label": `ECG of ${plain(patient)}, lead ${plain(name)}` });
  const sweep = new Sweep(canvas, stream, fixed ? name : null);
  sweep.listeners.push((mark) => drawnBeat(patient, mark));
  return sweep;
}

// For tests, and for whoever measures: a beat is on the canvas.
function drawnBeat(patient, mark) {
  document.dispatchEvent(new CustomEvent("beat-drawn", { detail: { patient, ...mark } }));
}
