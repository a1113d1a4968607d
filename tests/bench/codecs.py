"""Time a message from payload to reading: `python -m tests.bench.codecs [MESSAGES]`."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace

from greendc.core.facility import SECOND
from greendc.ports import RawBatch
from greendc.profiles import Decoder
from tests.codecs.plans import ARRIVAL, PLAIN, STAMPED, batch, plan, route, tagged

METERS = 100
BLOCK = 2000  # messages of a batch


def stamp(number: int) -> str:
    seconds, millis = divmod(number, 1000)
    return f"2025-03-01T00:{seconds // 60 % 60:02}:{seconds % 60:02}.{millis:03}Z"


def text_time(number: int) -> bytes:
    return f'{{"value": {1000 + number % 977 / 8}, "at": "{stamp(number)}", "unit": "W"}}'.encode()


def number_time(number: int) -> bytes:
    millis = ARRIVAL // (SECOND // 1000) + number
    return f'{{"value": {1000 + number % 977 / 8}, "at": {millis}}}'.encode()


def several(number: int) -> bytes:
    head = ", ".join(f'"p{phase}": {230 + phase + number % 7}' for phase in range(3))
    return f'{{{head}, "at": "{stamp(number)}"}}'.encode()


def plain(number: int) -> bytes:
    return f"{1000 + number % 977 / 8}".encode()


def blocks(payload: Callable[[int], bytes], count: int) -> list[RawBatch]:
    return [
        batch(
            *((f"site/m{n % METERS}/w", payload(n)) for n in range(first, first + BLOCK)),
            arrivals=[ARRIVAL + 3600 * SECOND] * BLOCK,
        )
        for first in range(0, count, BLOCK)
    ]


def decoder(codec: str, *fields: str) -> Decoder:
    """Decode for meters of one shape; the fields are the names of values, none for plain text."""
    names = [replace(STAMPED, value=(name,)) for name in fields] or [PLAIN]
    by_tag = {f"m{n}": tuple(replace(one, meter=n % 8) for one in names) for n in range(METERS)}
    return Decoder(plan(tagged("site/{meter}/w", by_tag, codec)))


def main() -> None:
    """Print microseconds a message for each kind of payload."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    kinds = [
        ("plain number", plain, decoder("number")),
        ("JSON, RFC 3339", text_time, decoder("json", "value")),
        ("JSON, milliseconds", number_time, decoder("json", "value")),
        ("JSON, three fields", several, decoder("json", "p0", "p1", "p2")),
        ("unbound topic", plain, Decoder(plan(route("other", PLAIN)))),
    ]
    for name, payload, reader in kinds:
        batches = blocks(payload, count)
        began = time.perf_counter()
        readings = sum(len(reader.decode(one).row) for one in batches)
        spent = time.perf_counter() - began
        sys.stdout.write(f"{name:20} {spent / count * 1e6:6.2f} us/message  {readings} readings\n")


if __name__ == "__main__":
    main()
