"""How writing can fail. Anything else is a fault of greendc; it is logged and tried again."""

from collections.abc import Sequence

from greendc.ports import LedgerRow


class Unavailable(OSError):  # noqa: N818 - a state, not a mistake
    """The target cannot be written now, or does not let greendc in: the same rows are due again.

    `retry_after` is how long the target asks to be left alone [s].
    """

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Unanswered(Unavailable):
    """Rows were sent and nobody knows what becomes of them: they may be taken, even later."""


class Refused(Exception):  # noqa: N818 - an outcome, as the others
    """For good, because of what some of the rows hold; which ones is not known.

    Any of them may have been written.
    """


class PartlyRefused(Exception):  # noqa: N818 - an outcome, as the others
    """Some rows are refused for good; all others have been written."""

    def __init__(self, refused: Sequence[tuple[LedgerRow, str]]) -> None:
        super().__init__(f"{len(refused)} figures are refused")
        self.refused = refused
