// All figures by period; what has no value says why in its place.

import { el, find, symbol } from "./dom.js";
import { UNKNOWN, figure, percent } from "./format.js";
import { chosen, shares } from "./pue.js";
import { PERIODS, reason, title } from "./words.js";

const ORDER = [
  "ipue", "ipue_cat1", "ipue_cat2", "ipue_cat3", "dcie", "ppue_cooling", "ppue_power", "ppue_lighting",
  "ppue_reuse", "ppue_other", "erf", "ere", "cue_location", "cue_market", "co2e_location", "co2e_market",
  "e_dc", "e_it", "e_it_cat1", "e_it_cat2", "e_it_cat3", "e_reuse",
]; // prettier-ignore

const IPUE = /^ipue(_cat\d)?$/;
const PUE = /^pue(_cat\d)?$/; // stands in the row of iPUE, where twelve months make it one

function rank(name) {
  const place = ORDER.indexOf(name);
  return place < 0 ? ORDER.length : place;
}

export function showFigures(state, zone) {
  const periods = Object.keys(state.figures);
  const names = new Set(periods.flatMap((period) => Object.keys(state.figures[period])));
  const ordered = [...names].filter((name) => !PUE.test(name)).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const heads = periods.map((period) => head(period, state.figures[period], zone));
  const meaning = el("th", { scope: "col", className: "wide" }, "Meaning");
  find("#figures thead").replaceChildren(el("tr", {}, el("th", { scope: "col" }, "Figure"), ...heads, meaning));
  find("#figures tbody").replaceChildren(...ordered.map((name) => row(name, periods, state.figures)));
}

/** A column's head says when its period ended. */
function head(period, figures, zone) {
  const entry = figures.e_dc ?? figures.e_it ?? Object.values(figures)[0];
  const ended = entry && `to ${zone.day(Date.parse(entry.end))}, ${zone.time(Date.parse(entry.end))}`;
  const old = entry?.outdated ? el("small", { className: "warn" }, "not of the moment") : null;
  return el("th", { scope: "col", className: "number" }, PERIODS[period], ended ? el("small", {}, ended) : null, old);
}

function row(name, periods, figures) {
  const found = title(name);
  const cells = periods.map((period) => cell(name, period, figures[period]));
  const unit = periods.map((period) => figures[period][name]?.unit).find((one) => one?.includes("/"));
  const about = unit ? `${found.meaning} [${unit}]` : found.meaning;
  const last = el("td", { className: "wide note" }, about);
  return el("tr", { "data-name": name }, el("th", { scope: "row" }, symbol(found.symbol)), ...cells, last);
}

function cell(name, period, figures) {
  const [kind, entry] = IPUE.test(name) ? chosen(figures, name) : [null, figures[name]];
  const text = entry === undefined ? UNKNOWN : figure(entry.value, entry.unit.includes("/") ? "1" : entry.unit);
  const named = { className: "number", "data-period": PERIODS[period] }; // for a phone, which shows no columns
  if (entry !== undefined && entry.value !== null) named.title = shares(entry);
  return el("td", named, text, ...notes(kind, entry).map((note) => el("small", {}, note)));
}

function notes(kind, entry) {
  if (entry === undefined) return ["none closed yet"];
  if (entry.value === null) return [reason(entry.reason)];
  const told = kind === "PUE" ? ["PUE"] : [];
  if (entry.coverage < 1) told.push(`coverage ${percent(entry.coverage)}`.replaceAll(" ", "\u00a0"));
  if (entry.status === "invalid" || entry.status === "provisional") told.push(entry.status);
  return told;
}
