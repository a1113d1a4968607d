"""A small site with a metered boundary, for tests of commands: its file, its log, its commands."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from greendc import replay
from greendc.calendars import rfc3339
from greendc.cli import main
from greendc.config import load
from greendc.core.facility import MINUTE, SECOND

BEGIN = 1740787200 * SECOND  # 2025-03-01T00:00:00Z
SILENT = range(75, 105)  # minutes in which meter it_b says nothing
SITE = """
data: data
sites:
  - id: small
    name: Small site
    zone: Europe/Berlin
    rated_it_w: 100e3
    cell: 5min
    lateness: 2min
    topics:
      - {topic: "dc/{meter}/power", value: w, time_at: t, time: payload}
    meters:
      - {id: util, point: util, unit: kW, kind: mean_next, nominal: 60s, class: 0.5}
      - {id: sold, point: export, unit: kW, kind: mean_next, nominal: 60s, class: 0.5}
      - {id: it_a, point: pdu_out, unit: kW, kind: mean_next, nominal: 60s, class: 1}
      - {id: it_b, point: pdu_out, unit: kW, kind: mean_next, nominal: 60s, class: 1}
      - id: chiller
        point: cool_chiller
        quantity: energy
        unit: kWh
        kind: register
        nominal: 60s
        class: 1
      - id: heat
        point: q_reuse
        quantity: thermal_power
        unit: kW
        kind: mean_next
        nominal: 60s
        class: 2
    derived:
      - {id: it, point: none, sum: [it_a, it_b]}
      - {id: losses, point: loss_power, share: 0.05, of: it, uncertainty: 0.01}
      - {id: lights, point: aux_light, constant_w: 2000, uncertainty_w: 100}
    emissions:
      location:
        - {value: {factor: 400, zone: DE, year: 2024, source: a table}}
        - from: 2025-03-01T02:00:00Z
          value: {factor: 200, zone: DE, year: 2025, source: a table}
"""

Json = dict[str, Any]
Run = Callable[..., str]


def values(minute: int) -> Iterator[tuple[str, float]]:
    """What each meter says at a minute."""
    yield "util", 150 + minute % 7
    yield "sold", 5.0
    yield "it_a", 60 + minute % 5
    if minute not in SILENT:
        yield "it_b", 30 + minute % 3
    yield "chiller", 1000 + 0.4 * minute
    yield "heat", 12.5


def messages(minutes: int) -> Iterator[Json]:
    """Lines of the recorded log."""
    for minute in range(minutes):
        moment = BEGIN + minute * MINUTE
        for meter, value in values(minute):
            payload = json.dumps({"w": value, "t": rfc3339(moment)})
            yield {
                "tst": rfc3339(moment + SECOND),
                "topic": f"dc/{meter}/power",
                "payload": payload,
                "qos": 1,
                "retain": 0,
            }


@dataclass(frozen=True)
class Small:
    """The site's folder and its commands, run in this process."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def config(self) -> Path:
        return self.folder / "site.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """Standard output of a command that ends with this code."""
        got, out, err = self.tried(*arguments)
        assert got == code, err
        return out

    def refused(self, *arguments: str | Path) -> str:
        """What a command says that is refused."""
        code, out, err = self.tried(*arguments)
        assert (code, out) == (2, ""), err
        return err

    def tried(self, *arguments: str | Path) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = self.capsys.readouterr()
        return code, out, err

    def write(self, rows: list[Json], name: str = "log.jsonl") -> Path:
        path = self.folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path


def small_site(folder: Path, capsys: pytest.CaptureFixture[str], minutes: int = 240) -> Small:
    """The site with its log written."""
    (folder / "site.yaml").write_text(SITE)
    site = Small(folder, capsys)
    site.write(list(messages(minutes)))
    return site


@pytest.fixture(scope="module")
def ledger_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site's folder with its log replayed into the data folder, for tests that only read."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "site.yaml").write_text(SITE)
    rows = [json.dumps(row) + "\n" for row in messages(240)]
    (folder / "log.jsonl").write_text("".join(rows))
    config = load(folder / "site.yaml")
    replay.replay([folder / "log.jsonl"], config, replay.Options(keep=folder / "data"))
    return folder


def json_lines(text: str) -> list[Json]:
    return [json.loads(row) for row in text.splitlines()]
