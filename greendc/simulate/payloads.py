"""Styles of payloads: what a device's messages look like, and how a site file says so.

A new style is a function and its line in `STYLES`; its payloads must be readable by a codec.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from greendc.ports import GreendcError
from greendc.simulate.messages import Form, Moment, Number, form
from greendc.simulate.meters import Device, Meter

STAMP = Moment("stamp", "rfc3339")


@dataclass(frozen=True, slots=True)
class Payload:
    """Payloads of a device: their form, and the keys of its meters' topics in a site file.

    `keys` holds for all of its meters, `values` for each of them. `names_unit` says that the
    payload carries the units.
    """

    form: Form
    keys: Mapping[str, Any]
    values: Sequence[Mapping[str, Any]] = ({},)
    names_unit: bool = False


Style = Callable[[Sequence[Meter]], Payload]


def _number(meter: Meter, column: int = 0) -> Number:
    return Number(column, meter.decimals)


def number(meters: Sequence[Meter]) -> Payload:
    """The number alone: ``12.5``."""
    return Payload(form(_number(meters[0])), {"codec": "number"})


def json(meters: Sequence[Meter]) -> Payload:
    """``{"value":12.5,"time":"2026-01-01T00:00:00Z"}``."""
    payload = form(b'{"value":', _number(meters[0]), b',"time":"', STAMP, b'Z"}')
    return Payload(payload, {"time_at": "time"})


def json_ms(meters: Sequence[Meter]) -> Payload:
    """``{"ts":1767225600000,"v":12.5}``."""
    payload = form(b'{"ts":', Moment("stamp", "ms"), b',"v":', _number(meters[0]), b"}")
    return Payload(payload, {"value": "v", "time_at": "ts"})


def json_text(meters: Sequence[Meter]) -> Payload:
    """Numbers as text: ``{"time":1767225600,"value":"12.5"}``."""
    head = form(b'{"time":', Moment("stamp", "s"), b',"value":"', _number(meters[0]), b'"}')
    return Payload(head, {"time_at": "time"})


def json_unit(meters: Sequence[Meter]) -> Payload:
    """``{"value":12.5,"unit":"kW","time":"2026-01-01T00:00:00Z"}``."""
    unit = b',"unit":' + orjson.dumps(meters[0].unit) + b',"time":"'
    payload = form(b'{"value":', _number(meters[0]), unit, STAMP, b'Z"}')
    keys = {"time_at": "time", "unit_at": "unit"}
    return Payload(payload, keys, names_unit=True)


def json_list(meters: Sequence[Meter]) -> Payload:
    """``{"d":[{"v":12.5}],"t":1767225600000000000}``."""
    payload = form(b'{"d":[{"v":', _number(meters[0]), b'}],"t":', Moment("stamp", "ns"), b"}")
    return Payload(payload, {"value": "d.0.v", "time_at": "t"})


def device(meters: Sequence[Meter]) -> Payload:
    """All that a device measures: ``{"time":"…","ups_in":12.5,"ups_out":12.1}``."""
    pieces: list[bytes | Moment | Number] = [b'{"time":"', STAMP, b'Z"']
    for column, meter in enumerate(meters):
        pieces += [b"," + orjson.dumps(meter.word) + b":", _number(meter, column)]
    values = [{"value": meter.word} for meter in meters]
    return Payload(form(*pieces, b"}"), {"time_at": "time"}, values)


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "json": json,
        "json_ms": json_ms,
        "json_text": json_text,
        "json_unit": json_unit,
        "json_list": json_list,
        "device": device,
        "number": number,
    }
)


def payload_of(sender: Device) -> Payload:
    """Payloads of a device.

    Raises
    ------
    GreendcError
        If there is no such style, or it does not hold as many values.
    """
    style = STYLES.get(sender.style)
    if style is None:
        raise GreendcError(f"style {sender.style}: unknown; there are {', '.join(STYLES)}")
    names = [meter.word for meter in sender.meters]
    if sender.style == "device" and len(set(names)) == len(names):
        return style(sender.meters)
    if len(names) > 1:
        raise GreendcError(f"{sender.topic}: {', '.join(names)} need topics of their own")
    return style(sender.meters)
