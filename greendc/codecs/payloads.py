"""A column of payloads that several fields read."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload


class Payloads(Sequence[bytes]):
    """Payloads that remember what parsers made of them.

    Two fields of one payload (power, and the energy register beside it) are two
    calls of a codec; with this the second one need not parse again.

    Examples
    --------
    >>> column = Payloads([b"a", b"bc"])
    >>> first = column.parsed(lengths := lambda payloads: [len(p) for p in payloads])
    >>> column.parsed(lengths) is first
    True
    """

    def __init__(self, column: Sequence[bytes]) -> None:
        self.column = column
        self._results: dict[Callable[[Sequence[bytes]], Any], Any] = {}

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | Sequence[bytes]:
        return self.column[place]

    def __len__(self) -> int:
        return len(self.column)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.column)

    def parsed(self, parser: Callable[[Sequence[bytes]], Any]) -> Any:
        """What the parser makes of the payloads, made once."""
        if parser not in self._results:
            self._results[parser] = parser(self.column)
        return self._results[parser]
