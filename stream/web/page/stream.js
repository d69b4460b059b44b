// The samples of one patient: a ring for each lead, and the clock by which they are drawn.

const KEPT_S = 40;
const MARKS_KEPT = 400;
const MARGIN_S = 0.03; // what arrives may be so much later than the chunk before it
const BEHIND_S = 0.15; // a pen that is farther behind, as after a stall of the browser, draws on at once
const AHEAD_S = 3;

// What was drawn as far as the newest chunk goes would stand still until the next one comes. So the trace is drawn a
// chunk late, and moves evenly: its position follows the wall clock, and is drawn towards where it should be.
export class Playhead {
  constructor() {
    this.reset();
  }

  reset() {
    this.position = null;
    this.newest = null;
    this.arrivals = [];
  }

  arrived(wall, start, end, before) {
    const length = before ? 0.2 : Math.min(2, end - start); // how long a chunk is, what was before does not tell
    this.newest = end;
    this.arrivals.push({ wall, offset: wall - end, length });
    while (this.arrivals.length > 1 && wall - this.arrivals[0].wall > 8) this.arrivals.shift();
  }

  advance(wall, passed) {
    if (this.newest === null) return null;
    let offset = Infinity;
    let length = 0;
    for (const each of this.arrivals) {
      offset = Math.min(offset, each.offset);
      length = Math.max(length, each.length);
    }
    const aim = wall - offset - length - MARGIN_S;
    const behind = aim - (this.position ?? -Infinity) - passed;
    if (behind > BEHIND_S || behind < -AHEAD_S) this.position = aim;
    else this.position += Math.max(0, passed * (1 + 2 * behind));
    this.position = Math.min(this.position, this.newest);
    return this.position;
  }
}

// One lead: millivolts as they came, and as they are shown.
class Lead {
  constructor(fs) {
    this.fs = fs;
    this.size = Math.ceil(KEPT_S * fs);
    this.raw = new Float32Array(this.size).fill(NaN);
    this.shown = new Float32Array(this.size).fill(NaN);
    this.end = null;
    this.filtered = true;
    this.keep = 1 / (1 + (2 * Math.PI * 0.5) / fs); // one pole at 0.5 Hz, as a monitor has it
    this.last = NaN;
    this.level = 0;
  }

  put(start, microvolts) {
    if (this.end === null || start > this.end + this.size) this.end = start;
    for (let i = this.end; i < start; i++) this.set(i, NaN);
    const first = Math.max(0, this.end - start);
    for (let k = first; k < microvolts.length; k++) {
      this.set(start + k, microvolts[k] === null ? NaN : microvolts[k] / 1000);
    }
    this.end = Math.max(this.end, start + microvolts.length);
  }

  set(index, x) {
    const at = index % this.size;
    this.raw[at] = x;
    if (this.filtered) {
      this.level = Number.isNaN(this.last) ? 0 : this.keep * (this.level + x - this.last);
      this.shown[at] = Number.isNaN(x) ? NaN : this.level;
    } else {
      if (Number.isNaN(this.last)) this.level = x; // the first value stands in the middle
      this.shown[at] = x - this.level;
    }
    this.last = x;
  }

  filter(on) {
    this.filtered = on;
    const raw = this.raw.slice();
    const first = Math.max(0, (this.end ?? 0) - this.size);
    this.last = NaN;
    for (let i = first; i < (this.end ?? 0); i++) this.set(i, raw[i % this.size]);
  }

  at(index) {
    return index < this.end && index >= this.end - this.size && index >= 0 ? this.shown[index % this.size] : NaN;
  }
}

export class Stream {
  constructor() {
    this.playhead = new Playhead();
    this.leads = new Map();
    this.names = [];
    this.marks = []; // beats, in the order of time
    this.fs = 0;
    this.number = null;
    this.filtered = true;
  }

  take(message, wall) {
    if (message.stream !== this.number || message.fs !== this.fs) {
      if (this.number !== null && message.stream !== this.number) this.marks = [];
      this.number = message.stream;
      this.fs = message.fs;
      this.leads.clear();
      this.playhead.reset();
    }
    this.names = message.leads;
    const start = Math.round(message.time * this.fs);
    message.leads.forEach((name, k) => {
      if (!this.leads.has(name)) {
        const lead = new Lead(this.fs);
        lead.filtered = this.filtered;
        this.leads.set(name, lead);
      }
      this.leads.get(name).put(start, message.uv[k]);
    });
    const length = message.uv.length ? message.uv[0].length : 0;
    if (message.before) this.playhead.reset();
    this.playhead.arrived(wall, start / this.fs, (start + length) / this.fs, message.before);
  }

  filter(on) {
    this.filtered = on;
    for (const lead of this.leads.values()) lead.filter(on);
  }

  // Takes a beat; tells whether it is new. Nearly always it is the latest.
  mark(beat) {
    const marks = this.marks;
    let at = marks.length;
    while (at > 0 && marks[at - 1].time > beat.time) at--;
    if (at > 0 && marks[at - 1].time === beat.time) return false;
    marks.splice(at, 0, { time: beat.time, label: beat.label });
    if (marks.length > MARKS_KEPT) marks.shift();
    return true;
  }
}
