"""The configuration: a YAML file in, a plan ready to run out; mistakes told by file and line."""

from greendc.config.config import Config
from greendc.config.loading import broker, load
from greendc.config.schema import write_schema
from greendc.config.text import check_text

__all__ = ["Config", "broker", "check_text", "load", "write_schema"]
