"""The nearest right word."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: object, known: Iterable[str]) -> str:
    """A hint at the known word that is nearest, or nothing.

    >>> nearest("knd", ["kind", "unit"])
    '; did you mean "kind"?'
    >>> nearest("KW", ["W", "mW", "kW", "MW"])
    '; did you mean "kW"?'
    """
    words = list(known)
    alike = [one for one in words if one.lower() == str(word).lower()]
    found = alike[:1] or get_close_matches(str(word), words, n=1, cutoff=0.5)
    return f'; did you mean "{found[0]}"?' if found else ""
