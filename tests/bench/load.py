"""What is published: meters of a campus, a topic each, about 70 bytes of JSON a reading.

Messages are numbered: message `round * points + meter` is that round's reading of that meter. A
value tells its round, so a scrape tells which messages it knows.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.sources.wire import packet, publish, text

COOLING = 10  # one meter in so many measures a pump, the others IT equipment
BASE = 1000.0  # W; every value has as many digits
STEP = 0.125  # W between two rounds

Ints = npt.NDArray[np.int64]

SITE = """
sites:
  - id: campus
    zone: Europe/Berlin
    rated_it_w: 100e6
    cell: 60s
    lateness: {lateness}s
    e_dc: bottom_up
    topics:
      - {{topic: "campus/{{meter}}/power", codec: json, value: w, time_at: t, time: payload}}
    meters:
{meters}
    emissions:
      location: {{table: carbontracker, zone: DEU}}
mqtt: {{protocol: "{protocol}"}}
"""
METER = (
    "      - {{id: {}, point: {}, unit: W, kind: instant, nominal: {}s, silent_after: 1h,"
    " class: 1, room: hall}}"
)


@dataclass(frozen=True)
class Load:
    """So many points, each read every so many seconds of event time, from `begin` [s UTC] on."""

    points: int
    begin: float
    every: int = 1
    lateness: int = 10

    def name(self, meter: int) -> str:
        """What a meter is called."""
        return f"m{meter:05}"

    def topic(self, meter: int) -> str:
        """Where a meter publishes."""
        return f"campus/{self.name(meter)}/power"

    def value(self, meter: int, turn: int) -> float:
        """A meter's reading of a round [W]."""
        return BASE + meter % 1000 + turn * STEP

    def payloads(self, turn: int) -> list[bytes]:
        """One round, a payload of each meter."""
        at = self.begin + turn * self.every
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
        rest = f'"t": "{stamp}", "unit": "W", "q": "good"}}'
        return [
            f'{{"w": {self.value(meter, turn):.3f}, {rest}'.encode() for meter in range(self.points)
        ]

    def packets(self, turn: int, qos: int) -> list[bytes]:
        """The same as PUBLISH packets."""
        first = turn * self.points
        return [
            publish(self.topic(meter).encode(), payload, 1 + (first + meter) % 60_000, 2 * qos)
            for meter, payload in enumerate(self.payloads(turn))
        ]

    def known(self, values: Mapping[int, float]) -> Ints:
        """The newest round of each meter that these values tell of, -1 where there is none."""
        out = np.full(self.points, -1, np.int64)
        for meter, value in values.items():
            out[meter] = round((value - self.value(meter, 0)) / STEP)
        return out

    def site(self, protocol: str = "5") -> str:
        """The site file of this campus."""
        meters = (
            METER.format(self.name(m), "pdu_out" if m % COOLING else "cool_pump", self.every)
            for m in range(self.points)
        )
        return SITE.format(meters="\n".join(meters), lateness=self.lateness, protocol=protocol)


def connect(client: bytes) -> bytes:
    """A CONNECT of MQTT 3.1.1 that leaves no session behind."""
    return packet(0x10, text(b"MQTT") + bytes([4, 2, 0, 0]) + text(client))
