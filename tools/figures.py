"""Draws a day of each simulated site: config/simulated/figures/SITE.svg, for its README."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from greendc.calendars import LocalCalendar
from greendc.core.facility import DAY, MINUTE, SECOND
from greendc.core.quantities import POINTS
from greendc.simulate import ready
from greendc.simulate.account import E_DC
from greendc.simulate.scenario import Scenario, Site
from greendc.simulate.site import chunks
from greendc.simulate.truth import Chunk

FloatArray = npt.NDArray[np.float64]

MEAN = 5 * MINUTE
WIDTH, LEFT, RIGHT, HEIGHT, GAP, TOP = 860, 56, 190, 170, 40, 44
COLOURS = ("#1b3a5c", "#d1495b", "#2a9d8f", "#e9a13b", "#7b5ea7", "#6c757d")


@dataclass(frozen=True)
class Panel:
    """Lines over a day, with a title that names their unit."""

    title: str
    lines: Mapping[str, FloatArray]


def figures() -> dict[str, str]:
    """Name and SVG text of every figure."""
    return {
        site.id: drawing(f"{site.name}: {_date(scenario, site)}", panels(scenario, site))
        for name in ready.NAMES
        for scenario in [ready.scenario(name)]
        for site in scenario.sites
    }


def _day(scenario: Scenario, site: Site) -> tuple[int, int]:
    """The second local day of the scenario."""
    borders = LocalCalendar(site.zone).days(scenario.start, scenario.start + 3 * DAY)
    first = next(border for border in borders if border > scenario.start)
    return first, first + DAY


def _date(scenario: Scenario, site: Site) -> str:
    begin = datetime.fromtimestamp(_day(scenario, site)[0] // SECOND, UTC)
    local = begin.astimezone(ZoneInfo(site.zone))
    return f"{local:%A} {local.day} {local:%B %Y}, local time"


# -- what is shown ----------------------------------------------------------------------------


def panels(scenario: Scenario, site: Site) -> list[Panel]:
    """Power, temperatures and the ratio of powers of a day, means of five minutes."""
    parts = list(chunks(scenario, site, *_day(scenario, site)))
    shown = _Shown(parts)
    power = {
        "site": shown.power(p for p, sign in E_DC.items() if sign > 0) - shown.power(["export"]),
        "IT": shown.power(["it_in"]),
        "cooling": shown.power(_points("cooling")),
        "losses": shown.power(["loss_power"]),
        "solar": shown.power(["onsite_re"]),
        "heat handed over": shown.power(["q_reuse"]),
    }
    power = {name: line for name, line in power.items() if np.any(line)}
    rack = f"{site.halls[0].id}-rack-01"
    temperature = {
        "outside": "outside.t_oa",
        "wet bulb": "outside.t_wb",
        "supply air": f"{site.halls[0].id}.t_supply",
        "inlet, top of rack 1": f"{rack}-top.t_inlet",
        "chilled water": "chw.t_chw_supply",
    }
    ratio = {"site / IT": power["site"] / power["IT"]}
    found = [
        Panel("Power [kW]", power),
        Panel("Temperature [°C]", shown.states(temperature)),
        Panel("Ratio of powers [1]", ratio),
    ]
    volts = {"bus A": "rect-a.u_dc", "rack 1, feed A": f"{rack}-a.u_dc"}
    return [*found, *([Panel("DC voltage [V]", lines)] if (lines := shown.states(volts)) else [])]


def _points(subsystem: str) -> list[str]:
    return [name for name, point in POINTS.items() if point.subsystem == subsystem]


class _Shown:
    """Means of a day's columns."""

    def __init__(self, parts: Sequence[Chunk]) -> None:
        self.parts, self.size = parts, MEAN // parts[0].step

    def power(self, points: Iterable[str]) -> FloatArray:
        """Sum of all powers at some points [kW]."""
        wanted = set(points)
        names = [name for name in self.parts[0].powers if name.split(".")[1] in wanted]
        whole = [
            sum((part.powers[name] for name in names), np.zeros(part.count, np.int64))
            for part in self.parts
        ]
        return self._means(np.concatenate(whole)) / 1e6

    def states(self, names: Mapping[str, str]) -> dict[str, FloatArray]:
        """The states that there are, by the word for people."""
        return {
            word: self._means(np.concatenate([part.states[name] for part in self.parts]))
            for word, name in names.items()
            if name in self.parts[0].states
        }

    def _means(self, values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> FloatArray:
        found: FloatArray = np.asarray(values, np.float64).reshape(-1, self.size).mean(axis=1)
        return found


# -- drawing ----------------------------------------------------------------------------------


def drawing(title: str, found: Sequence[Panel]) -> str:
    """SVG text of panels below each other, over the hours of a day."""
    height = TOP + len(found) * (HEIGHT + GAP)
    font = 'font-family="sans-serif" font-size="12" fill="#333"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {font}>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="15" font-weight="bold">{title}</text>',
    ]
    for number, panel in enumerate(found):
        lines += _panel(panel, TOP + number * (HEIGHT + GAP))
    return "\n".join([*lines, "</svg>", ""])


def _panel(panel: Panel, top: int) -> list[str]:
    low, step, count = _scale(panel.lines.values())
    right, bottom = WIDTH - RIGHT, top + HEIGHT
    lines = [f'<text x="{LEFT}" y="{top - 6}">{panel.title}</text>']
    for number in range(count + 1):
        y = bottom - number * HEIGHT / count
        label = f"{low + number * step:.10g}"
        lines.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for hour in range(0, 25, 3):
        x = LEFT + hour * (right - LEFT) / 24
        lines.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{hour}</text>')
    for number, (name, values) in enumerate(panel.lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        across = LEFT + (np.arange(len(values)) + 0.5) * ((right - LEFT) / len(values))
        up = bottom - (values - low) * (HEIGHT / (count * step))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))
        lines.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        y = top + 12 + 18 * number
        lines.append(
            f'<path d="M{right + 14} {y - 4}h18" stroke="{colour}" stroke-width="3"/>'
            f'<text x="{right + 38}" y="{y}">{name}</text>'
        )
    return lines


def _scale(lines: Iterable[FloatArray]) -> tuple[float, float, int]:
    """Least tick, distance and number of ticks' spaces that hold all values."""
    values = np.concatenate(list(lines))
    low, high = float(values.min()), float(values.max())
    span = max(high - low, 1e-3 * abs(high), 1e-9)
    size = 10.0 ** np.floor(np.log10(span / 4))
    step = float(next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= span / 5))
    first = float(np.floor(low / step)) * step
    return first, step, int(np.ceil((high - first) / step - 1e-9)) or 1
