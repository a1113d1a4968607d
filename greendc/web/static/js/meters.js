// The table of meters: rows are made once and changed where a reading has come.

import { el, find, setText } from "./dom.js";
import { UNKNOWN, age, count, quantity } from "./format.js";
import { Told } from "./told.js";

const QUALITIES = ["silent", "left_out", "never", "stale", "fresh"]; // what needs a look stands first
const FEW = 12; // rows shown at first
const MOST = 400; // rows shown at most
const QUIET = new Set(["instant", "mean_prev", "mean_next"]);

export class Meters {
  constructor() {
    this.list = [];
    this.body = find("#meters tbody");
    this.all = false;
    find("#filter").addEventListener("input", () => this.order());
    find("#all").addEventListener("click", () => {
      this.all = !this.all;
      this.order();
    });
  }

  /** Another site or another layout. */
  reset({ layout, meters, rows }, zone) {
    this.layout = layout;
    this.list = meters.map((meter) => ({ meter, text: searchable(meter), ...made(meter, zone, () => this.order()) }));
    this.update(rows, null);
    this.order();
  }

  /** Whether the quality of one has changed. */
  update(rows, now) {
    let moved = false;
    let odd = false;
    for (const [place, time, value, quality, readings, words, why] of rows) {
      const one = this.list[place];
      if (one === undefined) return moved;
      moved ||= one.quality !== quality;
      Object.assign(one, { time, value, quality, readings });
      setText(one.value_, value === null ? UNKNOWN : quantity(value, one.meter.unit));
      one.quality_.dataset.quality = quality;
      setText(one.quality_, (why ?? quality).replaceAll("_", " "));
      setText(one.count_, `${count(readings)} readings`);
      odd = one.told.show(words, now ?? time) || odd;
    }
    if (moved || odd) this.order();
    this.tick(now);
    return moved;
  }

  /** Ages at a site time [ms]. */
  tick(now) {
    for (const one of this.list) {
      const known = one.time !== null && one.time !== undefined && now !== null;
      setText(one.age_, known ? age((now - one.time) / 1000) : UNKNOWN);
    }
  }

  order() {
    const wanted = find("#filter").value.trim().toLowerCase();
    const found = this.list.filter((one) => one.text.includes(wanted));
    found.sort((a, b) => rank(a) - rank(b)); // stable
    const shown = this.all ? MOST : FEW;
    this.body.replaceChildren(...found.slice(0, shown).flatMap((one) => [one.row, ...one.told.rows()]));
    setText(find("#more"), this.all && found.length > MOST ? `${count(found.length - MOST)} more: narrow the search` : "");
    find("#all").hidden = found.length <= FEW;
    setText(find("#all"), this.all ? `Show ${FEW}` : `Show all ${count(found.length)}`);
    this.tally();
  }

  tally() {
    const numbers = Object.fromEntries(QUALITIES.map((quality) => [quality, 0]));
    for (const one of this.list) numbers[one.quality] += 1;
    const shown = ["fresh", "stale", "silent", "never", ...(numbers.left_out ? ["left_out"] : [])];
    const told = shown.map((quality) =>
      el("span", { className: "quality", "data-quality": quality }, `${count(numbers[quality])} ${quality.replace("_", " ")}`),
    );
    const odd = this.list.filter((one) => one.told.recent).length;
    if (odd) told.push(el("span", { className: "quality", "data-quality": "odd" }, `${count(odd)} with readings left out in 24 h`));
    find("#qualities").replaceChildren(...told);
  }
}

/** What needs a look stands first: silence before readings that were left out. */
function rank(one) {
  return QUALITIES.indexOf(one.quality) - (one.told.recent ? 0.5 : 0);
}

function searchable(meter) {
  const { meter: id, point, meaning, subsystem, room, rack } = meter;
  return [id, point, meaning, subsystem, room, rack].filter(Boolean).join(" ").toLowerCase();
}

function made(meter, zone, changed) {
  const place = [meter.subsystem, meter.room, meter.rack].filter(Boolean).join(", ");
  const about = `${meter.point}${QUIET.has(meter.kind) ? "" : `, ${meter.kind}`}`;
  const value_ = el("span", {}, UNKNOWN);
  const count_ = el("small", { className: "wide" });
  const age_ = el("td", { className: "number" }, UNKNOWN);
  const quality_ = el("span", { className: "quality" });
  const told = new Told(zone, changed);
  const row = el(
    "tr",
    { "data-meter": meter.meter },
    el("th", { scope: "row" }, meter.meter, el("small", {}, meter.meaning), told.button),
    el("td", { className: "wide" }, place || about, place ? el("small", {}, about) : null),
    el("td", { className: "number" }, value_, count_),
    age_,
    el("td", {}, quality_),
  );
  return { row, told, value_, age_, quality_, count_, time: null, quality: "never" };
}
