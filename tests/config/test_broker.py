"""What of the way to the broker would silently be left out is refused."""

from pathlib import Path

import pytest

from greendc.ports import GreendcError
from tests.config.kit import FEED, loaded, site


@pytest.mark.parametrize(
    ("mqtt", "told"),
    [
        ("{tls: {key: own.key}}", r"tls\.key: is of no use without the certificate"),
        ("{password_file: secret}", r"password_file: is of no use without a username"),
    ],
)
def test_half_a_pair_is_refused(tmp_path: Path, mqtt: str, told: str) -> None:
    with pytest.raises(GreendcError, match=told):
        loaded(tmp_path, f"mqtt: {mqtt}\n{site(FEED)}")
