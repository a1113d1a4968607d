from dataclasses import replace

import pytest

from greendc.codecs.json_path import decode
from greendc.codecs.payloads import Payloads
from greendc.core.facility import SECOND
from tests.codecs.plans import ARRIVAL, PLAIN, STAMPED

NESTED = replace(PLAIN, value=("emeters", 1, "power"))


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"value": 21.5}', 21.5),
        (b'{"value": "55.4"}', 55.4),
        (b'{"value": " -1e3 "}', -1000.0),
        (b'{"value": -7}', -7.0),
        (b'{"value": 9007199254740993}', 2.0**53),
        (b'{"value": 9007199254740994}', 2.0**53 + 2),
        (b'{"value": 9223372036854775807}', 2.0**63),
        (b'{"value": 18446744073709551615}', 2.0**64),
        (b'{"value": 18446744073709551616}', 2.0**64),
        (b'{"value": 1, "value": 2}', 2.0),
    ],
)
def test_values(payload: bytes, value: float) -> None:
    for column in ([payload], [payload, b"odd"]):
        assert decode(STAMPED, column).value.tolist() == [value]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"not json", "not_json"),  # A29
        (b"", "not_json"),
        (b'{"value": 1', "not_json"),
        (b'{"value": 01}', "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        ('{"value": 1}'.encode("utf-16"), "not_utf8"),
        (b'{"value": "\xff"}', "not_utf8"),
        (b'{"value": "NaN"}', "not_finite"),  # A29
        (b'{"value": "1,234.5"}', "not_a_number"),  # A29
        (b'{"value": "1_0"}', "not_a_number"),
        (b'{"value": "unavailable"}', "not_a_number"),
        (b'{"value": "\\ud800"}', "not_a_number"),
        (b'{"value": ""}', "no_value"),
        (b'{"value": NaN}', "not_finite"),
        (b'{"value": -Infinity}', "not_finite"),
        (b'{"value": 1e400}', "not_finite"),
        (b'{"value": 1' + b"0" * 400 + b"}", "not_finite"),
        (b'{"value": true}', "not_a_number"),
        (b'{"value": [1]}', "not_a_number"),
        (b'{"value": {}}', "not_a_number"),
        (b'{"value": null}', "no_value"),  # A8
        (b'{"val": 1}', "no_value"),
        (b'"value"', "no_value"),
        (b"[1]", "no_value"),
        (b"1", "no_value"),
        (b'{"value": 1, "at": "yesterday"}', "bad_time"),
        (b'{"value": 1, "at": true}', "bad_time"),
        (b'{"value": 1, "at": NaN}', "bad_time"),
        (b'{"value": 1, "at": "2025-03-01T00:00:00"}', "bad_time"),
    ],
)
def test_what_is_refused(payload: bytes, reason: str) -> None:
    good = b'{"value": 3, "at": 1740787200}'
    decoded = decode(STAMPED, [good, payload, good])
    assert decoded.rejected == [(1, reason)]
    assert decoded.row.tolist() == [0, 2]
    assert decoded.time.tolist() == [ARRIVAL, ARRIVAL]


def test_a_bad_field_leaves_its_neighbours() -> None:
    payload = b'{"value": NaN, "volts": 230, "amps": 1e999}'
    found = {
        name: decode(replace(STAMPED, value=(name,)), [payload]).value.tolist()
        for name in ("value", "volts", "amps")
    }
    assert found == {"value": [], "volts": [230.0], "amps": []}


@pytest.mark.parametrize(
    ("payload", "values"),
    [
        (b'{"emeters": [{"power": 1}, {"power": 2}]}', [2.0]),
        (b'{"emeters": [{"power": 1}]}', []),
        (b'{"emeters": "abc"}', []),
        (b'{"emeters": [0, "power"]}', []),
        (b'{"emeters": {"1": {"power": 2}}}', []),
    ],
)
def test_paths_lead_through_lists(payload: bytes, values: list[float]) -> None:
    for column in ([payload], [payload, b"{}"]):
        assert decode(NESTED, column).value.tolist() == values


def test_an_index_never_takes_a_character_of_a_text() -> None:
    assert decode(replace(PLAIN, value=(0,)), [b'"123"', b"[4]"]).rejected == [(0, "no_value")]


def test_times_and_units_stand_beside_their_values() -> None:
    field = replace(STAMPED, unit=("u",))
    column = [
        b'{"value": 1, "at": "2025-03-01T00:00:01Z", "u": "kW"}',
        b'{"value": null, "at": 0, "u": "W"}',
        b'{"value": 2}',
        b'{"value": 3, "at": null, "u": 5}',
    ]
    decoded = decode(field, column)
    assert decoded.unit == ["kW", "", ""]
    assert decoded.has_time.tolist() == [True, False, False]
    assert decoded.time.tolist() == [ARRIVAL + SECOND, 0, 0]


def test_fields_of_one_payload_share_its_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    column = Payloads([b'{"value": 1, "other": 2}'])
    decode(STAMPED, column)
    monkeypatch.setattr("greendc.codecs.json_path.orjson", None)
    assert decode(replace(PLAIN, value=("other",)), column).value.tolist() == [2.0]
