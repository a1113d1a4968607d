"""Secrets are named to a mask; what is said to people, logs and pages goes through it."""

import re
from collections.abc import Iterable
from json import dumps
from urllib.parse import quote

MASKED = "***"


class Mask:
    """Takes every secret that it knows out of a text.

    >>> mask = Mask()
    >>> mask.hide(["hunter2", "hunter2-too"])
    >>> mask("no user hunter2-too with hunter2")
    'no user *** with ***'
    """

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, secrets: Iterable[str]) -> None:
        """Know more secrets, each in the forms in which messages quote it."""
        known = self._known | {form for secret in secrets if secret for form in _forms(secret)}
        if known != self._known:
            longest_first = sorted(known, key=len, reverse=True)
            self._known = known
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        """The text without them."""
        return text if self._pattern is None else self._pattern.sub(MASKED, text)


def _forms(secret: str) -> set[str]:
    r"""A secret as it stands in text, in quotes, in bytes, in JSON and in an address.

    >>> sorted(_forms('p "1'))
    ['p "1', 'p \\"1', 'p%20%221']
    """
    return {
        secret,
        repr(secret)[1:-1],
        repr(secret.encode())[2:-1],
        dumps(secret)[1:-1],
        dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
    }


masked = Mask()  # of this process: a secret is one for every part of it
