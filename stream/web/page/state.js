// What is said of a patient, in every view: how much attention is needed and why, the heart rate, the last beat.

import { plain, say } from "./dom.js";

export const NEEDS = { urgent: 3, notable: 2, recent: 1, quiet: 0 };
export const SIGNS = { urgent: "▲", notable: "◆", recent: "", quiet: "" };
export const WORDS = { urgent: "urgent", notable: "of note", recent: "", quiet: "" };

const SAME = { tachycardia: "fast", bradycardia: "slow" };

// What goes on, and why attention is needed; "fast" says nothing more beside "tachycardia".
export function why({ seen, rhythm, note }) {
  const same = SAME[rhythm] === note;
  return [...new Set([seen ? "seen" : "", rhythm.replaceAll("-", " "), same ? "" : note])].filter(Boolean).map(plain).join(" · ");
}

// Shows the need, the rate and the last beat in the parts that every view has for them.
export function showState({ element, sign, rate, last }, state) {
  element.dataset.need = state.need;
  element.dataset.seen = state.seen;
  say(sign, (state.seen ? "✓" : "") + SIGNS[state.need]);
  say(rate, state.heart_rate === null ? "–" : String(state.heart_rate));
  say(last, state.last);
  last.dataset.label = state.last;
}

export const href = (patient) => `#/${encodeURIComponent(patient)}`;

// The order of names: bed-2 comes before bed-10.
export const compare = new Intl.Collator("en", { numeric: true }).compare;
