"""A small site whose configuration changes for the past while it runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from greendc.calendars import parse_rfc3339
from greendc.config import Config
from greendc.core.facility import HOUR, MINUTE
from greendc.ports import Entry, Event
from greendc.recompute import Recomputer, Wish, done_before
from tests import runs
from tests.runs import Reading, Run

BEGIN = parse_rfc3339("2025-03-01T00:00:00Z")
CHANGE = BEGIN + 2 * HOUR
FROM = "from: 2025-03-01T02:00:00Z"
STEP = 10 * MINUTE
METERS = (
    "{id: it_a, point: pdu_out, unit: W, kind: mean_next, nominal: 10min, class: 1}",
    "{id: it_b, point: pdu_out, unit: W, kind: mean_next, nominal: 10min, class: 1}",
    "{id: pump, point: cool_pump, unit: W, kind: instant, nominal: 10min, class: 1}",
    "{id: heat, quantity: energy, point: aux_other, unit: kWh, kind: register, nominal: 10min}",
)
MORE = """
cell: 10min
e_dc: bottom_up
lateness: 20min
emissions: {{location: {factor}}}
derived: [{{id: loss, point: {loss}, share: {share}, of: {of}}}]
{more}
"""
USUAL = {
    "factor": "{factor: 400, year: 2025, source: made up}",
    "loss": "loss_power",
    "share": "0.1",
    "of": "it_a",
    "more": "",
}


def site(folder: Path, meters: tuple[str, ...] = METERS, **changes: str) -> Config:
    """The usual site, or one in which something is said otherwise."""
    folder.mkdir(exist_ok=True)
    return runs.configured(folder, meters, MORE.format(**{**USUAL, **changes}))


def dated(old: object, new: object) -> str:
    """A value that is another one from `CHANGE` on."""
    return f"[{{value: {old}}}, {{{FROM}, value: {new}}}]"


def meters(place: int, key: str, old: object, new: object) -> tuple[str, ...]:
    """The usual meters, with a key of one that changes."""
    given = METERS[place].replace(f"{key}: {old}, ", "")
    changed = f"{given[:-1]}, {key}: {dated(old, new)}}}"
    return (*METERS[:place], changed, *METERS[place + 1 :])


def log(lo: float = 0, hi: float = 30) -> list[Reading]:
    """Every meter each ten minutes of some hours."""
    found = []
    for time in range(int(BEGIN + lo * HOUR), int(BEGIN + hi * HOUR), STEP):
        step = (time - BEGIN) // STEP
        found += [("it_a", time, 1000.0 + step % 7), ("it_b", time, 500.0 + step % 5)]
        found += [("pump", time, 300.0 + step % 3), ("heat", time, 5.0 + 0.1 * step)]
    return found


class Played(Run):
    """A run whose pipeline can recompute from its journal."""

    def _open(self) -> None:
        super()._open()
        self.pipeline.recompute = Recomputer(self, self.path.parent)

    def begin(self) -> tuple[int, Any]:
        """The configuration that it began with."""
        return 1, self.config.effective()

    def read(self, start: int, stop: int) -> Iterator[tuple[int, Entry]]:
        """Its journal, which is asked for whole entries only."""
        return ((number, entry) for number, entry in self.journal if start <= number < stop)

    def recompute(self, config: Config, *, rules: bool = False) -> None:
        """Journal what the command journals."""
        self.commit()
        known, state = self.pipeline.config, self.store.get("state")
        bodies = self.store.config_bodies() if rules else ()
        wish = Wish.of(known, config, state, done_before(self.store), bodies)
        data = {"effective": config.effective(), "keys": wish.keys}
        self.take(Event("recompute", 0, data))


def replayed(path: Path, run: Played) -> Path:
    """The same journal into another ledger."""
    again = Played(path, run.config)
    for _, entry in run.journal:
        again.take(entry)
    return again.close()
