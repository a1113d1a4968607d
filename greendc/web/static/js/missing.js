// What cannot be computed, by its reason.

import { el, find, symbol } from "./dom.js";
import { PERIODS, reason, title } from "./words.js";

export function showMissing(state) {
  const found = new Map();
  for (const one of state.missing) {
    if (!found.has(one.reason)) found.set(one.reason, []);
    const periods = one.periods.map((period) => PERIODS[period]).join(", ");
    found.get(one.reason).push(el("span", {}, symbol(title(one.name).symbol), periods ? ` (${periods})` : null));
  }
  const entries = [...found].flatMap(([word, names]) => [
    el("dt", { "data-reason": word }, capital(reason(word))),
    el("dd", {}, ...names.flatMap((name, place) => (place ? [" · ", name] : [name]))),
  ]);
  find("#missing dl").replaceChildren(...(entries.length ? entries : [el("dt", {}, "Nothing: every figure has a value.")]));
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
