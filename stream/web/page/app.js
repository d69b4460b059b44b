// The page: what is known of the ward, which view shows it, keys, and the loop that draws.

import { h, plain, say } from "./dom.js";
import { Link, Refused, ask, post } from "./link.js";
import { PatientView } from "./patient.js";
import { alertInWords } from "./state.js";
import { readPalette } from "./sweep.js";
import { Stream } from "./stream.js";
import { WardView } from "./ward.js";

const BEATS_SEEN = 60; // of a patient who comes into view: more than a trace can show
const CALM_FRAME_MS = 250; // where motion is not wanted, the trace goes on in steps
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const byId = (id) => document.getElementById(id);

class App {
  constructor() {
    this.patients = new Map(); // id: {state, stream}
    this.sought = "";
    this.zoom = Number(localStorage.getItem("zoom")) || 1;
    this.singleKeys = localStorage.getItem("keys") !== "no";
    this.main = byId("main");
    this.link = new Link();
    this.view = null;
    this.source = "";
    this.connected = true;
    this.asked = new Set(); // patients whose latest beats are known
    this.before = 0;
  }

  start() {
    this.theme(localStorage.getItem("theme"));
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.theme(localStorage.getItem("theme")));
    this.controls();
    const on = (kind, take) => this.link.addEventListener(kind, (event) => take.call(this, event.detail));
    on("patient", this.patient);
    on("ward", this.ward);
    on("gone", this.gone);
    on("trouble", this.told);
    on("beat", this.beat);
    for (const kind of ["event", "rhythm", "alert", "st"]) on(kind, (line) => this.view?.line?.(line));
    on("tick", this.tick);
    on("samples", this.samples);
    on("dropped", () => say(byId("link"), "this browser is too slow: parts of traces are missing"));
    on("lost", this.lost);
    on("refused", this.admit);
    addEventListener("hashchange", () => this.route());
    this.admit();
    requestAnimationFrame((now) => this.frame(now));
    setInterval(() => this.told(), 1000);
  }

  // Asks whether we may look; if not, for the token.
  async admit() {
    try {
      await ask("/api/patients?");
    } catch (error) {
      if (error instanceof Refused) this.signIn();
      else setTimeout(() => this.admit(), 2000);
      return;
    }
    if (!this.link.events || this.link.events.readyState === EventSource.CLOSED) this.link.open();
    if (!this.view) this.route();
  }

  signIn() {
    const token = h("input", { type: "password", id: "token", autocomplete: "current-password", required: true });
    const wrong = h("p", { role: "alert" });
    const form = h("form", { class: "sign-in" }, h("label", { for: "token" }, "Token"), token, h("button", {}, "Look"), wrong);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const answer = await post("/api/session", { token: token.value });
      if (answer.ok) this.admit();
      else say(wrong, "That is not the token.");
    });
    this.main.replaceChildren(form);
    token.focus();
  }

  route() {
    const patient = decodeURIComponent(location.hash.replace(/^#\/?/, ""));
    const from = this.view?.patient;
    this.view?.close();
    this.view = patient ? new PatientView(this, patient) : new WardView(this);
    this.main.replaceChildren(this.view.element);
    this.view.open();
    document.body.dataset.view = patient ? "patient" : "ward";
    if (patient) this.main.focus();
    else if (from) [...this.main.querySelectorAll("a.cover")].find((each) => each.textContent === plain(from))?.focus();
    window.scrollTo(0, 0);
  }

  // What comes.

  // Everybody: whoever is not named has gone while we were away.
  ward({ patients }) {
    const here = new Set(patients.map((state) => state.patient));
    for (const patient of [...this.patients.keys()]) if (!here.has(patient)) this.gone({ patient });
    for (const state of patients) this.patient(state);
    this.told();
  }

  patient(state) {
    let known = this.patients.get(state.patient);
    const before = known?.state;
    if (!known || known.state.stream !== state.stream) {
      known = { state, stream: new Stream() };
      this.patients.set(state.patient, known);
      this.asked.delete(state.patient);
    }
    known.state = state;
    this.view?.changed(state, before && before.stream === state.stream ? before : null);
    const told = new Set(before?.alerts.map((alert) => alert.name));
    const alert = state.alerts.find((each) => each.priority === "high" && !each.known && !told.has(each.name));
    if (alert) say(byId("news"), `${plain(state.patient)}: ${plain(alertInWords(alert))}`);
    else if (state.need === "urgent" && before?.need !== "urgent" && !state.alerts.length) {
      say(byId("news"), `${plain(state.patient)}: ${plain(state.note)}`);
    }
    if (before?.need !== state.need || before?.seen !== state.seen) this.told();
  }

  gone({ patient }) {
    this.patients.delete(patient);
    this.asked.delete(patient);
    if (this.view) this.view.due = true;
    this.told();
  }

  beat(beat) {
    const known = this.patients.get(beat.record);
    if (known?.stream.mark(beat)) this.view?.beat(beat.record, beat);
  }

  samples(message) {
    const known = this.patients.get(message.patient);
    if (!known) return;
    known.stream.take(message, performance.now() / 1000);
    if (!this.asked.has(message.patient)) {
      this.asked.add(message.patient);
      this.fetchBeats(message.patient, `limit=${BEATS_SEEN}`);
    }
  }

  // We were away, or too slow: what is shown is fetched.
  lost({ since }) {
    this.asked = new Set(Object.keys(this.link.wanted));
    for (const patient of this.asked) this.fetchBeats(patient, `since=${encodeURIComponent(since)}`);
    this.view?.refetch?.();
  }

  async fetchBeats(patient, query) {
    try {
      const found = await ask(`/api/patients/${encodeURIComponent(patient)}/beats?${query}`);
      for (const beat of found.beats) {
        this.beat(beat);
        this.view?.line?.(beat);
      }
    } catch {
      setTimeout(() => this.patients.has(patient) && this.fetchBeats(patient, query), 1000);
    }
  }

  tick(tick) {
    this.source = tick.source;
    this.connected = tick.connected;
    this.version = tick.version;
    this.told();
  }

  want(patients) {
    this.link.want(patients);
  }

  // The bar at the top: how many there are, who needs attention, and whether what is shown is live.
  told() {
    const needs = { urgent: 0, notable: 0, seen: 0 };
    for (const { state } of this.patients.values()) {
      if (state.seen) needs.seen++;
      else if (state.need in needs) needs[state.need]++;
    }
    const number = this.patients.size;
    const parts = [`${number} patient${number === 1 ? "" : "s"}`];
    if (needs.urgent) parts.push(`▲ ${needs.urgent} urgent`);
    if (needs.seen) parts.push(`✓ ${needs.seen} seen`);
    if (needs.notable) parts.push(`◆ ${needs.notable} of note`);
    say(byId("summary"), parts.join("   "));
    say(byId("source"), plain(this.source));
    const lost = this.link.heard > 0 && this.link.stale;
    const words = lost ? "Connection lost: what is shown is old" : this.connected ? "" : "The service has no connection to its broker";
    say(byId("link"), words);
    document.body.dataset.live = lost || !this.connected ? "no" : "yes";
    document.title = (needs.urgent ? `▲${needs.urgent} ` : "") + (this.view?.patient ? plain(this.view.patient) : "Ward");
  }

  // Drawing.

  frame(now) {
    requestAnimationFrame((next) => this.frame(next));
    if (calm.matches && now - this.before < CALM_FRAME_MS) return;
    const wall = performance.now();
    const passed = Math.min(1, (now - this.before) / 1000);
    this.before = now;
    for (const patient of Object.keys(this.link.wanted)) {
      this.patients.get(patient)?.stream.playhead.advance(wall / 1000, passed);
    }
    this.view?.frame?.(wall);
  }

  // What people do.

  theme(chosen) {
    const theme = chosen ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
    document.documentElement.dataset.theme = theme;
    say(byId("theme"), theme === "dark" ? "Light" : "Dark");
    readPalette();
    this.view?.redraw();
  }

  otherTheme() {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", theme);
    this.theme(theme);
  }

  resize(zoom) {
    this.zoom = Math.max(0.5, Math.min(3, zoom));
    localStorage.setItem("zoom", this.zoom);
    if (this.view) this.view.due = true;
  }

  controls() {
    byId("theme").onclick = () => this.otherTheme();
    byId("smaller").onclick = () => this.resize(this.zoom / 1.2);
    byId("larger").onclick = () => this.resize(this.zoom * 1.2);
    byId("help").onclick = () => byId("helping").showModal();
    byId("keys").checked = this.singleKeys;
    byId("keys").onchange = (event) => {
      this.singleKeys = event.target.checked;
      localStorage.setItem("keys", this.singleKeys ? "yes" : "no");
    };
    byId("find").oninput = (event) => {
      this.sought = event.target.value;
      if (location.hash && this.sought) location.hash = "";
      if (this.view) this.view.due = true;
    };
    addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const typing = event.target.matches?.("input:not([type=checkbox])");
    if (event.key === "Escape" && typing) {
      byId("find").value = this.sought = "";
      event.target.blur();
      if (this.view) this.view.due = true;
      return;
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || byId("helping").open) return;
    if (event.key === "Escape" && location.hash.length > 1) location.hash = "";
    else if (this.view?.key?.(event)) event.preventDefault();
    else if (this.singleKeys) {
      const does = {
        "/": () => byId("find").focus(),
        d: () => this.otherTheme(),
        "+": () => this.resize(this.zoom * 1.2),
        "-": () => this.resize(this.zoom / 1.2),
        0: () => this.resize(1),
        "?": () => byId("helping").showModal(),
      }[event.key];
      if (!does) return;
      does();
      event.preventDefault();
    }
  }
}

new App().start();
