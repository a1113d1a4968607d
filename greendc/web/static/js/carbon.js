// Emissions of the newest hour, day and month, by accounting method.

import { el, find } from "./dom.js";
import { mass, percent } from "./format.js";
import { PERIODS, reason } from "./words.js";

const METHODS = { co2e_location: "location-based", co2e_market: "market-based" };
const SHOWN = ["hour", "24h", "7d"];

export function showCarbon(state) {
  const names = Object.keys(METHODS);
  find("#masses").replaceChildren(...names.flatMap((name) => masses(name, state)));
  find("#carbon figure").hidden = names.every((name) => never(name, state));
}

function never(name, state) {
  return state.missing.find((one) => one.name === name && one.periods.length === 0);
}

function masses(name, state) {
  const missing = never(name, state);
  if (missing) return [pair(METHODS[name], "–", reason(missing.reason))];
  return SHOWN.map((period) => {
    const entry = state.figures[period][name];
    return pair(`${METHODS[name]}, ${PERIODS[period]}`, entry?.outdated ? mass(null) : mass(entry?.value), whyNot(entry));
  });
}

function whyNot(entry) {
  if (entry === undefined) return "no such period is closed yet";
  if (entry.outdated) return "none of the moment";
  if (entry.value === null) return reason(entry.reason);
  return entry.coverage < 1 ? `coverage ${percent(entry.coverage)}` : null;
}

function pair(name, value, why) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, why ? el("small", {}, why) : null));
}
