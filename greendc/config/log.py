"""What greendc says of itself, and in which form."""

from typing import Literal

from greendc.config.scalars import Model, key

Format = Literal["text", "json"]


class Log(Model):
    """Messages on standard error."""

    format: Format = key("text", description="text for people, json for programs.")
    level: Literal["debug", "info", "warning", "error"] = key(
        "info", description="The least that is said."
    )
