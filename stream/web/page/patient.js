// One patient in full: all leads, calipers, the last hour, and the list of events.

import { Calipers } from "./calipers.js";
import { clock, h, plain, say } from "./dom.js";
import { ask, post } from "./link.js";
import { MARKS, SIGNS, alertInWords, badge, compare, href, inWords, showAlerts, showState, why } from "./state.js";
import { sweepOf } from "./sweep.js";
import { Trend } from "./trend.js";

const REFETCH_MS = 15000;
const ROWS = 200;
const MINUTES = [2, 10, 30, 60];
const ECTOPIC = { S: "supraventricular ectopic", V: "ventricular ectopic", F: "fusion", Q: "paced or unclassifiable" };

function words(line) {
  if (line.type === "alert") return plain(`${alertInWords(line)}: ${line.why}`);
  const parts =
    line.type === "rhythm"
      ? [`${inWords(line.name)} ${line.state}${line.name.endsWith("-beats") ? "" : "s"}:`, line.why]
      : [line.kind ?? line.type, line.lead, line.detail];
  return parts.filter(Boolean).map(plain).join(" ");
}

export class PatientView {
  constructor(app, patient) {
    this.app = app;
    this.patient = patient;
    this.sweeps = [];
    this.names = "";
    this.frozen = false;
    this.filtered = true;
    this.rows = new Set();
    this.sign = h("span", { class: "sign", "aria-hidden": "true" });
    this.note = h("p", { class: "note" });
    this.rate = h("b", { class: "number" }, "–");
    this.last = h("b", { class: "beat" });
    this.counts = h("p", { class: "counts" });
    this.strips = h("div", { class: "strips" });
    this.scaleText = h("p", { class: "scale" });
    this.seen = h("button", { type: "button", "aria-pressed": "false", title: "key: a", hidden: true, onclick: () => this.acknowledge() }, "Seen");
    this.alerts = h("ul", { class: "alert-list", "aria-label": "Alerts that go on" });
    this.minutes = h("select", {}, ...MINUTES.map((n) => h("option", { value: String(n), selected: n === 10 }, `${n} min`)));
    this.silence = h("button", { type: "button", "aria-pressed": "false", title: "key: s", onclick: () => this.hush() }, "Silence medium and low");
    this.list = h("ol", { class: "events", tabindex: "0", "aria-label": "Events, the newest first" });
    this.trend = new Trend();
    this.calipers = new Calipers(this.strips, () => ({ scale: this.scale, gain: this.sweeps[0]?.gain ?? 10 }));
    const button = (text, key, act) => h("button", { type: "button", "aria-pressed": "false", title: `key: ${key}`, onclick: act }, text);
    this.hold = button("Hold still", "space", () => this.freeze());
    this.time = button("Time calipers", "c", () => this.measure("time"));
    this.voltage = button("Voltage calipers", "v", () => this.measure("voltage"));
    this.raw = button("No filter", "f", () => this.filter());
    this.element = h(
      "div",
      { class: "patient" },
      h("div", { class: "patient-head" },
        h("a", { class: "back", href: "#/" }, "← Ward"),
        this.sign, h("h2", {}, plain(patient)), this.note,
        h("div", { class: "tools" }, this.seen, this.silence, h("label", {}, "for ", this.minutes)), this.counts,
        h("p", { class: "rate" }, this.last, " ", this.rate, h("small", {}, "/min"))),
      this.alerts,
      h("div", { class: "patient-body" },
        h("section", { class: "traces", "aria-label": "Traces" },
          h("div", { class: "tools" }, this.hold, this.time, this.voltage, this.raw, this.calipers.reading, this.scaleText),
          this.strips),
        h("section", { class: "hour", "aria-labelledby": "hour-title" }, h("h3", { id: "hour-title" }, "Last hour"), this.trend.element),
        h("section", { class: "list", "aria-labelledby": "list-title" }, h("h3", { id: "list-title" }, "Events"), this.list)),
    );
    this.resized = new ResizeObserver(() => (this.due = true));
  }

  open() {
    this.resized.observe(this.strips);
    this.refetch();
    this.app.fetchBeats(this.patient, "limit=500");
    this.timer = setInterval(() => this.refetch(), REFETCH_MS);
    const known = this.app.patients.get(this.patient);
    if (known) this.changed(known.state);
    else say(this.note, "no such patient now");
    this.app.want({ [this.patient]: "all" });
  }

  close() {
    clearInterval(this.timer);
    this.resized.disconnect();
    if (!this.filtered) this.stream?.filter(true);
  }

  get stream() {
    return this.app.patients.get(this.patient)?.stream;
  }

  async refetch() {
    try {
      const found = await ask(`/api/patients/${encodeURIComponent(this.patient)}`);
      this.trend.show(found.trend, found.time);
      for (const line of found.events) this.line(line);
    } catch {
      // asked again soon; that the connection is lost is said at the top
    }
  }

  changed(state) {
    if (state.patient !== this.patient) return;
    showState(this, state);
    this.seen.hidden = !SIGNS[state.need];
    this.seen.setAttribute("aria-pressed", state.seen);
    showAlerts(this.alerts, state.alerts, (alert) => this.alertRow(alert));
    this.silence.setAttribute("aria-pressed", state.silent);
    say(this.note, why(state));
    const bad = state.leads.filter((lead) => lead.state).map((lead) => `${plain(lead.name)} ${plain(lead.state)}`);
    say(this.counts, [`V ${state.v_last_hour}/h`, `S ${state.s_last_hour}/h`, `${state.fs} Hz`, ...bad].join("   "));
  }

  beat(patient, beat) {
    if (patient !== this.patient) return;
    if (!this.frozen) for (const sweep of this.sweeps) sweep.mark(beat);
    this.line(beat);
  }

  // An event, or a beat that is not normal, becomes a row.
  line(line) {
    if (line.record !== this.patient || line.label === "N") return;
    if (line.type === "alert" && (line.state !== "begin" || this.marked(line))) return; // its rhythm says that it ends
    if (line.type === "rhythm" && line.state === "end" && !line.length_s) return; // took no time: its beginning says it
    const what = line.type === "beat" ? ECTOPIC[line.label] : words(line);
    const key = `${line.time} ${line.type} ${what}`;
    if (this.rows.has(key)) return;
    this.rows.add(key);
    const sign = line.type === "beat" ? h("b", { class: "beat", "data-label": line.label }, line.label) : h("b", { class: "beat" }, MARKS[line.priority] ?? "!");
    const row = h("li", {}, h("time", {}, clock(line.time)), sign, h("span", {}, what));
    row.time = line.time;
    row.name = line.type === "rhythm" ? line.name : null;
    row.key = key;
    let before = this.list.firstElementChild;
    while (before && before.time > line.time) before = before.nextElementSibling;
    this.list.insertBefore(row, before);
    while (this.list.children.length > ROWS) {
      this.rows.delete(this.list.lastElementChild.key);
      this.list.lastElementChild.remove();
    }
  }

  // An alert whose rhythm has a row is its mark there.
  marked(alert) {
    const row = [...this.list.children].find((each) => each.name === alert.name && each.time === alert.time);
    if (row) say(row.querySelector(".beat"), MARKS[alert.priority]);
    return Boolean(row);
  }

  lay() {
    this.due = false;
    const stream = this.stream;
    if (!stream) return;
    if (stream !== this.drawn || stream.names.join("\n") !== this.names) {
      this.drawn = stream;
      this.names = stream.names.join("\n");
      this.sweeps = stream.names.map((name) => sweepOf(this.patient, stream, name));
      const strips = this.sweeps.map((sweep) => h("div", { class: "strip" }, sweep.canvas, h("span", { class: "lead" }, plain(sweep.name))));
      const focused = this.strips.contains(document.activeElement) ? document.activeElement : null;
      this.strips.replaceChildren(...strips, this.calipers.element);
      focused?.focus();
    }
    const number = Math.max(1, this.sweeps.length);
    const width = this.strips.clientWidth;
    const room = Math.max(160, window.innerHeight * (window.innerHeight < 900 ? 0.48 : 0.58));
    const height = Math.max(64, Math.min(420, Math.floor(room / number)));
    this.strips.style.setProperty("--strip", `${height}px`);
    const fits = Math.min(9, width / (25 * 6), height / (number > 6 ? 18 : 26));
    this.scale = Math.max(2.6, fits) * this.app.zoom;
    for (const sweep of this.sweeps) sweep.resize(this.scale);
    this.calipers.lay();
  }

  frame(wall) {
    const stream = this.stream;
    if (!stream || stream.playhead.position === null) return;
    if (this.due || stream !== this.drawn || stream.names.join("\n") !== this.names) this.lay();
    if (this.frozen) return;
    for (const sweep of this.sweeps) sweep.frame(stream.playhead.position, wall);
    const gain = Math.min(...this.sweeps.map((sweep) => sweep.gain));
    for (const sweep of this.sweeps) if (sweep.gain !== gain) [sweep.gain, sweep.drawn] = [gain, null]; // calipers: one scale
    say(this.scaleText, `25 mm/s  ${gain} mm/mV  ${this.filtered ? "0.5 Hz filter" : "no filter"}`);
  }

  redraw() {
    for (const sweep of this.sweeps) sweep.redraw();
    this.trend.draw();
  }

  // An alert that goes on, and the button that says that it is known.
  alertRow(alert) {
    const act = () => this.tellKnown({ alert: alert.name, seconds: alert.known ? 0 : this.seconds });
    const word = alert.known ? "Acknowledged" : "Acknowledge";
    return h("li", {}, badge(alert), h("time", {}, clock(alert.time)), h("span", { class: "reason" }, plain(alert.why)),
      h("button", { type: "button", "aria-pressed": String(alert.known), "aria-label": plain(`${word} ${inWords(alert.name)}`), onclick: act }, word));
  }

  get seconds() {
    return 60 * Number(this.minutes.value);
  }

  // Tells the service what is known, or takes that back; all who look see it.
  tellKnown(what) {
    post(`/api/patients/${encodeURIComponent(this.patient)}/acknowledge`, what);
  }

  // All that is wrong now.
  acknowledge() {
    if (this.seen.hidden) return;
    this.tellKnown({ seconds: this.seen.getAttribute("aria-pressed") === "true" ? 0 : this.seconds });
  }

  // What is not of high priority, even if it begins later.
  hush() {
    this.tellKnown({ silence: true, seconds: this.silence.getAttribute("aria-pressed") === "true" ? 0 : this.seconds });
  }

  freeze() {
    this.frozen = !this.frozen;
    this.hold.setAttribute("aria-pressed", this.frozen);
    if (!this.frozen) this.redraw();
  }

  measure(which) {
    const on = this.calipers.toggle(which);
    this[which].setAttribute("aria-pressed", on);
    if (on && !this.frozen) this.freeze();
  }

  filter() {
    this.filtered = !this.filtered;
    this.raw.setAttribute("aria-pressed", !this.filtered);
    this.stream?.filter(this.filtered);
    this.redraw();
  }

  key(event) {
    if (event.target.matches?.("[role=slider], .events") && event.key.startsWith("Arrow")) return false;
    if (event.target.matches?.("button, a") && [" ", "Enter"].includes(event.key)) return false;
    if (!this.app.singleKeys && event.key.length === 1) return false;
    const does = {
      " ": () => this.freeze(),
      c: () => this.measure("time"),
      v: () => this.measure("voltage"),
      f: () => this.filter(),
      a: () => this.acknowledge(),
      s: () => this.hush(),
      ArrowRight: () => this.go(1),
      ArrowLeft: () => this.go(-1),
    }[event.key];
    does?.();
    return Boolean(does);
  }

  go(step) {
    if (this.calipers.shown.time || this.calipers.shown.voltage) return; // an arrow key beside a caliper leads nowhere
    const all = [...this.app.patients.keys()].sort(compare);
    if (all.length < 2) return;
    const at = all.indexOf(this.patient);
    location.hash = href(all[(at + step + all.length) % all.length]);
  }
}
