"""Effective-dated factors and offsets of many fields, applied to columns."""

import numpy as np

from greendc.ports import Field, FloatArray, IntArray, Scale

NO_SCALE = -1


class Scales:
    """The scales of a list of fields, numbered; fields are named by their place in the list."""

    def __init__(self, fields: list[Field]) -> None:
        self._all: list[Scale] = []
        self._own = np.array([self._take(field.scale) for field in fields], np.int64)
        units: dict[int, dict[str, int]] = {}  # alike fields share what they say of units
        for field in fields:
            if id(field.units) not in units:
                units[id(field.units)] = {u: self._take(s) for u, s in field.units.items()}
        self._units = [units[id(field.units)] for field in fields]
        self._factor = np.array([scale.factor[0] for scale in self._all])
        self._offset = np.array([scale.offset[0] for scale in self._all])
        self._stepped = np.array([len(scale.start) > 1 for scale in self._all], np.bool_)

    def chosen(self, fields: IntArray, units: list[str] | None) -> IntArray:
        """Scale of each row: of the unit that it names, `NO_SCALE` where the field has not that.

        Without units, the field's own.
        """
        if units is None:
            return self._own[fields]
        pairs = zip(fields.tolist(), units, strict=True)
        return np.array([self._units[f].get(unit, NO_SCALE) for f, unit in pairs], np.int64)

    def apply(self, scales: IntArray, time: IntArray, raw: FloatArray) -> FloatArray:
        """Values in base units by the scale in force at the event time; infinite on overflow."""
        factor, offset = self._factor[scales], self._offset[scales]
        for number in set(scales[self._stepped[scales]].tolist()):
            rows = np.flatnonzero(scales == number)
            scale = self._all[number]
            step = np.maximum(np.searchsorted(scale.start, time[rows], side="right") - 1, 0)
            factor[rows], offset[rows] = scale.factor[step], scale.offset[step]
        with np.errstate(over="ignore", invalid="ignore"):
            base: FloatArray = raw * factor + offset
        return base

    def _take(self, scale: Scale) -> int:
        """Number of a new scale."""
        self._all.append(scale)
        return len(self._all) - 1
