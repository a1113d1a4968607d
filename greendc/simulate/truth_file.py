"""The truth as a file: energies by cell, figures by period, and what was made to go wrong."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from greendc.calendars import LocalCalendar, rfc3339
from greendc.simulate.account import Account
from greendc.simulate.rules import Fault
from greendc.simulate.site import points

Label = Callable[[Fault], Mapping[str, Any]]
"""What else is to be said of a fault: whom it concerns, what greendc owes it."""


def truth(account: Account, label: Label = lambda _: {}) -> dict[str, Any]:
    """The truth of a site in few words: points with their energy, figures, faults.

    Energies are whole millijoules, volumes whole cubic millimetres.
    """
    scenario, site = account.scenario, account.site
    begin, end = account.starts[0], account.end
    whole, calendar = account.totals(begin, end), LocalCalendar(site.zone)
    return {
        "site": site.id,
        "seed": scenario.seed,
        "begin": rfc3339(begin),
        "end": rfc3339(end),
        "figures": whole.figures(),
        "months": list(_figures(account, calendar.months(begin, end))),
        "days": list(_figures(account, calendar.days(begin, end))),
        "points": {
            name: {
                "quantity": point.quantity,
                **({"energy_mj": whole.energy[name]} if name in whole.energy else {}),
                **({"volume_mm3": whole.volume[name]} if name in whole.volume else {}),
            }
            for name, point in points(scenario, site).items()
        },
        "faults": [_fault(fault, label) for fault in site.faults],
    }


def _figures(account: Account, borders: list[int]) -> Iterator[dict[str, Any]]:
    """Figures of the periods that lie in the span as a whole."""
    for begin, end in pairwise(borders):
        if account.starts[0] <= begin and end <= account.end:
            found = account.totals(begin, end).figures()
            yield {"begin": rfc3339(begin), "end": rfc3339(end), **found}


def _fault(fault: Fault, label: Label) -> dict[str, Any]:
    return {
        "kind": fault.kind,
        "what": fault.what,
        "of": "plant" if fault.of_plant else "meter",
        "from": rfc3339(fault.start),
        "to": rfc3339(fault.end),
        **({} if fault.by is None else {"by": fault.by}),
        **label(fault),
    }


def write_truth(path: Path, account: Account, label: Label = lambda _: {}) -> None:
    """Write the truth as JSON, and beside it the cells, a line each: PATH.cells.jsonl.gz.

    Their first line names the points, all others hold the start of a cell and what flowed in it,
    in the same order [mJ, mm3].
    """
    text = json.dumps(truth(account, label), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    cells = path.with_suffix(".cells.jsonl.gz")
    with cells.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        for line in _cells(account):
            packed.write(line.encode())


def _cells(account: Account) -> Iterator[str]:
    yield json.dumps(["start", *account.names]) + "\n"
    for start, row in zip(account.starts, account.cells().T.tolist(), strict=True):
        yield json.dumps([rfc3339(start), *row]) + "\n"
