"""Makes the recorded log of two GPU servers from their published hourly tables.

Usage: python -m tools.biohpc_gpu FOLDER, where FOLDER holds cbsugpu05_hourly.csv.gz,
cbsugpu08_hourly.csv.gz and LICENSE.txt.
"""

import csv
import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tools.zih_lzr import RECORDINGS, packed

SERVERS = ("cbsugpu05", "cbsugpu08")
ZONE = ZoneInfo("America/New_York")
LOG = "biohpc-gpu-2022-2025.jsonl.gz"
LICENCE = "biohpc-gpu-2022-2025.LICENSE.txt"


def messages(source: Path, server: str) -> Iterator[tuple[float, str]]:
    """Each row as a message, with its time; the stamp stays local time without an offset."""
    with gzip.open(source / f"{server}_hourly.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=ZONE)
            payload = json.dumps({"time": row["timestamp"], "powerave": float(row["powerave"])})
            line = {"tst": at.isoformat(), "topic": f"gpu/{server}", "payload": payload}
            yield at.timestamp(), json.dumps({**line, "qos": 1, "retain": 0}) + "\n"


def main(arguments: list[str]) -> int:
    """Write the log and the licence beside it."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    source = Path(arguments[0])
    lines = sorted(line for server in SERVERS for line in messages(source, server))
    (RECORDINGS / LOG).write_bytes(packed("".join(line for _, line in lines)))
    shutil.copyfile(source / "LICENSE.txt", RECORDINGS / LICENCE)
    print(f"{RECORDINGS / LOG}: {len(lines)} messages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
