// PUE over an hour, a day, a week and twelve months, each with what defends it.

import { el, find, pairs } from "./dom.js";
import { UNKNOWN, age, figure, percent } from "./format.js";
import { PERIODS, reason } from "./words.js";

const SHOWN = ["hour", "24h", "7d", "12mo"];
const RUNNING = { hour: ["hour", "running hour so far"], "24h": ["day", "today so far"] };

/** Of twelve months it is either PUE or still interim. */
export function chosen(figures, name = "ipue") {
  const pue = figures[name.slice(1)];
  return pue !== undefined && pue.value !== null ? ["PUE", pue] : ["iPUE", figures[name]];
}

export function showPue(state, zone, now) {
  find("#pue figure").hidden = never(state) !== undefined; // a site without PUE has no chart of it
  find("#tiles").replaceChildren(...SHOWN.map((period) => tile(period, state, zone, now)));
}

function tile(period, state, zone, now) {
  const [symbol, entry] = chosen(state.figures[period]);
  const head = el("h3", {}, PERIODS[period], el("span", {}, kind(symbol, entry)));
  const body = entry === undefined ? absent(state) : entry.outdated ? gone(entry, now) : known(entry, zone);
  return el("li", { className: "tile", "data-period": period }, head, ...body, running(period, state));
}

function kind(symbol, entry) {
  return entry?.category ? `${symbol}, category ${entry.category}` : symbol;
}

const value = (number) => el("p", { className: number === null ? "value none" : "value" }, figure(number, "1"));
const why = (text) => el("p", { className: "why" }, text);

const never = (state) => state.missing.find((one) => one.name === "ipue" && one.periods.length === 0);

function absent(state) {
  return [value(null), why(never(state) ? reason(never(state).reason) : "no such period is closed yet")];
}

/** The last one is not of the moment, so there is none. */
function gone(entry, now) {
  const ago = age((now - Date.parse(entry.end)) / 1000);
  return [value(null), why(`none of the moment: the last one ended ${ago} ago with ${figure(entry.value, "1")}`)];
}

function known(entry, zone) {
  const period = zone.period(Date.parse(entry.start), Date.parse(entry.end));
  return [
    value(entry.value),
    el("p", { className: "period" }, period),
    entry.reason !== null && entry.status !== "estimated" ? why(`${entry.status}: ${reason(entry.reason)}`) : null,
    el("dl", { className: "pairs", title: shares(entry) }, ...pairs(defence(entry))),
    entry.value === null || entry.uncertainty !== null
      ? null
      : el("p", { className: "note" }, `uncertainty unknown: ${reason(entry.doubt)}`),
  ].filter((part) => part !== null);
}

function defence(entry) {
  return [
    ["coverage", percent(entry.coverage)],
    ["estimated share", percent(entry.estimated_share)],
    ["uncertainty", entry.uncertainty === null ? UNKNOWN : `± ${figure(entry.uncertainty, "1")} (k\u00a0=\u00a02)`],
  ];
}

/** What the figure rests on; adds up to 100 %. */
export function shares(entry) {
  return Object.entries(entry.shares).map(([name, share]) => `${name} ${percent(share)}`).join(", ");
}

/** What has begun and is not closed: a hint, never a figure of the ledger. */
function running(period, state) {
  const [length, name] = RUNNING[period] ?? [];
  const entry = length && state.running[length].ipue;
  if (!entry || entry.outdated || entry.value === null) return null;
  const told = `${name}: ${figure(entry.value, "1")}, coverage ${percent(entry.coverage)}, provisional`;
  return el("p", { className: "note running" }, told);
}
