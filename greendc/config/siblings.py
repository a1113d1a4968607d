"""Meters that are said to move together."""

from collections import Counter
from collections.abc import Iterator

from greendc.config import models
from greendc.config.problems import Problem
from greendc.config.tree import Loc
from greendc.config.words import nearest


def sibling_problems(site: models.Site, loc: Loc) -> Iterator[Problem]:
    """Siblings of nobody, and of meters that are looked at in another way already."""
    named = Counter(meter.siblings for meter in site.meters if meter.siblings is not None)
    shapes = {meter.shape for meter in site.meters}
    for i, meter in enumerate(site.meters):
        own, at = meter.siblings, (*loc, "meters", i, "siblings")
        if own is not None and named[own] == 1:
            yield Problem(at, f'no other meter has "{own}"{nearest(own, set(named) - {own})}')
        if own is not None and meter.id in shapes:
            yield Problem(at, f"not for the shape of a register, as {meter.id} is")
