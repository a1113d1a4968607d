// Whether energy in and out of each node of the power chain agree, and what explains it if not.

import { el, find, setText } from "./dom.js";
import { UNKNOWN, figure, percent } from "./format.js";

export function showBalance(state, zone) {
  const { balance } = state;
  const section = find("#balance");
  section.hidden = balance === null || balance.nodes.length + balance.findings.length === 0;
  if (section.hidden) return;
  setText(find("#balance-hour"), `${zone.full(Date.parse(balance.start))} to ${zone.full(Date.parse(balance.end))}`);
  find("#findings").replaceChildren(...balance.findings.map((one) => el("li", { "data-kind": one.kind }, `${one.text}.`)));
  find("#balance .scroll").hidden = balance.nodes.length === 0;
  find("#balance tbody").replaceChildren(...balance.nodes.map(row));
}

function row(node) {
  const known = node.in_kwh !== null && node.out_kwh !== null;
  const difference = known ? node.in_kwh - node.out_kwh : null;
  return el(
    "tr",
    { "data-verdict": node.verdict },
    el("th", { scope: "row" }, node.node),
    el("td", { className: "verdict" }, node.text), // beside the name: a phone shows no more of a row
    amount(node.in_kwh),
    amount(node.out_kwh),
    amount(difference, node.difference_share),
    amount(node.tolerance_kwh),
  );
}

function amount(kwh, share = null) {
  if (kwh === null) return el("td", { className: "number" }, UNKNOWN);
  const part = share === null ? "" : ` (${percent(share)})`;
  return el("td", { className: "number" }, `${figure(kwh, "kWh")}${part}`);
}
