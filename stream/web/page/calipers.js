// Two lines for time and two for voltage, over the traces. Each is a slider: a pointer drags it, arrow keys move it.

import { h, say } from "./dom.js";

export class Calipers {
  constructor(over, scale) {
    this.over = over;
    this.scaleNow = scale;
    this.shown = { time: false, voltage: false };
    this.at = { t1: 0.35, t2: 0.5, v1: 0.25, v2: 0.4 }; // shares of width and height
    this.reading = h("output", { class: "reading", "aria-live": "polite" });
    this.lines = {};
    for (const [name, words] of [["t1", "first time"], ["t2", "second time"], ["v1", "first voltage"], ["v2", "second voltage"]]) {
      const across = name[0] === "t";
      this.lines[name] = h("div", {
        class: `caliper ${across ? "vertical" : "horizontal"}`,
        role: "slider",
        tabindex: "0",
        hidden: true,
        "aria-label": `${words} caliper`,
        "aria-orientation": across ? "horizontal" : "vertical",
        "aria-valuemin": "0",
        onpointerdown: (event) => this.drag(event, name),
        onkeydown: (event) => this.key(event, name),
      });
    }
    this.element = h("div", { class: "calipers" }, ...Object.values(this.lines));
  }

  toggle(which) {
    this.shown[which] = !this.shown[which];
    const names = which === "time" ? ["t1", "t2"] : ["v1", "v2"];
    for (const name of names) this.lines[name].hidden = !this.shown[which];
    this.lay();
    if (this.shown[which]) this.lines[names[1]].focus();
    return this.shown[which];
  }

  get size() {
    return [this.over.clientWidth, this.over.clientHeight];
  }

  // Puts the lines where they are, and says what lies between them.
  lay() {
    const [width, height] = this.size;
    const { scale, gain } = this.scaleNow();
    if (!scale) return;
    const millimetres = (pixels) => pixels / scale;
    for (const [name, line] of Object.entries(this.lines)) {
      const across = name[0] === "t";
      const pixels = Math.round(this.at[name] * (across ? width : height));
      line.style.setProperty(across ? "left" : "top", `${pixels}px`);
      const value = across ? Math.round((millimetres(pixels) / 25) * 1000) : Math.round((millimetres(height - pixels) / gain) * 1000);
      line.setAttribute("aria-valuenow", value);
      line.setAttribute("aria-valuemax", across ? Math.round((millimetres(width) / 25) * 1000) : Math.round((millimetres(height) / gain) * 1000));
      line.setAttribute("aria-valuetext", across ? `${value} ms from the left` : `${(value / 1000).toFixed(2)} mV from below`);
    }
    const words = [];
    if (this.shown.time) {
      const mm = millimetres(Math.abs(this.at.t2 - this.at.t1) * width);
      const ms = (mm / 25) * 1000;
      words.push(`${ms.toFixed(0)} ms  ${ms > 0 ? (60000 / ms).toFixed(0) : "–"}/min  ${mm.toFixed(1)} mm`);
    }
    if (this.shown.voltage) {
      const mm = millimetres(Math.abs(this.at.v2 - this.at.v1) * height);
      words.push(`${(mm / gain).toFixed(2)} mV  ${mm.toFixed(1)} mm`);
    }
    say(this.reading, words.join("   "));
  }

  move(name, share) {
    this.at[name] = Math.max(0, Math.min(1, share));
    this.lay();
  }

  drag(event, name) {
    const line = this.lines[name];
    line.setPointerCapture(event.pointerId);
    line.focus();
    event.preventDefault();
    const box = this.over.getBoundingClientRect();
    const follow = (to) => this.move(name, name[0] === "t" ? (to.clientX - box.left) / box.width : (to.clientY - box.top) / box.height);
    const stop = () => {
      line.removeEventListener("pointermove", follow);
      line.removeEventListener("pointerup", stop);
      line.removeEventListener("pointercancel", stop);
    };
    line.addEventListener("pointermove", follow);
    line.addEventListener("pointerup", stop);
    line.addEventListener("pointercancel", stop);
  }

  key(event, name) {
    const [width, height] = this.size;
    const step = (event.shiftKey ? 10 : 1) / (name[0] === "t" ? width : height);
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    this.move(name, this.at[name] + by * step);
  }
}
