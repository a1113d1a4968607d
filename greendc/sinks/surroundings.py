"""What a sink may need to know beyond its own section of the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from greendc.config import Config, models


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`data` is the folder of the ledger, `mqtt` the broker, `sites` their names for people."""

    data: Path
    mqtt: models.Mqtt
    sites: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> "Surroundings":
        """Those that a configuration makes."""
        return cls(config.data, config.mqtt, {s.id: s.name for s in config.plan().sites})
