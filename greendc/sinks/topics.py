"""Topics and payloads of figures on a broker.

`PREFIX/SITE/QUANTITY/PERIOD` holds the newest figure, retained: JSON as in an export, without
what is unknown. `PREFIX/$state/CLIENT` is `online` or `offline`.
"""

import re
import zlib
from typing import Any

import orjson

from greendc import __version__
from greendc.lines import line
from greendc.ports import LedgerRow

ONLINE, OFFLINE = b"online", b"offline"
AMOUNTS = {"kWh": "energy", "kg": "weight"}  # unit: class of Home Assistant

Message = tuple[str, bytes]


def state_topic(prefix: str, client: str) -> str:
    """Where a session says whether it is there."""
    return f"{prefix}/$state/{client.replace('/', '_')}"


def topic(prefix: str, row: LedgerRow) -> str:
    """Where a figure stands; names are those that it has everywhere else."""
    return f"{prefix}/{row.site}/{row.figure.quantity}/{row.figure.period}"


def payload(row: LedgerRow) -> bytes:
    """The figure; one that is undefined or invalid has no value, but a status and a reason."""
    told = {**line(row.site, row.figure), "revision": row.figure.revision}
    if row.figure.status in {"undefined", "invalid"}:
        del told["value"]
    return orjson.dumps({key: value for key, value in told.items() if value is not None})


# -- Home Assistant ---------------------------------------------------------------------------


def discovery(prefix: str, row: LedgerRow, figures: str, state: str, site_name: str) -> Message:
    """What announces a figure: topic and payload.

    `figures` is the topic of the figure, `state` that of the session.
    """
    quantity, period = row.figure.quantity, row.figure.period
    node, thing = slug(f"greendc_{row.site}"), slug(f"{quantity}_{period}")
    told: dict[str, Any] = {
        "name": f"{quantity} {period}",
        "unique_id": f"{node}_{thing}",
        "state_topic": figures,
        # "None" is Home Assistant's word for a state that is not known
        "value_template": "{{ value_json.value | default('None') }}",
        "json_attributes_topic": figures,
        "availability_topic": state,
        "payload_available": ONLINE.decode(),
        "payload_not_available": OFFLINE.decode(),
        "device": {
            "identifiers": [node],
            "name": site_name,
            "manufacturer": "greendc",
            "model": "data centre",
            "sw_version": __version__,
        },
        "origin": {"name": "greendc", "sw_version": __version__},
        **_kind(line(row.site, row.figure)["unit"]),
    }
    return f"{prefix}/sensor/{node}/{thing}/config", orjson.dumps(told)


def _kind(unit: str) -> dict[str, str]:
    """Unit, device class and state class: an amount begins anew with each period."""
    if unit in AMOUNTS:
        return {
            "unit_of_measurement": unit,
            "device_class": AMOUNTS[unit],
            "state_class": "total",
            "last_reset_value_template": "{{ value_json.start }}",
        }
    return {"state_class": "measurement"} | ({} if unit == "1" else {"unit_of_measurement": unit})


def slug(text: str) -> str:
    """A name of letters, digits, - and _ only; those that had others stay apart by a checksum.

    >>> slug("e_dc_hour"), slug("LZR.IT_hour")
    ('e_dc_hour', 'LZR_IT_hour_042ed9d2')
    """
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", text)
    return plain if plain == text else f"{plain}_{zlib.crc32(text.encode()):08x}"
