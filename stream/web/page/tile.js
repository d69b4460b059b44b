// A patient of the ward: a tile with traces, or a chip with a number.

import { h, plain, say } from "./dom.js";
import { WORDS, alertInWords, badge, href, showAlerts, showState, why } from "./state.js";
import { sweepOf } from "./sweep.js";

export const HEAD = 70; // of a tile, beside its trace
export const TRACE_MM = 24; // height of a trace, at least

export class Tile {
  constructor(patient, stream, number) {
    this.patient = patient;
    this.stream = stream;
    this.sweeps = [];
    this.names = "";
    this.id = `tile-${number}`;
    this.sign = h("span", { class: "sign", "aria-hidden": "true" });
    this.name = h("a", { class: "cover", href: href(patient), id: this.id }, plain(patient));
    this.word = h("span", { class: "word" });
    this.why = h("span");
    this.alerts = h("span", { class: "alerts" });
    this.note = h("p", { class: "note" }, this.alerts, this.word, this.why);
    this.rate = h("b", { class: "number" }, "–");
    this.last = h("b", { class: "beat" });
    this.strips = h("div", { class: "strips" });
    this.scaleText = h("span", { class: "scale" });
    this.counts = h("span", { class: "counts" });
    this.element = h(
      "li",
      { class: "tile" },
      h("div", { class: "tile-head" }, this.sign, h("h2", {}, this.name), this.note,
        h("p", { class: "rate" }, this.last, " ", this.rate, h("small", {}, "/min"))),
      this.strips,
      h("p", { class: "tile-foot" }, this.scaleText, this.counts),
    );
    this.element.tile = this;
    this.visible = false;
  }

  show(state) {
    showState(this, state);
    showAlerts(this.alerts, state.alerts, (alert) => badge(alert, true));
    const word = state.alerts.length ? "" : WORDS[state.need];
    say(this.word, word && `${word}${state.rhythm || state.note ? " · " : ""}`);
    say(this.why, why(state));
    say(this.counts, `V ${state.v_last_hour}/h  S ${state.s_last_hour}/h`);
  }

  // The leads to show for which there is room.
  leads(height, scale) {
    const most = this.all ? Math.max(1, Math.floor((height - HEAD) / (TRACE_MM * scale))) : 1;
    return this.stream.names.length ? this.stream.names.slice(0, most) : [""];
  }

  // Makes the traces anew where other leads are to be shown, and gives all of them their size.
  lay(height, scale) {
    const names = this.leads(height, scale);
    const key = names.join("\n");
    if (key !== this.names || !this.sweeps.length) {
      this.names = key;
      this.sweeps = names.map((name) => sweepOf(this.patient, this.stream, name, this.all));
      this.strips.replaceChildren(...this.sweeps.map((sweep) => sweep.canvas));
    }
    for (const sweep of this.sweeps) sweep.resize(scale);
  }

  frame(position, wall) {
    for (const sweep of this.sweeps) sweep.frame(position, wall);
    const gain = this.sweeps[0]?.gain ?? 10;
    const names = (this.all ? this.names.split("\n") : [this.stream.names[0] ?? ""]).map(plain).join(", ");
    say(this.scaleText, `${names}  25 mm/s  ${gain} mm/mV`);
  }
}

export class Chip {
  constructor(patient) {
    this.patient = patient;
    this.sign = h("span", { class: "sign", "aria-hidden": "true" });
    this.name = h("a", { class: "cover", href: href(patient), title: plain(patient) }, plain(patient));
    this.rate = h("b", { class: "number" }, "–");
    this.last = h("b", { class: "beat" });
    this.word = h("span", { class: "hidden" });
    this.element = h("li", { class: "chip" }, this.sign, this.name, this.word, this.last, this.rate);
  }

  show(state) {
    showState(this, state);
    say(this.word, [WORDS[state.need], ...state.alerts.map(alertInWords), why(state)].filter(Boolean).join(", "));
  }
}
