// Charts of the ledger's history: power by subsystem, emissions, iPUE.

import { init } from "../vendor/echarts.js";
import { el, find } from "./dom.js";
import { brief, figure, mass, power } from "./format.js";
import { colour, part, title } from "./words.js";

const DAY = 86_400_000;
const UNKNOWN_BAND = "no value";
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Charts {
  constructor() {
    this.charts = new Map();
    this.told = null;
    const again = () => this.told && this.draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    new ResizeObserver(() => this.charts.forEach((chart) => chart.resize())).observe(find("#main"));
  }

  show(history, zone) {
    this.told = { history, zone };
    this.draw();
  }

  draw() {
    const { history, zone } = this.told;
    if (history.from === null) return; // no reading yet
    const watts = history.power_watts;
    const hourly = history.hourly;
    for (const name of document.querySelectorAll("[data-length]")) {
      name.textContent = history.span === "12mo" ? "day" : "hour";
    }
    const axis = { zone, from: Date.parse(history.from), to: Date.parse(history.to) };
    const parts = Object.keys(watts.values).filter((name) => name !== "e_dc");
    this.draws("#power-chart", watts, axis, [...areas(watts, axis), ...unknown(watts, parts, axis)], power);
    const masses = Object.keys(hourly.values).filter((name) => name.startsWith("co2e_"));
    this.draws("#carbon-chart", hourly, axis, [...bars(hourly, axis), ...unknown(hourly, masses, axis)], mass);
    this.draws("#pue-chart", hourly, axis, [...ratio(hourly, axis), ...unknown(hourly, ["ipue"], axis)], (value) => figure(value, "1"), true);
  }

  draws(place, columns, axis, series, format, floating = false) {
    const where = find(place);
    const some = series.length > 0 && columns.starts_ms.length > 0;
    where.toggleAttribute("data-empty", !some);
    where.setAttribute("role", "img");
    where.setAttribute("aria-label", some ? described(series, format) : "no closed period in this span");
    if (!some) {
      this.charts.get(place)?.dispose();
      this.charts.delete(place);
      return;
    }
    if (!this.charts.has(place)) this.charts.set(place, init(where, null, { renderer: "canvas" }));
    this.charts.get(place).setOption(option(axis, series, format, floating, columns), { notMerge: true });
  }
}

// -- series --------------------------------------------------------------------------------------

/** Points of a mean over each period; a gap in time or a value that is unknown breaks the line. */
function points(columns, name, axis) {
  const shift = axis.zone.offset(axis.to);
  return columns.starts_ms.flatMap((start, place) => {
    const value = columns.values[name][place];
    const end = columns.ends_ms[place];
    const held = [start + shift, value];
    const until = [end - 1 + shift, value];
    return columns.starts_ms[place + 1] > end ? [held, until, [end + shift, null]] : [held, until];
  });
}

/** Rectangles of each part and period on top of each other: what is drawn is what is in the ledger. */
function areas(columns, axis) {
  const names = Object.keys(columns.values).filter((name) => name !== "e_dc");
  const shift = axis.zone.offset(axis.to);
  const base = columns.starts_ms.map(() => 0);
  return names.map((name) => {
    const fill = style(colour(name));
    const data = columns.starts_ms.map((start, place) => {
      const value = columns.values[name][place];
      const below = base[place];
      base[place] += value ?? 0;
      const end = columns.ends_ms[place];
      return [(start + end) / 2 + shift, value, start + shift, end + shift, below, base[place]]; // hovered by its middle
    });
    return {
      name: part(name),
      type: "custom",
      color: fill,
      clip: true,
      animation: false,
      emphasis: { disabled: true },
      encode: { x: [0], y: [4, 5] },
      renderItem: (_, api) => rectangle(api, fill),
      data,
    };
  });
}

function rectangle(api, fill) {
  const [left, bottom] = api.coord([api.value(2), api.value(4)]);
  const [right, top] = api.coord([api.value(3), api.value(5)]);
  const x = Math.round(left); // whole pixels: no seams between neighbours
  const shape = { x, y: Math.min(top, bottom), width: Math.round(right) - x, height: Math.abs(bottom - top) };
  return { type: "rect", shape, style: { fill } };
}

/** Bands where a value is unknown: neither zero nor what stood beside it. */
function unknown(columns, names, axis) {
  const shift = axis.zone.offset(axis.to);
  const some = names.filter((name) => columns.values[name]);
  const bands = [];
  columns.starts_ms.forEach((start, place) => {
    const before = place > 0 ? columns.ends_ms[place - 1] : start;
    const missing = some.some((name) => columns.values[name][place] === null);
    const from = Math.min(before, start);
    const until = missing ? columns.ends_ms[place] : start;
    if (until <= from || (!missing && before >= start)) return;
    const last = bands.at(-1);
    if (last && last[1] >= from) last[1] = until;
    else bands.push([missing && before >= start ? start : from, until]);
  });
  if (some.length === 0 || bands.length === 0) return [];
  return [
    {
      name: UNKNOWN_BAND,
      type: "custom",
      silent: true,
      clip: true,
      animation: false,
      z: 0,
      encode: { x: [2, 3], y: [] },
      renderItem: (params, api) => band(params, api, style("--bad-ground")),
      data: bands.map(([from, until]) => [null, null, from + shift, until + shift]),
    },
  ];
}

function band({ coordSys }, api, fill) {
  const [left] = api.coord([api.value(2), 0]);
  const [right] = api.coord([api.value(3), 0]);
  const [x, end] = [Math.max(left, coordSys.x), Math.min(right, coordSys.x + coordSys.width)];
  if (end <= x) return null;
  return { type: "rect", shape: { x, y: coordSys.y, width: end - x, height: coordSys.height }, style: { fill } };
}

function bars(columns, axis) {
  const names = Object.keys(columns.values).filter((name) => name.startsWith("co2e_"));
  const shift = axis.zone.offset(axis.to);
  const middles = columns.starts_ms.map((start, place) => (start + columns.ends_ms[place]) / 2 + shift);
  return names.map((name) => ({
    name: title(name).symbol,
    type: "bar",
    barCategoryGap: "15%",
    barMaxWidth: 120,
    large: false,
    color: style(name === "co2e_location" ? "--other" : "--reuse"),
    data: middles.map((middle, place) => [middle, columns.values[name][place]]),
    animation: false,
  }));
}

function ratio(columns, axis) {
  if (!columns.values.ipue) return [];
  return [
    {
      name: "iPUE",
      type: "line",
      symbol: "none",
      lineStyle: { width: 2 },
      color: style("--accent"),
      data: points(columns, "ipue", axis),
      animation: false,
    },
  ];
}

// -- axes ----------------------------------------------------------------------------------------

function option(axis, series, format, floating, columns) {
  const muted = style("--muted");
  const line = style("--line");
  const shift = axis.zone.offset(axis.to);
  const label = (value) => {
    const at = value - shift;
    const midnight = axis.zone.time(at) === "00:00";
    return midnight || axis.to - axis.from > 2 * DAY ? axis.zone.day(at) : axis.zone.time(at);
  };
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = { color: muted, fontSize: 0.78 * rem };
  return {
    useUTC: true,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 4, right: 12, top: 12, bottom: 4, containLabel: true },
    xAxis: {
      type: "time",
      min: axis.from + shift,
      max: axis.to + shift,
      axisLabel: { ...font, hideOverlap: true, formatter: label },
      axisLine: { lineStyle: { color: line } },
      axisTick: { lineStyle: { color: line } },
      splitLine: { show: false },
    },
    yAxis: {
      type: "value",
      scale: floating,
      splitNumber: floating ? 3 : 5,
      minInterval: floating ? 0.001 : 0,
      axisLabel: { ...font, formatter: (value) => (floating ? format(value) : brief(format(value))) },
      splitLine: { lineStyle: { color: line } },
    },
    tooltip: {
      trigger: "axis",
      confine: true,
      backgroundColor: style("--surface"),
      borderColor: line,
      textStyle: { color: style("--text"), fontSize: 0.85 * rem },
      formatter: (found) => tip(found, axis, format, columns, shift),
    },
    series,
  };
}

function tip(found, axis, format, columns, shift) {
  const at = found[0].value[0] - shift;
  const place = Math.max(columns.starts_ms.findLastIndex((one) => one <= at), 0);
  const period = axis.zone.period(columns.starts_ms[place], columns.ends_ms[place]);
  const rows = found.filter((one) => one.seriesName !== UNKNOWN_BAND).map((one) => {
    const swatch = el("span", { className: "swatch" });
    swatch.style.background = one.color;
    return el("tr", {}, el("td", {}, swatch, one.seriesName), el("td", { className: "number" }, format(one.value[1])));
  });
  return el("div", { className: "tip" }, el("p", {}, period), el("table", {}, ...rows.reverse()));
}

function described(series, format) {
  const last = (one) => one.data.findLast(([, value]) => value !== null)?.[1] ?? null;
  const drawn = series.filter((one) => one.name !== UNKNOWN_BAND);
  return `Newest values: ${drawn.map((one) => `${one.name} ${format(last(one))}`).join(", ")}`;
}
