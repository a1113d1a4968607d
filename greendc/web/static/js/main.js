// The page: fetches what stands, then follows the events of the site that is chosen.

import { get } from "./api.js";
import { showBalance } from "./balance.js";
import { showCarbon } from "./carbon.js";
import { Charts } from "./charts.js";
import { Clock } from "./clock.js";
import { el, find, setText } from "./dom.js";
import { showFeeds } from "./feeds.js";
import { showFigures } from "./figures.js";
import { Zone } from "./format.js";
import { showGaps } from "./gaps.js";
import { showHealth } from "./health.js";
import { Live } from "./live.js";
import { Meters } from "./meters.js";
import { showMissing } from "./missing.js";
import { showPower } from "./power.js";
import { showPue } from "./pue.js";
import { loadWords } from "./words.js";

const SPANS = { "24h": "24 h", "7d": "7 d", "30d": "30 d", "12mo": "12 mo" };
const HISTORY_EVERY = 3000; // ms at the shortest
const HISTORY_AT_LEAST = 60_000; // ms; cells close between two events of full hours
const AGAIN = 2000; // ms until a start that failed is tried again
const STATES = { connecting: "connecting", live: "live", lost: "connection lost" };

const clock = new Clock();
const meters = new Meters();
const charts = new Charts();
let live = null;
let zone = new Zone("UTC");
let site = new URLSearchParams(location.search).get("site");
let span = "24h";
const drawn = { ends: "", at: -Infinity, timer: null };

// -- start ---------------------------------------------------------------------------------------

async function start() {
  try {
    await loadWords();
    await follow();
  } catch (error) {
    connection("lost", error.message);
    setTimeout(start, AGAIN);
  }
}

/** Show the chosen site and follow it from here on. */
async function follow() {
  live?.close();
  const state = await get("state", site === null ? {} : { site });
  site = state.site.id;
  zone = new Zone(state.site.zone);
  drawn.ends = "";
  meters.reset(await get("meters", { site }), zone);
  showState(state);
  live = new Live(site, { state: showState, meters: showMeters, layout: restart }, connection);
  find("#main").setAttribute("aria-busy", "false");
}

function restart() {
  live?.close();
  live = null;
  start();
}

// -- events --------------------------------------------------------------------------------------

function showState(state) {
  clock.set(state.site_time, state.wall_clock);
  setText(find("#site-name"), state.site.name);
  setText(find("#version"), state.version);
  document.title = `${state.site.name} – greendc`;
  showSites(state.sites);
  showPue(state, zone, clock.now());
  showPower(state);
  showFeeds(state);
  showCarbon(state);
  showFigures(state, zone);
  showBalance(state, zone);
  showMissing(state);
  showHealth(state, zone);
  tick();
  const ends = JSON.stringify(Object.values(state.figures).map((found) => found.e_dc?.end));
  if (ends !== drawn.ends) {
    drawn.ends = ends;
    drawSoon();
  }
}

function showMeters({ layout, rows, site_time }) {
  if (layout !== meters.layout) {
    restart(); // greendc came back with other meters
    return;
  }
  clock.set(site_time);
  if (meters.update(rows, clock.now())) drawSoon(); // a meter has fallen silent, or is back
  tick();
}

function tick() {
  clock.show(zone);
  meters.tick(clock.now());
}

function connection(now, why = "") {
  const badge = find("#connection");
  if (badge.dataset.state === now && why === "") return;
  badge.dataset.state = now;
  setText(badge, STATES[now]);
  const trouble = find("#trouble");
  trouble.hidden = now !== "lost";
  const since = zone.full(Date.now());
  setText(trouble, now === "lost" ? why || `No connection to greendc since ${since}. What stands below is of then.` : "");
}

// -- history -------------------------------------------------------------------------------------

/** Draw the charts anew, but not more often than people can look. */
function drawSoon() {
  if (drawn.timer !== null) return;
  const wait = Math.max(0, drawn.at + HISTORY_EVERY - performance.now());
  drawn.timer = setTimeout(draw, wait);
}

async function draw() {
  drawn.timer = null;
  drawn.at = performance.now();
  const asked = { site, span };
  const [history, gaps] = await Promise.all(["history", "gaps"].map((path) => get(path, asked).catch(() => null)));
  if (asked.site !== site || asked.span !== span) return;
  if (history !== null) charts.show(history, zone);
  if (gaps !== null) showGaps(gaps, zone);
}

function showSpans() {
  const buttons = Object.entries(SPANS).map(([name, text]) => {
    const button = el("button", { type: "button", "aria-pressed": String(name === span) }, text);
    button.addEventListener("click", () => {
      span = name;
      showSpans();
      find('#spans [aria-pressed="true"]').focus();
      draw();
    });
    return button;
  });
  find("#spans").replaceChildren(...buttons);
}

// -- sites ---------------------------------------------------------------------------------------

function showSites(sites) {
  find("#site-choice").hidden = sites.length < 2;
  const choice = find("#site");
  const known = [...choice.options].map((one) => one.value).join();
  if (known !== sites.map((one) => one.id).join()) {
    choice.replaceChildren(...sites.map((one) => el("option", { value: one.id }, one.name)));
  }
  if (document.activeElement !== choice) choice.value = site;
}

find("#site").addEventListener("change", async (event) => {
  site = event.target.value;
  history.replaceState(null, "", `?${new URLSearchParams({ site })}`);
  await follow().catch((error) => connection("lost", error.message));
});

showSpans();
setInterval(tick, 1000);
setInterval(() => live !== null && drawSoon(), HISTORY_AT_LEAST);
start();
