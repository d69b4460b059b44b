// The last hour by the minute: heart rate as a line, ventricular beats a minute as bars.

import { h, say, svg } from "./dom.js";

const MINUTES = 60;
const [WIDTH, HEIGHT, LEFT, BELOW, ABOVE] = [360, 110, 34, 18, 8];

export class Trend {
  constructor() {
    this.rate = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
    this.v = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
    this.words = h("p", { class: "trend-words" });
    const figure = (chart, caption) => h("figure", {}, h("figcaption", {}, caption), chart);
    this.element = h("div", { class: "trend" }, figure(this.rate, "heart rate, 1/min"), figure(this.v, "V beats a minute"), this.words);
    this.minutes = [];
    this.now = 0;
  }

  show(minutes, time) {
    [this.minutes, this.now] = [minutes, time];
    this.draw();
  }

  draw() {
    const last = Math.floor(this.now / 60);
    const rates = this.minutes.filter((minute) => minute.heart_rate !== null);
    const low = rates.length ? Math.min(...rates.map((m) => m.heart_rate)) : 60;
    const high = rates.length ? Math.max(...rates.map((m) => m.heart_rate)) : 100;
    const [bottom, top] = [Math.floor((low - 5) / 20) * 20, Math.ceil((high + 5) / 20) * 20];
    const most = Math.max(4, ...this.minutes.map((m) => m.v));
    const x = (minute) => LEFT + ((minute - last + MINUTES - 1 + 0.5) / MINUTES) * (WIDTH - LEFT - 4);
    const y = (value, from, to) => HEIGHT - BELOW - ((value - from) / (to - from)) * (HEIGHT - BELOW - ABOVE);
    this.frame(this.rate, [bottom, (bottom + top) / 2, top], (value) => y(value, bottom, top));
    let path = "";
    let before = null;
    for (const minute of rates) {
      path += `${before !== null && minute.minute - before === 1 ? "L" : "M"}${x(minute.minute).toFixed(1)} ${y(minute.heart_rate, bottom, top).toFixed(1)}`;
      if (before === null || minute.minute - before > 1) path += "h0.01"; // a point is seen
      before = minute.minute;
    }
    this.rate.append(svg("path", { class: "curve", d: path || "M0 0" }));
    this.frame(this.v, [0, most], (value) => y(value, 0, most));
    const wide = (WIDTH - LEFT) / MINUTES - 1;
    for (const minute of this.minutes) {
      if (!minute.v) continue;
      const at = y(minute.v, 0, most);
      this.v.append(svg("rect", { class: "bar-v", x: x(minute.minute) - wide / 2, y: at, width: wide, height: HEIGHT - BELOW - at }));
    }
    const total = this.minutes.reduce((sum, minute) => sum + minute.v, 0);
    const span = rates.length ? `heart rate ${Math.round(low)} to ${Math.round(high)} a minute` : "no heart rate yet";
    say(this.words, `${span}, ${total} V beats in ${this.minutes.length} min`);
    this.rate.setAttribute("aria-label", `Last hour: ${span}`);
    this.v.setAttribute("aria-label", `Last hour: ${total} ventricular beats, at most ${Math.max(0, ...this.minutes.map((m) => m.v))} a minute`);
  }

  frame(chart, values, y) {
    chart.replaceChildren();
    for (const value of values) {
      chart.append(
        svg("line", { class: "rule", x1: LEFT, x2: WIDTH - 4, y1: y(value), y2: y(value) }),
        svg("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, String(Math.round(value))),
      );
    }
    for (const [minute, words] of [[-60, "-60 min"], [-30, "-30"], [0, "now"]]) {
      const at = LEFT + ((minute + MINUTES) / MINUTES) * (WIDTH - LEFT - 4);
      chart.append(svg("text", { x: at, y: HEIGHT - 4, "text-anchor": minute === 0 ? "end" : minute === -60 ? "start" : "middle" }, words));
    }
  }
}
