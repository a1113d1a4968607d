// PUE over an hour, a day, a week and twelve months, each with what defends it.

import { el, find, pairs } from "./dom.js";
import { UNKNOWN, age, figure, percent } from "./format.js";
import { PERIODS, reason } from "./words.js";

const SHOWN = ["hour", "24h", "7d", "12mo"];

/** Of twelve months it is either PUE or still interim. */
export function chosen(figures) {
  const known = figures.pue !== undefined && figures.pue.value !== null;
  return known ? ["PUE", figures.pue] : ["iPUE", figures.ipue];
}

export function showPue(state, zone, now) {
  const tiles = SHOWN.map((period) => tile(period, state, zone, now));
  find("#tiles").replaceChildren(...tiles);
}

function tile(period, state, zone, now) {
  const [symbol, entry] = chosen(state.figures[period]);
  const name = el("h3", {}, PERIODS[period], el("span", {}, kind(symbol, entry)));
  if (entry === undefined) {
    const why = state.missing.find((one) => one.name === "ipue" && one.periods.length === 0);
    const text = why ? reason(why.reason) : "no such period is closed yet";
    return el("li", { className: "tile", "data-period": period }, name, value(null), el("p", { className: "why" }, text));
  }
  return el(
    "li",
    { className: entry.outdated ? "tile old" : "tile", "data-period": period },
    name,
    value(entry.value),
    el("p", { className: "period" }, zone.period(Date.parse(entry.start), Date.parse(entry.end))),
    ...notes(entry, now),
    el("dl", { className: "pairs" }, ...pairs(defence(entry))),
    unsure(entry),
  );
}

function kind(symbol, entry) {
  return entry?.category ? `${symbol}, category ${entry.category}` : symbol;
}

const value = (number) => el("p", { className: "value" }, figure(number, "1"));

function* notes(entry, now) {
  if (entry.outdated) {
    const ago = now === null ? "" : ` ${age((now - Date.parse(entry.end)) / 1000)} ago`;
    yield el("p", { className: "why" }, `Not of the moment: it ended${ago}.`);
  }
  if (entry.status === "provisional") yield el("p", { className: "why" }, "provisional: not closed yet");
  if (entry.reason !== null && entry.status !== "estimated") {
    yield el("p", { className: "why" }, `${entry.status}: ${reason(entry.reason)}`);
  }
}

function defence(entry) {
  return [
    ["coverage", percent(entry.coverage)],
    ["estimated share", entry.estimated_share === null ? UNKNOWN : percent(entry.estimated_share)],
    ["uncertainty (k = 2)", entry.uncertainty === null ? UNKNOWN : `± ${figure(entry.uncertainty, "1")}`],
  ];
}

function unsure(entry) {
  if (entry.value === null || entry.uncertainty !== null) return null;
  return el("p", { className: "note" }, `uncertainty unknown: ${reason(entry.doubt)}`);
}
