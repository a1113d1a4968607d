"""Stores that overwrite points: which of those that stand there are taken out before."""

from collections.abc import Iterable, Sequence

from greendc.core.facility import HOUR, MINUTE
from greendc.ports import Asked, LedgerRow
from greendc.sinks.overwriting import Overwriting
from tests.sinks.ledgers import MIDNIGHT, Rows, revised, row

UNKNOWN = {
    "value": None, "estimated": None, "distributed": None,
    "status": "undefined", "reason": "no_data",
}  # fmt: skip
KNOWN = {"value": 9.0, "estimated": 0.0, "distributed": 0.0, "status": "ok", "reason": None}


class Told:
    """A store that keeps what it is told."""

    def __init__(self) -> None:
        self.deleted: list[int] = []
        self.posted: list[int] = []

    def post(self, rows: Sequence[LedgerRow]) -> None:
        self.posted += [row.id for row in rows]

    def delete(self, row: LedgerRow) -> None:
        self.deleted.append(row.id)

    def close(self) -> None:
        pass


class Asking(Rows):
    """A ledger that keeps what it is asked."""

    def __init__(self, rows: Iterable[LedgerRow]) -> None:
        super().__init__(rows)
        self.asked: list[Asked] = []

    def revisions(self, asked: Asked) -> Iterable[LedgerRow]:
        self.asked.append(asked)
        return super().revisions(asked)


def cell(number: int, quantity: str, minute: int, site: str = "dc") -> LedgerRow:
    start = MIDNIGHT + minute * MINUTE
    return row(number, site, quantity=quantity, period="cell", start=start, end=start + 5 * MINUTE)


def test_of_an_hour_only_what_would_remain_is_taken_out_and_asked_for_at_once() -> None:
    first = [
        cell(1, "e_dc", 0), cell(2, "e_dc", 5), cell(3, "e_it", 0), cell(4, "e_it", 5),
        cell(5, "e_dc", 60), cell(6, "e_it", 60), cell(7, "e_dc", 0, "other"),
        row(8, start=MIDNIGHT),
    ]  # fmt: skip
    again = [
        revised(9, first[0], value=9.0), revised(10, first[3], **UNKNOWN),
        revised(11, first[4], **UNKNOWN), revised(12, first[2], **UNKNOWN),
    ]  # fmt: skip
    more = [revised(13, again[3], reason="silent"), revised(14, first[6], **UNKNOWN)]
    ledger, store = Asking([*first, *again, *more]), Told()
    batch = [first[7], *again, *more]
    Overwriting(store, 1.0).write(batch, ledger)
    assert sorted(store.deleted) == [3, 4, 5, 7]  # neither e_dc of 0:00 nor e_it's of 1:00
    assert store.posted == [8, 9, 10, 11, 13, 14]
    assert [(one.site, one.period, sorted(one.quantities)) for one in ledger.asked] == [
        ("dc", "cell", ["e_dc", "e_it"]), ("dc", "cell", ["e_dc"]), ("other", "cell", ["e_dc"]),
    ]  # fmt: skip
    assert all(one.hi - one.lo == HOUR for one in ledger.asked)


def test_what_a_store_may_hold_is_any_revision_before() -> None:
    first = cell(1, "e_dc", 0)
    unknown = revised(2, first, **UNKNOWN)
    known = revised(3, unknown, category=2, **KNOWN)  # another series
    last = revised(4, known, category=None, **UNKNOWN)
    ledger, store = Rows([first, unknown, known, last]), Told()
    Overwriting(store, 1.0).write([last], ledger)
    assert store.deleted == [1, 3]  # row 2 says no more than the last one
    store.deleted = []
    Overwriting(store, 1.0).write([unknown], ledger)
    assert store.deleted == [1]  # nothing of what is still to come
    store.deleted = []
    Overwriting(store, 1.0).write([known], ledger)
    assert store.deleted == [1]  # of a series once
