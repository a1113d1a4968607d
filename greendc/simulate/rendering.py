"""Messages to bytes, whole columns at a time.

Each message is a row of a matrix of bytes: the text of its form, with NUL bytes
where slots are and where other forms have longer texts. Columns of text (`texts`)
are laid into the slots; then all NUL bytes are taken out at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from greendc.core.facility import IntArray
from greendc.ports import RETAIN
from greendc.simulate import texts
from greendc.simulate.messages import Form, Messages, Moment, Number, Slot
from greendc.simulate.texts import Text

_GROUPS = {"s": 3, "ms": 4, "ns": 5}  # of four digits; until the year 2286 and beyond
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "ns": 1}
_RETAINED = np.frombuffer(b"01", "V1")


@dataclass(frozen=True, slots=True)
class Rows:
    """A row for each message, NUL bytes meaning nothing."""

    matrix: npt.NDArray[np.uint8]

    def joined(self) -> bytes:
        """All of them, one after the other."""
        flat = self.matrix.ravel()
        found: bytes = flat[flat != 0].tobytes()
        return found

    def split(self) -> list[bytes]:
        """Each by itself."""
        whole = self.joined()
        ends = np.count_nonzero(self.matrix, axis=1).cumsum().tolist()
        return [whole[lo:hi] for lo, hi in zip([0, *ends], ends, strict=False)]


class Renderer:
    """Renders messages by the forms of their devices and the words in place of numbers."""

    def __init__(self, forms: Sequence[Form], words: Sequence[bytes]) -> None:
        self._words = _padded(words)
        shapes: dict[tuple[Slot, ...], list[int]] = {}
        for number, form in enumerate(forms):
            shapes.setdefault(_shape(form), []).append(number)
        self._shape_of = np.zeros(len(forms), np.int64)
        self._place_of = np.zeros(len(forms), np.int64)
        self._shapes = []
        for number, members in enumerate(shapes.values()):
            self._shape_of[members] = number
            self._place_of[members] = np.arange(len(members))
            self._shapes.append(_Shape([forms[m] for m in members], self._words.shape[1]))

    def rows(self, messages: Messages) -> Rows:
        """A row of bytes for each of some messages; `text` is not heeded."""
        place, groups = self._place_of[messages.device], _groups(messages)
        if len(self._shapes) == 1:
            shape = self._shapes[0]
            return Rows(shape.rows(messages, place, self._words, groups, shape.width(groups)))
        return Rows(self._mixed(messages, place, groups))

    def _mixed(self, messages: Messages, place: IntArray, groups: int) -> npt.NDArray[np.uint8]:
        width = max(shape.width(groups) for shape in self._shapes)
        found = np.zeros(len(messages), f"V{width}")
        shape_of = self._shape_of[messages.device]
        for number, shape in enumerate(self._shapes):
            pick = np.flatnonzero(shape_of == number)
            if len(pick):
                part = shape.rows(messages.rows(pick), place[pick], self._words, groups, width)
                found[pick] = part.view(f"V{width}").ravel()
        return found.view(np.uint8).reshape(len(messages), width)


def _groups(messages: Messages) -> int:
    """Groups of four digits that hold the numbers of all messages."""
    value = messages.value
    return texts.groups_for(max(int(value.max(initial=0)), -int(value.min(initial=0))))


def _shape(form: Form) -> tuple[Slot, ...]:
    """What forms with the same columns share: the slots, whatever their decimals."""
    return tuple(Number(s.column, 0) if isinstance(s, Number) else s for s in form.slots)


def _padded(words: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    width = max(map(len, words), default=0)
    found = b"".join(word.ljust(width, b"\0") for word in words)
    return np.frombuffer(found, np.uint8).reshape(len(words), width)


class _Shape:
    """Forms that have the same slots in the same order."""

    def __init__(self, forms: Sequence[Form], word_width: int) -> None:
        self._forms = forms
        self._slots = _shape(forms[0])
        self._word_width = word_width
        self._decimals = {
            slot.column: np.array([_decimals(form, slot.column) for form in forms], np.int64)
            for slot in self._slots
            if isinstance(slot, Number)
        }
        self._text_widths = [
            max(map(len, column)) for column in zip(*(form.texts for form in forms), strict=True)
        ]
        self._templates = lru_cache(maxsize=8)(self._make_templates)

    def _slot_width(self, slot: Slot, groups: int) -> int:
        if isinstance(slot, Number):
            return max(1 + 4 * groups + 4, self._word_width)
        if isinstance(slot, Moment):
            return 23 if slot.style == "rfc3339" else 4 * _GROUPS[slot.style]
        return 1

    def width(self, groups: int) -> int:
        """Length of a row."""
        return sum(self._text_widths) + sum(self._slot_width(s, groups) for s in self._slots)

    def _offsets(self, groups: int) -> list[int]:
        """Where each slot begins."""
        found, at = [], 0
        for slot, width in zip(self._slots, self._text_widths, strict=False):
            at += width
            found.append(at)
            at += self._slot_width(slot, groups)
        return found

    def _make_templates(self, groups: int, width: int) -> Text:
        found = np.zeros((len(self._forms), width), np.uint8)
        starts = [0]
        for slot, at in zip(self._slots, self._offsets(groups), strict=True):
            starts.append(at + self._slot_width(slot, groups))
        for row, form in zip(found, self._forms, strict=True):
            for at, text in zip(starts, form.texts, strict=True):
                row[at : at + len(text)] = np.frombuffer(text, np.uint8)
        return found.view(f"V{width}").ravel()

    def rows(
        self,
        messages: Messages,
        place: IntArray,
        words: npt.NDArray[np.uint8],
        groups: int,
        width: int,
    ) -> npt.NDArray[np.uint8]:
        found = self._templates(groups, width)[place]
        for slot, at in zip(self._slots, self._offsets(groups), strict=True):
            for part, column in self._columns(slot, messages, place, groups).items():
                _lay(found, at + part, column)
        bare = found.view(np.uint8).reshape(len(messages), width)
        for slot, at in zip(self._slots, self._offsets(groups), strict=True):
            if isinstance(slot, Number):
                _lay_words(bare[:, at : at + self._slot_width(slot, groups)], words, messages, slot)
        return bare

    def _columns(
        self, slot: Slot, messages: Messages, place: IntArray, groups: int
    ) -> Mapping[int, Text]:
        """Columns of text of a slot, by where in it they begin."""
        if isinstance(slot, Number):
            decimals = self._decimals[slot.column][place]
            sign, whole, fraction = texts.decimal(messages.value[slot.column], decimals, groups)
            return {0: sign, 1: whole, 1 + 4 * groups: fraction}
        if isinstance(slot, Moment):
            return _moment(slot, messages)
        return {0: _RETAINED[(messages.flags & RETAIN) // RETAIN]}


def _decimals(form: Form, column: int) -> int:
    slots = [slot for slot in form.slots if isinstance(slot, Number)]
    return next(slot.decimals for slot in slots if slot.column == column)


def _moment(slot: Moment, messages: Messages) -> Mapping[int, Text]:
    times = messages.arrival if slot.of == "arrival" else messages.stamp
    if slot.style == "rfc3339":
        hour, rest, fraction = texts.clock(times)
        return {0: hour, 13: rest, 19: fraction}
    return {0: texts.digits(times // _NANOSECONDS[slot.style], _GROUPS[slot.style])}


def _lay(rows: Text, at: int, column: Text) -> None:
    """Lay a column of text into rows, from byte `at` on."""
    field = np.dtype(
        {"names": ["it"], "formats": [column.dtype], "offsets": [at], "itemsize": rows.itemsize}
    )
    rows.view(field)["it"] = column


def _lay_words(
    field: npt.NDArray[np.uint8], words: npt.NDArray[np.uint8], messages: Messages, slot: Number
) -> None:
    """Lay words over the numbers that they stand for."""
    word = messages.word[slot.column]
    if not word.any():
        return
    rows = np.flatnonzero(word)
    field[rows] = 0
    field[rows, : words.shape[1]] = words[word[rows]]
