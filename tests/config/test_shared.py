"""Values that many meters give alike are one object, and no value becomes another one's."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from greendc.config.scalars import Timed
from tests.config.kit import FEED, UPS, loaded, site


def test_meters_that_say_the_same_share_it(tmp_path: Path) -> None:
    watts = "{id: w, point: none, quantity: power, unit: W, kind: instant}"
    root = loaded(tmp_path, site(FEED, UPS, watts)).root
    a, b, c = root.sites[0].meters
    assert a.unit is b.unit
    assert a.multiplier is b.multiplier is c.multiplier
    assert (a.unit and a.unit.last, c.unit and c.unit.last) == ("kW", "W")


def test_equal_numbers_of_other_types_are_other_values() -> None:
    assert str(Timed[float].model_validate(0.0).last) == "0.0"
    assert str(Timed[float].model_validate(-0.0).last) == "-0.0"
    assert Timed[float].model_validate(1).last == 1.0
    assert Timed[int].model_validate(1).last == 1
    with pytest.raises(ValidationError):
        Timed[int].model_validate(True)  # noqa: FBT003 - what a file may say
    with pytest.raises(ValidationError):
        Timed[float].model_validate("1")
