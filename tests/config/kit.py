"""Small configurations as text."""

from pathlib import Path
from textwrap import dedent, indent

from greendc.config import Config, load
from greendc.config.scalars import instant
from greendc.core.facility import Epoch

T = instant("2025-03-01T00:00:00Z")
TOPICS = "topics: [{topic: 'dc/{meter}', codec: json, time_at: t}]"
FEED = "{id: feed, point: util, unit: kW, kind: instant}"
UPS = "{id: ups, point: ups_out, unit: kW, kind: instant}"
PDU = "{id: pdu, point: pdu_out, unit: kW, kind: instant}"
PUMP = "{id: pump, point: cool_pump, unit: kW, kind: instant}"


def site(*meters: str, more: str = "", topics: str = TOPICS, zone: str = "UTC") -> str:
    """A file with one site; the first meter stands in line 7."""
    listed = "\n".join(f"      - {meter}" for meter in meters)
    head = f"sites:\n  - id: s\n    zone: {zone}\n    rated_it_w: 1000\n    {topics}\n    meters:\n"
    return head + listed + "\n" + indent(dedent(more).strip(), "    ") + "\n"


def loaded(folder: Path, text: str) -> Config:
    """Load a text as the file site.yaml."""
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def epochs(folder: Path, text: str) -> tuple[Epoch, ...]:
    """The epochs of the first site of a text."""
    return loaded(folder, text).plan().sites[0].epochs
