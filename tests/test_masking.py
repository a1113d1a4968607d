"""What the mask of the process knows ends with a test."""

import pytest

from greendc.masking import masked


@pytest.mark.parametrize("time", [1, 2])
def test_no_test_knows_the_secrets_of_another(time: int) -> None:
    assert masked("hush-hush") == "hush-hush", time
    masked.hide(["hush-hush"])
    assert masked("hush-hush") == "***"
