"""Figures of one site and period as the body of a block, and many bodies as columns again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard

from greendc.core.cells import SHARES
from greendc.core.facility import IntArray
from greendc.core.figure import COLUMNS, NUMBERS, WORDS, FigureColumns, FloatArray

LEVEL = 1
SHORTER = (np.uint8, np.uint16, np.uint32)  # what a column less its smallest number may fit in
OWN = "value"  # kept only where it is not the first of the row's terms
LACK = ("length", "missing")  # in place of `end` and `valid`: mostly the same in all rows
LATER = ("lost",)  # columns that bodies of zeros, and older ones, do not have
PLAIN = tuple(c for c in COLUMNS if c not in {*NUMBERS, *LATER, "end", "valid", "period"})
OTHERS = tuple(name for name in NUMBERS if name != OWN)
WORDED = ("doubt", "status", "reason", "lost")

Words = list[str | None]


class Body(NamedTuple):
    """What is packed: of each column the same number in all rows, or bytes for each row."""

    rows: int
    base: list[int]  # of `PLAIN`, `LACK` and perhaps `LATER`: the smallest number
    above: dict[int, bytes]  # of columns by their places: what rows have beyond that
    numbers: list[bytes]  # of `OTHERS`
    terms: list[bytes]  # amounts, what of them is estimated and distributed
    own: tuple[bytes, bytes]  # places and values
    words: dict[int, str]  # that are not in `WORDS`


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Body).decode


class Packing:
    """Packs and unpacks for one thread; `words` grow by those that are met."""

    def __init__(self) -> None:
        """Begin with the words of this greendc."""
        self.words: Words = list(WORDS)
        self._compressor = zstandard.ZstdCompressor(LEVEL, write_checksum=True)
        self._decompressor = zstandard.ZstdDecompressor()

    def reworded(self, figures: FigureColumns) -> FigureColumns:
        """The same with words by their places among those of this reader."""
        if figures.words is WORDS:
            return replace(figures, words=self.words)
        self.words += [word for word in figures.words if word not in self.words]
        place = np.array([self.words.index(word) for word in figures.words])
        columns: dict[str, Any] = {name: place[getattr(figures, name)] for name in WORDED}
        return replace(figures, words=self.words, **columns)

    def packed(self, figures: FigureColumns) -> bytes:
        """The body; `quantity` are the ledger's own numbers."""
        return self._compressor.compress(_ENCODE(_body(figures)))

    def unpacked(self, bodies: Sequence[bytes], period: int) -> tuple[FigureColumns, IntArray]:
        """Figures of bodies, one after the other and still without names; how many each has."""
        found = [_DECODE(self._decompressor.decompress(body)) for body in bodies]
        count = np.array([body.rows for body in found])
        return _Gathered(found, count).figures(period, self.words), count


class Bodies:
    """Bodies of blocks that are written together; what differs in its period alone is packed once.

    An hour that is one cell has the columns of that cell.
    """

    def __init__(self, packing: Packing) -> None:
        """Begin with none."""
        self._packing = packing
        self._packed: dict[tuple[int, int, int], tuple[FigureColumns, bytes]] = {}

    def of(self, figures: FigureColumns) -> bytes:
        """The body of a block."""
        key = len(figures), int(figures.quantity[0]), int(figures.start[0])
        if key not in self._packed or not _alike(self._packed[key][0], figures):
            self._packed[key] = figures, self._packing.packed(figures)
        return self._packed[key][1]


def _alike(one: FigureColumns, other: FigureColumns) -> bool:
    """Whether figures are the same to the bit but for their period."""
    names = (name for name in (*COLUMNS, "terms") if name != "period")
    columns = ((getattr(one, name), getattr(other, name)) for name in names)
    return all(np.array_equal(a.view(np.int64), b.view(np.int64)) for a, b in columns)


def _body(figures: FigureColumns) -> Body:
    length = figures.end - figures.start
    columns = [getattr(figures, name) for name in PLAIN]
    columns += [length, length - figures.valid]
    columns += [figures.lost] if figures.lost.any() else []
    # of columns of one number that one is looked at
    looked = [column[:1] if column.strides == (0,) else column for column in columns]
    base = [int(column.min()) for column in looked]
    most = [int(column.max()) - least for column, least in zip(looked, base, strict=True)]
    above = {n: _above(columns[n], base[n], span) for n, span in enumerate(most) if span}
    numbers = {name: getattr(figures, name) + 0.0 for name in NUMBERS}  # no zero has a sign
    first = figures.terms[figures.ends - figures.width]
    own = np.flatnonzero(numbers[OWN].view(np.int64) != first.view(np.int64))
    return Body(
        rows=len(figures),
        base=base,
        above=above,
        numbers=[_floats(numbers[name]) for name in OTHERS],
        terms=[_floats(part) for part in figures.terms.reshape(-1, SHARES).T],
        own=(own.tobytes(), numbers[OWN][own].tobytes()),
        words=_others(figures),
    )


def _above(column: IntArray, base: int, most: int) -> bytes:
    kind = next((kind for kind in SHORTER if most <= np.iinfo(kind).max), np.uint64)
    return (column - base).astype(kind).tobytes()


def _floats(column: FloatArray) -> bytes:
    """The number that all rows have, to the bit, or all of them."""
    whole = np.ascontiguousarray(column)
    bits = whole.view(np.int64)
    return whole[:1].tobytes() if (bits == bits[0]).all() else whole.tobytes()


def _others(figures: FigureColumns) -> dict[int, str]:
    """Words of the figures that this greendc does not use itself, by their codes."""
    most = max(int(getattr(figures, name).max()) for name in WORDED)
    if most < len(WORDS):
        return {}
    codes = np.unique([getattr(figures, name) for name in WORDED]).tolist()
    return {code: figures.words[code] or "" for code in codes if code >= len(WORDS)}


def _whole(parts: Sequence[bytes], count: IntArray) -> FloatArray:
    """Numbers of all bodies; a part that holds one number has it as often as `count` says.

    >>> print(_whole([np.ones(1).tobytes(), np.arange(2.0).tobytes()], np.array([3, 2])))
    [1. 1. 1. 0. 1.]
    """
    found = np.frombuffer(b"".join(parts))
    size = np.array([len(part) // found.itemsize for part in parts])
    if (size == count).all():
        return found
    return np.repeat(found, np.repeat(np.where(size == count, 1, count), size))


class _Gathered:
    """Columns of many bodies."""

    def __init__(self, bodies: Sequence[Body], count: IntArray) -> None:
        self._bodies, self._count = bodies, count
        self._ends = np.cumsum(count).tolist()

    def figures(self, period: int, words: Words) -> FigureColumns:
        columns: dict[str, Any] = {}
        columns |= zip((*PLAIN, *LACK, *LATER), self._integers(), strict=True)
        self._reword(columns, words)
        length, missing = columns.pop("length"), columns.pop("missing")
        end = columns["start"] + length
        before = np.append(0, np.cumsum(columns["width"]))
        terms = self._terms(before)
        value = terms[before[:-1]]
        for lo, body in self._each():
            if body.own[0]:
                places, values = body.own
                value[lo + np.frombuffer(places, np.int64)] = np.frombuffer(values)
        columns |= zip(OTHERS, self._numbers(), strict=True)
        return FigureColumns(
            names=(),
            units=(),
            words=words,
            period=np.full(len(end), period),
            end=end,
            valid=length - missing,
            value=value,
            terms=terms,
            **columns,
        )

    def _each(self) -> Iterator[tuple[int, Body]]:
        return zip([0, *self._ends], self._bodies, strict=False)

    def _integers(self) -> IntArray:
        width = len((*PLAIN, *LACK, *LATER))
        base = [[*body.base, *[0] * (width - len(body.base))] for body in self._bodies]
        columns = np.repeat(np.array(base).T, self._count, axis=1)
        alike: dict[tuple[int, int], list[int]] = {}  # bodies by column and bytes of a number
        for number, body in enumerate(self._bodies):
            for place, above in body.above.items():
                alike.setdefault((place, len(above) // body.rows), []).append(number)
        for (place, size), some in alike.items():
            mine = np.zeros(len(self._bodies), np.bool_)
            mine[some] = True
            above = b"".join([self._bodies[number].above[place] for number in some])
            rows = np.repeat(mine, self._count)
            columns[place, rows] += np.frombuffer(above, f"u{size}").astype(np.int64)
        return columns

    def _numbers(self) -> Iterator[FloatArray]:
        for place in range(len(OTHERS)):
            yield _whole([body.numbers[place] for body in self._bodies], self._count)

    def _terms(self, before: IntArray) -> FloatArray:
        """Terms of all rows; `before` are those before each row, and before the end."""
        count = np.diff(before[[0, *self._ends]]) // SHARES
        out = np.empty((int(before[-1]) // SHARES, SHARES))
        for place in range(SHARES):
            out[:, place] = _whole([body.terms[place] for body in self._bodies], count)
        return out.ravel()

    def _reword(self, columns: Mapping[str, IntArray], words: Words) -> None:
        """Give words of other greendcs the places that they have for this reader."""
        for lo, body in self._each():
            if body.words:
                words += [word for word in body.words.values() if word not in words]
                place = np.arange(max(body.words) + 1)
                for code, word in body.words.items():
                    place[code] = words.index(word)
                for name in WORDED:
                    column = columns[name][lo : lo + body.rows]
                    column[:] = place[column]
