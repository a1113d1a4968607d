// Values as people read them; what is unknown is "–", and whoever shows it says why.

export const UNKNOWN = "–";
const LANGUAGE = "en-GB";
const numbers = new Map();

function number(value, digits) {
  if (!numbers.has(digits)) {
    const exactly = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    numbers.set(digits, new Intl.NumberFormat(LANGUAGE, exactly));
  }
  return numbers.get(digits).format(value);
}

/** Digits after the point that leave about four that matter. */
function decimals(value) {
  const size = Math.abs(value);
  if (size >= 1000 || size === 0) return 0;
  return size >= 100 ? 1 : size >= 1 ? 2 : 3;
}

const PREFIXED = {
  W: ["W", "kW", "MW", "GW"],
  V: ["V", "kV"],
  A: ["A", "kA"],
  Ohm: ["Ω", "kΩ", "MΩ"],
  Pa: ["Pa", "kPa"],
  Wh: ["Wh", "kWh", "MWh", "GWh"],
};

/** A value of a base unit in a readable one. */
export function quantity(value, unit) {
  if (value === null || value === undefined) return UNKNOWN;
  if (unit === "J") return quantity(value / 3600, "Wh");
  if (unit === "Cel") return `${number(value, 1)}\u00a0°C`;
  if (unit === "K") return `${number(value, 1)}\u00a0K`;
  if (unit === "ratio") return `${number(value * 100, 1)}\u00a0%`;
  if (unit === "m3/s") return `${number(value * 3600, 2)}\u00a0m³/h`;
  if (unit === "m3") return `${number(value, decimals(value))}\u00a0m³`;
  const units = PREFIXED[unit];
  if (units === undefined) return `${number(value, decimals(value))}\u00a0${unit === "1" ? "" : unit}`.trim();
  let place = 0;
  while (place < units.length - 1 && Math.abs(value) >= 1000) {
    value /= 1000;
    place += 1;
  }
  return `${number(value, decimals(value))}\u00a0${units[place]}`;
}

export const power = (watts) => quantity(watts, "W");

export function mass(kilograms) {
  if (kilograms === null || kilograms === undefined) return UNKNOWN;
  const tonnes = Math.abs(kilograms) >= 10_000;
  const value = tonnes ? kilograms / 1000 : kilograms;
  return `${number(value, decimals(value))}\u00a0${tonnes ? "t" : "kg"}`;
}

/** A figure of the ledger in its published unit. */
export function figure(value, unit) {
  if (value === null || value === undefined) return UNKNOWN;
  if (unit === "kWh") return quantity(value * 1000, "Wh");
  if (unit === "kg") return mass(value);
  if (unit === "1") return number(value, 3);
  return `${number(value, 3)}\u00a0${unit}`;
}

export function percent(share) {
  if (share === null || share === undefined) return UNKNOWN;
  const value = share * 100;
  if (value > 0 && value < 0.05) return "<\u00a00.1\u00a0%"; // little is not nothing
  const whole = value === 0 || value === 100;
  // 99.96 % is not all
  const digits = whole ? 0 : value > 99.9 ? 2 : 1;
  return `${number(Math.min(value, whole ? 100 : 99.99), digits)}\u00a0%`;
}

/** A label of an axis: no digits that say nothing. */
export const brief = (text) => text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  while (place < units.length - 1 && count >= 1024) {
    count /= 1024;
    place += 1;
  }
  return `${number(count, place === 0 || count >= 100 ? 0 : 1)}\u00a0${units[place]}`;
}

export const count = (value) => number(value, 0);

/** A span of time by its largest unit that is full. */
export function age(seconds) {
  if (seconds < 0) return "0 s";
  if (seconds < 120) return `${Math.floor(seconds)}\u00a0s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}\u00a0min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}\u00a0h`;
  return `${count(Math.floor(seconds / 86_400))}\u00a0d`;
}

/** Times of a site's zone. */
export class Zone {
  constructor(name) {
    this.name = name;
    const make = (options) => new Intl.DateTimeFormat(LANGUAGE, { timeZone: name, ...options });
    const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    this._time = make(time);
    this._clock = make({ ...time, second: "2-digit" });
    this._day = make({ weekday: "short", day: "numeric", month: "short" });
    this._date = make({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
    this._year = make({ year: "numeric" });
    this._short = make({ timeZoneName: "short" });
    this._parts = make({ ...time, second: "2-digit", year: "numeric", month: "2-digit", day: "2-digit" });
  }

  time(ms) {
    return this._time.format(ms);
  }

  day(ms) {
    return this._day.format(ms);
  }

  /** Day and time of day. */
  moment(ms) {
    return `${this.day(ms)}, ${this.time(ms)}`;
  }

  /** With date, seconds and the zone's short name. */
  full(ms) {
    const zone = this._short.formatToParts(ms).find((part) => part.type === "timeZoneName").value;
    return `${this._date.format(ms)}, ${this._clock.format(ms)}\u00a0${zone}`;
  }

  /** From one instant to another, the day named once where both are of it. */
  period(from, to) {
    const day = this._year.format(from) === this._year.format(to) ? this._day : this._date;
    const days = this.time(from) === "00:00" && this.time(to) === "00:00";
    if (days) return this._whole(day, from, to);
    const begin = `${day.format(from)}, ${this.time(from)}`;
    if (day.format(from) === day.format(to - 1)) return `${begin}–${this.time(to)}`;
    return `${begin} – ${day.format(to)}, ${this.time(to)}`;
  }

  _whole(day, from, to) {
    const [first, last] = [day.format(from), day.format(to - 1)];
    return first === last ? first : `${first} – ${last}`;
  }

  /** How far local time is ahead of UTC [ms]. */
  offset(ms) {
    const at = Object.fromEntries(this._parts.formatToParts(ms).map((part) => [part.type, Number(part.value)]));
    const local = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
    return local - Math.floor(ms / 1000) * 1000;
  }
}
