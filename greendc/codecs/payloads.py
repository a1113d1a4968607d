"""A column of payloads that several fields read."""

from collections.abc import Callable, Sequence
from typing import Any


class Payloads(list[bytes]):
    """Payloads that remember what the last parser made of them.

    Two fields of one payload (power, and the energy register beside it) are two
    calls of a codec; with this the second one need not parse again.

    Examples
    --------
    >>> column = Payloads([b"a", b"bc"])
    >>> first = column.parsed(lengths := lambda payloads: [len(p) for p in payloads])
    >>> column.parsed(lengths) is first
    True
    """

    def __init__(self, payloads: Sequence[bytes]) -> None:
        super().__init__(payloads)
        self._parser: Callable[[Sequence[bytes]], Any] | None = None
        self._result: Any = None

    def parsed(self, parser: Callable[[Sequence[bytes]], Any]) -> Any:
        """What the parser makes of the payloads, made once for calls that follow each other."""
        if self._parser is not parser:
            self._result = parser(self)
            self._parser = parser
        return self._result
