"""Makes the recorded log of three sensors from their published payloads.

Usage: python -m tools.iot_env FOLDER, where FOLDER holds payloads.jsonl.gz and LICENSE.txt.
"""

import gzip
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from tools.zih_lzr import RECORDINGS, packed

PAYLOADS = "payloads.jsonl.gz"
LOG = "iot-env-2020-07-13.jsonl.gz"
LICENCE = "iot-env-2020-07-13.LICENSE.txt"
TOPIC = "iot-device-data"


def lines(payloads: Iterable[str]) -> Iterator[str]:
    """A message for each payload, untouched; its arrival is the stamp in it, to the millisecond."""
    for payload in payloads:
        at = datetime.fromtimestamp(json.loads(payload)["ts"], UTC)
        tst = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = {"tst": tst, "topic": TOPIC, "payload": payload.strip(), "qos": 0, "retain": 0}
        yield json.dumps(message) + "\n"


def main(arguments: list[str]) -> int:
    """Write the log and the licence beside it."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    source = Path(arguments[0])
    with gzip.open(source / PAYLOADS, "rt", encoding="utf-8") as file:
        text = "".join(lines(file))
    (RECORDINGS / LOG).write_bytes(packed(text))
    shutil.copyfile(source / "LICENSE.txt", RECORDINGS / LICENCE)
    print(f"{RECORDINGS / LOG}: {text.count(chr(10))} messages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
