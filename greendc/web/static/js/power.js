// Power of each subsystem now, beside its mean in the last closed hour.

import { el, find, symbol } from "./dom.js";
import { UNKNOWN, percent, power } from "./format.js";
import { colour, part, reason, title } from "./words.js";

export function showPower(state) {
  const total = state.power.find((one) => one.name === "e_dc");
  const parts = state.power.filter((one) => one.name !== "e_dc");
  const rows = parts.map((one) => row(one, total));
  if (total) rows.push(row(total, null));
  find("#power-now tbody").replaceChildren(...rows);
}

function row(one, total) {
  const swatch = el("span", { className: "swatch", "aria-hidden": "true" });
  const made = el(
    "tr",
    { className: total === null ? "total" : "", "data-name": one.name },
    el("th", { scope: "row" }, total === null ? null : swatch, part(one.name), about(one, total), bar(one, total)),
    el("td", { className: "number" }, power(one.watts), one.watts === null ? el("small", {}, reason(one.reason)) : null),
    lastHour(one),
  );
  made.style.setProperty("--swatch", `var(${colour(one.name)})`);
  return made;
}

/** The mean of the newest closed hour, if that is of the moment. */
function lastHour(one) {
  if (one.hour_watts !== null) return el("td", { className: "number" }, power(one.hour_watts));
  return el("td", { className: "number" }, UNKNOWN, el("small", {}, one.hour_reason ? reason(one.hour_reason) : "none of the moment"));
}

function about(one, total) {
  const share = shareOf(one, total);
  const told = share === null ? null : ` · ${percent(share)}`;
  return el("small", {}, symbol(title(one.name).symbol.replace("E_", "P_")), told);
}

function shareOf(one, total) {
  if (!(total?.watts > 0) || one.watts === null) return null; // a site without E_DC has no shares
  return one.watts / total.watts;
}

function bar(one, total) {
  const share = shareOf(one, total);
  if (share === null) return null;
  const filled = el("div");
  filled.style.width = `${(Math.min(Math.max(share, 0), 1) * 100).toFixed(2)}%`;
  return el("div", { className: "bar", "aria-hidden": "true" }, filled);
}
