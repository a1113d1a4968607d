// Loads on several feeds: which feed carries what share now, and whether one could fail.

import { el, find, setText } from "./dom.js";
import { count, percent, power } from "./format.js";

const STATES = ["lost", "unknown", "redundant", "off"]; // what needs a look stands first
const QUALITY = { lost: "silent", unknown: "stale", redundant: "fresh", off: "never" };
const MOST = 12;

export function showFeeds({ redundancy }) {
  find("#feeds").hidden = redundancy.length === 0;
  const sorted = [...redundancy].sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state)); // stable
  find("#feeds ul").replaceChildren(...sorted.slice(0, MOST).map(line));
  const rest = sorted.slice(MOST);
  const good = rest.filter((one) => one.state === "redundant").length;
  setText(find("#feeds-more"), rest.length ? `${count(rest.length)} more, ${count(good)} of them redundant` : "");
}

function line(one) {
  return el(
    "li",
    { "data-load": one.name },
    el("span", { className: "quality", "data-quality": QUALITY[one.state] }, one.name),
    `: ${verdict(one)}`,
    el("small", {}, one.feeds.map(carried).join(" \u00b7 ")),
  );
}

function verdict({ state, feeds }) {
  const named = (wanted) => feeds.filter((feed) => feed.state === wanted).map((feed) => feed.meter).join(", ");
  if (state === "lost") return `redundancy lost, ${named("idle")} at 0`;
  if (state === "unknown") return `not known to be redundant, ${named("unknown")} silent`;
  return state;
}

function carried({ meter, watts, share }) {
  if (watts === null) return `${meter} silent`;
  return `${meter} ${power(watts)}${share === null ? "" : `, ${percent(share)}`}`;
}
