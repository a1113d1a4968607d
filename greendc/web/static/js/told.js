// What single readings of a meter were taken for: in short in its row, in sentences below it.

import { el, setText } from "./dom.js";
import { count } from "./format.js";
import { taken } from "./words.js";

const RECENT = 86_400_000; // ms
const COLUMNS = 5; // of the table

export class Told {
  constructor(zone, changed) {
    this.zone = zone;
    this.recent = false;
    this.open = false;
    this.button = el("button", { type: "button", className: "told", "aria-expanded": "false", hidden: true });
    this.list = el("ul");
    this.row = el("tr", { className: "told" }, el("td", { colSpan: COLUMNS }, this.list));
    this.button.addEventListener("click", () => {
      this.open = !this.open;
      this.button.setAttribute("aria-expanded", String(this.open));
      changed();
    });
  }

  /** Readings by word as [how many, when the last one was]; whether that changes the order of rows. */
  show(words, now) {
    const found = Object.entries(words).map(([word, [number, last]]) => ({ word, number, last, ...taken(word) }));
    found.sort((a, b) => b.last - a.last);
    const before = this.recent;
    this.recent = found.some((one) => one.left_out && now - one.last < RECENT);
    this.button.hidden = found.length === 0;
    this.button.dataset.recent = String(this.recent);
    setText(this.button, found.length ? `${brief(found)}, last ${this.zone.moment(found[0].last)}` : "");
    const sentences = found.map((one) => this.sentence(one));
    this.button.title = sentences.join("\n");
    this.list.replaceChildren(...sentences.map((text) => el("li", {}, text)));
    return this.recent !== before;
  }

  sentence({ word, number, last, meaning, left_out }) {
    const fate = left_out ? "Left out of every figure" : "Used";
    return `${named(word)} \u00d7 ${count(number)}: ${meaning}. ${fate}; last ${this.zone.moment(last)}.`;
  }

  rows() {
    return this.open && !this.button.hidden ? [this.row] : [];
  }
}

const named = (word) => word.replaceAll("_", " ");

/** How many were left out, and by name what else there was. */
function brief(found) {
  const left = found.filter((one) => one.left_out).reduce((sum, one) => sum + one.number, 0);
  const others = found.filter((one) => !one.left_out).map((one) => `${count(one.number)} ${named(one.word)}`);
  return [...(left ? [`${count(left)} left out`] : []), ...others].join(", ");
}
