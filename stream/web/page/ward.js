// The ward: a tile for each patient, those who need attention first. Where there are too many for tiles, the neediest
// have them and the others are chips with a number.

import { h, say } from "./dom.js";
import { NEEDS, compare } from "./state.js";
import { Chip, HEAD, TRACE_MM, Tile } from "./tile.js";

const PRESSING = { high: 0.3, medium: 0.2, low: 0.1 }; // an alert that is not known comes before all else of its need
const CALM_MS = 4000; // who needs attention no more keeps the place for so long
const LEAST_SCALE = 3; // pixels for a millimetre
const MOST_SCALE = 11;
const LEAST_HEIGHT = 118;
const MOST_TILES = 24;
const TRACE_S = 5; // at least so much is seen

export class WardView {
  constructor(app) {
    this.app = app;
    this.tiles = new Map();
    this.chips = new Map();
    this.rank = new Map(); // patient: need that the place is by, and since when it may be lower
    this.needy = h("ul", { class: "tiles" });
    this.others = h("ul", { class: "chips" });
    this.empty = h("p", { class: "empty" }, "no patient publishes yet");
    this.element = h("div", { class: "ward" }, this.needy, this.others, this.empty);
    this.made = 0;
    this.scale = 4;
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) entry.target.tile.visible = entry.isIntersecting;
      this.want();
    }, { rootMargin: "100px" });
    this.resized = new ResizeObserver(() => (this.due = true));
  }

  open() {
    this.resized.observe(document.documentElement);
    this.arrange();
  }

  close() {
    this.resized.disconnect();
    this.seen.disconnect();
    this.tiles.clear();
    this.needy.replaceChildren();
  }

  // The patients who match what is sought, in their order; order changes seldom, so that eyes find them again.
  order() {
    const now = performance.now();
    const sought = this.app.sought.toLowerCase();
    const shown = [...this.app.patients.values()].filter((each) => each.state.patient.toLowerCase().includes(sought));
    for (const { state } of shown) {
      const alert = state.alerts.find((each) => !each.known);
      const place = NEEDS[state.need] + (alert ? PRESSING[alert.priority] : 0) - (state.seen ? 0.5 : 0);
      const need = Math.max(1, place); // what is known comes after what is not
      const was = this.rank.get(state.patient);
      if (!was || need >= was.need) this.rank.set(state.patient, { need, fell: null });
      else if (was.fell === null) {
        was.fell = now;
        setTimeout(() => (this.due = true), CALM_MS + 50);
      } else if (now - was.fell > CALM_MS) this.rank.set(state.patient, { need, fell: null });
    }
    const name = (each) => each.state.patient;
    return shown.sort(
      (a, b) => this.rank.get(name(b)).need - this.rank.get(name(a)).need || compare(name(a), name(b)),
    );
  }

  // How many tiles beside each other, how high, at which scale: the largest traces that the screen has room for.
  plan(number) {
    const width = this.element.clientWidth || window.innerWidth;
    const height = Math.max(200, window.innerHeight - this.element.offsetTop - 10);
    const gap = 8;
    const zoom = this.app.zoom;
    const fit = (count, tall) => {
      let best = { scale: 0 };
      for (let columns = 1; columns <= 8; columns++) {
        const rows = Math.ceil(count / columns);
        const w = (width - gap * (columns - 1)) / columns;
        const hh = (tall - gap * (rows - 1)) / rows;
        const scale = Math.min(MOST_SCALE, (hh - HEAD) / TRACE_MM, (w - 4) / (25 * TRACE_S));
        if (scale > best.scale) best = { columns, height: Math.floor(hh), scale };
      }
      return best;
    };
    const all = fit(Math.max(1, number), height);
    if (number <= MOST_TILES && all.scale >= LEAST_SCALE) return { ...all, scale: all.scale * zoom, tiles: number };
    if (number <= MOST_TILES) {
      const columns = Math.max(1, Math.floor((width + gap) / (330 + gap)));
      const scale = Math.max(LEAST_SCALE, Math.min(4, (width / columns - 4) / (25 * TRACE_S)));
      return { columns, height: Math.max(LEAST_HEIGHT, Math.round(HEAD + TRACE_MM * scale)), scale: scale * zoom, tiles: number };
    }
    const columns = Math.max(1, Math.floor((width + gap) / (440 + gap)));
    const em = parseFloat(getComputedStyle(this.others).fontSize);
    const chips = Math.ceil(number / Math.max(1, Math.floor(width / (9.2 * em + 4)))) * 38;
    const rows = Math.max(1, Math.floor((height - chips) / 168), columns === 1 ? 3 : 2);
    const tall = Math.max(LEAST_HEIGHT + 30, Math.min(220, Math.floor((height - chips) / rows) - gap));
    const scale = Math.max(LEAST_SCALE, Math.min(5, (tall - HEAD) / TRACE_MM));
    return { columns, height: tall, scale: scale * zoom, tiles: columns * rows };
  }

  arrange() {
    this.due = false;
    const order = this.order();
    const plan = this.plan(order.length);
    this.scale = plan.scale;
    this.height = plan.height;
    this.needy.style.setProperty("--columns", plan.columns);
    this.needy.style.setProperty("--height", `${plan.height}px`);
    this.empty.hidden = order.length > 0;
    if (!order.length) say(this.empty, this.app.sought && this.app.patients.size ? "no patient is called so" : "no patient publishes yet");
    const withTile = new Set(order.slice(0, plan.tiles).map((each) => each.state.patient));
    for (const [patient, tile] of this.tiles) {
      if (withTile.has(patient) && this.app.patients.get(patient)?.stream === tile.stream) continue;
      this.seen.unobserve(tile.element);
      this.tiles.delete(patient);
    }
    const all = order.length <= 2;
    const tiles = order.slice(0, plan.tiles).map(({ state, stream }) => {
      let tile = this.tiles.get(state.patient);
      if (!tile) {
        tile = new Tile(state.patient, stream, this.made++);
        this.tiles.set(state.patient, tile);
        this.seen.observe(tile.element);
      }
      if (tile.all !== all) [tile.all, tile.names] = [all, null];
      tile.show(state);
      return tile.element;
    });
    place(this.needy, tiles);
    const chips = order.slice(plan.tiles).map(({ state }) => {
      let chip = this.chips.get(state.patient);
      if (!chip) this.chips.set(state.patient, (chip = new Chip(state.patient)));
      chip.show(state);
      return chip.element;
    });
    place(this.others, chips);
    for (const patient of this.chips.keys()) if (!this.app.patients.has(patient)) this.chips.delete(patient);
    for (const patient of this.rank.keys()) if (!this.app.patients.has(patient)) this.rank.delete(patient);
    for (const tile of this.tiles.values()) tile.lay(plan.height, plan.scale);
    this.want();
  }

  want() {
    const wanted = {};
    for (const [patient, tile] of this.tiles) if (tile.visible) wanted[patient] = tile.all ? "all" : "one";
    this.app.want(wanted);
  }

  changed(state, before) {
    const same = before && state.need === before.need && state.seen === before.seen;
    if (!same || JSON.stringify(state.alerts) !== JSON.stringify(before.alerts)) this.due = true;
    (this.tiles.get(state.patient) ?? this.chips.get(state.patient))?.show(state);
  }

  beat(patient, beat) {
    const tile = this.tiles.get(patient);
    if (tile) for (const sweep of tile.sweeps) sweep.mark(beat);
  }

  frame(wall) {
    if (this.due) this.arrange();
    for (const tile of this.tiles.values()) {
      if (!tile.visible) continue;
      const position = tile.stream.playhead.position;
      if (position !== null && (tile.all ? tile.names !== tile.leads(this.height, this.scale).join("\n") : !tile.sweeps.length)) tile.lay(this.height, this.scale);
      tile.frame(position, wall);
    }
  }

  redraw() {
    for (const tile of this.tiles.values()) for (const sweep of tile.sweeps) sweep.redraw();
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns(), ArrowUp: -this.columns() }[event.key];
    if (!step) return false;
    const links = [...this.element.querySelectorAll("a.cover")];
    const at = links.indexOf(document.activeElement);
    links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
    return true;
  }

  columns() {
    const list = document.activeElement?.closest("ul") ?? this.needy;
    return getComputedStyle(list).gridTemplateColumns.split(" ").length;
  }
}

// Puts the elements into a list in this order, and moves only those that are not there: who has the focus keeps it.
function place(list, elements) {
  const wanted = new Set(elements);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  elements.forEach((element, k) => {
    if (list.children[k] !== element) {
      const focused = element.contains(document.activeElement) ? document.activeElement : null;
      list.insertBefore(element, list.children[k] ?? null);
      focused?.focus();
    }
  });
}
