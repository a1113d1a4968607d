// What quantities, periods and reasons are called.

import { get } from "./api.js";

export const PERIODS = { hour: "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d", "12mo": "12 months" };

let known = { titles: {}, reasons: {}, events: {}, readings: {} };

export async function loadWords() {
  known = await get("words");
}

export function reason(word) {
  if (word in known.readings) return `readings left out: ${word.replaceAll("_", " ")}`;
  return known.reasons[word] ?? word ?? "";
}

/** What an event is; one of a kind without words still shows. */
export function event(kind) {
  return known.events[kind] ?? kind.replaceAll("_", " ");
}

/** What a reading was taken for: what that means, and whether it was left out. */
export function taken(word) {
  return known.readings[word] ?? { meaning: "", left_out: true };
}

export function title(name) {
  return known.titles[name] ?? { symbol: name, meaning: name };
}

const PARTS = {
  e_it: "IT",
  e_dc: "Whole site",
  subsystem_cooling: "Cooling",
  subsystem_power: "Power supply",
  subsystem_lighting: "Lighting",
  subsystem_reuse: "Heat pumps",
  subsystem_other: "Other",
};

export const part = (name) => PARTS[name] ?? title(name).symbol;
export const colour = (name) => `--${name.replace("subsystem_", "").replace("e_it", "it")}`;
