// What cannot be computed, by its reason.

import { el, find } from "./dom.js";
import { PERIODS, reason, title } from "./words.js";

export function showMissing(state) {
  const found = new Map();
  for (const one of state.missing) {
    if (!found.has(one.reason)) found.set(one.reason, []);
    const periods = one.periods.map((period) => PERIODS[period]).join(", ");
    found.get(one.reason).push(periods ? `${title(one.name).symbol} (${periods})` : title(one.name).symbol);
  }
  const entries = [...found].flatMap(([word, names]) => [
    el("dt", { "data-reason": word }, capital(reason(word))),
    el("dd", {}, names.join(" · ")),
  ]);
  find("#missing dl").replaceChildren(...(entries.length ? entries : [el("dt", {}, "Nothing: every figure has a value.")]));
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
