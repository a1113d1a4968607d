"""Encryption of a way to a server."""

from greendc.config.scalars import File, Model, key


class Tls(Model):
    """Certificates in PEM form."""

    ca: File | None = key(None, description="Certificates that are trusted; else the system's.")
    cert: File | None = key(None, description="Certificate of greendc.")
    key_: File | None = key(None, alias="key", description="Private key of that certificate.")
