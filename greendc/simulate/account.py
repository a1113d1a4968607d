"""True energies by cell, and the true figures that follow from them.

Everything is summed in whole numbers and divided once, apart from what greendc computes: a figure
here is right, whatever greendc says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from greendc.core.facility import HOUR
from greendc.core.quantities import POINTS
from greendc.simulate.parts.emissions import intensity
from greendc.simulate.scenario import Scenario, Site
from greendc.simulate.truth import Chunk, IntArray

MJ_PER_KWH = 3_600_000_000  # exact: millijoules
MM3_PER_L = 1_000_000  # exact
CATEGORIES = {1: ("ups_out", "rect_out"), 2: ("pdu_out",), 3: ("it_in",)}
E_DC = {"util": 1, "genset_out": 1, "onsite_re": 1, "export": -1}
"""How points count in E_DC (STANDARDS F-3.11); all other carriers stay away from these sites."""


class Account:
    """What chunks add up to, by cell."""

    def __init__(self, scenario: Scenario, site: Site, cell: int = HOUR) -> None:
        """Take a cell [ns] that divides an hour and holds whole steps.

        Raises
        ------
        ValueError
            If the cell is not such a one.
        """
        if HOUR % cell or cell % scenario.step:
            raise ValueError("a cell divides an hour and holds whole steps")
        self.scenario, self.site, self.cell = scenario, site, cell
        self.starts: list[int] = []
        self.powers: tuple[str, ...] = ()
        self.volumes: tuple[str, ...] = ()
        self._parts: list[IntArray] = []

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the rows of `cells`, powers first."""
        return (*self.powers, *self.volumes)

    def add(self, chunk: Chunk) -> Chunk:
        """Add a chunk, which begins where the one before ended; the same chunk again."""
        self.powers, self.volumes = tuple(chunk.powers), tuple(chunk.volumes)
        rows = [chunk.energy(name) for name in chunk.powers]
        rows += [*chunk.volumes.values(), self._emissions(chunk)]
        size = self.cell // chunk.step
        self._parts.append(np.array([row.reshape(-1, size).sum(axis=1) for row in rows]))
        self.starts += range(chunk.begin, chunk.end, self.cell)
        return chunk

    def _emissions(self, chunk: Chunk) -> IntArray:
        """Emissions of imports in each step [mJ x 0.1 g/kWh]; whole numbers, exact."""
        found = intensity(self.scenario, self.site, chunk.begin, chunk.end)
        hourly = np.repeat(found.values.astype(np.int64), HOUR // chunk.step)
        imported = [chunk.energy(name) for name in chunk.powers if name.endswith(".util")]
        return sum(imported, np.zeros(chunk.count, np.int64)) * hourly

    # -- results ------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """End of the last cell [ns]."""
        return self.starts[-1] + self.cell

    def cells(self) -> IntArray:
        """What flowed in each cell, shape (names, cells): energies [mJ], then volumes [mm3]."""
        return self._all()[:-1]

    def _all(self) -> IntArray:
        """The cells with a last row of emissions."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts, axis=1)]
        return self._parts[0]

    def totals(self, begin: int, end: int) -> "Totals":
        """Sums over the cells from `begin` to `end` [ns]."""
        first, last = np.searchsorted(self.starts, [begin, end]).tolist()
        found = self._all()[:, first:last]
        sums = dict(zip(self.names, found[:-1].sum(axis=1).tolist(), strict=True))
        return Totals(
            {name: sums[name] for name in self.powers},
            {name: sums[name] for name in self.volumes},
            sum(found[-1].tolist()),  # of many years more than 64 bits hold
        )


@dataclass(frozen=True)
class Totals:
    """Exact sums over a span, and the figures of it."""

    energy: Mapping[str, int]  # [mJ]
    volume: Mapping[str, int]  # [mm3]
    emitted: int  # [mJ x 0.1 g/kWh]

    def at(self, points: Iterable[str]) -> int:
        """Energy at all places of some measuring points [mJ]."""
        wanted = set(points)
        return sum(e for name, e in self.energy.items() if name.split(".")[1] in wanted)

    @property
    def e_dc(self) -> int:
        """Energy of the whole site [mJ]."""
        return sum(sign * self.at([point]) for point, sign in E_DC.items())

    def e_it(self, category: int) -> int:
        """Energy of IT equipment by PUE category [mJ]."""
        return self.at(CATEGORIES[category])

    def subsystem(self, name: str) -> int:
        """Energy of cooling, power (all losses), lighting, reuse or other [mJ]."""
        return self.at(point for point, found in POINTS.items() if found.subsystem == name)

    def figures(self) -> dict[str, float]:
        """True figures in kWh, kg, litres and the units of the KPIs, named as greendc's own.

        PUE, pPUE, ERF, ERE, CER, CUE (location-based, imports alone) and WUE as in STANDARDS 3 and
        4, those with E_IT by its category; what has no denominator is left out. The subsystem
        power is all losses between the utility and the equipment, metered or not: greendc knows
        those between its meters, and counts the rest as other.
        """
        cooling, reused = self.subsystem("cooling"), self.at(["q_reuse"])
        found = {
            "e_dc_kwh": self.e_dc / MJ_PER_KWH,
            "e_reuse_kwh": reused / MJ_PER_KWH,
            "co2e_location_kg": self.emitted / (MJ_PER_KWH * 10_000),
            "water_l": self.volume.get("water.w_in", 0) / MM3_PER_L,
        }
        for name in ("cooling", "power", "lighting", "reuse", "other"):
            found[f"subsystem_{name}_kwh"] = self.subsystem(name) / MJ_PER_KWH
        if self.e_dc:
            found["erf"] = reused / self.e_dc
        if cooling:
            found["cer"] = self.at(["q_removed"]) / cooling
        for category in CATEGORIES:
            found.update(self._of(category))
        return found

    def _of(self, category: int) -> dict[str, float]:
        """Figures with E_IT of a category."""
        it = self.e_it(category)
        if not it:
            return {}
        emitted = self.emitted / (MJ_PER_KWH * 10_000)
        kwh = it / MJ_PER_KWH
        found = {
            "pue": self.e_dc / it,
            "ere": (self.e_dc - self.at(["q_reuse"])) / it,
            "cue_location": emitted / kwh,
            "wue": self.volume.get("water.w_in", 0) / MM3_PER_L / kwh,
        }
        for name in ("cooling", "lighting", "reuse"):
            found[f"ppue_{name}"] = (self.subsystem(name) + it) / it
        named = {f"{name}_cat{category}": value for name, value in found.items()}
        return {f"e_it_cat{category}_kwh": kwh, **named}
