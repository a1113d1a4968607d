"""Why a figure is what it is."""

from greendc.explain.explaining import explain

__all__ = ["explain"]
