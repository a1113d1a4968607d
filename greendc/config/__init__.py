"""The configuration: a YAML file in, a plan ready to run out; mistakes told by file and line."""

from greendc.config.config import Config, load

__all__ = ["Config", "load"]
