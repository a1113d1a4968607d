"""Why there is no connection to the broker, in words that say what to change."""

import re
import socket
import ssl

from greendc.sources.settings import MqttSettings

HOSTNAME_MISMATCH, ADDRESS_MISMATCH = 62, 64  # X509_V_ERR_… of OpenSSL
EXPIRED, NOT_YET_VALID = 10, 9
UNTRUSTED = frozenset({2, 18, 19, 20, 21, 24, 26})

# What a broker or TLS says, and what of the configuration it is about; the first that fits.
HINTS = (
    (r"certificate.required|peer.did.not.return", "the broker wants a certificate: {own}"),
    (r"alert.certificate.expired", "the broker finds the certificate expired: {own}"),
    (r"alert.certificate.revoked", "the broker finds the certificate revoked: {own}"),
    (
        r"alert.(unknown.ca|bad.certificate|unsupported.certificate|certificate.unknown)",
        "the broker does not trust the certificate: {own}",
    ),
    (
        r"alert.handshake.failure",
        "no way to encrypt that both know, or a certificate is wanted: {own}",
    ),
    (
        r"wrong.version.number|record.layer.failure|EOF occurred",
        "no TLS answers there: see mqtt.port and mqtt.tls",
    ),
    (r"before it let greendc in", "see mqtt.port, and whether mqtt.tls is what it wants"),
    (
        r"bad user name or password|not authori[sz]ed",
        "see mqtt.username and its password, or the broker's rules for {client}",
    ),
    (r"client.identifier|identifier rejected", "see mqtt.client_id"),
    (r"protocol version", "see mqtt.protocol"),
    (r"session taken over", "another program uses mqtt.client_id {client}"),
)


def explained(error: Exception, settings: MqttSettings) -> str:
    """What went wrong with a connection, and what to look at; never a secret.

    >>> explained(ConnectionError("refused: Not authorized"), MqttSettings(client_id="dc1"))
    "refused: Not authorized (see mqtt.username and its password, or the broker's rules for dc1)"
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _mistrust(error, settings)
    text = _plain(error)
    hint = _hint(text, error, settings)
    return f"{text} ({hint})" if hint else text


def _plain(error: Exception) -> str:
    """The error's own words, without the places in OpenSSL's source."""
    text = re.sub(r"\[SSL[^]]*\] | \(_ssl\.c:\d+\)|\[Errno -?\d+\] ", "", str(error))
    return text or type(error).__name__


def _hint(text: str, error: Exception, settings: MqttSettings) -> str:
    if isinstance(error, socket.gaierror):
        return f"see mqtt.host: {settings.host}"
    own = "see mqtt.tls.cert and mqtt.tls.key"
    for pattern, hint in HINTS:
        if re.search(pattern, text, re.IGNORECASE):
            return hint.format(own=own, client=settings.client_id)
    return ""


def _mistrust(error: ssl.SSLCertVerificationError, settings: MqttSettings) -> str:
    """Why the broker's certificate is not believed."""
    ca = settings.tls.ca if settings.tls is not None else None
    authorities = f"those of mqtt.tls.ca, {ca}" if ca else "the system's: set mqtt.tls.ca"
    why = {
        HOSTNAME_MISMATCH: f"is not for mqtt.host, {settings.host}",
        ADDRESS_MISMATCH: f"is not for mqtt.host, {settings.host}",
        EXPIRED: "has expired, or this machine's clock is wrong",
        NOT_YET_VALID: "is not valid yet, or this machine's clock is wrong",
    }.get(error.verify_code)
    if why is None and error.verify_code in UNTRUSTED:
        why = f"is by none of the authorities trusted here, {authorities}"
    return f"the broker's certificate {why or 'is not good'} ({error.verify_message})"
