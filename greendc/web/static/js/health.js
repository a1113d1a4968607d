// How the daemon does: broker, journal, readings, sinks.

import { el, find, pairs } from "./dom.js";
import { age, bytes, count } from "./format.js";

const LAGS = 600; // s

export function showHealth(state, zone) {
  const { health } = state;
  const entries = [broker(health), journal(health), readings(health), ...rejected(health), ...judged(health), ...refusing(health, zone), ...lost(health), ...sinks(health), ...jobs(health, zone)];
  if (health.started) entries.push(["Running since", zone.full(Date.parse(health.started))]);
  find("#health dl").replaceChildren(...pairs(entries));
}

function broker(health) {
  if (health.connected) return ["Broker", `connected to ${health.broker}`];
  const why = health.connection_error ? `: ${health.connection_error}` : "";
  return ["Broker", `not connected to ${health.broker || "any"}${why}`, "bad"];
}

function journal(health) {
  if (health.journal_full) return ["Journal", `full, nothing is taken: ${health.journal_full}`, "bad"];
  const limit = health.journal_limit ? ` of ${bytes(health.journal_limit)}` : "";
  const lag = health.journal_lag_seconds;
  const behind = lag >= 1 ? el("small", {}, `oldest entry not yet in the ledger: ${age(lag)}`) : null;
  return ["Journal", el("span", {}, `${bytes(health.journal_bytes)}${limit}`, behind), lag > LAGS ? "warn" : ""];
}

function readings(health) {
  const { readings: accepted = 0, late = 0 } = health.site_outcomes;
  const told = late ? `, ${count(late)} of them late` : "";
  return ["Readings", `${count(accepted)} accepted${told}`];
}

function* rejected(health) {
  const reasons = Object.entries(health.outcomes).filter(([name, number]) => name.startsWith("rejected:") && number);
  if (reasons.length === 0) return;
  const told = reasons.map(([name, number]) => `${count(number)} ${name.replace("rejected:", "").replaceAll("_", " ")}`);
  yield ["Rejected", told.join(" · ")];
}

function* judged(health) {
  for (const [label, kind] of [["Left out", "quarantined:"], ["Registers", "register:"]]) {
    const found = Object.entries(health.site_outcomes).filter(([name, number]) => name.startsWith(kind) && number > 0);
    const told = found.map(([name, number]) => `${count(number)} ${name.replace(kind, "").replaceAll("_", " ")}`);
    if (told.length) yield [label, told.join(" · ")];
  }
}

/** Meters that report and of which nothing is believed, and what to do about them. */
function* refusing(health, zone) {
  for (const one of health.refusing) {
    const same = one.same_since ? `, the same value since ${zone.full(Date.parse(one.same_since))}: what it counted from then on is doubtful` : "";
    const told = `every reading is left out since ${zone.full(Date.parse(one.since))}: ${one.reason.replaceAll("_", " ")}${same}`;
    yield [one.meter, el("span", {}, told, el("small", {}, one.to_do.replaceAll("`", ""))), "bad"];
  }
}

function* lost(health) {
  const dropped = health.outcomes.broker_dropped ?? 0;
  if (dropped) yield ["Broker's own loss", `${count(dropped)} messages dropped, of all its clients`, "warn"];
  if (!health.accounts) return;
  const { failed, lost: { qos_0: unacknowledged, qos_1: acknowledged } } = health.accounts;
  const told = failed.length ? `do not add up: ${failed.join(", ")}` : "add up";
  const gone = unacknowledged + acknowledged ? `; ${count(unacknowledged + acknowledged)} messages lost` : "";
  yield ["Accounts", told + gone, failed.length ? "bad" : gone ? "warn" : ""];
}

function* sinks(health) {
  if (health.sinks.length === 0) yield ["Sinks", "none configured"];
  for (const sink of health.sinks) {
    if (sink.error) {
      yield [sink.name, `${sink.error}; ${count(sink.pending)} figures wait`, "bad"];
    } else {
      const behind = sink.pending ? `${count(sink.pending)} figures wait, ${age(sink.lag_seconds)}` : "up to date";
      yield [sink.name, behind, sink.lag_seconds > LAGS ? "warn" : ""];
    }
  }
}

function* jobs(health, zone) {
  for (const job of health.jobs) {
    const good = job.succeeded ? zone.full(Date.parse(job.succeeded)) : "none yet";
    const told = job.error ? `failed: ${job.error}; last good one: ${good}` : good;
    yield [`Last ${job.name}`, told, job.error ? "bad" : ""];
  }
}
