"""Messages of simulated devices, as columns, and the forms that they take."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from greendc.core.facility import IntArray

ByteArray = npt.NDArray[np.uint8]

NUMBER = 0  # the word of a value that is shown as what it is
OWN_TEXT = -1  # the text of a message that its form makes


@dataclass(frozen=True, slots=True)
class Number:
    """Place of a value in a message: which of its columns, with how many decimals."""

    column: int
    decimals: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Place of a time: of its `stamp` or `arrival`, as text (`rfc3339`) or in `s`, `ms`, `ns`."""

    of: str
    style: str


@dataclass(frozen=True, slots=True)
class Retain:
    """Place of a recorded log's `retain`, 0 or 1."""


Slot = Number | Moment | Retain


@dataclass(frozen=True, slots=True)
class Form:
    """What the messages of a device look like: fixed texts with slots between them.

    Raises
    ------
    ValueError
        If a text holds a NUL byte, which stands for nothing here, or two texts or
        two slots follow each other without the other between them.
    """

    pieces: tuple[bytes | Slot, ...]

    def __post_init__(self) -> None:
        texts = [isinstance(piece, bytes) for piece in self.pieces]
        if texts != [place % 2 == 0 for place in range(len(texts))] or not texts[-1:] == [True]:
            raise ValueError("texts and slots must alternate, a text first and last")
        if any(b"\0" in text for text in self.texts):
            raise ValueError("a text with a NUL byte cannot be written")

    @property
    def texts(self) -> tuple[bytes, ...]:
        """The fixed texts, one more than slots."""
        return tuple(piece for piece in self.pieces if isinstance(piece, bytes))

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What stands between them."""
        return tuple(piece for piece in self.pieces if not isinstance(piece, bytes))


def form(*pieces: bytes | Slot) -> Form:
    """A form of pieces in any order: texts that touch are joined.

    >>> form(b"{", b'"w":', Number(0, 1), b"}").texts
    (b'{"w":', b'}')
    """
    found: list[bytes | Slot] = [b""]
    for piece in pieces:
        last = found[-1]
        if isinstance(piece, bytes) and isinstance(last, bytes):
            found[-1] = last + piece
        elif isinstance(piece, bytes) or isinstance(last, bytes):
            found.append(piece)
        else:
            found += [b"", piece]
    return Form(tuple(found if isinstance(found[-1], bytes) else [*found, b""]))


@dataclass(frozen=True, slots=True)
class Messages:
    """Columns of equal length, in the order of their arrival.

    `device` is the place of the sender, which decides topic and form; `stamp` what its
    clock says, `arrival` when the broker has it [ns UTC, whole milliseconds]. `value`
    has a row for each value that a message can hold: fixed-point numbers. `word` has
    the same shape: `NUMBER`, or which of `words` stands there instead. `text` is
    `OWN_TEXT`, or which of `texts` is the whole payload instead. `flags` as in
    `ports.RawBatch`.
    """

    device: IntArray
    stamp: IntArray
    arrival: IntArray
    value: IntArray
    word: ByteArray
    text: IntArray
    flags: IntArray
    words: tuple[bytes, ...] = field(default=(b"",))
    texts: tuple[bytes, ...] = field(default=())

    def __len__(self) -> int:
        """Count the messages."""
        return len(self.device)

    def rows(self, rows: IntArray | slice | npt.NDArray[np.bool_]) -> "Messages":
        """Some of them."""
        return replace(
            self,
            device=self.device[rows],
            stamp=self.stamp[rows],
            arrival=self.arrival[rows],
            value=self.value[:, rows],
            word=self.word[:, rows],
            text=self.text[rows],
            flags=self.flags[rows],
        )


def joined(parts: Sequence[Messages]) -> Messages:
    """Messages of at least one part, one after the other; their words and texts are the same."""
    if len(parts) == 1:
        return parts[0]
    most = max(len(part.value) for part in parts)
    return replace(
        parts[0],
        device=np.concatenate([part.device for part in parts]),
        stamp=np.concatenate([part.stamp for part in parts]),
        arrival=np.concatenate([part.arrival for part in parts]),
        value=np.concatenate([_filled(part.value, most) for part in parts], axis=1),
        word=np.concatenate([_filled(part.word, most) for part in parts], axis=1),
        text=np.concatenate([part.text for part in parts]),
        flags=np.concatenate([part.flags for part in parts]),
    )


def _filled(rows: npt.NDArray[np.integer], most: int) -> npt.NDArray[np.integer]:
    """The same with rows of zeros below, up to a number of rows."""
    if len(rows) == most:
        return rows
    found = np.zeros((most, rows.shape[1]), rows.dtype)
    found[: len(rows)] = rows
    return found


def by_arrival(messages: Messages) -> Messages:
    """In the order of arrival; those that arrive together keep theirs.

    >>> both = np.array([2, 1]); none = np.zeros((1, 2), np.int64)
    >>> by_arrival(Messages(both, both, both, none, none.astype(np.uint8), both, both)).device
    array([1, 2])
    """
    arrival = messages.arrival
    if len(arrival) < 2 or bool((arrival[1:] >= arrival[:-1]).all()):
        return messages
    return messages.rows(np.argsort(arrival, kind="stable"))
