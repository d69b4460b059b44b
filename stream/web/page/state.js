// What is said of a patient, in every view: how much attention is needed and why, the heart rate, the last beat.

import { h, plain, say } from "./dom.js";

export const NEEDS = { urgent: 3, notable: 2, recent: 1, quiet: 0 };
export const SIGNS = { urgent: "▲", notable: "◆", recent: "", quiet: "" };
export const WORDS = { urgent: "urgent", notable: "of note", recent: "", quiet: "" };

export const MARKS = { high: "!!!", medium: "!!", low: "!" }; // of alerts, as IEC 60601-1-8 has them

const SAME = { tachycardia: "fast", bradycardia: "slow" };

// What goes on, and why attention is needed; "fast" says nothing more beside "tachycardia".
export function why({ seen, rhythm, note, alerts }) {
  const same = SAME[rhythm] === note;
  const told = alerts.map((alert) => inWords(alert.name)); // stand beside it
  const parts = [seen ? "seen" : "", inWords(rhythm), same ? "" : note].filter((part) => part && !told.includes(part));
  return [...new Set(parts)].map(plain).join(" · ");
}

export const inWords = (name) => (name === "r-on-t" ? "R on T" : name.replaceAll("-", " "));

export const alertInWords = ({ name, priority, known }) =>
  `${priority} priority alert: ${inWords(name)}${known ? ", acknowledged" : ""}`;

// An alert: mark, colour and words say how pressing it is; it flashes until somebody says that it is known.
export function badge(alert, short = false) {
  const name = (short && SHORT[alert.name]) || inWords(alert.name);
  return h("span", { class: "alert", "data-priority": alert.priority, "data-known": String(alert.known) },
    h("span", { "aria-hidden": "true" }, plain(`${alert.known ? "✓ " : ""}${MARKS[alert.priority]} ${name}`)),
    h("span", { class: "hidden" }, plain(alertInWords(alert))));
}

const SHORT = {
  "ventricular-fibrillation": "VF",
  "ventricular-tachycardia": "VT",
  "sustained-ventricular-tachycardia": "sustained VT",
  "ventricular-run": "run of V",
  "supraventricular-tachycardia": "SVT",
  "idioventricular-rhythm": "IVR",
  "atrial-fibrillation": "AF",
  "multiform-ventricular-beats": "multiform V",
  "frequent-ventricular-beats": "frequent V",
  "extreme-bradycardia": "very slow",
  "extreme-tachycardia": "very fast",
};

// The alert that comes first: the most pressing that is not known, else the most pressing.
export const firstAlert = ({ alerts }) => alerts.find((alert) => !alert.known) ?? alerts[0];

// Shows alerts in a list where they have changed.
export function showAlerts(list, alerts, make) {
  const key = JSON.stringify(alerts);
  if (list.shown === key) return;
  list.shown = key;
  list.replaceChildren(...alerts.map(make));
}

// Shows the need, the rate and the last beat in the parts that every view has for them.
export function showState({ element, sign, rate, last, alerts }, state) {
  element.dataset.need = state.need;
  element.dataset.seen = state.seen;
  const alert = firstAlert(state);
  const mark = alert ? MARKS[alert.priority] : SIGNS[state.need];
  say(sign, alerts && alert ? "" : (state.seen ? "✓" : "") + mark); // where alerts are shown, they have their marks
  say(rate, state.heart_rate === null ? "–" : String(state.heart_rate));
  say(last, state.last);
  last.dataset.label = state.last;
}

export const href = (patient) => `#/${encodeURIComponent(patient)}`;

// The order of names: bed-2 comes before bed-10.
export const compare = new Intl.Collator("en", { numeric: true }).compare;
