// The stream of events of one site, and whether it is open.

import { get } from "./api.js";

const AGAIN = 3000; // ms until a stream that was refused is asked for again

export class Live {
  /** `heard` maps event names to functions of their data; `changed` is told live or lost. */
  constructor(site, heard, changed) {
    this.site = site;
    this.heard = heard;
    this.changed = changed;
    this.open();
  }

  open() {
    const source = new EventSource(`/api/v1/events?${new URLSearchParams({ site: this.site })}`);
    this.source = source;
    source.addEventListener("open", () => this.changed("live"));
    source.addEventListener("error", () => this.failed());
    for (const [name, hear] of Object.entries(this.heard)) {
      source.addEventListener(name, (event) => {
        if (this.source === source) hear(JSON.parse(event.data));
      });
    }
  }

  failed() {
    this.changed("lost");
    // a lost connection is taken up again by the browser, a refused one is not
    if (this.source.readyState === EventSource.CLOSED) {
      this.timer = setTimeout(() => this.again(), AGAIN);
    }
  }

  async again() {
    await get("state", { site: this.site }).catch(() => null); // leads to the login where needed
    if (this.source !== null) this.open();
  }

  close() {
    clearTimeout(this.timer);
    this.source.close();
    this.source = null;
  }
}
