"""The JSON Schema of the configuration file, for editors."""

import json
import re
from typing import Any

from greendc.config.models import Root

DRAFT = "https://json-schema.org/draft/2020-12/schema"
WRAPPER = re.compile(r"(?:.*__)?(?:Timed|Step)(?:_.*)?")  # the code's types, not the field's terms


def write_schema() -> str:
    """Text of config/schema.json."""
    schema = Root.model_json_schema(by_alias=True)
    plain = _inlined(schema, schema["$defs"])
    plain["$defs"] = {
        name: found for name, found in plain["$defs"].items() if not WRAPPER.fullmatch(name)
    }
    head = {"$schema": DRAFT, "title": "greendc"}
    return json.dumps({**plain, **head}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _inlined(given: Any, definitions: dict[str, Any]) -> Any:
    """The same with dated values written out where they stand, and without titles."""
    if isinstance(given, list):
        return [_inlined(item, definitions) for item in given]
    if not isinstance(given, dict):
        return given
    name = str(given.get("$ref", "")).removeprefix("#/$defs/")
    if WRAPPER.fullmatch(name):
        beside = {key: value for key, value in given.items() if key != "$ref"}
        return _inlined({**definitions[name], **beside}, definitions)
    # a property may be called title; its schema is a mapping
    return {
        key: _inlined(value, definitions)
        for key, value in given.items()
        if key != "title" or isinstance(value, dict)
    }
