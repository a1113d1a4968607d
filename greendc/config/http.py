"""Page, JSON API and metrics over HTTP: keys, token, and what must hold of them."""

import ipaddress
import os
from collections.abc import Iterator

from greendc.config.problems import Problem
from greendc.config.scalars import File, Items, Model, key
from greendc.files import why
from greendc.ports import GreendcError

TOKEN = "GREENDC_HTTP_TOKEN"  # noqa: S105 - the name of the variable, not its content
SHORTEST_TOKEN = 16  # characters; what is shorter can be tried out


class HttpTls(Model):
    """Certificate of the page; both or nothing."""

    cert: File = key(..., description="Certificate chain, PEM.")
    key_: File = key(..., alias="key", description="Its private key, PEM, without a passphrase.")


class Http(Model):
    """Status page, JSON API, /metrics and health."""

    enabled: bool = key(default=True, description="Whether greendc answers over HTTP.")
    host: str = key(
        "127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0 or :: for all."
    )
    port: int = key(8080, ge=0, le=65535, description="TCP port; 0 takes any that is free.")
    hosts: Items[str] = key(
        (), description="Further names under which it is reached, as behind a proxy."
    )
    tls: HttpTls | None = key(None, description="Encryption; none unless set.")
    token_file: File | None = key(
        None, description=f"File that holds the token to look at anything; {TOKEN} goes before it."
    )
    allow_unauthenticated: bool = key(
        default=False, description="Let everyone look who reaches an address beyond this machine."
    )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def token(self) -> str | None:
        """What a reader must show, from the environment or its file; None where all may look.

        Raises
        ------
        GreendcError
            If the file cannot be read, or the token is too short to be one.
        """
        source, found = TOKEN, os.environ.get(TOKEN)
        if found is None and self.token_file is not None:
            source = f"http.token_file: {self.token_file}"
            try:
                found = self.token_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise GreendcError(f"{source} cannot be read: {why(error)}") from error
        if found is not None and (len(found) < SHORTEST_TOKEN or not found.isascii()):
            least = f"at least {SHORTEST_TOKEN} ASCII characters"
            raise GreendcError(f"{source}: a token has {least}; make one: openssl rand -hex 32")
        return found

    def told(self) -> str:
        """In a line where it listens and who may look.

        Raises
        ------
        GreendcError
            As `token`.
        """
        if not self.enabled:
            return "HTTP: off"
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "http" if self.tls is None else "https"
        everyone = "everyone on this machine" if self.loopback else "everyone who reaches it"
        who = everyone if self.token() is None else "who has the token"
        return f"HTTP: page, API and /metrics on {scheme}://{host}:{self.port}, for {who}"


def http_problems(http: Http) -> Iterator[Problem]:
    """What would let strangers look."""
    guarded = TOKEN in os.environ or http.token_file is not None
    if http.enabled and not http.loopback and not guarded and not http.allow_unauthenticated:
        yield Problem(
            ("http", "host"),
            f"{http.host} can be reached from other machines: set token_file or {TOKEN}, "
            "or allow_unauthenticated: true",
        )
