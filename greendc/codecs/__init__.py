"""Payload formats: the bytes of a column of messages to columns of values, no I/O.

A new format is a file beside this one and its line in `CODECS`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from greendc.codecs.json_path import decode as json_path
from greendc.codecs.number import decode as number
from greendc.ports import Codec

CODECS: Mapping[str, Codec] = MappingProxyType({"number": number, "json": json_path})
