"""Makes the recorded log of a day of Harvard's clusters from the published IPMI readings.

Usage: python -m tools.fasrc_ipmi FOLDER, where FOLDER holds ipmi_2025-06-03.csv.gz and LICENSE.txt.
"""

import csv
import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tools.zih_lzr import RECORDINGS, packed

TABLE = "ipmi_2025-06-03.csv.gz"
LOG = "fasrc-ipmi-2025-06-03.jsonl.gz"
LICENCE = "fasrc-ipmi-2025-06-03.LICENSE.txt"
Row = dict[str, str]


def lines(table: Iterator[Row]) -> Iterator[str]:
    """A message for what a node told at a time: a member for each sensor."""
    for (at, node), rows in groupby(table, lambda row: (row["ts"], row["node"])):
        payload = {"ts": at, **{row["sensor"]: json.loads(row["value"]) for row in rows}}
        message = {"tst": at, "topic": f"ipmi/{node}", "payload": json.dumps(payload)}
        yield json.dumps({**message, "qos": 1, "retain": 0}) + "\n"


def main(arguments: list[str]) -> int:
    """Write the log and the licence beside it."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    source = Path(arguments[0])
    with gzip.open(source / TABLE, "rt", encoding="utf-8", newline="") as file:
        text = "".join(lines(iter(csv.DictReader(file))))
    (RECORDINGS / LOG).write_bytes(packed(text))
    shutil.copyfile(source / "LICENSE.txt", RECORDINGS / LICENCE)
    print(f"{RECORDINGS / LOG}: {text.count(chr(10))} messages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
