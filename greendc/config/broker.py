"""What must hold of the way to the broker."""

from collections.abc import Iterator

from greendc.config.models import Mqtt
from greendc.config.problems import Problem


def broker_problems(mqtt: Mqtt) -> Iterator[Problem]:
    """What would silently be left out, so that greendc comes to the broker as somebody else."""
    if mqtt.tls is not None and mqtt.tls.key_ is not None and mqtt.tls.cert is None:
        yield Problem(("mqtt", "tls", "key"), "is of no use without the certificate: cert")
    if mqtt.username is None and mqtt.password_file is not None:
        yield Problem(("mqtt", "password_file"), "is of no use without a username")
