"""Readings to figures: pure computation on columns, without clock, file, log or thread."""
