// What is missing, since when, and what happened: from the ledger and its events.

import { el, find, setText, symbol } from "./dom.js";
import { UNKNOWN, age, count, percent } from "./format.js";
import { event, part, reason, title } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 1000; // of a strip, in its own units
const HIGH = 100;
const FEW = 8; // entries of the list shown at first

let all = false;
let told = null;

find("#happened-all").addEventListener("click", () => {
  all = !all;
  list();
});

export function showGaps(gaps, zone) {
  told = { gaps, zone };
  const lasting = gaps.silences.filter((one) => one.to_ms === null);
  find("#gaps").toggleAttribute("data-missing", lasting.length > 0);
  alarm(lasting);
  strips();
  list();
}

// -- the alarm -----------------------------------------------------------------------------------

function alarm(lasting) {
  const box = find("#silent-now");
  box.hidden = lasting.length === 0;
  if (box.hidden) return;
  const [first, ...others] = [...lasting].sort((a, b) => b.meters - a.meters);
  const gone = told.gaps.without_value.filter((one) => one.to_ms === null);
  const also = others.reduce((sum, one) => sum + one.meters, 0);
  box.replaceChildren(
    el("strong", {}, capital(`${whoOf(first)} ${silentFor(first)}.`)),
    also ? ` So ${also === 1 ? "is" : "are"} ${count(also)} more, since other times.` : "",
    ...gone.flatMap((one) => [" ", ...withoutValue(one)]),
    " ",
    el("a", { href: "#gaps" }, "What is missing"),
  );
}

// -- strips --------------------------------------------------------------------------------------

function strips() {
  const { gaps } = told;
  const rows = [
    ...gaps.figures
      .filter((one) => one.known.some((share) => share !== null && share < 1))
      .map((one) => strip([symbol(title(one.name).symbol), ", coverage"], title(one.name).symbol, one.known, "")),
    ...gaps.groups
      .filter((one) => one.known?.some((share) => share !== null))
      .map((one) => strip([label(one)], label(one), one.known, `${count(one.meters)} ${one.meters === 1 ? "meter" : "meters"}`)),
  ];
  find("#strips").replaceChildren(...rows, ...(rows.length ? [axis()] : [el("p", { className: "note" }, "Nothing is closed in this span.")]));
}

function strip(name, text, known, size) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const share = total(known);
  svg.setAttribute("aria-label", `${text}: ${percent(share)} of the time known`);
  for (const [from, to, value] of pieces(known)) {
    if (value > 0) svg.append(rectangle("known", from, to, HIGH * (1 - value), HIGH * value));
    if (value < 1) svg.append(rectangle("gone", from, to, 0, HIGH * (1 - value)));
  }
  return el(
    "div",
    { className: "strip", "data-known": share === null ? "" : share.toFixed(3) },
    el("span", { className: "name" }, ...name, size ? el("small", {}, size) : null),
    svg,
    el("span", { className: "number" }, percent(share)),
  );
}

function rectangle(kind, from, to, y, height) {
  const made = document.createElementNS(SVG, "rect");
  const values = { class: kind, x: from, width: to - from, y, height };
  for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
  return made;
}

/** Steps of the same share as one, from and to in units of the strip; those without any are left out. */
function pieces(known) {
  const edges = told.gaps.edges_ms;
  const [begin, end] = [edges[0], edges.at(-1)];
  const x = (ms) => ((ms - begin) / (end - begin)) * WIDE;
  const found = [];
  known.forEach((share, place) => {
    if (share === null) return;
    const last = found.at(-1);
    const from = x(edges[place]);
    if (last !== undefined && last[2] === share && last[1] === from) last[1] = x(edges[place + 1]);
    else found.push([from, x(edges[place + 1]), share]);
  });
  return found;
}

/** Share of the time that is known, of the time that there is anything of. */
function total(known) {
  const edges = told.gaps.edges_ms;
  let [sum, whole] = [0, 0];
  known.forEach((share, place) => {
    if (share === null) return;
    const width = edges[place + 1] - edges[place];
    sum += share * width;
    whole += width;
  });
  return whole > 0 ? sum / whole : null;
}

function axis() {
  const { gaps, zone } = told;
  const [begin, end] = [gaps.edges_ms[0], gaps.edges_ms.at(-1)];
  const short = end - begin <= 2 * 86_400_000;
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = begin + share * (end - begin);
    return el("span", {}, short ? zone.time(at) : zone.day(at));
  });
  return el("div", { className: "strip axis", "aria-hidden": "true" }, el("span"), el("div", {}, ...marks), el("span"));
}

// -- the list ------------------------------------------------------------------------------------

function list() {
  const { gaps } = told;
  const entries = [
    ...gaps.silences.map((one) => [one.to_ms === null, one.from_ms ?? 0, silence(one)]),
    ...gaps.without_value.map((one) => [one.to_ms === null, one.from_ms, item("value", withoutValue(one))]),
    ...gaps.events.map((one) => [false, one.to_ms ?? one.arrived_ms, happening(one)]),
  ];
  entries.sort((a, b) => Number(b[0]) - Number(a[0]) || b[1] - a[1]);
  const shown = entries.slice(0, all ? entries.length : FEW).map(([, , made]) => made);
  const more = gaps.more_silences + gaps.more_without_value;
  if (more > 0) shown.push(el("li", { className: "note" }, `and ${count(more)} more, shorter ago or longer`));
  if (entries.length === 0) shown.push(el("li", {}, "Nothing: every meter was heard, and every figure has its value."));
  find("#happened").replaceChildren(...shown);
  find("#happened-all").hidden = entries.length <= FEW;
  setText(find("#happened-all"), all ? "Show less" : `Show all ${count(entries.length)}`);
}

function item(kind, parts, ...below) {
  return el("li", { "data-kind": kind }, el("p", {}, ...parts), ...below);
}

function silence(one) {
  const { gaps } = told;
  const by = one.groups.map(([place, n]) => `${label(gaps.groups[place])} ${count(n)} of ${count(gaps.groups[place].meters)}`);
  const names = one.names.join(", ") + (one.meters > one.names.length ? ` and ${count(one.meters - one.names.length)} more` : "");
  const below = one.meters === 1 ? [] : [el("small", {}, by.join(" · ")), details(names)];
  const state = one.to_ms === null ? "silent" : "back";
  return item(state, [capital(`${whoOf(one)} ${silentFor(one)}`)], ...below);
}

function details(names) {
  return el("details", {}, el("summary", {}, "which ones"), el("small", {}, names));
}

/** Who: "90 of 91 IT meters", or the one meter by its name. */
function whoOf(one) {
  const { groups } = told.gaps;
  if (one.meters === 1) return `${one.names[0]} (${label(groups[one.groups[0][0]])})`;
  const parts = new Map();
  for (const [place, n] of one.groups) parts.set(groups[place].part, (parts.get(groups[place].part) ?? 0) + n);
  const [name, most] = [...parts].reduce((best, each) => (each[1] > best[1] ? each : best));
  const of = groups.filter((group) => group.part === name).reduce((sum, group) => sum + group.meters, 0);
  const rest = one.meters - most;
  return `${count(most)} of ${count(of)} meters of ${partOf(name)}${rest ? ` and ${count(rest)} other meters` : ""}`;
}

function silentFor(one) {
  const { zone, gaps } = told;
  const verb = one.meters === 1 ? ["has", "was"] : ["have", "were"];
  if (one.left_out) return leftOut(one);
  if (one.from_ms === null) return `${verb[0]} not been heard of since greendc started`;
  if (one.to_ms === null) {
    return `${verb[0]} been silent since ${zone.moment(one.from_ms)} (${span(Date.parse(gaps.to) - one.from_ms)})`;
  }
  return `${verb[1]} silent ${zone.period(one.from_ms, one.to_ms)} (${span(one.to_ms - one.from_ms)})`;
}

/** It was not silent: it reported, and no figure rests on what it said. */
function leftOut(one) {
  const { zone, gaps } = told;
  const [it, its] = one.meters === 1 ? ["reports", "its"] : ["report", "their"];
  const word = one.left_out.replaceAll("_", " ");
  if (one.from_ms === null) return `${it}, but ${its} readings are left out since greendc started: ${word}`;
  const long = span((one.to_ms ?? Date.parse(gaps.to)) - one.from_ms);
  if (one.to_ms === null) return `${it}, but ${its} readings are left out since ${zone.moment(one.from_ms)} (${long}): ${word}`;
  return `reported, but ${its} readings were left out ${zone.period(one.from_ms, one.to_ms)} (${long}): ${word}`;
}

function withoutValue(one) {
  const { zone } = told;
  const when = one.to_ms === null ? ["has", ` since ${zone.moment(one.from_ms)}`] : ["had", ` ${zone.period(one.from_ms, one.to_ms)}`];
  const why = one.silent > 0 && !one.left_out ? needed(one) : reason(one.reason);
  return [symbol(title(one.name).symbol), ` ${when[0]} no value${when[1]}: ${why}; it is unknown, not 0.`];
}

/** How many of its meters were silent, and how many of these still are. */
function needed(one) {
  const who = `${count(one.silent)} of the ${count(one.of)} meters that it needs`;
  const lasts = one.to_ms === null;
  if (lasts && one.still === one.silent) return `${who} ${one.silent === 1 ? "is" : "are"} silent`;
  const now = lasts ? `, ${one.still > 0 ? `${count(one.still)} still ${one.still === 1 ? "is" : "are"}` : `and ${one.silent === 1 ? "is" : "are"} heard again`}` : "";
  return `${who} ${one.silent === 1 ? "was" : "were"} silent${now}`;
}

function happening(one) {
  const { zone } = told;
  const when = one.from_ms !== null && one.to_ms !== null ? about(one) : `noted ${zone.full(one.arrived_ms)}`;
  const times = one.times > 1 ? ` (${count(one.times)} times)` : "";
  const readings = one.readings === null ? null : `${count(one.readings)} ${one.readings === 1 ? "reading" : "readings"}`;
  const others = Object.entries(one.data).map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`);
  const facts = [one.meter, one.reason ? reason(one.reason).replaceAll("_", " ") : null, readings, when, ...others];
  return item("event", [capital(event(one.kind)), times], el("small", {}, facts.filter(Boolean).join(" · ")));
}

function about(one) {
  return one.from_ms === one.to_ms ? told.zone.moment(one.from_ms) : told.zone.period(one.from_ms, one.to_ms);
}

// -- words ---------------------------------------------------------------------------------------

const partOf = (name) => ({ none: "no sum", e_dc: "the supply" })[name] ?? part(name);

function label(group) {
  const name = { none: "In no sum", e_dc: "Supply" }[group.part] ?? part(group.part);
  return [name, group.room, group.rack].filter(Boolean).join(", ");
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const span = (ms) => (Number.isFinite(ms) ? age(ms / 1000) : UNKNOWN);
