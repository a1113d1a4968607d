"""Makes the recorded log of the data centre LZR in Dresden from the published hourly table.

Usage: python -m tools.zih_lzr FOLDER, where FOLDER holds zih_lzr_hourly.csv.gz and LICENSE.txt.
"""

import csv
import gzip
import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

TABLE = "zih_lzr_hourly.csv.gz"
RECORDINGS = Path(__file__).parent.parent / "sensors" / "recordings"
LOG = "zih-lzr-2025-03.jsonl.gz"
LICENCE = "zih-lzr-2025-03.LICENSE.txt"


def lines(table: Iterator[dict[str, str]]) -> Iterator[str]:
    """A message for each value, in the form in which the site's software publishes it."""
    for row in table:
        at = row.pop("time")
        for point, value in row.items():
            payload = json.dumps({"value": float(value), "TimeInstant": at})
            topic = f"json/APIKEY/{point}/attrs"
            message = {"tst": at, "topic": topic, "payload": payload, "qos": 1, "retain": 0}
            yield json.dumps(message, separators=(", ", ": ")) + "\n"


def packed(text: str) -> bytes:
    """Compressed so that the same text always gives the same bytes."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0, compresslevel=9) as file:
        file.write(text.encode())
    return out.getvalue()


def main(arguments: list[str]) -> int:
    """Write the log and the licence beside it."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    source = Path(arguments[0])
    with gzip.open(source / TABLE, "rt", encoding="utf-8", newline="") as file:
        text = "".join(lines(csv.DictReader(file)))
    (RECORDINGS / LOG).write_bytes(packed(text))
    shutil.copyfile(source / "LICENSE.txt", RECORDINGS / LICENCE)
    print(f"{RECORDINGS / LOG}: {text.count(chr(10))} messages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
