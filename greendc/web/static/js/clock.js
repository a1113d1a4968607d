// The site's time: the wall clock goes on by itself, that of a replayed log stands between events.

import { find, setText } from "./dom.js";

export class Clock {
  constructor() {
    this.at = null; // ms
    this.heard = 0;
    this.runs = true;
  }

  set(text, runs) {
    this.at = text === null ? null : Date.parse(text);
    this.runs = runs ?? this.runs;
    this.heard = performance.now();
  }

  /** Site time [ms], null where it is not known yet. */
  now() {
    if (this.at === null || !this.runs) return this.at;
    return this.at + performance.now() - this.heard;
  }

  show(zone) {
    const now = this.now();
    setText(find("#clock-label"), this.runs ? "Site time" : "Site time (of the log)");
    setText(find("#clock"), now === null ? "– no reading yet" : zone.full(now));
    if (now !== null) find("#clock").dateTime = new Date(now).toISOString();
  }
}
