"""Who may look: a bearer token, or the cookie that a login with it gives."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

VALID_SECONDS = 30 * 24 * 3600  # a wall display is logged in once a month


@dataclass(frozen=True, slots=True)
class Access:
    """Checks tokens and signs cookies; with `token` None everybody may look."""

    token: str | None
    cookie: str = "greendc"

    def allowed(self, authorization: str | None, cookies: str | None, now: float) -> bool:
        """Whether a request's headers let it in at a time [s]."""
        if self.token is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and self.good(given.strip()):
            return True
        return self._signed(_value(cookies, self.cookie), now)

    def good(self, given: str) -> bool:
        """Whether it is the token; takes as long for any text."""
        return self.token is not None and secrets.compare_digest(_hash(given), _hash(self.token))

    def issue(self, now: float) -> str:
        """A cookie's value: until when it holds, and the token's signature of that."""
        until = str(int(now) + VALID_SECONDS)
        return f"{until}.{self._signature(until)}"

    def _signed(self, value: str, now: float) -> bool:
        until, _, signature = value.partition(".")
        good = hmac.compare_digest(signature.encode(), self._signature(until).encode())
        return good and until.isdecimal() and now < int(until)

    def _signature(self, until: str) -> str:
        key = (self.token or "").encode()
        return hmac.new(key, f"greendc session {until}".encode(), hashlib.sha256).hexdigest()


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _value(cookies: str | None, name: str) -> str:
    try:
        found = SimpleCookie(cookies or "").get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value
