"""The shipped board, panel by panel."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.servers.support import PROJECT

BOARD = PROJECT / "dashboards" / "grafana" / "site-overview.json"
Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """A panel's query with Grafana's variables filled in."""

    panel: str
    unit: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.panel}: {self.text}"


def board() -> Json:
    found: Json = json.loads(BOARD.read_text(encoding="utf-8"))
    return found


def panels() -> list[Json]:
    found: list[Json] = board()["panels"]
    return found


def queries(site: str) -> Iterator[Query]:
    """Queries of all panels for one site."""
    for panel in panels():
        for target in panel.get("targets", ()):
            text = target["expr"].replace("$__rate_interval", "1m").replace("$site", site)
            assert not re.search(r"\$\w", text), text
            yield Query(panel["title"], panel["fieldConfig"]["defaults"]["unit"], text)
