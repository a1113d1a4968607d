"""Payload formats: the bytes of a column of messages to columns of values, no I/O.

A new format is a file beside this one and its line in `CODECS`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from greendc.codecs import json_path, number
from greendc.ports import Codec

CODECS: Mapping[str, Codec] = MappingProxyType({"number": number.decode, "json": json_path.decode})
